"""Pooling of images (N, H, W, C): over windows, and over the whole image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..graph.shapes import Dims, Shape, numbers
from ..primitives.base import Builder, Value, Window
from ..primitives.window import Padding, Pair, block_span, image, normalize, paddings, refused, window_sizes, windows
from .base import Layer, register

UNROLLED_TAPS = 25  # a larger window is drawn with real loops
UNROLLED_PIXELS = 128  # so is one where the windows of a block of 8 pixels span more input pixels than this
STAGED_TAPS = 4096  # an even larger one is pooled along the width first, then along the height


@dataclass(frozen=True)
class _Pooling(Layer):
    """(N, H, W, C) -> (N, OH, OW, C). `padding` may be ((top, bottom), (left, right)) too; it never counts."""

    pool_size: Pair = (2, 2)
    strides: Pair | None = None
    padding: Padding = "valid"
    data_format: str | None = None

    kernel: ClassVar[str]

    def __post_init__(self) -> None:
        if self.strides is None:
            object.__setattr__(self, "strides", self.pool_size)
        normalize(self, "pool_size", "strides")
        pads = () if isinstance(self.padding, str) else zip(self.padding, self.pool_size, strict=True)
        if any(max(pad) >= size for pad, size in pads):
            raise ValueError(f"padding {self.padding} must be less than pool_size {self.pool_size}")

    @property
    def steps(self) -> Pair:
        """The strides, which are those of the window where the config gives none."""
        return self.strides or self.pool_size

    def unsupported(self) -> list[str]:
        return refused(self)

    def output_shape(self, *inputs: Dims) -> Dims:
        n, *sizes, channels = image(inputs[0])
        return (n, *window_sizes(self.padding, sizes, self.pool_size, self.steps), channels)

    def windows(self, x: np.ndarray) -> np.ndarray:
        """(N, OH, OW, C, KH, KW): what each output pixel sees, NaN outside the image."""
        pads = paddings(self.padding, x.shape[1:3], self.pool_size, self.steps)
        return windows(x, pads, self.pool_size, self.steps, fill=np.nan)

    def inside(self, x: np.ndarray) -> np.ndarray:
        """(1, OH, OW, 1, KH, KW): which of the taps lie inside the images (N, H, W, C)."""
        return ~np.isnan(self.windows(np.zeros((1, *x.shape[1:3], 1), x.dtype)))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x = inputs[0]
        shape = numbers(self.output_shape(x.shape))
        (top, _), (left, _) = paddings(self.padding, x.shape[1:3], self.pool_size, self.steps)
        (kh, kw), (sh, sw) = self.pool_size, self.steps
        if kh * kw <= UNROLLED_TAPS and block_span((kh, kw), (sh, sw)) <= UNROLLED_PIXELS:
            const = dict(KH=kh, KW=kw, SH=sh, SW=sw, PT=top, PL=left)
            return b.draw(self.kernel, shape, {"x": x}, const=const, window={"x": Window(mul=(sh, sw))})
        if kh * kw > STAGED_TAPS and kh > 1 and kw > 1:
            x = self._loops(b, x, (*x.shape[:2], *shape[2:]), (1, kw), (1, sw), (0, left))
            kw, sw, left = 1, 1, 0
        return self._loops(b, x, shape, (kh, kw), (sh, sw), (top, left))

    def _loops(self, b: Builder, x: Value, shape: Shape, size: Pair, steps: Pair, corner: Pair) -> Value:
        param = dict(KH=size[0], KW=size[1], SH=steps[0], SW=steps[1], PT=corner[0], PL=corner[1])
        return b.draw(self.kernel, shape, {"x": x}, param=param, window={"x": Window(mul=steps)}, looped=True)


@register("MaxPooling2D")
@dataclass(frozen=True)
class MaxPooling2D(_Pooling):
    """(N, H, W, C) -> (N, OH, OW, C): the largest of each window; NaN wins."""

    kernel = "maxpool"

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.where(self.inside(inputs[0]), self.windows(inputs[0]), -np.inf).max(axis=(4, 5))


@register("AveragePooling2D")
@dataclass(frozen=True)
class AveragePooling2D(_Pooling):
    """(N, H, W, C) -> (N, OH, OW, C): the mean of what each window holds of the image."""

    kernel = "avgpool"

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        inside = self.inside(inputs[0])
        total = np.where(inside, self.windows(inputs[0]), 0).sum(axis=(4, 5), dtype=np.float64)
        return (total / inside.sum(axis=(4, 5))).astype(inputs[0].dtype)


@dataclass(frozen=True)
class _GlobalPooling(Layer):
    """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`."""

    data_format: str | None = None
    keepdims: bool = False

    kernel: ClassVar[str]
    rows: ClassVar[type[_Pooling]]  # what pools along the width where the image is large

    def unsupported(self) -> list[str]:
        return refused(self)

    def output_shape(self, *inputs: Dims) -> Dims:
        n, _, _, channels = image(inputs[0])
        return (n, 1, 1, channels) if self.keepdims else (n, channels)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x = inputs[0]
        if math.prod(x.shape[1:3]) > STAGED_TAPS and x.shape[2] > 1:
            x = self.rows((1, x.shape[2])).lower(b, [x], {})
        return b.draw(self.kernel, numbers(self.output_shape(x.shape)), {"x": x})


@register("GlobalMaxPooling2D")
@dataclass(frozen=True)
class GlobalMaxPooling2D(_GlobalPooling):
    """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`: the largest of each channel; NaN wins."""

    kernel = "global_max"
    rows = MaxPooling2D

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0].max(axis=(1, 2), keepdims=self.keepdims)


@register("GlobalAveragePooling2D")
@dataclass(frozen=True)
class GlobalAveragePooling2D(_GlobalPooling):
    """(N, H, W, C) -> (N, C), or (N, 1, 1, C) with `keepdims`: the mean of each channel."""

    kernel = "global_avg"
    rows = AveragePooling2D

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0].mean(axis=(1, 2), keepdims=self.keepdims, dtype=np.float64).astype(inputs[0].dtype)
