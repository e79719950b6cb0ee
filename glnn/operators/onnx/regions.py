"""Operators that pool regions of images, which boxes say."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from ...primitives import Sym
from ...primitives.einsum import with_ones
from ...records import dataclass
from ..say import Misfit, Say
from ..shared.empty import void
from ..shared.sampling import clipped
from ..shared.sizing import reshaped
from . import onnx

FAR = 3.0e38  # below which no element lies
NEAR = 2.0**-20  # of an image's size: how far beyond it a place is still at its border


@onnx("RoiAlign", since=10)
def roi_align_old(
    t: Say, x: Sym, boxes: Sym, images: Sym, *, mode: str = "avg", output_height: int = 1, output_width: int = 1,
    sampling_ratio: int = 0, spatial_scale: float = 1.0,
) -> Sym:  # fmt: skip
    """roi_align as it was before opset 16, where the first pixel's centre was at 0 and no box smaller than a pixel."""
    return roi_align(
        t, x, boxes, images, mode=mode, output_height=output_height, output_width=output_width,
        sampling_ratio=sampling_ratio, spatial_scale=spatial_scale, coordinate_transformation_mode="output_half_pixel",
    )  # fmt: skip


@onnx("RoiAlign", since=16)
def roi_align(
    t: Say, x: Sym, boxes: Sym, images: Sym, *, coordinate_transformation_mode: str = "half_pixel", mode: str = "avg",
    output_height: int = 1, output_width: int = 1, sampling_ratio: int = 0, spatial_scale: float = 1.0,
) -> Sym:  # fmt: skip
    """Images (N, C, H, W) in boxes (R, 4), of bins in each of which samples are taken -> (R, C, h, w).

    A sampling_ratio of 0 is as many samples as a bin is pixels long, which the values of boxes tell.
    """
    (n, c, *sizes), count = t.static(x), t.static(boxes)[0]
    if not count:
        return void(t, x, (0, c, output_height, output_width))
    if mode not in ("avg", "max"):
        raise Misfit(f"mode {mode!r}; allowed are avg and max")
    half = coordinate_transformation_mode == "half_pixel"
    corners: Any
    line: Callable[..., _Line]
    if sampling_ratio <= 0 or boxes.constant:
        corners, line = list(t.array(boxes).astype(np.float32).T[..., None]), _known_line
    else:
        corners, line = [t.slice(boxes, 1, k, 1) for k in range(4)], _line
    scale, shift = np.float32(spatial_scale), np.float32(0.5 if half else 0)
    left, top, right, bottom = (corner * scale - shift for corner in corners)
    lines = []
    for start, end, bins, size in ((top, bottom, output_height, sizes[0]), (left, right, output_width, sizes[1])):
        lines.append(line(t, start, end - start, 0.0 if half else 1.0, bins, sampling_ratio, size))
    table = reshaped(t, t.transpose(x, (0, 2, 3, 1)), [math.prod((n, *sizes)), c])
    parts = _samples(t, table, images, sizes, lines)
    return _pooled(t, parts, lines, (output_height, output_width), c, mode)


@dataclass(frozen=True, eq=False)
class _Line:
    """The samples along an axis.

    at:     their places (R, bins * most)
    there:  which lie on the image
    counts: which count, where boxes differ in how many they have; None: all
    number: how many each bin has, (R, 1) or a number
    """

    at: Sym
    there: Sym
    counts: Sym | None
    number: Any


def _line(t: Say, start: Sym, length: Sym, least: float, bins: int, ratio: int, size: int) -> _Line:
    """The samples of boxes that are computed: `ratio` in each bin, of boxes at least so long."""
    each = (t.maximum(length, least) if least else length) * (1 / bins)
    at = start + each * t.weight((np.arange(bins * ratio)[None] + 0.5) / ratio)
    near = NEAR * (size + 1)  # whole numbers are often right at the border, and a GPU's rounding must not cross it
    there = t.apply("logical_and", t.apply("less_equal", -1.0 - near, at), t.apply("less_equal", at, size + near))
    return _Line(at, there, None, float(ratio))


def _known_line(t: Say, start: np.ndarray, length: np.ndarray, least: float, bins: int, ratio: int, size: int) -> _Line:
    """The samples of boxes (R, 1) that are known; each step in float32, for at a border the last bit decides.

    The steps are those of onnxruntime's roialign.cc.
    """
    length = np.maximum(length, np.float32(least)) if least else length
    each = length / np.float32(bins)
    number = np.full_like(each, ratio) if ratio > 0 else np.maximum(np.ceil(each), 0)
    most, some = max(int(number.max()), 1), np.maximum(number, 1)
    bin_, sample = (k.reshape(1, -1).astype(np.float32) for k in np.indices((bins, most)))
    at = start + bin_ * each + (sample + np.float32(0.5)) * each / some
    counts = np.broadcast_to(sample < number, at.shape)
    weights = [t.weight(x.astype(np.float64)) for x in (at, (at >= -1) & (at <= size), counts, some)]
    return _Line(weights[0], weights[1], None if counts.all() else weights[2], weights[3])


