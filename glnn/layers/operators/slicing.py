"""Operators that pick parts of a tensor: slices, splits, diagonals and triangles."""

from __future__ import annotations

from typing import Any

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.move import Along, Size
from .shaping import without_axes
from .table import Free, known, operator, several, tensor, whole


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
    return [without_axes(t, t.slice(x, axis, k, 1), [axis]) for k in range(known(x, axis, "unstack"))]


def ranged(x: Sym, axis: int, start: Any, stop: Any, step: Any) -> Along | None:
    """A slice along an axis, as Python's; None: all of it. Raises ValueError where nothing is left or known."""
    step = 1 if step is None else whole(step)
    start, stop = (None if end is None else whole(end) for end in (start, stop))
    size = x.shape[axis]
    if step == 1 and start in (None, 0) and (stop is None or (size is not None and stop >= size)):
        return None
    if size is None:
        along = _unsized(start, stop, step)
        if axis == 0 and along is not None and along.edge == "end":  # a batch may be cut into pieces
            along = None
        if along is None:
            raise ValueError(f"the slice {start}:{stop}:{step} along axis {axis} of {x.shape} needs its size")
        return along
    places = range(size)[slice(start, stop, step)]
    if not places:
        raise ValueError(f"the slice {start}:{stop}:{step} leaves nothing of axis {axis} of {x.shape}")
    return Along(None, len(places), mul=step if len(places) > 1 else 1, add=places[0])


def _unsized(start: int | None, stop: int | None, step: int) -> Along | None:
    """A slice of an axis whose size is not known; None where more than its length depends on the size."""
    if step < 0:  # all of it, backwards
        return Along(None, mul=step, add=-1, extra=-step - 1, edge="end") if start is stop is None else None
    if (start or 0, stop, step) == (0, 1, 1):  # no size is less
        return Along(None, 1)
    start, stop = start or 0, stop or 0
    if stop > 0:
        return None
    if start >= 0:
        return Along(None, mul=step, add=start, extra=stop - start + step - 1)
    count = (stop - start + step - 1) // step
    if count < 1:
        raise ValueError(f"the slice {start}:{stop}:{step} leaves nothing")
    return Along(None, count, mul=step, add=start, edge="end")


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
        if axis == 0:  # a batch may be cut into pieces
            raise ValueError(f"element {place} along axis {axis} of {x.shape} needs its size, which is free")
        return Along(None, 1, add=place, edge="end")
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
