"""Operators that move elements: reshaping, orders of axes, pieces, repetition, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.einsum import with_ones
from ...primitives.move import Along, Size
from .table import Free, counted_axes, flat, known, listed, number_of, operator, several, tensor, whole


@operator()
def reshape(t: Trace, x: Any, newshape: Any) -> Sym:
    """The elements in row-major order; sizes may be those of other tensors' axes."""
    x = tensor(t, x)
    if isinstance(newshape, Free | int):
        newshape = (newshape,)
    sizes = list(newshape if isinstance(newshape, tuple | list) else whole(newshape))
    return t.reshape(x, _target(x, sizes))


def _target(x: Sym, sizes: list[Any]) -> list[Any]:
    """Sizes as the primitive takes them. Raises ValueError for several that nothing tells."""
    made = [
        Size(s.axis) if isinstance(s, Free) and s.x is x else s if isinstance(s, Free | Size) else whole(s)
        for s in sizes
    ]
    if -1 not in made and sum(isinstance(size, Free) for size in made) == 1:
        return [-1 if isinstance(size, Free) else size for size in made]
    if made and isinstance(made[0], Free) and made[0].x is not None and made[0].axis == 0:
        made[0] = Size(0)  # the batch, which whoever builds this has checked to be x's own
    if any(isinstance(size, Free) for size in made):
        raise ValueError(f"the shape {made} of {x.shape} has several sizes that are free")
    return made


@operator()
def ravel(t: Trace, x: Any) -> Sym:
    return flat(t, tensor(t, x))


@operator()
def transpose(t: Trace, x: Any, axes: Any = None) -> Sym:
    x = tensor(t, x)
    return t.transpose(x, range(x.rank)[::-1] if axes is None else [checked_axis(k, x.rank) for k in several(axes)])


