"""Layers that change the size of sequences, images and volumes: zero padding, cropping, upsampling."""

from __future__ import annotations

from collections.abc import Mapping

from ..primitives import Sym, Trace
from ..primitives.move import Along
from ..primitives.window import Margins, Sizes, margins, normalize
from ..records import dataclass
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


@register("ZeroPadding1D")
@dataclass(frozen=True)
class ZeroPadding1D(ZeroPadding2D):
    """(N, L, C) -> (N, left + L + right, C). `padding`: (left, right) zeros."""

    axes = 1
    padding: Margins = ((1, 1),)


@register("ZeroPadding3D")
@dataclass(frozen=True)
class ZeroPadding3D(ZeroPadding2D):
    """(N, D, H, W, C) -> the same with zeros around. `padding`: (before, after) for each of the three axes."""

    axes = 3
    padding: Margins = ((1, 1), (1, 1), (1, 1))


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


@register("Cropping1D")
@dataclass(frozen=True)
class Cropping1D(Cropping2D):
    """(N, L, C) -> (N, L - left - right, C). `cropping`: (left, right) elements."""

    axes = 1
    cropping: Margins = ((1, 1),)


@register("Cropping3D")
@dataclass(frozen=True)
class Cropping3D(Cropping2D):
    """(N, D, H, W, C) -> the same with less around. `cropping`: (before, after) for each of the three axes."""

    axes = 3
    cropping: Margins = ((1, 1), (1, 1), (1, 1))


@register("UpSampling1D")
@dataclass(frozen=True)
class UpSampling1D(Images):
    """(N, L, C) -> (N, L * size, C): repeated."""

    axes = 1
    size: Sizes = (2,)
    data_format: str | None = None

    def __post_init__(self) -> None:
        normalize(self, "size")

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.remap(x, [None, *(Along(None, div=factor) for factor in self.size), None])


@register("UpSampling3D")
@dataclass(frozen=True)
class UpSampling3D(UpSampling1D):
    """(N, D, H, W, C) -> (N, D * size[0], H * size[1], W * size[2], C): repeated."""

    axes = 3
    size: Sizes = (2, 2, 2)


@register("UpSampling2D")
@dataclass(frozen=True)
class UpSampling2D(UpSampling1D):
    """(N, H, W, C) -> (N, H * size[0], W * size[1], C): repeated, or bilinear.

    Bilinear, pixel i lies at i + 0.5; without `half_pixel_centers` at i, as TensorFlow.js and Keras before 2.4 have it.
    """

    own_fields = frozenset(("half_pixel_centers",))

    axes = 2
    size: Sizes = (2, 2)
    interpolation: str = "nearest"
    half_pixel_centers: bool = True

    def unsupported(self) -> list[str]:
        if self.interpolation in ("nearest", "bilinear"):
            return super().unsupported()
        return [*super().unsupported(), f"interpolation={self.interpolation!r} (only 'nearest' and 'bilinear')"]

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if self.interpolation == "bilinear":
            coordinates = "half_pixel" if self.half_pixel_centers else "asymmetric"
            return t.resample(x, factors=self.size, coordinates=coordinates)
        return super().on_images(t, x, w)
