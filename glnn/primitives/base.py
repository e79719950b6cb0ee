"""What primitives are drawn with: values, windows, fused functions, and the builder that takes the draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..graph.shapes import Shape


@dataclass(frozen=True)
class Value:
    """A tensor during lowering: its concrete shape, and a number that is its own."""

    id: int
    shape: Shape


class Builder(Protocol):
    """What a layer's `lower` draws with; the planner implements it (plan/builder.py)."""

    def draw(
        self,
        kernel: str,
        shape: Shape,
        inputs: Mapping[str, Value],
        *,
        cells: Mapping[str, np.ndarray] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
        const: Mapping[str, int | float] | None = None,
        param: Mapping[str, int] | None = None,
        activation: Activation | None = None,
        window: Mapping[str, Window] | None = None,
        looped: bool = False,
    ) -> Value:
        """One draw of the kernel of this name that makes a tensor of `shape`: what its pragmas declare, by name.

        cells:   weights by name for inner loops: (taps, in, out) a matrix, (channels,) or (taps, channels) a vector
        tensors: constants by name, read by the kernel like an input
        const:   numbers that the text of the kernel holds (unroll bounds, kernel sizes)
        param:   integers that may change with the shapes; they do not make a new program
        window:  how the block's origin in an input follows from the output's (see Window)
        looped:  a blocked kernel for a pixel at a time, with real loops: for what is too large to be written out. Its
                 consts may be given as `param`, so that new values of them need no new program
        """
        ...


@dataclass(frozen=True)
class Window:
    """Where a blocked kernel's taps start: input pixel = output pixel * mul // div, along height and width."""

    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Activation:
    """A pointwise function fused to the end of a kernel: its name in shaders/lib/activations.glsl and its constants."""

    name: str
    constants: tuple[tuple[str, float], ...] = ()
