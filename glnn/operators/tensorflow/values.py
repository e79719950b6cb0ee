"""Operators that make tensors of sizes and of numbers, and those that change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...layers.operators import OPERATORS, Free
from ...primitives import Sym
from ..say import Say, Tensor
from ..shared.empty import bounded
from . import tensorflow


@tensorflow("Identity", "StopGradient", "Snapshot", "Print", "LoopCond")
def identity(t: Say, x: Any, *_: Any) -> Any:
    """x as it is."""
    return x


@tensorflow("PlaceholderWithDefault")
def placeholder_with_default(t: Say, x: Any) -> Any:
    """The value for an input that nobody gives."""
    return x


@tensorflow("EnsureShape")
def ensure_shape(t: Say, x: Any, *, shape: Any = None) -> Any:
    """x as it is."""
    return x


@tensorflow("IdentityN")
def identity_n(t: Say, *xs: Any) -> Any:
    """Each as it is."""
    return tuple(xs)


@tensorflow("NoOp")
def no_op(t: Say, *xs: Any) -> Any:
    """Nothing."""
    return ()


def sizes(x: Any) -> np.ndarray:
    """The sizes of x's axes; those that are free as such."""
    free = None in x.shape
    found = [Free(x, axis) if size is None else size for axis, size in enumerate(x.shape)]
    return np.asarray(found, object if free else np.int32)


@tensorflow("Shape")
def shape(t: Say, x: Sym) -> Any:
    """The sizes of x's axes."""
    return sizes(x)


@tensorflow("ShapeN")
def shape_n(t: Say, *xs: Sym) -> Any:
    """The sizes of the axes of each."""
    return tuple(map(sizes, xs))


@tensorflow("Size")
def size(t: Say, x: Sym) -> Any:
    """How many elements x has."""
    return np.asarray(np.prod(t.static(x)), np.int32)


@tensorflow("Rank")
def rank(t: Say, x: Any) -> Any:
    """How many axes x has."""
    return np.asarray(x.rank, np.int32)


def filled(t: Say, shape: Any, value: Any) -> Any:
    """A tensor of one number in a shape that is known, sizes of which may be free."""
    given, kind = bounded(t.sizes(shape)), getattr(value, "dtype", "float32")
    known = getattr(value, "array", None) if isinstance(value, Tensor) else value
    if known is not None and not any(isinstance(k, Free) for k in given):
        return np.full(given, np.asarray(known).reshape(()), kind)
    number = value if known is None else float(np.asarray(known).reshape(()))
    return t.give(OPERATORS["full"].function(t, tuple(given), number), kind)


@tensorflow("Fill")
def fill(t: Say, dims: Any, value: Any) -> Any:
    """A tensor of one number."""
    return filled(t, dims, value)


@tensorflow("Zeros")
def zeros(t: Say, shape: Any) -> Any:
    """Zeros in a shape."""
    return filled(t, shape, np.float32(0))


@tensorflow("Ones")
def ones(t: Say, shape: Any) -> Any:
    """Ones in a shape."""
    return filled(t, shape, np.float32(1))


@tensorflow("ZerosLike", exact=np.zeros_like)
def zeros_like(t: Say, x: Tensor) -> Any:
    """Zeros in x's shape."""
    return np.zeros(t.static(x), x.dtype) if None not in x.shape else OPERATORS["zeros_like"].function(t, x)


@tensorflow("OnesLike", exact=np.ones_like)
def ones_like(t: Say, x: Tensor) -> Any:
    """Ones in x's shape."""
    return np.ones(t.static(x), x.dtype) if None not in x.shape else OPERATORS["ones_like"].function(t, x)


@tensorflow("Range")
def range_(t: Say, start: Any, limit: Any, delta: Any) -> Any:
    """The numbers from `start` on, before `limit`."""
    ends = [t.number(k) for k in (start, limit, delta)]
    if isinstance(ends[1], Free):
        return t.give(OPERATORS["arange"].function(t, *ends), "int32")
    if ends[2]:
        bounded([int((ends[1] - ends[0]) // ends[2])])
    return np.arange(*ends, dtype=getattr(start, "dtype", "int32"))


@tensorflow("LinSpace")
def lin_space(t: Say, start: Any, stop: Any, num: Any) -> Any:
    """So many numbers at even distances, both ends among them."""
    return np.linspace(t.number(start), t.number(stop), *bounded([int(t.number(num))]), dtype=np.float32)


@tensorflow("OneHot")
def one_hot(t: Say, indices: Sym, depth: Any, on: Any, off: Any, *, axis: int = -1) -> Any:
    """A new axis: `on` at the place of each number, else `off`."""
    bounded([*indices.shape, t.number(depth)])
    hit = OPERATORS["one_hot"].function(t, indices, t.number(depth), axis)
    high, low = float(t.number(on)), float(t.number(off))
    made = hit if (high, low) == (1.0, 0.0) else t.where(hit, high, low)
    return t.give(made, getattr(on, "dtype", "float32"))


@tensorflow("Where", host=True)
def where(condition: Any) -> Any:
    """The places of what is not 0, in rows."""
    return np.argwhere(condition).astype(np.int32)


@tensorflow("ListDiff", host=True)
def list_diff(x: Any, y: Any) -> Any:
    """What of x is not in y, and where."""
    places = np.flatnonzero(~np.isin(x, y))
    return x[places], places.astype(np.int32)


@tensorflow("Unique", host=True)
def unique(x: Any) -> Any:
    """Each element once, in the order in which they come first; for each the number of its own."""
    return unique_v2(x, np.asarray([0]))


@tensorflow("UniqueV2", host=True)
def unique_v2(x: Any, axis: Any) -> Any:
    """Each slice along an axis once, in the order in which they come first; for each the number of its own."""
    along = int(np.reshape(axis, -1)[0]) if np.size(axis) else 0
    found, first, number = np.unique(x, return_index=True, return_inverse=True, axis=along)
    order = np.argsort(first)
    place = np.argsort(order)
    return np.take(found, order, along), place[number.reshape(-1)].astype(np.int32)


@tensorflow("Bincount", "DenseBincount", host=True)
def bincount(x: Any, size: Any, weights: Any, *, binary_output: bool = False) -> Any:
    """How often each number below `size` occurs, or the sum of its weights."""
    count = int(np.reshape(size, ()))
    rows = x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)
    given = weights.reshape(rows.shape) if weights.size else np.ones(rows.shape, np.float32)
    made = np.zeros((len(rows), count), np.float32)
    for row, numbers, worth in zip(made, rows, given, strict=True):
        kept = (numbers >= 0) & (numbers < count)
        np.add.at(row, numbers[kept].astype(int), worth[kept])
    made = (made != 0).astype(np.float32) if binary_output else made
    return made.reshape((*x.shape[:-1], count))
