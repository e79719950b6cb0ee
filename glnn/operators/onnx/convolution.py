"""Operators that go over images with kernels: Conv, ConvTranspose, ConvInteger's like; see quantized for those."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph.shapes import ceil_div
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.convolution import (
    channels_first,
    channels_last,
    convolution,
    each,
    kernel_of,
    pads_or_name,
    spatial,
    transposed_convolution,
)
from . import onnx

Numbers = Sequence[int]


def taps_of(w: Sym, kernel_shape: Numbers) -> tuple[int, ...]:
    """The sizes of a kernel (filters, channels, *taps), which an attribute may say again."""
    taps = tuple(size or 0 for size in w.shape[2:])
    if kernel_shape and tuple(kernel_shape) != taps:
        raise Misfit(f"kernel_shape is {tuple(kernel_shape)}, the kernel has {taps}")
    return taps


@onnx("Conv")
def conv(
    t: Say, x: Sym, w: Sym, b: Sym | None = None, *, auto_pad: str = "NOTSET", dilations: Numbers = (), group: int = 1,
    kernel_shape: Numbers = (), pads: Numbers = (), strides: Numbers = (),
) -> Sym:  # fmt: skip
    """x (N, C, *sizes) with a kernel (filters, C / group, *taps), which must be known."""
    taps, image = taps_of(w, kernel_shape), channels_last(t, x)
    steps, spread = each(strides, len(taps), "strides"), each(dilations, len(taps), "dilations")
    padding = pads_or_name(auto_pad, pads, image, taps, steps, spread)
    kernel = kernel_of(t, w, (1, 0))
    made = convolution(t, image, kernel, b, strides=steps, dilation=spread, padding=padding, groups=group)
    return channels_first(t, made)


@onnx("ConvTranspose")
def conv_transpose(
    t: Say, x: Sym, w: Sym, b: Sym | None = None, *, auto_pad: str = "NOTSET", dilations: Numbers = (), group: int = 1,
    kernel_shape: Numbers = (), output_padding: Numbers = (), output_shape: Numbers = (), pads: Numbers = (),
    strides: Numbers = (),
) -> Sym:  # fmt: skip
    """x (N, C, *sizes) with a kernel (C, filters / group, *taps), which must be known.

    The result has stride * (size - 1) + output_padding + (taps - 1) * dilation + 1 pixels, less the pads; where its
    shape is stated the pads are what that leaves, the odd one in front but for SAME_UPPER
    (https://onnx.ai/onnx/operators/onnx__ConvTranspose.html).
    """
    taps, image = taps_of(w, kernel_shape), channels_last(t, x)
    axes, sizes = len(taps), spatial(image)
    steps, spread = each(strides, axes, "strides"), each(dilations, axes, "dilations")
    more = tuple(output_padding) or (0,) * axes
    if len(pads) not in (0, 2 * axes) or len(more) != axes:
        raise Misfit(f"pads {tuple(pads)} and output_padding {more} are not for {axes} spatial axes")
    if auto_pad not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise Misfit(f"auto_pad is {auto_pad!r} (known are NOTSET, SAME_UPPER, SAME_LOWER, VALID)")
    starts, made, wanted = [], [], tuple(output_shape)[-axes:]
    for k, (size, tap, s, d) in enumerate(zip(sizes, taps, steps, spread, strict=True)):
        reach = s * (size - 1) + more[k] + (tap - 1) * d + 1
        if wanted or auto_pad.startswith("SAME"):
            out = wanted[k] if wanted else size * s
            total = max(reach - out, 0)
            first = total // 2 if auto_pad == "SAME_UPPER" else ceil_div(total, 2)
        else:
            before, after = (pads[k], pads[k + axes]) if pads and auto_pad == "NOTSET" else (0, 0)
            out, first = reach - before - after, before
        starts.append(first)
        made.append(out)
    kernel = kernel_of(t, w, (0, 1))
    y = transposed_convolution(
        t, image, kernel, b, strides=steps, dilation=spread, start=starts, sizes=made, groups=group
    )
    return channels_first(t, y)
