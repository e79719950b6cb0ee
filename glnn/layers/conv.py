"""Convolutions of images (N, H, W, C): plain and grouped, depthwise, separable, transposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph.shapes import Dims, broadcast, numbers
from ..primitives.base import Builder, Value
from ..primitives.conv import WOVEN
from ..primitives.map import chained
from ..primitives.window import Padding, Pair, image, pair, refused
from .activation import finish
from .base import WeightSpec, register
from .convolution import Convolution


@register("Conv2D", "Convolution2D", "AtrousConvolution2D")
@dataclass(frozen=True)
class Conv2D(Convolution):
    """(N, H, W, C) -> (N, OH, OW, filters). `padding` may also be ((top, bottom), (left, right)) pixels of zeros.

    With `residual` there is a second input, which is added before the activation as Add does: sizes of 1 are repeated.
    """

    own_fields = frozenset(("residual",))

    filters: int
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: Padding = "valid"
    data_format: str | None = None
    dilation_rate: Pair = (1, 1)
    groups: int = 1
    activation: Any = "linear"
    use_bias: bool = True
    residual: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "arity", 2 if self.residual else 1)

    def unsupported(self) -> list[str]:
        return refused(self)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = image(inputs[0], channels=True)[3] or 0
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(f"{self.groups} groups divide {channels} channels or {self.filters} filters unevenly")
        kernel = WeightSpec("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        return [kernel, WeightSpec("bias", (self.filters,))][: 1 + self.use_bias]

    def output_shape(self, *inputs: Dims) -> Dims:
        if image(inputs[0])[3] is not None:
            self.weight_specs(*inputs)
        shape = (*self.sizes(inputs[0]), self.filters)
        return self.activation.output_shape(broadcast(shape, inputs[1]) if self.residual else shape)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        seen = np.split(self.windows(inputs[0]), self.groups, axis=3)
        kernels = np.split(weights["kernel"], self.groups, axis=3)
        sums = [np.tensordot(x, k, ((4, 5, 3), (0, 1, 2))) for x, k in zip(seen, kernels, strict=True)]
        y = np.concatenate(sums, axis=3) + weights.get("bias", 0) + (inputs[1] if self.residual else 0)
        return self.activation(y.astype(inputs[0].dtype, copy=False))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x, kernel = inputs[0], weights["kernel"]
        (top, _), (left, _) = self.pads(x.shape[1:3])
        shape, residual = (*self.sizes(x.shape), self.filters), inputs[1] if self.residual else None
        if residual is not None and residual.shape != shape:  # sizes that were free to the pass that fused the sum
            y = replace(self, residual=False, activation="linear").lower(b, [x], weights)
            return finish(b, chained(b, "add", [y, residual], activation=self.activation.fused), self.activation)
        args = shape, x, kernel, weights.get("bias"), (top, left)
        channels, filters = kernel.shape[2], self.filters // self.groups
        lanes = self.groups > 1 and bool(channels % 4 or filters % 4)
        rows = self.rows_looped(channels if lanes else -(-channels // 4))
        if lanes:
            y = self.draw(b, "conv_lanes", *args, rows, residual, CI=channels, CO=filters)
        elif self.groups > 1:
            y = self.draw(b, "conv_grouped", *args, rows, residual, GI=channels // 4, GO=filters // 4)
        elif unrolled := self.rows_unrolled():
            y = self.draw(b, "conv", *args, unrolled, residual, blocked=True)
        else:
            y = self.draw(b, "conv", *args, rows, residual, looped=True)
        return finish(b, y, self.activation)


@register("DepthwiseConv2D")
@dataclass(frozen=True)
class DepthwiseConv2D(Convolution):
    """(N, H, W, C) -> (N, OH, OW, C * depth_multiplier), each channel on its own. `padding` as in Conv2D."""

    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: Padding = "valid"
    depth_multiplier: int = 1
    data_format: str | None = None
    dilation_rate: Pair = (1, 1)
    groups: int = 1
    activation: Any = "linear"
    use_bias: bool = True

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = image(inputs[0], channels=True)[3] or 0
        kernel = WeightSpec("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier))
        return [kernel, WeightSpec("bias", (channels * self.depth_multiplier,))][: 1 + self.use_bias]

    def output_shape(self, *inputs: Dims) -> Dims:
        channels = image(inputs[0])[3]
        shape = (*self.sizes(inputs[0]), None if channels is None else channels * self.depth_multiplier)
        return self.activation.output_shape(shape)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        y = np.einsum("nhwcij,ijcm->nhwcm", self.windows(inputs[0]), weights["depthwise_kernel"])
        y = y.reshape(*y.shape[:3], -1) + weights.get("bias", 0)
        return self.activation(y.astype(inputs[0].dtype, copy=False))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x, kernel = inputs[0], weights["depthwise_kernel"]
        (top, _), (left, _) = self.pads(x.shape[1:3])
        outputs = x.shape[3] * self.depth_multiplier
        shape, rest = (*self.sizes(x.shape), outputs), (weights.get("bias"), (top, left))
        if self.depth_multiplier > 1:
            many = kernel.reshape(*self.kernel_size, 1, outputs)
            y = self.draw(b, "conv_lanes", shape, x, many, *rest, CI=1, CO=self.depth_multiplier)
        else:
            unrolled = self.rows_unrolled() == self.kernel_size[0]
            y = self.draw(b, "depthwise", shape, x, kernel[..., 0], *rest, blocked=unrolled, looped=not unrolled)
        return finish(b, y, self.activation)


@register("SeparableConv2D", "SeparableConvolution2D")
@dataclass(frozen=True)
class SeparableConv2D(Convolution):
    """(N, H, W, C) -> (N, OH, OW, filters): a depthwise, then a 1 x 1 convolution, which adds bias and activation."""

    filters: int
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: Padding = "valid"
    data_format: str | None = None
    dilation_rate: Pair = (1, 1)
    depth_multiplier: int = 1
    groups: int = 1
    activation: Any = "linear"
    use_bias: bool = True

    @property
    def depthwise(self) -> DepthwiseConv2D:
        """The first half: without bias and activation."""
        size, steps, spread = self.kernel_size, self.strides, self.dilation_rate
        return DepthwiseConv2D(size, steps, self.padding, self.depth_multiplier, dilation_rate=spread, use_bias=False)

    @property
    def pointwise(self) -> Conv2D:
        """The second half."""
        return Conv2D(self.filters, (1, 1), activation=self.activation, use_bias=self.use_bias)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        kernel, *rest = self.pointwise.weight_specs(self.depthwise.output_shape(*inputs))
        return [*self.depthwise.weight_specs(*inputs), WeightSpec("pointwise_kernel", kernel.shape), *rest]

    def output_shape(self, *inputs: Dims) -> Dims:
        return self.pointwise.output_shape(self.depthwise.output_shape(*inputs))

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.pointwise.reference([self.depthwise.reference(inputs, _depthwise(weights))], _pointwise(weights))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        return self.pointwise.lower(b, [self.depthwise.lower(b, inputs, _depthwise(weights))], _pointwise(weights))


def _depthwise(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"depthwise_kernel": weights["depthwise_kernel"]}


def _pointwise(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix("pointwise_"): w for name, w in weights.items() if name != "depthwise_kernel"}


@register("Conv2DTranspose", "Deconvolution2D")
@dataclass(frozen=True)
class Conv2DTranspose(Convolution):
    """(N, H, W, C) -> (N, OH, OW, filters): the transpose of a convolution with these options.

    `output_size` (height, width) is what Keras 1 gave as `output_shape`; else the size follows from the options.
    """

    renamed = {"output_shape": "output_size"}
    own_fields = frozenset(("output_size",))

    filters: int
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: str = "valid"
    data_format: str | None = None
    dilation_rate: Pair = (1, 1)
    groups: int = 1
    output_padding: Pair | None = None
    activation: Any = "linear"
    use_bias: bool = True
    output_size: Pair | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output_padding is not None:
            object.__setattr__(self, "output_padding", pair(self.output_padding, "output_padding", 0))
        if self.output_size is not None:
            size = self.output_size[1:3] if len(self.output_size) == 4 else self.output_size
            object.__setattr__(self, "output_size", pair(size, "output_size"))

    def spans(self, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """Along height and width: (size, start) of the output, in pixels of all that the taps reach."""
        spans = []
        options = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        for i, (size, k, s, d) in enumerate(options):
            extent = (k - 1) * d + 1
            if self.output_size is not None:
                out = self.output_size[i]
            elif self.output_padding is not None:
                out = (size - 1) * s + (extent % 2 if self.padding == "same" else extent) + self.output_padding[i]
            else:
                out = size * s if self.padding == "same" else (size - 1) * s + max(extent, s)
            spans.append((out, max((size - 1) * s + extent - out, 0) // 2 if self.padding == "same" else 0))
        return spans

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = image(inputs[0], channels=True)[3] or 0
        kernel = WeightSpec("kernel", (*self.kernel_size, self.filters, channels))
        return [kernel, WeightSpec("bias", (self.filters,))][: 1 + self.use_bias]

    def output_shape(self, *inputs: Dims) -> Dims:
        n, *sizes, _ = image(inputs[0])
        known = self.spans([1 if size is None else size for size in sizes])
        hw = [None if size is None else span[0] for size, span in zip(sizes, known, strict=True)]
        return self.activation.output_shape((n, *hw, self.filters))

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x, kernel = inputs[0], weights["kernel"]
        (height, top), (width, left) = self.spans(x.shape[1:3])
        (sh, sw), (dh, dw), (kh, kw) = self.strides, self.dilation_rate, self.kernel_size
        canvas = np.zeros((len(x), top + height + sh + kh * dh, left + width + sw + kw * dw, self.filters), x.dtype)
        for a, b in np.ndindex(kh, kw):
            spot = canvas[:, a * dh :: sh, b * dw :: sw][:, : x.shape[1], : x.shape[2]]
            spot += (x @ kernel[a, b].T)[:, : spot.shape[1], : spot.shape[2]]
        y = canvas[:, top : top + height, left : left + width] + weights.get("bias", 0)
        return self.activation(y.astype(x.dtype, copy=False))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x, kernel, bias = inputs[0], np.swapaxes(weights["kernel"], 2, 3), weights.get("bias")
        (height, top), (width, left) = self.spans(x.shape[1:3])
        shape = (x.shape[0], height, width, self.filters)
        phases = list(np.ndindex(self.strides))
        filled = all(min(sizes) >= s for *sizes, s in zip(self.kernel_size, (height, width), self.strides, strict=True))
        if filled and self.dilation_rate == (1, 1) and len(phases) <= WOVEN:
            parts = [self._phase(b, x, shape, kernel, bias, (top, left), phase) for phase in phases]
            param = dict(SH=self.strides[0], SW=self.strides[1])
            images = {f"x{k}": part for k, part in enumerate(parts)}
            y = b.draw("interleave", shape, images, param=param) if len(parts) > 1 else parts[0]
        else:
            rows = self.rows_looped(-(-x.shape[3] // 4))
            y = self.draw(b, "conv_transpose", shape, x, kernel, bias, (top, left), rows)
        return finish(b, y, self.activation)

    def _phase(
        self, b: Builder, x: Value, shape: Dims, kernel: np.ndarray, bias: np.ndarray | None, start: Pair, phase: Pair
    ) -> Value:
        """The pixels at `phase` of each tile of the strides: a convolution of every stride-th tap, reversed."""
        first = [(p + t) % s for p, t, s in zip(phase, start, self.strides, strict=True)]
        taps = kernel[first[0] :: self.strides[0], first[1] :: self.strides[1]][::-1, ::-1]
        options = zip(taps.shape, phase, start, first, self.strides, strict=False)
        corner = [size - 1 - (p + t - f) // s for size, p, t, f, s in options]
        n, *sizes, filters = numbers(shape)
        sizes = [-(-(size - p) // s) for size, p, s in zip(sizes, phase, self.strides, strict=True)]
        part = Conv2D(filters, (taps.shape[0], taps.shape[1]), activation=self.activation)
        unrolled, args = part.rows_unrolled(), ((n, *sizes, filters), x, taps, bias, (corner[0], corner[1]))
        if unrolled:
            return part.draw(b, "conv", *args, unrolled, blocked=True)
        return part.draw(b, "conv", *args, part.rows_looped(-(-x.shape[3] // 4)), looped=True)
