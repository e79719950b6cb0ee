"""Operators that pick or put by numbers, and those that make tensors of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.einsum import with_ones
from .repeating import pad
from .slicing import getitem
from .table import INTEGER, Free, flat, operand, operator, plain, several, tensor, whole


@operator()
def take(t: Trace, x: Any, indices: Any, axis: Any = None, mode: str = "nan", batch_dims: int = 0) -> Sym:
    """Rows along an axis (None: elements of all) by their numbers; negative ones count from the end."""
    x, places = tensor(t, x), indices
    if axis is None:
        x, axis = flat(t, x), 0
    axis = checked_axis(axis, x.rank)
    if isinstance(places, int | float):
        return getrow(t, x, axis, int(places))
    places = tensor(t, places)
    if batch_dims:
        if batch_dims != axis or axis != 1 or places.rank < 2:
            raise ValueError(f"batch_dims={batch_dims} with axis={axis} (only 1 and 1)")
        return t.take(x, with_ones(t, places, [places.rank]), 0, mode, "nd", batch_dims)
    return t.take(x, places, axis, mode)


def getrow(t: Trace, x: Sym, axis: int, place: int) -> Sym:
    """One row along an axis, which goes."""
    return getitem(t, x, (*[("slice:", None, None, None)] * axis, place))


@operator()
def take_along_axis(t: Trace, x: Any, indices: Any, axis: Any = None, mode: str = "nan") -> Sym:
    """For each element the number of one along an axis."""
    x, places = tensor(t, x), tensor(t, indices)
    if axis is None:
        x, places, axis = flat(t, x), flat(t, places), 0
    if places.constant:
        places = t.apply("spread", places, t.slice(x, axis, 0, 1)) if None in x.shape else places
    return t.take(x, places, axis, mode, "along")


@operator()
def gather_nd(t: Trace, x: Any, indices: Any, batch_dims: int = 0) -> Sym:
    """Elements by several numbers each, the last axis of `indices`."""
    return t.take(tensor(t, x), tensor(t, indices), 0, "nan", "nd", batch_dims)


@operator()
def one_hot(
    t: Trace, x: Any, num_classes: int, axis: int = -1, on_value: Any = 1.0, off_value: Any = 0.0, sparse: bool = False
) -> Sym:
    """A new axis: 1 at the place of each number, 0 elsewhere and where a number is none of them."""
    x = tensor(t, x)
    place = checked_axis(axis, x.rank + 1)
    numbers = np.arange(whole(num_classes)).reshape([-1 if k == place else 1 for k in range(x.rank + 1)])
    hit = t.apply("equal", t.apply("trunc", with_ones(t, x, [place])), t.weight(numbers.astype(np.float64)))
    on, off = plain(1.0 if on_value is None else on_value), plain(0.0 if off_value is None else off_value)
    return hit if (on, off) == (1, 0) else t.where(hit, float(on), float(off))


@operator()
def multi_hot(t: Trace, inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Sym:
    """1 at each place that a row of numbers names."""
    x = tensor(t, inputs)
    hot = one_hot(t, x, num_classes, axis)
    return t.reduce("max", hot, 1 if x.rank > 1 else 0)


@operator()
def zeros_like(t: Trace, x: Any) -> Sym:
    return full_like(t, x, 0.0)


@operator()
def ones_like(t: Trace, x: Any) -> Sym:
    return full_like(t, x, 1.0)


@operator()
def full_like(t: Trace, x: Any, fill_value: Any) -> Sym:
    return t.apply("spread", operand(t, fill_value), tensor(t, x))


@operator()
def full(t: Trace, shape: Any, fill_value: Any) -> Sym:
    """A tensor of one number; one of its sizes may be free."""
    value, sizes = operand(t, fill_value), list(shape if isinstance(shape, tuple | list) else (shape,))
    given = [size for size in sizes if isinstance(size, Free)]
    if not given:
        made = t.weight(np.ones(whole(tuple(sizes))))
        return t.apply("multiply", made, value)
    if len(given) > 1 or given[0].x is None:
        raise ValueError("a tensor of several sizes that are free, or of one that is computed of such")
    ones, axis = t.apply("spread", 1.0, given[0].x), given[0].axis
    line = t.reduce("max", ones, [k for k in range(ones.rank) if k != axis]) if ones.rank > 1 else ones
    place = next(k for k, size in enumerate(sizes) if isinstance(size, Free))
    others = np.ones([1 if isinstance(size, Free) else whole(size) for size in sizes])
    spread = t.reshape(line, [-1 if k == place else 1 for k in range(len(sizes))])
    return t.apply("spread", value, t.apply("multiply", spread, t.weight(others)))


@operator(name="zeros")
def zeros(t: Trace, shape: Any) -> Sym:
    return full(t, shape, 0.0)


@operator(name="ones")
def ones(t: Trace, shape: Any) -> Sym:
    return full(t, shape, 1.0)


@operator(INTEGER)
def arange(t: Trace, start: Any, stop: Any = None, step: Any = 1) -> Sym:
    """The numbers from `start` on, before `stop`; without `stop` those from 0 on, before `start`."""
    if stop is None:
        start, stop = 0, start
    if isinstance(stop, Free):
        if stop.x is None or whole(start) != 0 or whole(step) != 1:
            raise ValueError("numbers up to a size that is computed of a free one; give the model's inputs their sizes")
        return _line(t, stop.x, stop.axis)
    return t.weight(np.arange(*(plain(value) for value in (start, stop, step)), dtype=np.float64))


def _line(t: Trace, x: Sym, axis: int) -> Sym:
    """The numbers 0, 1, .. along an axis of x, alone."""
    others = [k for k in range(x.rank) if k != axis]
    numbers = t.index(x, axis)
    return t.reduce("max", numbers, others) if others else numbers


@operator()
def slice_update(t: Trace, inputs: Any, start_indices: Any, updates: Any) -> Sym:
    """x with updates in a box that begins there."""
    x, new = tensor(t, inputs), tensor(t, updates)
    starts = several(start_indices)
    sizes = [whole(size) if size is not None else None for size in new.shape]
    inside: Any = None
    widths = []
    for axis, (first, size) in enumerate(zip(starts, sizes, strict=True)):
        if size is None or size == x.shape[axis]:
            widths.append((0, 0))
            continue
        widths.append((first, int(x.shape[axis] or 0) - first - size))
        place = t.index(x, axis)
        end = t.apply("less", place, float(first + size))
        here = t.apply("logical_and", t.apply("greater_equal", place, float(first)), end)
        inside = here if inside is None else t.apply("logical_and", inside, here)
    placed = new if new.constant and not any(map(any, widths)) else pad(t, new, tuple(widths))
    return placed if inside is None else t.where(inside, placed, x)


@operator(INTEGER)
def searchsorted(t: Trace, sorted_sequence: Any, values: Any, side: str = "left") -> Sym:
    """How many numbers of a known vector in order are less than each value (or "right": no more)."""
    edges, x = tensor(t, sorted_sequence), tensor(t, values)
    compare = {"left": "less", "right": "less_equal"}[side]
    return t.reduce("sum", t.apply(compare, t.reshape(edges, [1] * x.rank + [-1]), with_ones(t, x, [x.rank])), -1)


@operator(INTEGER)
def digitize(t: Trace, x: Any, bins: Any) -> Sym:
    """The number of the bin of each value."""
    return searchsorted(t, bins, x, "right")
