"""Operators on images: convolution, pooling, resizing, cropping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...primitives import Sym
from ...primitives.einsum import with_ones
from ...primitives.window import Padding
from ..say import Misfit, Say
from ..shared.convolution import convolution, known, same_margins, transposed_convolution
from ..shared.empty import bounded, void
from ..shared.pooling import Pool, largest, largest_and_places, means
from . import tensorflow
from .math import fused


def on_images(t: Say, x: Sym, data_format: str, make: Callable[[Sym], Sym]) -> Sym:
    """What is made of images with their channels last, put back where they come first."""
    if not data_format.startswith("NC"):
        return make(x)
    made = make(t.transpose(x, (0, *range(2, x.rank), 1)))
    return t.transpose(made, (0, made.rank - 1, *range(1, made.rank - 1)))


def spatial(values: Sequence[int], data_format: str) -> tuple[int, ...]:
    """The numbers of an attribute for the spatial axes."""
    if not values:
        return ()
    first = data_format.startswith("NC")
    outside = (values[0], values[1] if first else values[-1])
    if outside != (1, 1):
        raise Misfit(f"{tuple(values)} along the batch or the channels (only 1)")
    return tuple(values[2:] if first else values[1:-1])


def margins(padding: str, explicit: Sequence[int], data_format: str) -> Padding:
    """Padding as primitives take it."""
    if padding != "EXPLICIT":
        if padding not in ("SAME", "VALID"):
            raise Misfit(f"padding {padding!r} (only SAME, VALID and EXPLICIT)")
        return padding.lower()
    pairs = [(explicit[k], explicit[k + 1]) for k in range(0, len(explicit), 2)]
    return tuple(pairs[2:] if data_format.startswith("NC") else pairs[1:-1])


@tensorflow("Conv2D", "Conv3D")
def conv(
    t: Say, x: Sym, kernel: Sym, *, strides: Sequence[int], padding: str, data_format: str = "NHWC",
    dilations: Sequence[int] = (), explicit_paddings: Sequence[int] = (),
) -> Sym:  # fmt: skip
    """A convolution with a kernel (*taps, C / groups, filters)."""
    options: dict[str, Any] = {
        "strides": spatial(strides, data_format), "dilation": spatial(dilations, data_format),
        "padding": margins(padding, explicit_paddings, data_format),
    }  # fmt: skip

    def make(images: Sym) -> Sym:
        groups = max(1, (images.shape[-1] or 0) // (kernel.shape[-2] or 1))
        return convolution(t, images, kernel, groups=groups, **options)

    return on_images(t, x, data_format, make)


@tensorflow("Conv1D")
def conv1d(
    t: Say, x: Sym, kernel: Sym, *, stride: int, padding: str, data_format: str = "NWC", dilation: int = 1
) -> Sym:
    """A convolution along one axis."""
    given = (1, stride, 1) if data_format == "NWC" else (1, 1, stride)
    apart = (1, dilation, 1) if data_format == "NWC" else (1, 1, dilation)
    return conv(t, x, kernel, strides=given, padding=padding, data_format=data_format, dilations=apart)


@tensorflow("DepthwiseConv2dNative", "DepthwiseConv2d")
def depthwise(
    t: Say, x: Sym, kernel: Sym, *, strides: Sequence[int], padding: str, data_format: str = "NHWC",
    dilations: Sequence[int] = (), explicit_paddings: Sequence[int] = (),
) -> Sym:  # fmt: skip
    """A convolution of each channel by itself with a kernel (*taps, C, multiplier)."""
    *taps, channels, multiplier = t.static(kernel)
    grouped = t.reshape(known(t, kernel), (*taps, 1, channels * multiplier))
    options: dict[str, Any] = {"dilations": dilations, "explicit_paddings": explicit_paddings}
    return conv(t, x, grouped, strides=strides, padding=padding, data_format=data_format, **options)


@tensorflow("_FusedConv2D", ignores=("TArgs", "num_host_args", "filter_format", "host_args"))
def fused_conv(
    t: Say, x: Sym, kernel: Sym, *args: Sym, strides: Sequence[int], padding: str, data_format: str = "NHWC",
    dilations: Sequence[int] = (), explicit_paddings: Sequence[int] = (), fused_ops: Sequence[str] = (),
    epsilon: float = 1e-4, leakyrelu_alpha: float = 0.2,
) -> Sym:  # fmt: skip
    """A convolution, then what `fused_ops` name."""
    options: dict[str, Any] = {"dilations": dilations, "explicit_paddings": explicit_paddings}
    made = conv(t, x, kernel, strides=strides, padding=padding, data_format=data_format, **options)
    return fused(t, made, args, fused_ops, epsilon, leakyrelu_alpha, data_format)


@tensorflow("FusedDepthwiseConv2dNative")
def fused_depthwise(
    t: Say, x: Sym, kernel: Sym, *args: Sym, strides: Sequence[int], padding: str, data_format: str = "NHWC",
    dilations: Sequence[int] = (), explicit_paddings: Sequence[int] = (), fused_ops: Sequence[str] = (),
    epsilon: float = 1e-4, leakyrelu_alpha: float = 0.2,
) -> Sym:  # fmt: skip
    """A convolution of each channel by itself, then what `fused_ops` name."""
    options: dict[str, Any] = {"dilations": dilations, "explicit_paddings": explicit_paddings}
    made = depthwise(t, x, kernel, strides=strides, padding=padding, data_format=data_format, **options)
    return fused(t, made, args, fused_ops, epsilon, leakyrelu_alpha, data_format)


@tensorflow("Conv2DBackpropInput", gives="float32")
def conv_backprop_input(
    t: Say, shape: Any, kernel: Sym, x: Sym, *, strides: Sequence[int], padding: str, data_format: str = "NHWC",
    dilations: Sequence[int] = (), explicit_paddings: Sequence[int] = (),
) -> Sym:  # fmt: skip
    """The transpose of a convolution with a kernel (*taps, filters, C), in a shape that is told."""
    steps = spatial(strides, data_format)
    apart = spatial(dilations, data_format) or (1,) * len(steps)
    sizes = tuple(int(k) for k in (t.sizes(shape)[2:] if data_format.startswith("NC") else t.sizes(shape)[1:-1]))
    taps = t.static(kernel)[:-2]
    pairs = margins(padding, explicit_paddings, data_format)
    if isinstance(pairs, str):
        pairs = same_margins(sizes, taps, steps, apart) if pairs == "same" else ((0, 0),) * len(taps)
    options: dict[str, Any] = {
        "strides": steps, "dilation": apart, "sizes": sizes, "start": tuple(before for before, _ in pairs)
    }  # fmt: skip
    turned = t.transpose(known(t, kernel), (*range(len(taps)), kernel.rank - 1, kernel.rank - 2))
    return on_images(t, x, data_format, lambda images: transposed_convolution(t, images, turned, **options))


def _pool(ksize: Sequence[int], strides: Sequence[int], padding: str, data_format: str, explicit: Any = ()) -> Pool:
    sizes, steps = spatial(ksize, data_format), spatial(strides, data_format)
    return Pool(sizes, steps, padding=margins(padding, explicit, data_format))


@tensorflow("MaxPool", "MaxPool3D")
def max_pool(
    t: Say, x: Sym, *, ksize: Sequence[int], strides: Sequence[int], padding: str, data_format: str = "NHWC",
    explicit_paddings: Sequence[int] = (),
) -> Sym:  # fmt: skip
    """The largest of each window."""
    pool = _pool(ksize, strides, padding, data_format, explicit_paddings)
    return on_images(t, x, data_format, lambda images: largest(t, images, pool))


@tensorflow("AvgPool", "AvgPool3D")
def avg_pool(
    t: Say, x: Sym, *, ksize: Sequence[int], strides: Sequence[int], padding: str, data_format: str = "NHWC"
) -> Sym:
    """The mean of each window, of the pixels in the image."""
    pool = _pool(ksize, strides, padding, data_format)
    return on_images(t, x, data_format, lambda images: means(t, images, pool))


@tensorflow("MaxPoolWithArgmax", gives=("same", "int32"))
def max_pool_with_argmax(
    t: Say, x: Sym, *, ksize: Sequence[int], strides: Sequence[int], padding: str, include_batch_in_index: bool = False
) -> tuple[Sym, Sym]:
    """The largest of each window, and its number among the elements (H, W, C) of its image, or of all (N, H, W, C)."""
    made, places = largest_and_places(t, x, _pool(ksize, strides, padding, "NHWC"))
    _, height, width, channels = t.static(x)
    image = t.apply("mod", places, float(height * width))  # of a number in (N, C, H, W)
    first = t.index(made, 0) * float(height * width * channels * include_batch_in_index)
    return made, image * float(channels) + t.index(made, 3) + first


def _resized(t: Say, x: Sym, size: Any, method: str, align: bool, half: bool) -> Sym:
    coordinates = "align_corners" if align else "half_pixel" if half else "asymmetric"
    rounding = "floor" if not align and not half else "round_prefer_ceil"
    sizes = tuple(int(k) for k in t.sizes(size))
    if x.shape[1:3] == sizes:
        return x
    return t.resample(x, sizes=sizes, method=method, coordinates=coordinates, rounding=rounding)


@tensorflow("ResizeBilinear", gives="float32")
def resize_bilinear(t: Say, x: Sym, size: Any, *, align_corners: bool = False, half_pixel_centers: bool = False) -> Sym:
    """Images in another size, between their pixels."""
    return _resized(t, x, size, "linear", align_corners, half_pixel_centers)


@tensorflow("ResizeNearestNeighbor")
def resize_nearest(t: Say, x: Sym, size: Any, *, align_corners: bool = False, half_pixel_centers: bool = False) -> Sym:
    """Images in another size, of their pixels."""
    return _resized(t, x, size, "nearest", align_corners, half_pixel_centers)


@tensorflow("CropAndResize", gives="float32")
def crop_and_resize(
    t: Say, image: Sym, boxes: Sym, numbers: Any, size: Any, *, method: str = "bilinear",
    extrapolation_value: float = 0.0,
) -> Sym:  # fmt: skip
    """Boxes (y1, x1, y2, x2) in parts of 1 of images by their numbers, each in one size."""
    _, height, width, channels = t.static(image)
    rows, columns = (int(k) for k in t.sizes(size))
    bounded([rows, columns, *boxes.shape[:1], channels])
    bounded([rows, *boxes.shape[:1], height]), bounded([columns, *boxes.shape[:1], width])  # shares of pixels
    if 0 in boxes.shape:
        return void(t, image, (0, rows, columns, channels))
    ends = [t.slice(boxes, 1, k, 1) for k in range(4)]
    (wy, inside_y), (wx, inside_x) = (
        _shares(t, ends[k], ends[k + 2], count, length, method)
        for k, count, length in ((0, rows, height), (1, columns, width))
    )
    picked = t.take(image, numbers, 0, "clip")
    made = t.einsum("biy,byxc,bjx->bijc", wy, picked, wx)
    inside = t.apply("logical_and", with_ones(t, inside_y, [2, 3]), with_ones(t, inside_x, [1, 3]))
    return t.where(inside, made, float(extrapolation_value))


def _shares(t: Say, first: Sym, last: Sym, count: int, size: int, method: str) -> tuple[Sym, Sym]:
    """(B, count, size): shares of `size` pixels in `count` places from first to last (B, 1); those inside."""
    if count > 1:
        steps = t.weight(np.arange(count, dtype=np.float64)[None])
        at = first * (size - 1.0) + steps * ((last - first) * ((size - 1.0) / (count - 1)))
    else:
        at = (first + last) * (0.5 * (size - 1))
    inside = t.apply("logical_and", t.apply("greater_equal", at, 0.0), t.apply("less_equal", at, size - 1.0))
    pixels = t.weight(np.arange(size, dtype=np.float64)[None, None])
    places = with_ones(t, at, [2])
    if method == "nearest":
        return t.apply("equal", t.apply("floor", places + 0.5), pixels), inside
    return t.maximum(1.0 - t.apply("abs", places - pixels), 0.0), inside