def _samples(t: Say, table: Sym, images: Sym, sizes: Any, lines: list[_Line]) -> list[Sym]:
    """What each of the four pixels around each place gives, (R, rows, columns, C)."""
    count = lines[0].at.shape[0]
    base = t.reshape(images, (count, 1, 1)) * float(math.prod(sizes))
    taps = []
    for axis, (line, size) in enumerate(zip(lines, sizes, strict=True)):
        at = clipped(t, line.at, size)
        first = t.apply("floor", at)
        share = at - first
        new = 2 - axis
        both = ((first, 1.0 - share), (clipped(t, first + 1.0, size), share))
        taps.append([(with_ones(t, k, [new]), with_ones(t, t.where(line.there, w, 0.0), [new])) for k, w in both])
    made = []
    for row, down in taps[0]:
        for column, right in taps[1]:
            part = t.take(table, row * float(sizes[1]) + column + base, 0, "clip")
            made.append(part * with_ones(t, down * right, [3]))
    return made


def _pooled(t: Say, parts: list[Sym], lines: list[_Line], outs: Any, channels: int, mode: str) -> Sym:
    """(R, rows, columns, C) -> (R, C, h, w)."""
    joined = reduce(t.maximum if mode == "max" else lambda a, b: a + b, parts)
    masks = [with_ones(t, line.counts, [2 - axis]) for axis, line in enumerate(lines) if line.counts is not None]
    if masks:
        inside = with_ones(t, reduce(lambda a, b: a * b, masks), [3])
        joined = t.where(inside, joined, -FAR if mode == "max" else 0.0)
    count, rows, columns, _ = t.static(joined)
    split = t.reshape(joined, (count, outs[0], rows // outs[0], outs[1], columns // outs[1], channels))
    made = t.reduce("max" if mode == "max" else "sum", split, (2, 4))
    if mode == "max":
        made = t.where(t.apply("less_equal", made, -FAR), 0.0, made)
    else:
        total = lines[0].number * lines[1].number
        made = made / (t.reshape(total, (count, 1, 1, 1)) if isinstance(total, Sym) else total)
    return t.transpose(made, (0, 3, 1, 2))


@onnx("MaxRoiPool")
def max_roi_pool(t: Say, x: Sym, boxes: Sym, *, pooled_shape: Any, spatial_scale: float = 1.0) -> Sym:
    """The largest element of each bin of boxes (R, 5), (image, left, top, right, bottom) -> (R, C, h, w)."""
    n, c, *sizes = t.static(x)
    numbers = t.array(boxes).astype(np.float32)
    if not len(numbers):
        return void(t, x, (0, c, *pooled_shape))
    ends = np.sign(numbers[:, 1:]) * np.floor(np.abs(numbers[:, 1:] * np.float32(spatial_scale)) + 0.5)
    rows, full_rows = _windows(ends[:, 1], ends[:, 3], pooled_shape[0], sizes[0])
    columns, full_columns = _windows(ends[:, 0], ends[:, 2], pooled_shape[1], sizes[1])
    places = rows[:, :, None, :, None] * sizes[1] + columns[:, None, :, None, :]
    places = places + (numbers[:, 0].astype(np.int64) * math.prod(sizes))[:, None, None, None, None]
    count, h, w, *window = places.shape
    table = reshaped(t, t.transpose(x, (0, 2, 3, 1)), [n * math.prod(sizes), c])
    taken = t.take(table, t.give(places.reshape(count, h * w, math.prod(window))), 0, "clip")
    made = t.reshape(t.reduce("max", taken, 2), (count, h, w, c))
    full = (full_rows[:, :, None] & full_columns[:, None, :])[..., None]
    made = made if full.all() else t.where(t.weight(full.astype(np.float64)), made, 0.0)
    return t.transpose(made, (0, 3, 1, 2))


def _windows(starts: np.ndarray, ends: np.ndarray, bins: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The pixels (R, bins, most) along an axis of each bin, the last again and again; and which bins have some."""
    each = np.maximum(ends - starts + 1, 1).astype(np.float32) / np.float32(bins)
    number = np.arange(bins, dtype=np.float32)
    first = np.clip(np.floor(number * each[:, None]) + starts[:, None], 0, size).astype(np.int64)
    last = np.clip(np.ceil((number + 1) * each[:, None]) + starts[:, None], 0, size).astype(np.int64)
    most = max(int((last - first).max()), 1)
    places = np.minimum(first[..., None] + np.arange(most), np.maximum(last - 1, first)[..., None])
    return np.clip(places, 0, size - 1), last > first
