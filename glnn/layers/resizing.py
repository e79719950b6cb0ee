"""Layers that change the size of images (N, H, W, C): zero padding, cropping, upsampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..graph.shapes import Dims, numbers
from ..primitives.base import Builder, Value
from ..primitives.window import Margins, Pair, image, margins, normalize, refused
from .base import Layer, register


@register("ZeroPadding2D")
@dataclass(frozen=True)
class ZeroPadding2D(Layer):
    """(N, H, W, C) -> (N, top + H + bottom, left + W + right, C). `padding`: ((top, bottom), (left, right)) zeros."""

    padding: Margins = ((1, 1), (1, 1))
    data_format: str | None = None

    def __post_init__(self) -> None:
        normalize(self)

    def unsupported(self) -> list[str]:
        return refused(self)

    def output_shape(self, *inputs: Dims) -> Dims:
        n, h, w, c = image(inputs[0])
        (top, bottom), (left, right) = self.padding
        return n, None if h is None else top + h + bottom, None if w is None else left + w + right, c

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.pad(inputs[0], ((0, 0), *self.padding, (0, 0)))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        (top, _), (left, _) = self.padding
        shape = numbers(self.output_shape(inputs[0].shape))
        return b.draw("pad", shape, {"x": inputs[0]}, param=dict(TOP=top, LEFT=left))


@register("Cropping2D")
@dataclass(frozen=True)
class Cropping2D(Layer):
    """(N, H, W, C) -> (N, H - top - bottom, W - left - right, C). `cropping`: ((top, bottom), (left, right)) pixels."""

    cropping: Margins = ((0, 0), (0, 0))
    data_format: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cropping", margins(self.cropping, "cropping"))

    def unsupported(self) -> list[str]:
        return refused(self)

    def output_shape(self, *inputs: Dims) -> Dims:
        n, h, w, c = image(inputs[0])
        left = [None if size is None else size - sum(crop) for size, crop in zip((h, w), self.cropping, strict=True)]
        if any(size is not None and size < 1 for size in left):
            raise ValueError(f"cropping {self.cropping} leaves nothing of {h} x {w} pixels")
        return n, left[0], left[1], c

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        _, h, w, _ = inputs[0].shape
        (top, bottom), (left, right) = self.cropping
        return inputs[0][:, top : h - bottom, left : w - right]

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        (top, _), (left, _) = self.cropping
        shape = numbers(self.output_shape(inputs[0].shape))
        return b.draw("pad", shape, {"x": inputs[0]}, param=dict(TOP=-top, LEFT=-left))


@register("UpSampling2D")
@dataclass(frozen=True)
class UpSampling2D(Layer):
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
            return refused(self)
        return [*refused(self), f"interpolation={self.interpolation!r} (only 'nearest' and 'bilinear')"]

    def output_shape(self, *inputs: Dims) -> Dims:
        n, h, w, c = image(inputs[0])
        return n, None if h is None else h * self.size[0], None if w is None else w * self.size[1], c

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        for axis, factor in zip((1, 2), self.size, strict=True):
            nearest = self.interpolation == "nearest"
            x = np.repeat(x, factor, axis) if nearest else _enlarge(x, axis, factor, 0.5 * self.half_pixel_centers)
        return x

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        shape = numbers(self.output_shape(inputs[0].shape))
        param = dict(SH=self.size[0], SW=self.size[1])
        if self.interpolation == "nearest":
            return b.draw("upsample_nearest", shape, {"x": inputs[0]}, param=param)
        const = dict(CENTRES=int(self.half_pixel_centers))
        return b.draw("upsample_bilinear", shape, {"x": inputs[0]}, param=param, const=const)


def _enlarge(x: np.ndarray, axis: int, factor: int, centre: float) -> np.ndarray:
    """`x` with `axis` made `factor` times as long by linear interpolation, pixel i at i + centre; the ends repeat."""
    length = x.shape[axis]
    at = np.clip((np.arange(length * factor) + centre) / factor - centre, 0, length - 1)
    low = np.floor(at).astype(int)
    share = (at - low).astype(x.dtype).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    below, above = np.take(x, low, axis), np.take(x, np.minimum(low + 1, length - 1), axis)
    return np.where(share == 0, below, below * (1 - share) + above * share)
