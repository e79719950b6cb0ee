"""Resizing along any axes of a tensor, and resizing of a part of it that may reach beyond its ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...primitives import Sym
from ...primitives.taps import RADII, rounded, share
from ..say import Misfit, Say
from .empty import void
from .gathers import rows
from .sizing import reshaped, shape_of

Outs = Mapping[int, int]  # the size of each axis that is resized


def resized(t: Say, x: Sym, outs: Outs, factors: Mapping[int, float] | None = None, **options: Any) -> Sym:
    """x in other sizes along axes; factors: how many times as large where that is not their quotient.

    options: those of Resample: method, coordinates, rounding, cubic, antialias, exclude_outside
    """
    shape = [outs.get(axis, size) for axis, size in enumerate(x.shape)]
    if any(x.shape[axis] is None for axis in outs):
        t.static(x)
    if 0 in shape:
        return void(t, x, [int(size or 0) for size in shape])
    if 0 in x.shape:
        raise Misfit(f"nothing of shape {x.shape} is resized to {tuple(shape)}")
    asked = dict(factors or {})
    changed = [axis for axis, out in outs.items() if out != x.shape[axis] or asked.get(axis, 1.0) != 1.0]
    if not changed:
        return x
    order = _order(x.rank, changed)
    if order is None:
        for axis in changed:
            x = _along(t, x, axis, outs[axis], asked.get(axis), options)
        return x
    spatial = order[1:-1]
    given: dict[str, Any] = {"sizes": tuple(int(shape[axis] or 0) for axis in spatial)}
    if asked:
        given["factors"] = tuple(float(asked.get(k, _quotient(shape[k], x.shape[k]))) for k in spatial)
    made = t.resample(t.transpose(x, order), **given, **options)
    return t.transpose(made, [order.index(axis) for axis in range(x.rank)])


def _quotient(out: int | None, size: int | None) -> float:
    return (out or 1) / (size or 1)


def _order(rank: int, changed: list[int]) -> tuple[int, ...] | None:
    """The order of axes in which those that change are images'; None where they are none."""
    if 3 <= rank <= 5 and all(0 < axis < rank - 1 for axis in changed):
        return tuple(range(rank))
    if 3 <= rank <= 5 and min(changed) > 1:
        return (0, *range(2, rank), 1)
    return None


def _along(t: Say, x: Sym, axis: int, out: int, factor: float | None, options: Mapping[str, Any]) -> Sym:
    """x resized along one axis."""
    sizes = shape_of(x)
    after = int(np.prod([int(size) for size in sizes[axis + 1 :]])) if None not in x.shape[axis + 1 :] else 0
    if not after:
        t.static(x)
    flat = reshaped(t, x, [-1, sizes[axis], after])
    factors = {} if factor is None else {"factors": (float(factor),)}
    return reshaped(t, t.resample(flat, sizes=(out,), **factors, **options), [*sizes[:axis], out, *sizes[axis + 1 :]])


def cropped(
    t: Say, x: Sym, outs: Outs, spans: Mapping[int, tuple[float, float]], method: str, outside: float = 0.0,
    rounding: str = "round_prefer_floor", cubic: float = -0.75, exclude_outside: bool = False,
) -> Sym:  # fmt: skip
    """Parts of x along axes, from a share of its size to another, in other sizes; `outside`: what is beyond its ends.

    Elements lie with the ends of the part on the ends of the result, as TensorFlow's CropAndResize has it.
    """
    beyond: Any = None
    for axis, out in outs.items():
        size, (start, end) = t.static(x)[axis], spans[axis]
        step = np.arange(out) / (out - 1) if out > 1 else np.full(1, 0.5)
        at = (start + step * (end - start)) * (size - 1)
        lost = (at < 0) | (at > size - 1)
        x = _weighed(t, x, axis, *taps(at, size, method, rounding, cubic, exclude_outside))
        mask = lost.reshape([-1 if k == axis else 1 for k in range(x.rank)])
        beyond = mask if beyond is None else beyond | mask
    if beyond is None or not beyond.any():
        return x
    return t.where(t.weight(beyond.astype(np.float64)), float(outside), x)


def taps(
    at: np.ndarray, size: int, method: str, rounding: str, cubic: float, exclude_outside: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The elements (out, taps) of which those at places are made, and their weights."""
    if method == "nearest":
        return np.clip(rounded(at, rounding), 0, size - 1).astype(int)[:, None], np.ones((len(at), 1))
    radius = int(RADII[method])
    near = np.floor(at).astype(int)[:, None] - radius + 1 + np.arange(2 * radius)
    weights = share(method, cubic)(np.abs(near - at[:, None]))
    if exclude_outside:
        weights = np.where((near >= 0) & (near < size), weights, 0)
        weights = weights / weights.sum(1, keepdims=True)
    return np.clip(near, 0, size - 1), weights


def _weighed(t: Say, x: Sym, axis: int, places: np.ndarray, weights: np.ndarray) -> Sym:
    """The sums of elements along an axis by their weights."""
    made: Any = None
    for numbers, by in zip(places.T, weights.T, strict=True):
        part = rows(t, x, t.give(numbers.astype(np.int64)), axis)
        if (by != 1).any():
            part = part * t.weight(by.reshape([-1 if k == axis else 1 for k in range(x.rank)]))
        made = part if made is None else made + part
    return made
