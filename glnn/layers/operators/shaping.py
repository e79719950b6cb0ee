"""Operators that move elements: reshaping, orders of axes, joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.einsum import with_ones
from ...primitives.move import Size
from .table import Free, counted_axes, flat, known, listed, operator, several, tensor, whole


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
    return without_axes(t, x, gone)


def without_axes(t: Trace, x: Sym, gone: Sequence[int]) -> Sym:
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
def depth_to_space(t: Trace, x: Any, block_size: int, data_format: str = "channels_last") -> Sym:
    """(N, H, W, b * b * C) -> (N, H * b, W * b, C)."""
    x, b = last(t, tensor(t, x), data_format), block_size
    channels = known(x, 3, "depth_to_space") // (b * b)
    y = t.transpose(t.reshape(x, (Size(0), Size(1), Size(2), b, b, channels)), (0, 1, 3, 2, 4, 5))
    h, w = (-1 if size is None else size * b for size in x.shape[1:3])
    if h == w == -1:  # one size of a shape may follow from the others
        y, h = t.reshape(y, (Size(0), -1, Size(3), b, channels)), Size(1)
    return first(t, t.reshape(y, (Size(0), h, w, channels)), data_format)


@operator()
def space_to_depth(t: Trace, x: Any, block_size: int, data_format: str = "channels_last") -> Sym:
    """(N, H * b, W * b, C) -> (N, H, W, b * b * C)."""
    x, b = last(t, tensor(t, x), data_format), block_size
    if any(size is not None and size % b for size in x.shape[1:3]):
        raise ValueError(f"blocks of {b} do not fit the sizes of {x.shape}")
    h, w, channels = *(-1 if size is None else size // b for size in x.shape[1:3]), known(x, 3, "space_to_depth")
    if h == w == -1:
        x, h = t.reshape(x, (Size(0), -1, b, Size(2), channels)), Size(1)
    y = t.transpose(t.reshape(x, (Size(0), h, b, w, b, channels)), (0, 1, 3, 2, 4, 5))
    return first(t, t.reshape(y, (Size(0), Size(1), Size(2), b * b * channels)), data_format)


def last(t: Trace, x: Sym, data_format: str | None) -> Sym:
    return t.transpose(x, (0, *range(2, x.rank), 1)) if data_format == "channels_first" else x


def first(t: Trace, x: Sym, data_format: str | None) -> Sym:
    return t.transpose(x, (0, x.rank - 1, *range(1, x.rank - 1))) if data_format == "channels_first" else x
