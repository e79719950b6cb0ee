"""Sampling images at places that are computed: by the nearest pixels, or those around with weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import product
from typing import Any

from ...primitives import Sym
from ...primitives.einsum import with_ones
from ...primitives.move import Size
from ..say import Misfit, Say
from .sizing import reshaped, shape_of

Tap = tuple[Any, Any, Any]  # a pixel's number along an axis, its weight (None: 1), whether it is there (None: it is)


def pixels_at(t: Say, table: Sym, places: Sym) -> Sym:
    """table (N, P, C), numbers (N, ..) -> (N, .., C)."""
    return t.take(table, with_ones(t, places, [places.rank]), 0, "clip", "nd", 1)


def weighed(t: Say, table: Sym, sizes: Sequence[int], taps: Sequence[Sequence[Tap]]) -> Sym:
    """The sums of pixels by the products of weights along each axis. table: (N, P, C), P of `sizes`."""
    made: Any = None
    for chosen in product(*taps):
        place: Any = 0.0
        for (number, _, _), size in zip(chosen, sizes, strict=True):
            place = place * float(size) + number
        part = pixels_at(t, table, place)
        there = [mask for _, _, mask in chosen if mask is not None]
        if there:
            inside = reduce(lambda a, b: t.apply("logical_and", a, b), there)
            part = t.where(_last(t, inside), part, 0.0)
        by = [weight for _, weight, _ in chosen if weight is not None]
        if by:
            part = part * _last(t, reduce(lambda a, b: a * b, by))
        made = part if made is None else made + part
    return made


def _last(t: Say, x: Sym) -> Sym:
    return with_ones(t, x, [x.rank])


def clipped(t: Say, at: Any, size: int) -> Any:
    """A place among `size`."""
    return t.minimum(t.maximum(at, 0.0), float(size - 1))


def cubic(distance: Any, t: Say, a: float = -0.75) -> Any:
    """The weight of a pixel by its distance, of up to 2."""
    d = t.apply("abs", distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1.0
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return t.where(t.apply("less_equal", d, 1.0), near, far)


def reflected(t: Say, at: Any, low: float, high: float) -> Any:
    """A place mirrored at two ends until it lies between."""
    if high <= low:
        return at * 0.0
    span = high - low
    rest = t.apply("mod", at - low, 2 * span)
    return t.minimum(rest, 2 * span - rest) + low


def grid_taps(t: Say, at: Any, size: int, mode: str, padding: str, align: bool) -> list[Tap]:
    """The pixels along an axis of which the value at -1 .. 1 is made."""
    at = (at + 1.0) * 0.5 * float(size - 1) if align else ((at + 1.0) * float(size) - 1.0) * 0.5
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    at = t.apply("round", at) if mode == "nearest" else at
    if mode == "cubic":
        near = [t.apply("floor", at) + float(k) for k in (-1, 0, 1, 2)]
        return [_tap(t, place, cubic(at - place, t), size, padding, low, high) for place in near]
    if padding == "reflection":
        at = reflected(t, at, low, high)
    elif padding == "border":
        beyond = t.apply("logical_or", t.apply("less", at, low), t.apply("less", high, at))
        at = t.where(beyond, clipped(t, at, size), at)
    if mode == "nearest":
        return [_tap(t, at, None, size, padding, low, high)]
    if mode == "linear":
        return between(t, at, size, padding, low, high)
    raise Misfit(f"mode {mode!r}; allowed are nearest, linear (bilinear) and cubic (bicubic)")


def between(t: Say, at: Any, size: int, padding: str = "zeros", low: float = 0.0, high: float = 0.0) -> list[Tap]:
    """The two pixels around a place, by how near they are."""
    first = t.apply("floor", at)
    share = at - first
    pairs = ((first, 1.0 - share), (first + 1.0, share))
    return [_tap(t, place, weight, size, padding, low, high) for place, weight in pairs]


def _tap(t: Say, place: Any, weight: Any, size: int, padding: str, low: float, high: float) -> Tap:
    if padding == "reflection":
        place = reflected(t, place, low, high)
    there = None
    if padding == "zeros":
        there = t.apply("logical_and", t.apply("less", -1.0, place), t.apply("less", place, float(size)))
    return clipped(t, place, size), weight, there


def grid_sampled(t: Say, x: Sym, grid: Sym, mode: str, padding: str, align: bool) -> Sym:
    """x (N, C, *sizes) at places (N, *out, axes) of -1 .. 1, the last axis first -> (N, C, *out)."""
    sizes, axes = t.static(x)[2:], x.rank - 2
    if padding not in ("zeros", "border", "reflection"):
        raise Misfit(f"padding_mode {padding!r}; allowed are zeros, border and reflection")
    kept = [Size(axis) for axis in range(grid.rank - 1)]
    places = [t.reshape(t.slice(grid, -1, axes - 1 - k, 1), kept) for k in range(axes)]
    taps = [grid_taps(t, at, size, mode, padding, align) for at, size in zip(places, sizes, strict=True)]
    made = weighed(t, flat_pixels(t, x), sizes, taps)
    return t.transpose(made, (0, made.rank - 1, *range(1, made.rank - 1)))


def flat_pixels(t: Say, x: Sym) -> Sym:
    """(N, C, *sizes) -> (N, P, C)."""
    last = t.transpose(x, (0, *range(2, x.rank), 1))
    sizes = shape_of(x)
    return reshaped(t, last, [sizes[0], math.prod(sizes[2:]), sizes[1]])
