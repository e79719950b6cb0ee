"""Picking and putting by numbers, where there may be none of them, and numbers that are known become slices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...primitives import Sym
from ..say import Misfit, Say
from .empty import void
from .sizing import reshaped, shape_of
from .slices import ALL, picked

MOST = 5  # axes of which one number each picks


def rows(t: Say, x: Sym, places: Sym, axis: int, mode: str = "nan") -> Sym:
    """Rows along an axis by their numbers, of any shape; negative ones count from the end. modes: see Take."""
    axis = axis + x.rank if axis < 0 else axis
    shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
    if 0 in shape:
        return void(t, x, [int(size or 0) for size in shape])
    known = getattr(places, "array", None)
    if known is not None and not x.constant and known.dtype != object and (cut := _run(known, x.shape[axis])):
        made = picked(t, x, [*[ALL] * axis, cut])
        return made if places.rank == 1 else reshaped(t, made, _around(made, axis, places.shape))
    return t.take(x, places, axis, mode)


def _around(x: Sym, axis: int, shape: Any) -> list[Any]:
    """The sizes of x with others in place of one of its axes."""
    sizes = shape_of(x)
    return [*sizes[:axis], *shape, *sizes[axis + 1 :]]


def _run(places: np.ndarray, size: int | None) -> slice | None:
    """The slice that takes the same as these numbers; None where none does."""
    given = [int(k) for k in places.reshape(-1)]
    if size is None:
        return slice(given[0], given[0] + 1) if len(given) == 1 and given[0] >= 0 else None
    given = [k + size if k < 0 else k for k in given]
    step = given[1] - given[0] if len(given) > 1 else 1
    if (
        not step
        or given != [given[0] + step * k for k in range(len(given))]
        or not 0 <= min(given) <= max(given) < size
    ):
        return None
    end = given[-1] + (1 if step > 0 else -1)
    return slice(given[0], None if end < 0 else end, step)


def along(t: Say, x: Sym, places: Sym, axis: int) -> Sym:
    """For each place the number of an element along an axis; negative ones count from the end."""
    if 0 in places.shape:
        return void(t, x, t.static(places))
    if not x.rank:
        raise Misfit("elements of a number are picked along none of its axes")
    return t.take(x, places, axis, "nan", "along")


def elements(t: Say, x: Sym, places: Sym, batch: int = 0) -> Sym:
    """Parts of x by several numbers each, the last axis of `places`, after `batch` axes that both have."""
    depth = int(places.shape[-1] or 0)
    if batch + depth > x.rank:
        raise Misfit(
            f"indices of {depth} numbers after {batch} axes pick of more than the {x.rank} axes that there are"
        )
    shape = (*places.shape[:-1], *x.shape[batch + depth :])
    if 0 in shape:
        return void(t, x, [int(size or 0) for size in shape])
    x, places = _fewer(t, x, places, batch)
    made = t.take(x, places, 0, "nan", "nd", batch) if places.rank > batch + 1 else None
    if made is None:  # one for each of the batch
        sizes = shape_of(places)
        wide = reshaped(t, places, [*sizes[:-1], 1, sizes[-1]])
        whole = t.take(x, wide, 0, "nan", "nd", batch)
        left = shape_of(whole)
        made = reshaped(t, whole, [*left[:batch], *left[batch + 1 :]])
    return made


def _fewer(t: Say, x: Sym, places: Sym, batch: int) -> tuple[Sym, Sym]:
    """x and numbers of it where these are not more than a primitive takes: the last two axes become one."""
    depth = int(places.shape[-1] or 0)
    if depth <= MOST:
        return x, places
    at, size = batch + depth - 2, t.static(x)
    counted = [t.where(t.apply("less", k, 0.0), k + float(size[at + i]), k) for i, k in enumerate(_last(t, places))]
    one = counted[0] * float(size[at + 1]) + counted[1]
    others = picked(t, places, (Ellipsis, slice(0, depth - 2)))
    x = reshaped(t, x, [*size[:at], size[at] * size[at + 1], *size[at + 2 :]])
    return _fewer(t, x, t.concat([others, one], -1), batch)


def _last(t: Say, places: Sym) -> list[Sym]:
    depth = int(places.shape[-1] or 0)
    return [picked(t, places, (Ellipsis, slice(k, k + 1))) for k in (depth - 2, depth - 1)]


def put(t: Say, x: Sym, places: Sym, updates: Sym, kind: str, axis: int = 0, form: str = "along") -> Sym:
    """x with updates put, or worked in, where numbers say. kinds and forms: see Scatter."""
    if 0 in places.shape or 0 in updates.shape or 0 in x.shape:
        return x
    if form == "nd" and places.rank == 1:  # one place
        updates = reshaped(t, updates, [1, *shape_of(updates)])
        known = getattr(places, "array", None)
        places = reshaped(t, places, [1, *shape_of(places)])
        places = places if known is None else t.give(known[None])
    if (made := _put_by_known(t, x, places, updates, kind, axis, form)) is not None:
        return made
    if form == "nd":
        depth = int(places.shape[-1] or 0)
        if depth > x.rank:
            raise Misfit(f"indices of {depth} numbers into a tensor of {x.rank} axes")
        shape = x.shape
        x, places = _fewer(t, x, places, 0)
        made = t.scatter(x, places, updates, kind, axis, form)
        return made if x.rank == len(shape) else reshaped(t, made, shape)
    return t.scatter(x, places, updates, kind, axis, form)


def _put_by_known(t: Say, x: Sym, places: Sym, updates: Sym, kind: str, axis: int, form: str) -> Sym | None:
    """The same where numbers are known: each element picks its update. None where it is not said so, or has several."""
    known = getattr(places, "array", None)
    if known is None or known.dtype == object or None in x.shape or form not in ("along", "nd"):
        return None
    depth = known.shape[-1] if form == "nd" else x.rank
    lead, rest = t.static(x)[:depth], t.static(x)[depth:]
    count = known.size // depth if form == "nd" else known.size
    if depth > x.rank or math.prod(t.static(updates)) != count * math.prod(rest):
        return None
    index = np.moveaxis(known, -1, 0).astype(np.int64) if form == "nd" else np.indices(known.shape)
    index = index.reshape(depth, -1)
    if form == "along":
        index[axis] = known.reshape(-1)
    sizes = np.array(lead)[:, None]
    index = np.where(index < 0, index + sizes, index)
    if (index < 0).any() or (index >= sizes).any():
        return None
    rows = np.ravel_multi_index(tuple(index), lead)
    if kind != "set" and len(np.unique(rows)) < len(rows):
        return None
    own = np.full(math.prod(lead), -1)
    own[rows] = np.arange(count)
    taken = t.take(reshaped(t, updates, [count, *rest]), t.give(np.maximum(own, 0).reshape(lead)), 0)
    if kind != "set":
        taken = t.apply({"add": "add", "mul": "multiply", "max": "maximum", "min": "minimum"}[kind], x, taken)
    if (own >= 0).all():
        return taken
    return t.where(t.weight((own >= 0).astype(np.float64).reshape(*lead, *[1] * len(rest))), taken, x)


def elements_of(x: np.ndarray, places: np.ndarray, batch: int) -> np.ndarray:
    """The same as `elements`, in NumPy."""
    lead, depth = x.shape[:batch], places.shape[-1]
    one, where = x.reshape(-1, *x.shape[batch:]), places.reshape(math.prod(lead), -1, depth).astype(np.int64)
    made = [row[tuple(numbers.T)] for row, numbers in zip(one, where, strict=True)]
    whole = np.stack(made) if made else np.zeros((0,), x.dtype)
    return whole.reshape(*places.shape[:-1], *x.shape[batch + depth :])
