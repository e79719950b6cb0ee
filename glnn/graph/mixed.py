"""Weights that are combinations of others: files hold those, plans name both."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ..records import dataclass
from .shapes import Shape
from .weight import Weight

CACHED = 1 << 13  # values that are combined at once, which stay in a processor's cache


@dataclass(frozen=True, eq=False)
class Mixed:
    """Of weights (A, B, in, out) the P combinations of the A by a matrix (P, A), one after the other along the outputs.

    They are (B, in, P * out), float32, computed in float64.
    """

    source: Any  # a Weight, or an array
    matrix: tuple[tuple[float, ...], ...]

    @property
    def shape(self) -> Shape:
        """The shape."""
        _, taps, inner, outer = self.source.shape
        return taps, inner, len(self.matrix) * outer

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return 3

    @cached_property
    def name(self) -> str | None:
        """What tells its values, where its source has a name."""
        source = self.source
        return f"{len(self.matrix)} combinations of ({source.key})" if isinstance(source, Weight) else None

    def computed(self) -> np.ndarray:
        """The values."""
        source = np.asarray(self.source)
        _, taps, inner, outer = source.shape
        made = np.empty((taps, inner, len(self.matrix), outer), np.float32)
        step = max(1, CACHED // outer)
        for tap in range(taps):
            for first in range(0, inner, step):
                rows = source[:, tap, first : first + step].astype(np.float64)
                for number, factors in enumerate(self.matrix):
                    terms = [row * factor for row, factor in zip(rows, factors, strict=True) if factor]
                    made[tap, first : first + step, number] = sum(terms[1:], start=terms[0])
        return made.reshape(self.shape)
