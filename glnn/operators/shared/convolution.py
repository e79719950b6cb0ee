"""Convolutions and their transposes, channels last, with kernels that are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import ceil_div
from ...primitives import Sym
from ...primitives.move import Along
from ...primitives.window import Margins, Padding
from ..say import Misfit, NeedsShape, Say

MOST_AXES = 3


def known(t: Say, x: Sym) -> Sym:
    """A tensor as a weight. Raises NeedsValue where it is computed of inputs."""
    return x if x.constant else t.give(t.array(x), getattr(x, "dtype", None))


def spatial(x: Sym) -> tuple[int, ...]:
    """The sizes between the batch and the channels of x (N, *sizes, C). Raises NeedsShape where one is free."""
    if None in x.shape[1:-1]:
        raise NeedsShape(f"the sizes of {x.shape} must be known")
    return tuple(size or 0 for size in x.shape[1:-1])


def channels_last(t: Say, x: Sym) -> Sym:
    """(N, C, *sizes) -> (N, *sizes, C)."""
    return t.transpose(x, [0, *range(2, x.rank), 1])


def channels_first(t: Say, x: Sym) -> Sym:
    """(N, *sizes, C) -> (N, C, *sizes)."""
    return t.transpose(x, [0, x.rank - 1, *range(1, x.rank - 1)])


def same_margins(
    sizes: Sequence[int], taps: Sequence[int], strides: Sequence[int], dilation: Sequence[int], first: bool = False
) -> Margins:
    """The pixels (before, after) by which ceil(size / stride) windows fit; the odd one after, or `first` of all."""
    made = []
    for size, k, s, d in zip(sizes, taps, strides, dilation, strict=True):
        total = max((ceil_div(size, s) - 1) * s + (k - 1) * d + 1 - size, 0)
        sides = total // 2, total - total // 2
        made.append(sides[::-1] if first else sides)
    return tuple((a, b) for a, b in made)


def pads_or_name(
    auto_pad: str, pads: Sequence[int], x: Sym, taps: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Padding:
    """The padding of x (N, *sizes, C) as ONNX says it: `pads` has all pixels before, then all after."""
    axes = len(taps)
    if auto_pad == "SAME_UPPER":
        return "same"
    if auto_pad == "SAME_LOWER":
        return same_margins(spatial(x), taps, strides, dilation, first=True)
    if auto_pad == "VALID":
        return "valid"
    if auto_pad != "NOTSET":
        raise Misfit(f"auto_pad is {auto_pad!r} (known are NOTSET, SAME_UPPER, SAME_LOWER, VALID)")
    if len(pads) not in (0, 2 * axes):
        raise Misfit(f"pads are {tuple(pads)}; {2 * axes} numbers are needed")
    return tuple(zip(pads[:axes], pads[axes:], strict=True)) if pads else ((0, 0),) * axes


def each(value: Sequence[int], axes: int, what: str) -> tuple[int, ...]:
    """A number for each spatial axis; 1 where nothing is said. Raises Misfit."""
    if len(value) not in (0, axes):
        raise Misfit(f"{what} is {tuple(value)}; {axes} numbers are needed")
    return tuple(map(int, value)) or (1,) * axes


def as_bias(t: Say, bias: Any) -> tuple[Sym | None, Sym | None]:
    """A bias as the part of a convolution, or as what is added behind it, where it is computed."""
    return (bias, None) if bias is None or bias.constant else (None, bias)


def convolution(
    t: Say, x: Sym, kernel: Sym, bias: Sym | None = None, *, strides: Sequence[int] = (), dilation: Sequence[int] = (),
    padding: Padding = "valid", groups: int = 1,
) -> Sym:  # fmt: skip
    """x (N, *sizes, C), kernel (*taps, C / groups, filters), which must be known -> (N, *windows, filters)."""
    axes = x.rank - 2
    if not 1 <= axes <= MOST_AXES or kernel.rank != x.rank:
        raise Misfit(
            f"a convolution of {x.shape} with a kernel of shape {kernel.shape} (1 to 3 spatial axes are known)"
        )
    kernel = known(t, kernel)
    *taps, inner, filters = t.static(kernel)
    if x.shape[-1] is not None and x.shape[-1] != inner * groups:
        raise Misfit(f"{groups} groups of {inner} channels, as the kernel has, are not the {x.shape[-1]} of the input")
    inside, behind = as_bias(t, bias)
    strides, dilation = each(strides, axes, "strides"), each(dilation, axes, "dilations")
    options: dict[str, Any] = dict(kernel_size=tuple(taps), strides=strides, dilation=dilation, groups=groups)
    y = t.conv(x, kernel, inside, filters=filters, padding=padding, **options)
    return y if behind is None else y + behind


def transposed_convolution(
    t: Say, x: Sym, kernel: Sym, bias: Sym | None = None, *, strides: Sequence[int] = (), dilation: Sequence[int] = (),
    start: Sequence[int] = (), sizes: Sequence[int] = (), groups: int = 1,
) -> Sym:  # fmt: skip
    """x (N, *sizes, C), kernel (*taps, C, filters / groups), which must be known -> (N, *sizes, filters).

    start: pixels that are cut off before the first of all that taps reach; sizes: of the result
    """
    axes = x.rank - 2
    if not 1 <= axes <= MOST_AXES or kernel.rank != x.rank:
        raise Misfit(
            f"a convolution of {x.shape} with a kernel of shape {kernel.shape} (1 to 3 spatial axes are known)"
        )
    kernel = known(t, kernel)
    *taps, channels, filters = t.static(kernel)
    if x.shape[-1] is not None and x.shape[-1] != channels:
        raise Misfit(f"the kernel has {channels} channels, the input {x.shape[-1]}")
    strides, dilation = each(strides, axes, "strides"), each(dilation, axes, "dilations")
    inside, behind = as_bias(t, bias)
    if groups == 1 and all(k > 0 for k in (*sizes, 1)) and min(start, default=0) >= 0:
        options: dict[str, Any] = dict(strides=strides, dilation=dilation, extra=(1,) * axes, sizes=tuple(sizes))
        y = t.conv_transpose(x, kernel, inside, kernel_size=tuple(taps), start=tuple(start) or (0,) * axes, **options)
    else:
        y = _spread(t, x, kernel, inside, strides, dilation, start or (0,) * axes, sizes, groups)
    return y if behind is None else y + behind


def _spread(
    t: Say, x: Sym, kernel: Sym, bias: Sym | None, strides: Sequence[int], dilation: Sequence[int],
    start: Sequence[int], sizes: Sequence[int], groups: int,
) -> Sym:  # fmt: skip
    """The same as a convolution, by the kernel backwards, of x with zeros between its pixels."""
    *taps, channels, filters = t.static(kernel)
    axes = [Along(None)] * x.rank
    for k, (tap, s, d, size, first) in enumerate(zip(taps, strides, dilation, sizes, start, strict=True), 1):
        reach = (tap - 1) * d
        axes[k] = Along(None, size + reach, add=first - reach, div=s, edge="only")
    x = t.remap(x, axes)
    weight = t.value(kernel)[tuple(slice(None, None, -1) for _ in taps)]
    inner = channels // groups
    turned = t.weight(weight.reshape(*taps, groups, inner, filters))
    order = [*range(len(taps)), len(taps) + 1, len(taps), len(taps) + 2]
    grouped = t.reshape(t.transpose(turned, order), (*taps, inner, groups * filters))
    return convolution(t, x, grouped, bias, dilation=dilation, groups=groups)


def kernel_of(t: Say, w: Sym, last: Sequence[int]) -> Sym:
    """A kernel with its first two axes put at the end, in this order."""
    return t.transpose(known(t, w), [*range(2, w.rank), *last])


def ones(t: Say, shape: Sequence[int]) -> Sym:
    """A weight of ones."""
    return t.weight(np.ones(shape, np.float32))
