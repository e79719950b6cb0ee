"""Operators that join, cut, repeat, pad and rearrange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.empty import void
from ..shared.pads import MODES, padded, padded_array, pairs_of
from ..shared.sizing import reshaped, shape_of
from ..shared.slices import joined, key_of, parts, picked
from . import onnx


@onnx("Concat", exact=lambda *xs, axis: np.concatenate(xs, axis))
def concat(t: Say, *xs: Sym, axis: int) -> Sym:
    """The tensors one after the other along an axis."""
    if any(x.rank != xs[0].rank for x in xs) or not -xs[0].rank <= axis < xs[0].rank:
        raise Misfit(f"axis {axis} of tensors of ranks {', '.join(str(x.rank) for x in xs)}")
    return joined(t, xs, axis)


def _shares(size: int, sizes: Sequence[int] | None, count: int) -> list[int]:
    """The sizes of parts: as they are given, or `count` of which the last may be smaller."""
    if sizes is None:
        each = -(-size // count)
        sizes = [max(0, min(each, size - k * each)) for k in range(count)]
    if sum(sizes) != size or any(part < 0 for part in sizes):
        raise Misfit(f"parts of {tuple(sizes)} are not {size} elements")
    return list(sizes)


@onnx("Split")
def split_old(t: Say, x: Sym, *, split: Any = None, axis: int = 0) -> tuple[Sym, ...]:
    """Parts along an axis: of these sizes, or as many equal ones as there are outputs."""
    axis = checked_axis(axis, x.rank)
    if x.shape[axis] is None:
        return tuple(parts(t, x, axis, [int(part) for part in split]))
    return tuple(parts(t, x, axis, _shares(int(x.shape[axis] or 0), split, len(t.outputs))))


@onnx("Split", since=13)
def split(
    t: Say, x: Sym, sizes: Sym | None = None, *, axis: int = 0, num_outputs: int | None = None
) -> tuple[Sym, ...]:
    if num_outputs not in (None, len(t.outputs)):
        raise Misfit(f"num_outputs is {num_outputs}, and there are {len(t.outputs)} outputs")
    return split_old(t, x, split=None if sizes is None else t.sizes(sizes), axis=axis)


def _cut(x: np.ndarray, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> np.ndarray:
    given = (None if v is None else np.asarray(v).tolist() for v in (starts, ends, axes, steps))
    return x[key_of(x.ndim, *given)]


@onnx("Slice", exact=lambda x, *, starts, ends, axes=None: _cut(x, starts, ends, axes))
def slice_old(t: Say, x: Sym, *, starts: Any, ends: Any, axes: Any = None) -> Sym:
    """A part along each of some axes, from places on, before others."""
    return picked(t, x, key_of(x.rank, starts, ends, axes))


@onnx("Slice", since=10, exact=_cut)
def slice_(t: Say, x: Sym, starts: Sym, ends: Sym, axes: Sym | None = None, steps: Sym | None = None) -> Sym:
    """The same, in steps."""
    given = (None if v is None else t.sizes(v) for v in (starts, ends, axes, steps))
    return picked(t, x, key_of(x.rank, *given))


def _tile(x: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    return np.tile(x, tuple(int(k) for k in repeats))


@onnx("Tile", since=6, exact=_tile)
def tile(t: Say, x: Sym, repeats: Sym) -> Sym:
    """All of x again and again along each axis."""
    counts = t.sizes(repeats)
    if len(counts) != x.rank:
        raise Misfit(f"{len(counts)} repeats for {x.rank} axes")
    if 0 in counts or 0 in x.shape:
        return void(t, x, [size * count for size, count in zip(t.static(x), counts, strict=True)])
    return OPERATORS["tile"].function(t, x, counts)


@onnx("Pad")
def pad_old(t: Say, x: Sym, *, pads: Any, mode: str = "constant", value: float = 0.0) -> Sym:
    """Elements before and after along each axis; a number below 0 cuts off."""
    return padded(t, x, pairs_of(x.rank, pads), _mode(mode), value)


def _pad(x: np.ndarray, pads: Any, value: Any = None, axes: Any = None, *, mode: str = "constant") -> np.ndarray:
    pairs = pairs_of(x.ndim, pads.tolist(), None if axes is None else axes.tolist())
    return padded_array(x, pairs, _mode(mode), 0 if value is None else value)


@onnx("Pad", since=11, exact=_pad)
def pad(t: Say, x: Sym, pads: Sym, value: Sym | None = None, axes: Sym | None = None, *, mode: str = "constant") -> Sym:
    places = None if axes is None else t.sizes(axes)
    return padded(t, x, pairs_of(x.rank, t.sizes(pads), places), _mode(mode), 0.0 if value is None else value)


def _mode(mode: str) -> str:
    if mode not in MODES:
        raise Misfit(f"mode {mode!r}; allowed are {', '.join(MODES)}")
    return MODES[mode]


@onnx("CenterCropPad", since=18)
def center_crop_pad(t: Say, x: Sym, shape: Sym, *, axes: Any = None) -> Sym:
    """The middle of x in these sizes, with zeros around where it is smaller."""
    sizes = t.static(x)
    places = range(x.rank) if axes is None else [checked_axis(axis, x.rank) for axis in axes]
    pairs = [(0, 0)] * x.rank
    for axis, goal in zip(places, t.sizes(shape), strict=True):
        lack = goal - sizes[axis]
        before = lack // 2 if lack > 0 else -(-lack // 2)
        pairs[axis] = (before, lack - before)
    return padded(t, x, pairs)


def _moved(t: Say, x: Sym, shape: Sequence[Any], order: Sequence[int], made: Sequence[Any]) -> Sym:
    """Reshaped, with axes in another order, and reshaped again."""
    if 0 in x.shape:
        return void(t, x, made)
    return reshaped(t, t.transpose(reshaped(t, x, shape), order), made)


@onnx("DepthToSpace")
def depth_to_space(t: Say, x: Sym, *, blocksize: int, mode: str = "DCR") -> Sym:
    """(N, b b C, H, W) -> (N, C, H b, W b); the blocks are the first of the channels (DCR), or the last (CRD)."""
    (n, c, h, w), b = _images(t, x), blocksize
    if c % (b * b):
        raise Misfit(f"{c} channels are no blocks of {b} x {b}")
    deep = c // (b * b)
    shape, order = {
        "DCR": ((n, b, b, deep, h, w), (0, 3, 4, 1, 5, 2)),
        "CRD": ((n, deep, b, b, h, w), (0, 1, 4, 2, 5, 3)),
    }[mode]
    return _moved(t, x, shape, order, (n, deep, h * b, w * b))


@onnx("SpaceToDepth")
def space_to_depth(t: Say, x: Sym, *, blocksize: int, mode: str = "DCR") -> Sym:
    """(N, C, H b, W b) -> (N, b b C, H, W); see DepthToSpace."""
    (n, c, h, w), b = _images(t, x), blocksize
    if h % b or w % b:
        raise Misfit(f"{h} x {w} pixels are no blocks of {b} x {b}")
    order = {"DCR": (0, 3, 5, 1, 2, 4), "CRD": (0, 1, 3, 5, 2, 4)}[mode]
    return _moved(t, x, (n, c, h // b, b, w // b, b), order, (n, c * b * b, h // b, w // b))


def _images(t: Say, x: Sym) -> tuple[Any, int, int, int]:
    """The sizes of images, of which the first may be free."""
    if x.rank != 4:
        raise Misfit(f"images (N, C, H, W) are needed, not a tensor of shape {x.shape}")
    if None in x.shape[1:]:
        t.static(x)
    n, c, h, w = shape_of(x)
    return n, c, h, w


@onnx("ReverseSequence", since=10)
def reverse_sequence(t: Say, x: Sym, lengths: Sym, *, batch_axis: int = 1, time_axis: int = 0) -> Sym:
    """The first steps of each sequence, as many as its length tells, turned around."""
    batch, time = checked_axis(batch_axis, x.rank), checked_axis(time_axis, x.rank)
    if 0 in x.shape:
        return x
    ends = t.reshape(lengths, [-1 if k == batch else 1 for k in range(x.rank)])
    step = t.index(x, time)
    places = t.where(t.apply("less", step, ends), ends - 1.0 - step, step)
    return t.take(x, places, time, "nan", "along")
