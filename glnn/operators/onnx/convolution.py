"""Operators that go over images with kernels of floats; `quantized` has those of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import ceil_div
from ...primitives import Sym
from ...primitives.move import Along, Size
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
from ..shared.empty import void
from ..shared.sampling import between, flat_pixels, weighed
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


@onnx("DeformConv")
def deform_conv(
    t: Say, x: Sym, w: Sym, offset: Sym, b: Sym | None = None, mask: Sym | None = None, *, dilations: Numbers = (),
    group: int = 1, kernel_shape: Numbers = (), offset_group: int = 1, pads: Numbers = (), strides: Numbers = (),
) -> Sym:  # fmt: skip
    """A convolution of x (N, C, H, W) whose taps lie beside their places, as offsets say, and count as the mask says.

    Offsets are (N, offset_group * taps * 2, H', W'), each below and to the right, the mask has one for each tap. All
    taps of a pixel are sampled first, one below the other in an image taps * H' high.
    """
    taps = taps_of(w, kernel_shape)
    if len(taps) != 2:
        raise Misfit(f"a deformable convolution with {len(taps)} spatial axes (only 2)")
    (high, wide), sizes, channels = t.static(offset)[-2:], t.static(x)[2:], x.shape[1] or 0
    steps, spread, count = each(strides, 2, "strides"), each(dilations, 2, "dilations"), taps[0] * taps[1]
    first, own = pads or (0, 0), channels // offset_group
    places = []  # of the taps without offsets, (taps * H', W') along each axis
    for axis, (size, lengths) in enumerate(zip((high, wide), ((taps[0], 1), (1, taps[1])), strict=True)):
        tap = np.broadcast_to(np.arange(taps[axis]).reshape(lengths), taps).reshape(count, 1, 1) * spread[axis]
        at = np.arange(size).reshape((-1, 1) if axis == 0 else (1, -1)) * steps[axis] - first[axis]
        places.append(t.weight(np.broadcast_to(tap + at, (count, high, wide)).reshape(count * high, wide) + 0.0))
    apart = t.reshape(offset, (Size(0), offset_group, count, 2, high, wide))
    parts = []
    for number in range(offset_group):
        along = []
        for axis, (place, size) in enumerate(zip(places, sizes, strict=True)):
            moved = t.slice(t.slice(apart, 1, number, 1), 3, axis, 1)
            along.append(between(t, place + t.reshape(moved, (Size(0), count * high, wide)), size))
        part = weighed(t, flat_pixels(t, t.slice(x, 1, number * own, own)), sizes, along)
        if mask is not None:
            part = part * t.reshape(t.slice(mask, 1, number * count, count), (Size(0), count * high, wide, 1))
        parts.append(part)
    image = t.concat(parts, 3) if len(parts) > 1 else parts[0]
    kernel = t.reshape(kernel_of(t, w, (1, 0)), (count, 1, channels // group, -1))
    return channels_first(t, convolution(t, image, kernel, b, dilation=(high, 1), groups=group))


@onnx("CausalConvWithState", gives=("same", "same"))
def causal_conv(
    t: Say, x: Sym, w: Sym, bias: Sym | None = None, past_state: Any = None, *, activation: str = "none"
) -> tuple[Sym, Sym]:
    """Channels of x (N, C, L) with kernels (C, 1, taps), behind what was before -> that, and the last that went in."""
    if activation not in ("none", "silu", "swish"):
        raise Misfit(f"activation is {activation!r} (known are none, silu and swish)")
    channels, before = x.shape[1] or 0, (w.shape[2] or 1) - 1
    whole = x if past_state is None or not before else t.concat([past_state, x], 2)
    margin = (before, 0) if past_state is None else (0, 0)
    image, kernel = channels_last(t, whole), kernel_of(t, w, (1, 0))
    made = convolution(t, image, kernel, bias, padding=(margin,), groups=channels)
    made = made if activation == "none" else made * t.apply("sigmoid", made)
    if not before:
        return channels_first(t, made), void(t, x, (*t.static(x)[:2], 0))
    start = spatial(image)[0] - before
    return channels_first(t, made), t.remap(whole, [None, None, Along(None, before, add=start, edge="zero")])
