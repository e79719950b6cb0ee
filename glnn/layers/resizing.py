"""Layers that change the size of images (N, H, W, C): zero padding, cropping, upsampling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..primitives import Sym, Trace
from ..primitives.move import Along
from ..primitives.window import Margins, Pair, margins, normalize
from .base import register
from .convolution import Images


@register("ZeroPadding2D")
@dataclass(frozen=True)
class ZeroPadding2D(Images):
    """(N, H, W, C) -> (N, top + H + bottom, left + W + right, C). `padding`: ((top, bottom), (left, right)) zeros."""

    padding: Margins = ((1, 1), (1, 1))
    data_format: str | None = None

    def __post_init__(self) -> None:
        normalize(self)

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        sides = (Along(None, add=-before, extra=before + after, edge="zero") for before, after in self.padding)
        return t.remap(x, [None, *sides, None])


@register("Cropping2D")
@dataclass(frozen=True)
class Cropping2D(Images):
    """(N, H, W, C) -> (N, H - top - bottom, W - left - right, C). `cropping`: ((top, bottom), (left, right)) pixels."""

    cropping: Margins = ((0, 0), (0, 0))
    data_format: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", margins(self.cropping, "cropping", self.axes))

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        for size, crop in zip(x.shape[1:-1], self.cropping, strict=True):
            if size is not None and size <= sum(crop):
                raise ValueError(
                    f"cropping {self.cropping} leaves nothing of {' x '.join(map(str, x.shape[1:-1]))} pixels"
                )
        sides = (Along(None, add=before, extra=-before - after) for before, after in self.cropping)
        return t.remap(x, [None, *sides, None])


@register("UpSampling2D")
@dataclass(frozen=True)
class UpSampling2D(Images):
    """(N, H, W, C) -> (N, H * size[0], W * size[1], C): repeated, or bilinear.

    Bilinear, pixel i lies at i + 0.5; without `half_pixel_centers` at i, as TensorFlow.js and Keras before 2.4 have it.
    """

    own_fields = frozenset(("half_pixel_centers",))

    size: Pair = (2, 2)
    data_format: str | None = None
    interpolation: str = "nearest"
    half_pixel_centers: bool = True

    def __post_init__(self) -> None:
        normalize(self, "size")

    def unsupported(self) -> list[str]:
        if self.interpolation in ("nearest", "bilinear"):
            return super().unsupported()
        return [*super().unsupported(), f"interpolation={self.interpolation!r} (only 'nearest' and 'bilinear')"]

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if self.interpolation == "bilinear":
            coordinates = "half_pixel" if self.half_pixel_centers else "asymmetric"
            return t.resample(x, factors=self.size, coordinates=coordinates)
        return t.remap(x, [None, *(Along(None, div=factor) for factor in self.size), None])
