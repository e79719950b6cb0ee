"""Operators that pick or put by numbers, and those that put in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym
from ...primitives.einsum import with_ones
from ..say import Misfit, Say
from ..shared.empty import void
from ..shared.gathers import along, elements, elements_of, put, rows
from ..shared.slices import ALL, picked
from . import onnx

REDUCTIONS = {"none": "set", "add": "add", "mul": "mul", "max": "max", "min": "min"}


@onnx("Gather", exact=lambda x, places, *, axis=0: np.take(x, places.astype(np.int64), axis))
def gather(t: Say, x: Sym, places: Sym, *, axis: int = 0) -> Sym:
    """Rows along an axis by their numbers."""
    return rows(t, x, places, checked_axis(axis, x.rank))


def _along(x: np.ndarray, places: np.ndarray, *, axis: int = 0) -> np.ndarray:
    axis = checked_axis(axis, x.ndim)
    part = x[tuple(ALL if k == axis else slice(size) for k, size in enumerate(places.shape))]
    return np.take_along_axis(part, places.astype(np.int64), axis)


@onnx("GatherElements", since=11, exact=_along)
def gather_elements(t: Say, x: Sym, places: Sym, *, axis: int = 0) -> Sym:
    """For each place the number of an element along an axis."""
    return along(t, x, places, checked_axis(axis, x.rank))


@onnx("GatherND", since=11, exact=lambda x, places, *, batch_dims=0: elements_of(x, places, batch_dims))
def gather_nd(t: Say, x: Sym, places: Sym, *, batch_dims: int = 0) -> Sym:
    """Parts of x by several numbers each."""
    return elements(t, x, places, batch_dims)


@onnx("Scatter", "ScatterElements", since=9)
def scatter_elements(t: Say, x: Sym, places: Sym, updates: Sym, *, axis: int = 0, reduction: str = "none") -> Sym:
    """x with each update put, or worked in, at its own place but along an axis, where its number says."""
    return put(t, x, places, updates, _kind(reduction), checked_axis(axis, x.rank))


@onnx("ScatterND", since=11)
def scatter_nd(t: Say, x: Sym, places: Sym, updates: Sym, *, reduction: str = "none") -> Sym:
    """x with parts put, or worked in, where several numbers each say."""
    return put(t, x, places, updates, _kind(reduction), form="nd")


def _kind(reduction: str) -> str:
    if reduction not in REDUCTIONS:
        raise Misfit(f"reduction {reduction!r}; allowed are {', '.join(REDUCTIONS)}")
    return REDUCTIONS[reduction]


@onnx("TensorScatter", since=24)
def tensor_scatter(
    t: Say, cache: Sym, update: Sym, places: Sym | None = None, *, axis: int = -2, mode: str = "linear"
) -> Sym:
    """A cache (B, ..) with updates along an axis from the place on that each sample has; "circular": round its end."""
    axis = checked_axis(axis, cache.rank)
    room, count = t.static(cache)[axis], t.static(update)[axis]
    if 0 in update.shape:
        return cache
    first = 0.0 if places is None else t.reshape(places, [-1, *[1] * (cache.rank - 1)])
    at = t.index(cache, axis) - first
    if mode == "circular":
        at = t.where(t.apply("less", at, 0.0), at + float(room), at)
    elif mode != "linear":
        raise Misfit(f"mode {mode!r}; allowed are linear and circular")
    inside = t.apply("logical_and", t.apply("less", -1.0, at), t.apply("less", at, float(count)))
    moved = t.take(update, t.minimum(t.maximum(at, 0.0), float(count - 1)), axis, "clip", "along")
    return t.where(inside, moved, cache)


@onnx("OneHot", since=9)
def one_hot(t: Say, places: Sym, depth: Sym, values: Sym, *, axis: int = -1) -> Sym:
    """A new axis: the second value at the place of each number, the first elsewhere; negative ones from the end."""
    size, axis = int(t.number(depth)), checked_axis(axis, places.rank + 1)
    dtype = getattr(values, "dtype", "float32")
    if 0 in (*places.shape, size):
        sizes = list(t.static(places))
        return void(t, values, [*sizes[:axis], size, *sizes[axis:]])
    whole = t.where(t.apply("less", places, 0.0), places + float(size), places)
    if getattr(places, "dtype", "float32").startswith(("float", "bfloat")):
        whole = t.apply("trunc", whole)
    numbers = np.arange(size, dtype=np.float64).reshape([-1 if k == axis else 1 for k in range(places.rank + 1)])
    hit = t.apply("equal", with_ones(t, whole, [axis]), t.weight(numbers))
    off, on = (picked(t, values, (k,)) for k in (0, 1))
    return t.give(t.where(hit, on, off), dtype)


@onnx("TopK", gives=("same", "int64"))
def top_k_oldest(t: Say, x: Sym, *, k: int, axis: int = -1) -> tuple[Sym, Sym]:
    """The k largest elements along an axis in order, and their numbers."""
    return top_k(t, x, k, axis=axis)


@onnx("TopK", since=10, gives=("same", "int64"))
def top_k_old(t: Say, x: Sym, k: Any, *, axis: int = -1) -> tuple[Sym, Sym]:
    return top_k(t, x, k, axis=axis)


@onnx("TopK", since=11, gives=("same", "int64"))
def top_k(t: Say, x: Sym, k: Any, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Sym, Sym]:
    """The k largest or smallest elements; in order, which is one of those that are allowed where none is asked for."""
    axis, count = checked_axis(axis, x.rank), int(t.number(k))
    if 0 in x.shape or not count:
        shape = [count if n == axis else size for n, size in enumerate(t.static(x))]
        return void(t, x, shape), t.give(np.zeros(shape, np.int64))
    return t.topk(x, count, axis, bool(largest))
