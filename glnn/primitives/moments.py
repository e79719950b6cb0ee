"""Draws that make mean and variance together: a tensor whose first half of images holds means, the second variances."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..graph.shapes import Shape, canonical, ceil_div
from .base import Builder, Computed, Epilogue, Value
from .conv import LOOP_TURNS
from .expr import RESULT, Apply, In
from .operations import OPERATIONS
from .reductions import PARTED_TURNS, draw_reduced, loop_turns, part_of, parted, span, without

LESS = Apply(OPERATIONS["subtract"], (RESULT, In(1)))


def draw_moments(b: Builder, x: Value, axes: Sequence[int], groups: int) -> tuple[Value, Value]:
    """Mean and variance of x along axes, counted from the front, as they broadcast with it (see Standardize)."""
    last = len(x.shape) - 1
    pixels, channels = [axis for axis in axes if axis < last], last in axes
    size = x.shape[-1] // groups
    along = span(x.shape, pixels)
    if len(along.runs) > 1 or (channels and 4 * size > LOOP_TURNS):
        return _one_by_one(b, x, axes)
    if channels and not pixels and groups == 1:
        shape = without(x.shape, axes)
        param = {"HALF": canonical(shape)[0], "GROUPS": ceil_div(x.shape[-1], 4)}
        return _halves(b, b.draw("moments_channels", _double(shape), {"x": x}, param=param), shape)
    shape = without(x.shape, pixels)
    made = _of_pixels(b, x, pixels, shape)
    if channels:
        made = b.draw("moments_groups", made.shape, {"x": made}, param={"HALF": canonical(shape)[0], "SIZE": size})
    return _halves(b, made, shape)


def _of_pixels(b: Builder, x: Value, axes: Sequence[int], shape: Shape) -> Value:
    """Of each channel, along axes that are one run of pixels: in parts where that is long."""
    along = span(x.shape, axes)
    part = part_of(loop_turns(x.shape, axes), most=PARTED_TURNS)
    param, kept = along.param(part), math.prod(shape[:-1])
    param = {name: value for name, value in param.items() if name not in ("ROWS", "STEP")}
    if part is None:
        return b.draw("moments_space", _double(shape), {"x": x}, const={"PARTS": 0}, param=param | {"KEPT": kept})
    whole = parted(x.shape, axes, along, part)
    parts = b.draw(
        "moments_space", _double(whole), {"x": x}, const={"PARTS": 1}, param=param | {"KEPT": kept * whole[-2]}
    )
    param = {"KEPT": kept, "PARTS": whole[-2], "COUNT": part, "SIZE": param["SIZE"]}
    return b.draw("moments_parts", _double(shape), {"x": parts}, param=param)


def _one_by_one(b: Builder, x: Value, axes: Sequence[int]) -> tuple[Value, Value]:
    """The mean, then that of squares about it: along whatever axes."""
    shape = without(x.shape, axes)
    mean = draw_reduced(b, x, "mean", axes, shape, None, PARTED_TURNS)
    squares = Computed(x.shape, Epilogue(Apply(OPERATIONS["multiply"], (LESS, LESS)), {0: x, 1: mean}))
    return mean, draw_reduced(b, squares, "mean", axes, shape, None, PARTED_TURNS)


def _double(shape: Shape) -> Shape:
    n, h, w, c = canonical(shape)
    return 2 * n, h, w, c


def _halves(b: Builder, both: Value, shape: Shape) -> tuple[Value, Value]:
    mean, variance = b.images(both, shape)
    return mean, variance