@operator()
def moveaxis(t: Trace, x: Any, source: Any, destination: Any) -> Sym:
    x = tensor(t, x)
    old, new = ([checked_axis(k, x.rank) for k in several(axes)] for axes in (source, destination))
    order = [k for k in range(x.rank) if k not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        order.insert(place, axis)
    return t.transpose(x, order)


@operator()
def swapaxes(t: Trace, x: Any, axis1: int, axis2: int) -> Sym:
    x = tensor(t, x)
    order = list(range(x.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return t.transpose(x, order)


@operator()
def expand_dims(t: Trace, x: Any, axis: Any) -> Sym:
    x = tensor(t, x)
    axes = several(axis)
    return with_ones(t, x, [checked_axis(k, x.rank + len(axes)) for k in axes])


@operator()
def squeeze(t: Trace, x: Any, axis: Any = None) -> Sym:
    """Without axes of size 1: these, or all that are known to be so."""
    x = tensor(t, x)
    if axis is None or axis == ():
        if None in x.shape[1:]:
            raise ValueError(f"squeeze without axis of {x.shape}, whose sizes are not all known; name the axes")
        gone = [k for k, size in enumerate(x.shape) if size == 1]
    else:
        gone = list(counted_axes(axis, x.rank))
    wrong = [k for k in gone if x.shape[k] not in (1, None)]
    if wrong:
        raise ValueError(f"squeeze of axis {wrong[0]} of {x.shape}, whose size is not 1")
    return _without(t, x, gone)


def _without(t: Trace, x: Sym, gone: Sequence[int]) -> Sym:
    """x without these axes, of size 1."""
    return t.reshape(x, [Size(k) for k in range(x.rank) if k not in gone]) if gone else x


@operator()
def concatenate(t: Trace, xs: Any, axis: int = 0) -> Sym:
    syms = listed(t, xs)
    if all(sym.constant for sym in syms):
        raise ValueError("constants alone are put together")
    like = next(sym for sym in syms if not sym.constant)
    return t.concat([spread_constant(t, sym, like, axis) for sym in syms], axis)


def spread_constant(t: Trace, sym: Sym, like: Sym, axis: int | None) -> Sym:
    """A constant as a tensor beside another: with its sizes, but along an axis."""
    if not sym.constant:
        return sym
    place = None if axis is None else checked_axis(axis, like.rank)
    if place is None or sym.shape[place] == like.shape[place]:
        return t.apply("spread", sym, like)
    one = t.slice(like, place, 0, 1)
    return t.apply("spread", sym, one)


@operator()
def stack(t: Trace, x: Any, axis: int = 0) -> Sym:
    syms = listed(t, x)
    like = next((sym for sym in syms if not sym.constant), syms[0])
    place = checked_axis(axis, like.rank + 1)
    return t.concat([with_ones(t, spread_constant(t, sym, like, None), [place]) for sym in syms], place)


@operator()
def hstack(t: Trace, xs: Any) -> Sym:
    return concatenate(t, xs, 0 if listed(t, xs)[0].rank == 1 else 1)


@operator()
def vstack(t: Trace, xs: Any) -> Sym:
    syms = listed(t, xs)
    return concatenate(t, [with_ones(t, sym, [0]) if sym.rank == 1 else sym for sym in syms], 0)


@operator()
def dstack(t: Trace, xs: Any) -> Sym:
    syms = [with_ones(t, sym, {1: [0, 2], 2: [2]}.get(sym.rank, [])) for sym in listed(t, xs)]
    return concatenate(t, syms, 2)


@operator()
def split(t: Trace, x: Any, indices_or_sections: Any, axis: int = 0) -> list[Sym]:
    """Equal parts along an axis, or those between places."""
    x = tensor(t, x)
    axis = checked_axis(axis, x.rank)
    size = known(x, axis, "split")
    given = whole(indices_or_sections)
    if isinstance(given, int):
        if size % given:
            raise ValueError(f"{given} equal parts of {size} elements along axis {axis} of {x.shape}")
        given = tuple(range(size // given, size, size // given)) if given > 1 else ()
    ends = [min(max(place + size if place < 0 else place, 0), size) for place in given]
    pairs = zip([0, *ends], [*ends, size], strict=True)
    return [t.slice(x, axis, first, last - first) for first, last in pairs]


@operator()
def array_split(t: Trace, x: Any, indices_or_sections: Any, axis: int = 0) -> list[Sym]:
    """Parts along an axis of which the first may be larger by one."""
    x = tensor(t, x)
    size, given = known(x, checked_axis(axis, x.rank), "array_split"), whole(indices_or_sections)
    if isinstance(given, int):
        each, more = divmod(size, given)
        given = tuple((k + 1) * each + min(k + 1, more) for k in range(given - 1))
    return split(t, x, given, axis)


@operator()
def split_sizes(t: Trace, x: Any, sizes: Any, axis: int = 0) -> list[Sym]:
    """Parts of these sizes along an axis; -1 once, for the rest. One number: so many equal parts."""
    x, sizes = tensor(t, x), whole(sizes)
    if isinstance(sizes, int):
        return split(t, x, sizes, axis)
    rest = known(x, checked_axis(axis, x.rank), "split") - sum(size for size in sizes if size >= 0)
    given = [rest if size < 0 else size for size in sizes]
    return split(t, x, tuple(sum(given[: k + 1]) for k in range(len(given) - 1)), axis)


@operator()
def hsplit(t: Trace, x: Any, indices_or_sections: Any) -> list[Sym]:
    return split(t, x, indices_or_sections, 0 if tensor(t, x).rank == 1 else 1)


@operator()
def vsplit(t: Trace, x: Any, indices_or_sections: Any) -> list[Sym]:
    return split(t, x, indices_or_sections, 0)


@operator()
def dsplit(t: Trace, x: Any, indices_or_sections: Any) -> list[Sym]:
    return split(t, x, indices_or_sections, 2)


@operator()
def unstack(t: Trace, x: Any, num: int | None = None, axis: int = 0) -> list[Sym]:
    x = tensor(t, x)
    axis = checked_axis(axis, x.rank)
    return [_without(t, t.slice(x, axis, k, 1), [axis]) for k in range(known(x, axis, "unstack"))]


def ranged(x: Sym, axis: int, start: Any, stop: Any, step: Any) -> Along | None:
    """A slice along an axis, as Python's; None: all of it. Raises ValueError where nothing is left or known."""
    step = 1 if step is None else whole(step)
    start, stop = (None if end is None else whole(end) for end in (start, stop))
    size = x.shape[axis]
    if step == 1 and start in (None, 0) and (stop is None or (size is not None and stop >= size)):
        return None
    if size is None:
        start = 0 if start is None else start
        if (start, stop, step) == (0, 1, 1):  # no size is less
            return Along(None, 1)
        if step < 1 or start < 0 or stop is not None:
            raise ValueError(f"the slice {start}:{stop}:{step} along axis {axis} of {x.shape} needs its size")
        return Along(None, mul=step, add=start, extra=step - 1 - start)
    places = range(size)[slice(start, stop, step)]
    if not places:
        raise ValueError(f"the slice {start}:{stop}:{step} leaves nothing of axis {axis} of {x.shape}")
    return Along(None, len(places), mul=step if len(places) > 1 else 1, add=places[0])


@operator()
def getitem(t: Trace, x: Any, key: Any) -> Sym:
    """x[key] of integers, slices ("slice:", start, stop, step), "...", None and numbers of rows."""
    x = tensor(t, x)
    items = key if isinstance(key, tuple) and not is_slice(key) else (key,)
    taken = sum(item is not None and item != "..." for item in items)
    if items.count("...") > 1 or taken > x.rank:
        raise ValueError(f"{len(items)} indices do not fit a tensor of shape {x.shape}")
    if "..." not in items:
        items = (*items, "...")
    spot = items.index("...")
    items = (*items[:spot], *[("slice:", None, None, None)] * (x.rank - taken), *items[spot + 1 :])
    moves: list[Along | None] = []
    gone: list[int] = []
    ones: list[int] = []
    rows: list[tuple[int, Any]] = []
    for item in items:
        axis = len(moves)
        if item is None:
            ones.append(axis + len(ones) - len(gone))
        elif is_slice(item):
            moves.append(ranged(x, axis, *item[1:]))
        elif isinstance(item, Sym | tuple | list):
            moves.append(None)
            rows.append((axis, item))
        else:
            moves.append(_at(x, axis, whole(item)))
            gone.append(axis)
    y = t.remap(x, moves) if any(moves) else x
    if rows:
        if len(rows) > 1 or gone or ones:
            raise ValueError("rows picked by numbers along several axes, or beside integers and new axes")
        return t.take(y, tensor(t, rows[0][1]), rows[0][0], "from-end")
    target = [Size(k) for k in range(x.rank) if k not in gone]
    for place in ones:
        target.insert(place, 1)  # type: ignore[arg-type]
    return t.reshape(y, target) if gone or ones else y


def is_slice(item: Any) -> bool:
    """Whether this stands for a slice."""
    return isinstance(item, tuple) and len(item) == 4 and item[0] == "slice:"


def _at(x: Sym, axis: int, place: int) -> Along:
    size = x.shape[axis]
    if size is None and place < 0:
        raise ValueError(f"element {place} along axis {axis} of {x.shape} needs its size, which is free")
    if size is not None and not -size <= place < size:
        raise ValueError(f"element {place} along axis {axis} of {x.shape} is beyond its end")
    return Along(None, 1, add=place + (size or 0) if place < 0 else place)


@operator()
def slice_(t: Trace, inputs: Any, start_indices: Any, shape: Any) -> Sym:
    """`shape` elements from these on; -1: to the end."""
    x = tensor(t, inputs)
    pairs = zip(several(start_indices), shape if isinstance(shape, tuple) else several(shape), strict=True)
    return getitem(t, x, tuple(_cut(first, size) for first, size in pairs))


def _cut(first: int, size: Any) -> tuple[Any, ...]:
    if isinstance(size, Free):
        size = -1
    return ("slice:", first, None if size is None or size == -1 else first + whole(size), None)


@operator()
def strided_slice(
    t: Trace, x: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0,
) -> Sym:  # fmt: skip
    """TensorFlow's slices, whose masks tell by bits what each item is."""
    first, last = (value if isinstance(value, tuple) else several(value) for value in (begin, end))
    steps = (1,) * len(first) if strides is None else several(strides)
    items: list[Any] = []
    for k in range(len(first)):
        bit = 1 << k
        if ellipsis_mask & bit:
            items.append("...")
        elif new_axis_mask & bit:
            items.append(None)
        elif shrink_axis_mask & bit:
            items.append(first[k])
        else:
            ends = (None if begin_mask & bit else first[k]), (None if end_mask & bit else last[k])
            items.append(("slice:", *ends, steps[k]))
    return getitem(t, x, tuple(items))


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
        move = Along(None, known(x, place, "roll"), add=-step, edge="wrap")
        x = t.remap(x, [move if k == place else None for k in range(x.rank)])
    return x


@operator()
def flip(t: Trace, x: Any, axis: Any = None) -> Sym:
    x = tensor(t, x)
    axes = counted_axes(axis, x.rank)
    if axes == (0,) and x.shape[0] is None:
        raise ValueError("flip along the batch, whose size is free")
    moves = [
        Along(None, known(x, k, "flip"), mul=-1, add=known(x, k, "flip") - 1) if k in axes else None
        for k in range(x.rank)
    ]
    return t.remap(x, moves)


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


def diagonals(t: Trace, x: Sym, offset: int, axis1: int, axis2: int) -> tuple[Sym, Sym]:
    """x with two axes at the end, and 1 where these are on a diagonal."""
    one, two = checked_axis(axis1, x.rank), checked_axis(axis2, x.rank)
    y = t.transpose(x, [*(k for k in range(x.rank) if k not in (one, two)), one, two])
    return y, t.apply("equal", t.index(y, -1), t.index(y, -2) + float(offset))


@operator()
def diagonal(t: Trace, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Sym:
    y, on = diagonals(t, tensor(t, x), offset, axis1, axis2)
    rows, columns = known(y, y.rank - 2, "diagonal"), known(y, y.rank - 1, "diagonal")
    count = min(rows + min(offset, 0), columns - max(offset, 0))
    if count < 1:
        raise ValueError(f"there is no diagonal {offset} of {rows} x {columns}")
    return t.slice(t.reduce("sum", t.where(on, y, 0.0), -1), -1, max(-offset, 0), count)


@operator()
def trace(t: Trace, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Sym:
    y, on = diagonals(t, tensor(t, x), offset, axis1, axis2)
    return t.reduce("sum", t.where(on, y, 0.0), (-1, -2))


@operator()
def tril(t: Trace, x: Any, k: int = 0) -> Sym:
    x = tensor(t, x)
    return t.where(t.apply("less_equal", t.index(x, -1), t.index(x, -2) + float(k)), x, 0.0)


@operator()
def triu(t: Trace, x: Any, k: int = 0) -> Sym:
    x = tensor(t, x)
    return t.where(t.apply("greater_equal", t.index(x, -1), t.index(x, -2) + float(k)), x, 0.0)


@operator()
def band_part(t: Trace, input: Any, num_lower: int, num_upper: int) -> Sym:
    """The elements of a band about the diagonal, 0 elsewhere; -1: as far as it goes."""
    x = tensor(t, input)
    x = x if num_lower < 0 else triu(t, x, -num_lower)
    return x if num_upper < 0 else tril(t, x, num_upper)


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


@operator()
def depth_to_space(t: Trace, x: Any, block_size: int, data_format: str = "channels_last") -> Sym:
    """(N, H, W, b * b * C) -> (N, H * b, W * b, C)."""
    x, b = _last(t, tensor(t, x), data_format), block_size
    channels = known(x, 3, "depth_to_space") // (b * b)
    y = t.transpose(t.reshape(x, (Size(0), Size(1), Size(2), b, b, channels)), (0, 1, 3, 2, 4, 5))
    h, w = (-1 if size is None else size * b for size in x.shape[1:3])
    return _first(t, t.reshape(y, (Size(0), h, w, channels)), data_format)


@operator()
def space_to_depth(t: Trace, x: Any, block_size: int, data_format: str = "channels_last") -> Sym:
    """(N, H * b, W * b, C) -> (N, H, W, b * b * C)."""
    x, b = _last(t, tensor(t, x), data_format), block_size
    h, w, channels = (known(x, k, "space_to_depth") for k in (1, 2, 3))
    y = t.transpose(t.reshape(x, (Size(0), h // b, b, w // b, b, channels)), (0, 1, 3, 2, 4, 5))
    return _first(t, t.reshape(y, (Size(0), h // b, w // b, b * b * channels)), data_format)


def _last(t: Trace, x: Sym, data_format: str | None) -> Sym:
    return t.transpose(x, (0, *range(2, x.rank), 1)) if data_format == "channels_first" else x


def _first(t: Trace, x: Sym, data_format: str | None) -> Sym:
    return t.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1))) if data_format == "channels_first" else x
