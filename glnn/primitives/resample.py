"""Changing the size of an image by interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.shapes import Dims, numbers
from .base import Primitive, Recipe, Value, at_least
from .expr import RESULT, Expr
from .window import Sizes


@dataclass(frozen=True)
class Resample(Primitive):
    """(N, H, W, C) -> (N, H * factors[0], W * factors[1], C), bilinear; beyond the border the image repeats its edge.

    Pixel i lies at i + 0.5, or without `half_pixel` at i.
    """

    factors: Sizes
    half_pixel: bool = True
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, factors=self.factors)

    def shape(self, *inputs: Dims) -> Dims:
        n, *sizes, c = inputs[0]
        pairs = zip(sizes, self.factors, strict=True)
        return (n, *(None if size is None else size * factor for size, factor in pairs), c)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        for axis, factor in enumerate(self.factors, 1):
            x = _enlarged(x, axis, factor, 0.5 * self.half_pixel)
        return x

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        shape = numbers(self.shape(x.shape))
        options: Any = dict(
            param=dict(SH=self.factors[0], SW=self.factors[1]), const=dict(CENTRES=int(self.half_pixel))
        )
        return [
            Recipe("bilinear", lambda b, finish: b.draw("upsample_bilinear", shape, {"x": x}, finish=finish, **options))
        ]


def _enlarged(x: np.ndarray, axis: int, factor: int, centre: float) -> np.ndarray:
    """`x` with `axis` made `factor` times as long by linear interpolation, pixel i at i + centre; the ends repeat."""
    length = x.shape[axis]
    at = np.clip((np.arange(length * factor) + centre) / factor - centre, 0, length - 1)
    low = np.floor(at).astype(int)
    share = (at - low).astype(x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    below, above = np.take(x, low, axis), np.take(x, np.minimum(low + 1, length - 1), axis)
    return np.where(share == 0, below, below * (1 - share) + above * share)
