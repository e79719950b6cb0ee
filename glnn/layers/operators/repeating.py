"""Operators that repeat elements, turn them around or add some at the ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.einsum import with_ones
from ...primitives.move import Along
from .shaping import swapaxes
from .table import Free, counted_axes, flat, known, number_of, operator, several, tensor, whole


@operator()
def tile(t: Trace, x: Any, repeats: Any) -> Sym:
    """All of x again and again along each axis."""
    x, counts = tensor(t, x), list(several(repeats))
    counts = [1] * (x.rank - len(counts)) + counts
    x = with_ones(t, x, range(len(counts) - x.rank))
    for axis, count in enumerate(counts):
        if count > 1 and x.constant:
            x = t.weight(np.concatenate([np.asarray(t.value(x), np.float64)] * count, axis))
        elif count > 1:
            size = x.shape[axis]
            extra = Along(None, size * count, edge="wrap") if size is not None else None
            x = (
                t.remap(x, [extra if k == axis else None for k in range(x.rank)])
                if extra
                else t.concat([x] * count, axis)
            )
        elif count < 1:
            raise ValueError(f"x {count} times along axis {axis}")
    return x


@operator()
def repeat(t: Trace, x: Any, repeats: Any, axis: int | None = None) -> Sym:
    """Each element again and again along an axis."""
    x, counts = tensor(t, x), several(repeats)
    if axis is None:
        x, axis = flat(t, x), 0
    axis = checked_axis(axis, x.rank)
    if len(counts) == 1:
        return t.remap(x, [Along(None, div=counts[0]) if k == axis else None for k in range(x.rank)])
    rows = [float(k) for k, count in enumerate(counts) for _ in range(count)]
    return t.take(x, tensor(t, tuple(rows)), axis)


@operator()
def roll(t: Trace, x: Any, shift: Any, axis: Any = None) -> Sym:
    """Moved along axes, what leaves at one end comes in at the other."""
    x = tensor(t, x)
    if axis is None:
        if None in x.shape:
            raise ValueError(f"roll without axis of {x.shape}, whose sizes are not all known")
        return t.reshape(roll(t, flat(t, x), shift, 0), list(x.shape))
    shifts, axes = several(shift), counted_axes(axis, x.rank)
    shifts = shifts * len(axes) if len(shifts) == 1 else shifts
    for step, place in zip(shifts, axes, strict=True):
        if place == 0 and x.shape[0] is None:
            raise ValueError("roll along the batch, whose size is free")
        move = Along(None, add=-step, edge="wrap")
        x = t.remap(x, [move if k == place else None for k in range(x.rank)])
    return x


@operator()
def flip(t: Trace, x: Any, axis: Any = None) -> Sym:
    x = tensor(t, x)
    axes = counted_axes(axis, x.rank)
    if 0 in axes and x.shape[0] is None:
        raise ValueError("flip along the batch, whose size is free")
    return t.backwards(x, axes)


@operator()
def fliplr(t: Trace, x: Any) -> Sym:
    return flip(t, x, 1)


@operator()
def flipud(t: Trace, x: Any) -> Sym:
    return flip(t, x, 0)


@operator()
def rot90(t: Trace, array: Any, k: int = 1, axes: Any = (0, 1)) -> Sym:
    """Turned by quarters, from the first axis to the second."""
    x = tensor(t, array)
    one, two = counted_axes(axes, x.rank)
    for _ in range(k % 4):
        x = swapaxes(t, flip(t, x, two), one, two)
    return x


@operator()
def pad(t: Trace, x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Sym:
    """Elements before and after along each axis: a number, as the ends are ("edge"), mirrored, from the other end."""
    x, widths = tensor(t, x), _widths(whole(pad_width), tensor(t, x).rank)
    if any(side < 0 for pair in widths for side in pair):
        raise ValueError(f"pad_width {widths} must be 0 or more")
    if mode == "symmetric":
        return _mirrored(t, x, widths)
    edges = {"constant": "zero", "edge": "clamp", "reflect": "reflect", "wrap": "wrap"}
    if mode not in edges:
        raise ValueError(f"mode {mode!r}; allowed are {', '.join(edges)} and symmetric")
    value = 0.0 if constant_values is None else number_of(tensor(t, constant_values))
    moves = [Along(None, add=-a, extra=a + b, edge=edges[mode]) if a or b else None for a, b in widths]
    if not any(moves):
        return x
    made = t.remap(x, moves)
    if mode != "constant" or not value:
        return made
    inside: Any = 1.0
    for axis, (before, after) in enumerate(widths):
        if before or after:
            place = t.index(made, axis)
            end = t.apply("less", place, float(known(x, axis, "pad") + before))
            here = t.apply("logical_and", t.apply("greater_equal", place, float(before)), end)
            inside = here if isinstance(inside, float) else t.apply("logical_and", inside, here)
    return t.where(inside, made, value)


def _widths(given: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, of these, of one for all, or of a number for all sides."""
    pairs = (given, given) if isinstance(given, int) else given
    pairs = (pairs,) if isinstance(pairs[0], int) else pairs
    made: tuple[tuple[int, int], ...] = tuple(pairs)  # type: ignore[arg-type]
    return made * rank if len(made) == 1 else made


def _mirrored(t: Trace, x: Sym, widths: Any) -> Sym:
    """Padding with the ends mirrored, the end itself twice."""
    for axis, (before, after) in enumerate(widths):
        if before or after:
            size = known(x, axis, "pad")
            order = [k % (2 * size) for k in range(-before, size + after)]
            rows = tuple(float(min(k, 2 * size - 1 - k)) for k in order)
            x = t.take(x, tensor(t, rows), axis)
    return x


@operator()
def broadcast_to(t: Trace, x: Any, shape: Any) -> Sym:
    """x with sizes of 1 repeated to a shape; -1 and free sizes: as they are."""
    x, goal = tensor(t, x), list(shape if isinstance(shape, tuple | list) else whole(shape))
    x = with_ones(t, x, range(len(goal) - x.rank))
    moves: list[Along] = []
    for axis, (size, wanted) in enumerate(zip(x.shape, goal, strict=True)):
        same = isinstance(wanted, Free) or wanted is None or whole(wanted) in (-1, size)
        if isinstance(wanted, Free) and size == 1:
            raise ValueError("repeating along an axis whose size is free")
        if not same and size != 1:
            raise ValueError(f"{x.shape} does not broadcast to {tuple(goal)}")
        moves.append(Along(axis) if same else Along(None, whole(wanted)))
    return t.broadcast(x, moves) if any(move.source is None for move in moves) else x


@operator()
def meshgrid(t: Trace, *x: Any, indexing: str = "xy") -> list[Sym]:
    """Each vector along an axis of its own, repeated along the others."""
    vectors = [flat(t, tensor(t, one)) for one in x]
    swapped = indexing == "xy" and len(vectors) > 1
    places = [1, 0, *range(2, len(vectors))] if swapped else list(range(len(vectors)))
    shaped = [
        with_ones(t, v, [k for k in range(len(vectors)) if k != place])
        for v, place in zip(vectors, places, strict=True)
    ]
    made = []
    for one in shaped:
        for other in shaped:
            one = t.apply("spread", one, other)
        made.append(one)
    return made
