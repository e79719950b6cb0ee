"""Pooling to a given size: windows that differ in size from place to place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ..primitives import Sym, Trace
from ..primitives.window import Sizes, normalize
from ..records import dataclass
from .base import register
from .convolution import Images


@dataclass(frozen=True)
class _Adaptive(Images):
    """(N, *sizes, C) -> (N, *output_size, C). Of n pixels output i of m sees those from floor(i n / m) up to
    ceil((i + 1) n / m), which are as many or one more from place to place. Raises ValueError for free sizes.
    """

    output_size: Sizes
    data_format: str | None = None

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        normalize(self, "output_size")

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        widths = []
        for axis, count in enumerate(self.output_size, 1):
            x, width = self.side_by_side(t, x, axis, count)
            widths.append(width)
        return t.window(self.kind, x, size=tuple(widths), strides=tuple(widths), padding="valid")

    def side_by_side(self, t: Trace, x: Sym, axis: int, count: int) -> tuple[Sym, int]:
        """Windows along an axis one after the other, all of one width, and that width.

        Narrower ones have their last pixel again, and for a mean 0 instead, and the others more weight.
        """
        size = x.shape[axis]
        if size is None:
            raise ValueError(f"the sizes of {x.shape} must be known, for the windows follow from them")
        steps = np.arange(count)
        starts, ends = steps * size // count, -(-(steps + 1) * size // count)
        sizes = ends - starts
        width = int(sizes.max())
        if size == count * width:
            return x, width
        places = (starts[:, None] + np.arange(width)).reshape(-1)
        last = np.repeat(ends - 1, width)
        x = t.take(x, t.weight(np.minimum(places, last).astype(np.float32)), axis)
        if self.kind == "mean":
            inner = (-1, *(1 for _ in range(axis + 1, x.rank)))
            share = np.where(places <= last, np.repeat(width / sizes, width), 0).astype(np.float32)
            factor = t.reshape(t.weight(share), inner)
            x = t.where(factor, x * factor, 0.0)
        return x, width


@register("AdaptiveMaxPooling2D")
@dataclass(frozen=True)
class AdaptiveMaxPooling2D(_Adaptive):
    """(N, H, W, C) -> (N, *output_size, C): the largest of each window; NaN wins."""

    kind = "max"


@register("AdaptiveMaxPooling1D")
@dataclass(frozen=True)
class AdaptiveMaxPooling1D(AdaptiveMaxPooling2D):
    """(N, L, C) -> (N, *output_size, C): the largest of each window; NaN wins."""

    axes = 1


@register("AdaptiveMaxPooling3D")
@dataclass(frozen=True)
class AdaptiveMaxPooling3D(AdaptiveMaxPooling2D):
    """(N, D, H, W, C) -> (N, *output_size, C): the largest of each window; NaN wins."""

    axes = 3


@register("AdaptiveAveragePooling2D")
@dataclass(frozen=True)
class AdaptiveAveragePooling2D(_Adaptive):
    """(N, H, W, C) -> (N, *output_size, C): the mean of each window."""

    kind = "mean"


@register("AdaptiveAveragePooling1D")
@dataclass(frozen=True)
class AdaptiveAveragePooling1D(AdaptiveAveragePooling2D):
    """(N, L, C) -> (N, *output_size, C): the mean of each window."""

    axes = 1


@register("AdaptiveAveragePooling3D")
@dataclass(frozen=True)
class AdaptiveAveragePooling3D(AdaptiveAveragePooling2D):
    """(N, D, H, W, C) -> (N, *output_size, C): the mean of each window."""

    axes = 3
