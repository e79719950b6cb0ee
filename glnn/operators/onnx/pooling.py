"""Operators of windows of images, and of whole images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...primitives import Sym
from ...primitives.move import Along
from ..say import Misfit, Say
from ..shared.convolution import channels_first, channels_last, each, pads_or_name
from ..shared.pooling import EXACT, Pool, largest, largest_and_places, means, sums
from . import onnx

Numbers = Sequence[int]


def pool_of(
    x: Sym, kernel_shape: Numbers, auto_pad: str, pads: Numbers, strides: Numbers, dilations: Numbers, ceil_mode: int
) -> Pool:
    """The windows that attributes say, for x (N, *sizes, C)."""
    taps, axes = tuple(kernel_shape), len(kernel_shape)
    if x.rank - 2 != axes:
        raise Misfit(f"kernel_shape {taps} is not for {x.rank - 2} spatial axes")
    steps, spread = each(strides, axes, "strides"), each(dilations, axes, "dilations")
    padding = pads_or_name(auto_pad, pads, x, taps, steps, spread)
    return Pool(taps, steps, spread, padding, bool(ceil_mode) and auto_pad == "NOTSET")


@onnx("MaxPool", gives=("same", "int64"))
def max_pool(
    t: Say, x: Sym, *, kernel_shape: Numbers, auto_pad: str = "NOTSET", ceil_mode: int = 0, dilations: Numbers = (),
    pads: Numbers = (), storage_order: int = 0, strides: Numbers = (),
) -> tuple[Sym, ...]:  # fmt: skip
    """The largest of each window of x (N, C, *sizes), and where it stands in x."""
    image = channels_last(t, x)
    pool = pool_of(image, kernel_shape, auto_pad, pads, strides, dilations, ceil_mode)
    if not t.wanted(1):
        return (channels_first(t, largest(t, image, pool)),)
    values, places = largest_and_places(t, image, pool, bool(storage_order))
    return channels_first(t, values), channels_first(t, places)


@onnx("AveragePool")
def average_pool(
    t: Say, x: Sym, *, kernel_shape: Numbers, auto_pad: str = "NOTSET", ceil_mode: int = 0, count_include_pad: int = 0,
    dilations: Numbers = (), pads: Numbers = (), strides: Numbers = (),
) -> Sym:  # fmt: skip
    """The mean of each window of x (N, C, *sizes)."""
    image = channels_last(t, x)
    pool = pool_of(image, kernel_shape, auto_pad, pads, strides, dilations, ceil_mode)
    return channels_first(t, means(t, image, pool, bool(count_include_pad)))


@onnx("LpPool")
def lp_pool(
    t: Say, x: Sym, *, kernel_shape: Numbers, auto_pad: str = "NOTSET", ceil_mode: int = 0, dilations: Numbers = (),
    p: float = 2, pads: Numbers = (), strides: Numbers = (),
) -> Sym:  # fmt: skip
    """The p-norm of each window of x (N, C, *sizes)."""
    image = channels_last(t, x)
    pool = pool_of(image, kernel_shape, auto_pad, pads, strides, dilations, ceil_mode)
    return channels_first(t, rooted(t, sums(t, powered(t, image, p), pool), p))


def powered(t: Say, x: Sym, p: float) -> Sym:
    """|x| to the p."""
    return t.apply("square", x) if p == 2 else abs(x) if p == 1 else t.apply("power", abs(x), float(p))


def rooted(t: Say, x: Sym, p: float) -> Sym:
    """The p-th root of what is not negative."""
    return t.apply("sqrt", x) if p == 2 else x if p == 1 else t.apply("power", x, 1.0 / p)


def over_image(t: Say, kind: str, x: Sym) -> Sym:
    """x (N, C, *sizes) reduced along all spatial axes, which stay with size 1."""
    return t.reduce(kind, x, range(2, x.rank), True) if x.rank > 2 else x


@onnx("GlobalAveragePool")
def global_average_pool(t: Say, x: Sym) -> Sym:
    """The mean of each image."""
    return over_image(t, "mean", x)


@onnx("GlobalMaxPool")
def global_max_pool(t: Say, x: Sym) -> Sym:
    """The largest of each image."""
    return over_image(t, "max", x)


@onnx("GlobalLpPool")
def global_lp_pool(t: Say, x: Sym, *, p: float = 2) -> Sym:
    """The p-norm of each image."""
    return rooted(t, over_image(t, "sum", powered(t, x, p)), p)


@onnx("MaxUnpool")
def max_unpool(
    t: Say, x: Sym, places: Sym, shape: Sym | None = None, *, kernel_shape: Numbers, pads: Numbers = (),
    strides: Numbers = (),
) -> Sym:  # fmt: skip
    """What MaxPool with places made, at these places in an image of zeros.

    The places are numbers in the image that attributes tell; where another shape is stated, zeros follow behind.
    """
    axes = len(kernel_shape)
    n, c, *sizes = t.static(x)
    steps = each(strides, axes, "strides")
    cut = tuple(pads) or (0,) * (2 * axes)
    sides = zip(sizes, kernel_shape, steps, cut[:axes], cut[axes:], strict=True)
    own = tuple((size - 1) * s + k - before - after for size, k, s, before, after in sides)
    if math.prod((n, c, *own)) > EXACT:
        raise Misfit(f"places in a tensor of {math.prod((n, c, *own))} elements (at most {EXACT} are told apart)")
    zeros = t.weight(np.zeros(math.prod((n, c, *own)), np.float32))
    made = t.reshape(t.scatter(zeros, t.reshape(places, (-1,)), t.reshape(x, (-1,))), (n, c, *own))
    if shape is None:
        return made
    return t.remap(made, [Along(None, int(size), edge="zero") for size in t.sizes(shape)])
