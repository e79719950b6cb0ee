"""Pooling of sequences, images and volumes: over windows, and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..primitives import Sym, Trace
from ..primitives.move import Size
from ..primitives.window import Padding, Sizes, normalize
from ..records import dataclass
from .base import register
from .convolution import Images


@dataclass(frozen=True)
class _Pooling(Images):
    """(N, H, W, C) -> (N, OH, OW, C). `padding` may be ((top, bottom), (left, right)) too; it never counts."""

    pool_size: Sizes = (2, 2)
    strides: Sizes | None = None
    padding: Padding = "valid"
    data_format: str | None = None

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        if self.strides is None:
            object.__setattr__(self, "strides", self.pool_size)
        normalize(self, "pool_size", "strides")
        pads = () if isinstance(self.padding, str) else zip(self.padding, self.pool_size, strict=True)
        if any(max(pad) >= size for pad, size in pads):
            raise ValueError(f"padding {self.padding} must be less than pool_size {self.pool_size}")

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.window(self.kind, x, size=self.pool_size, strides=self.strides, padding=self.padding)


@register("MaxPooling2D")
@dataclass(frozen=True)
class MaxPooling2D(_Pooling):
    """(N, H, W, C) -> (N, OH, OW, C): the largest of each window; NaN wins."""

    kind = "max"


@register("MaxPooling1D")
@dataclass(frozen=True)
class MaxPooling1D(MaxPooling2D):
    """(N, L, C) -> (N, OL, C): the largest of each window; NaN wins."""

    axes = 1
    pool_size: Sizes = (2,)


@register("MaxPooling3D")
@dataclass(frozen=True)
class MaxPooling3D(MaxPooling2D):
    """(N, D, H, W, C) -> (N, OD, OH, OW, C): the largest of each window; NaN wins."""

    axes = 3
    pool_size: Sizes = (2, 2, 2)


@register("AveragePooling2D")
@dataclass(frozen=True)
class AveragePooling2D(_Pooling):
    """(N, H, W, C) -> (N, OH, OW, C): the mean of what each window holds of the image."""

    kind = "mean"


@register("AveragePooling1D")
@dataclass(frozen=True)
class AveragePooling1D(AveragePooling2D):
    """(N, L, C) -> (N, OL, C): the mean of what each window holds."""

    axes = 1
    pool_size: Sizes = (2,)


@register("AveragePooling3D")
@dataclass(frozen=True)
class AveragePooling3D(AveragePooling2D):
    """(N, D, H, W, C) -> (N, OD, OH, OW, C): the mean of what each window holds."""

    axes = 3
    pool_size: Sizes = (2, 2, 2)


@dataclass(frozen=True)
class _GlobalPooling(Images):
    """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`."""

    data_format: str | None = None
    keepdims: bool = False

    kind: ClassVar[str]

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.reduce(self.kind, x, range(1, self.axes + 1), self.keepdims)


@register("GlobalMaxPooling2D")
@dataclass(frozen=True)
class GlobalMaxPooling2D(_GlobalPooling):
    """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`: the largest of each channel; NaN wins."""

    kind = "max"


@register("GlobalAveragePooling2D")
@dataclass(frozen=True)
class GlobalAveragePooling2D(_GlobalPooling):
    """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`: the mean of each channel."""

    kind = "mean"


@register("GlobalMaxPooling1D")
@dataclass(frozen=True)
class GlobalMaxPooling1D(GlobalMaxPooling2D):
    """(N, L, C) -> (N, C), or (N, 1, C) with `keepdims`: the largest of each channel; NaN wins."""

    axes = 1


@register("GlobalMaxPooling3D")
@dataclass(frozen=True)
class GlobalMaxPooling3D(GlobalMaxPooling2D):
    """(N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with `keepdims`: the largest of each channel; NaN wins."""

    axes = 3


@register("GlobalAveragePooling1D")
@dataclass(frozen=True)
class GlobalAveragePooling1D(GlobalAveragePooling2D):
    """(N, L, C) -> (N, C), or (N, 1, C) with `keepdims`: the mean of each channel, where `masked` of unmasked steps."""

    axes = 1
    arity: ClassVar[int | None] = None
    own_fields: ClassVar[frozenset[str]] = frozenset(("masked",))
    takes_masks: ClassVar[bool] = True
    masked: bool = False

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:  # type: ignore[override]
        if not self.masked:
            (x,) = xs
            return super().build(t, x, w)
        x, mask = xs
        axis = 2 if self.channels_first else 1
        mask = t.reshape(mask, (Size(0), *((1, Size(1)) if self.channels_first else (Size(1), 1))))
        total = t.reduce("sum", t.where(mask, x, 0.0), axis, self.keepdims)
        return total / t.reduce("sum", mask, axis, self.keepdims)


@register("GlobalAveragePooling3D")
@dataclass(frozen=True)
class GlobalAveragePooling3D(GlobalAveragePooling2D):
    """(N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with `keepdims`: the mean of each channel."""

    axes = 3
