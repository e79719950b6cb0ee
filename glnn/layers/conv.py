"""Convolutions of sequences, images and volumes: plain and grouped, depthwise, separable, transposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..primitives.window import Padding, Sizes, refused, sizes_of
from ..records import dataclass
from .base import WeightSpec, register
from .convolution import Convolution


@register("Conv2D", "Convolution2D", "AtrousConvolution2D")
@dataclass(frozen=True)
class Conv2D(Convolution):
    """(N, H, W, C) -> (N, OH, OW, filters). `padding` may also be ((top, bottom), (left, right)) pixels of zeros."""

    filters: int
    kernel_size: Sizes
    strides: Sizes = (1, 1)
    padding: Padding = "valid"
    data_format: str | None = None
    dilation_rate: Sizes = (1, 1)
    groups: int = 1
    activation: Any = "linear"
    use_bias: bool = True

    def unsupported(self) -> list[str]:
        return refused(self)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = self.channels(inputs[0])
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(f"{self.groups} groups divide {channels} channels or {self.filters} filters unevenly")
        kernel = WeightSpec("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        return [kernel, WeightSpec("bias", (self.filters,))][: 1 + self.use_bias]

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        options = dict(filters=self.filters, groups=self.groups, **self.options)
        return t.conv(x, w["kernel"], w.get("bias"), **options)


@register("Conv1D", "Convolution1D", "AtrousConvolution1D")
@dataclass(frozen=True)
class Conv1D(Conv2D):
    """(N, L, C) -> (N, OL, filters). `padding` may also be "causal", zeros before the first alone."""

    axes = 1
    causal = True
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)


@register("Conv3D", "Convolution3D")
@dataclass(frozen=True)
class Conv3D(Conv2D):
    """(N, D, H, W, C) -> (N, OD, OH, OW, filters)."""

    axes = 3
    kernel_size: Sizes
    strides: Sizes = (1, 1, 1)
    dilation_rate: Sizes = (1, 1, 1)


@register("DepthwiseConv2D")
@dataclass(frozen=True)
class DepthwiseConv2D(Convolution):
    """(N, H, W, C) -> (N, OH, OW, C * depth_multiplier), each channel on its own. `padding` as in Conv2D."""

    kernel_size: Sizes
    strides: Sizes = (1, 1)
    padding: Padding = "valid"
    depth_multiplier: int = 1
    data_format: str | None = None
    dilation_rate: Sizes = (1, 1)
    groups: int = 1
    activation: Any = "linear"
    use_bias: bool = True

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = self.channels(inputs[0])
        kernel = WeightSpec("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier))
        return [kernel, WeightSpec("bias", (channels * self.depth_multiplier,))][: 1 + self.use_bias]

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return depthwise(t, x, w["depthwise_kernel"], w.get("bias"), self.options)


@register("DepthwiseConv1D")
@dataclass(frozen=True)
class DepthwiseConv1D(DepthwiseConv2D):
    """(N, L, C) -> (N, OL, C * depth_multiplier), each channel on its own."""

    axes = 1
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)


def depthwise(t: Trace, x: Sym, kernel: Sym, bias: Sym | None, options: Mapping[str, Any]) -> Sym:
    """A convolution of each channel on its own, with a kernel (KH, KW, C, multiplier)."""
    channels = x.shape[-1]
    if channels is None:
        raise ValueError(f"the number of channels of {x.shape} must be known")
    return t.conv(x, t.reshape(kernel, (*kernel.shape[:-2], 1, -1)), bias, groups=channels, **options)


@register("SeparableConv2D", "SeparableConvolution2D")
@dataclass(frozen=True)
class SeparableConv2D(Convolution):
    """(N, H, W, C) -> (N, OH, OW, filters): a depthwise, then a 1 x 1 convolution, which adds bias and activation."""

    filters: int
    kernel_size: Sizes
    strides: Sizes = (1, 1)
    padding: Padding = "valid"
    data_format: str | None = None
    dilation_rate: Sizes = (1, 1)
    depth_multiplier: int = 1
    groups: int = 1
    activation: Any = "linear"
    use_bias: bool = True

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = self.channels(inputs[0])
        first = WeightSpec("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier))
        second = WeightSpec("pointwise_kernel", (*(1,) * self.axes, channels * self.depth_multiplier, self.filters))
        return [first, second, WeightSpec("bias", (self.filters,))][: 2 + self.use_bias]

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        x = depthwise(t, x, w["depthwise_kernel"], None, self.options)
        one = (1,) * self.axes
        point = dict(filters=self.filters, kernel_size=one, strides=one, dilation=one)
        return t.conv(x, w["pointwise_kernel"], w.get("bias"), **point)


@register("SeparableConv1D")
@dataclass(frozen=True)
class SeparableConv1D(SeparableConv2D):
    """(N, L, C) -> (N, OL, filters). `padding` may also be "causal", as Keras 2 has it."""

    axes = 1
    causal = True
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)


@register("Conv2DTranspose", "Deconvolution2D")
@dataclass(frozen=True)
class Conv2DTranspose(Convolution):
    """(N, H, W, C) -> (N, OH, OW, filters): the transpose of a convolution with these options.

    `output_size` (height, width) is what Keras 1 gave as `output_shape`; else the size follows from the options.
    """

    renamed = {"output_shape": "output_size"}
    own_fields = frozenset(("output_size",))

    filters: int
    kernel_size: Sizes
    strides: Sizes = (1, 1)
    padding: str = "valid"
    data_format: str | None = None
    dilation_rate: Sizes = (1, 1)
    groups: int = 1
    output_padding: Sizes | None = None
    activation: Any = "linear"
    use_bias: bool = True
    output_size: Sizes | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output_padding is not None:
            more = sizes_of(self.output_padding, "output_padding", self.axes, 0)
            object.__setattr__(self, "output_padding", more)
        if self.output_size is not None:
            size = self.output_size[1:3] if len(self.output_size) == 4 else self.output_size
            object.__setattr__(self, "output_size", sizes_of(size, "output_size", self.axes))

    def unsupported(self) -> list[str]:
        more = zip(self.output_padding or (), self.strides, strict=False)
        large = f"output_padding={self.output_padding} (Keras has less than the strides, {self.strides})"
        return super().unsupported() + [large] * any(pad >= step for pad, step in more)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        kernel = WeightSpec("kernel", (*self.kernel_size, self.filters, self.channels(inputs[0])))
        return [kernel, WeightSpec("bias", (self.filters,))][: 1 + self.use_bias]

    def extra(self) -> tuple[int, ...]:
        """How many pixels the output has beyond (size - 1) * stride, along each axis."""
        same, more = self.padding == "same", self.output_padding
        extents = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        if more is not None:
            return tuple((e % 2 if same else e) + pad for e, pad in zip(extents, more, strict=True))
        return tuple(s if same else max(e, s) for e, s in zip(extents, self.strides, strict=True))

    def on_images(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        options = self.options | dict(extra=self.extra(), sizes=self.output_size, centred=self.padding == "same")
        del options["padding"]
        kernel, bias = w["kernel"], w.get("bias")
        if kernel.rank:
            kernel = t.transpose(kernel, (*range(self.axes), self.axes + 1, self.axes))
        return t.conv_transpose(x, kernel, bias, filters=self.filters, **options)


@register("Conv1DTranspose")
@dataclass(frozen=True)
class Conv1DTranspose(Conv2DTranspose):
    """(N, L, C) -> (N, OL, filters): the transpose of a convolution with these options."""

    axes = 1
    kernel_size: Sizes
    strides: Sizes = (1,)
    dilation_rate: Sizes = (1,)


@register("Conv3DTranspose")
@dataclass(frozen=True)
class Conv3DTranspose(Conv2DTranspose):
    """(N, D, H, W, C) -> (N, OD, OH, OW, filters): the transpose of a convolution with these options."""

    axes = 3
    kernel_size: Sizes
    strides: Sizes = (1, 1, 1)
    dilation_rate: Sizes = (1, 1, 1)
