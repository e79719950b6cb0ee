"""Tensors one after the other along an axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, checked_axis, numbers
from ..records import dataclass
from .base import Builder, Epilogue, Joined, Primitive, Recipe, Value
from .expr import RESULT, Expr
from .move import moved, reshape


@dataclass(frozen=True)
class Concat(Primitive):
    """The inputs one after the other along `axis`."""

    arity = None
    axis: int
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        first = inputs[0]
        axis = checked_axis(self.axis, len(first))
        sizes = list(first)
        for shape in inputs[1:]:
            if len(shape) != len(first):
                raise ValueError(f"Concatenate takes inputs of one rank, not {first} and {shape}")
            for k, (a, b) in enumerate(zip(sizes, shape, strict=True)):
                if k == axis:
                    sizes[k] = None if a is None or b is None else a + b
                elif None not in (a, b) and a != b:
                    raise ValueError(f"the shapes {first} and {shape} differ along axis {k}, not only axis {axis}")
                elif a is None:
                    sizes[k] = b
        return tuple(sizes)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.concatenate(inputs, axis=self.axis)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        values = list(inputs)
        shape = numbers(self.shape(*(value.shape for value in values)))
        axis = checked_axis(self.axis, len(shape))

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            if 0 < axis < len(shape) - 3:  # the kernel sees the leading axes as one: (before, axis, rest, channels)
                flat = [reshape(b, v, _merged(v.shape, axis)) for v in values]
                return reshape(b, join(b, flat, 1), shape, finish)
            return join(b, values, axis, finish)

        return [Recipe("at once", draw)]


def _merged(shape: Shape, axis: int) -> Shape:
    """The shape as (before, axis, after, channels)."""
    return (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 : -1]), shape[-1])


def join(b: Builder, values: Sequence[Value], axis: int, finish: Epilogue | None = None) -> Value:
    """All values along an axis, in one draw where the device has the texture units."""
    if len(values) == 1:
        return moved(b, values[0], finish)
    joined = Joined(tuple(values), axis)
    return b.draw("concat", joined.shape, {"x": joined}, finish=finish)
