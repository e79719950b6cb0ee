"""Slices: the parts of a tensor that NumPy's x[key] picks, where nothing may be left of it too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Say
from .empty import blank, void

ALL = slice(None)


def picked(t: Say, x: Sym, key: Sequence[Any]) -> Sym:
    """x[key] of integers, slices, None and Ellipsis, as NumPy's."""
    key = tuple(key)
    if all(item == ALL or item is Ellipsis for item in key):
        return x
    if None not in x.shape:
        made = blank(x.shape)[key]
        if not made.size:
            return void(t, x, made.shape)
    return OPERATORS["getitem"].function(t, x, tuple(_item(item) for item in key))


def _item(item: Any) -> Any:
    if isinstance(item, slice):
        return ("slice:", item.start, item.stop, item.step)
    return "..." if item is Ellipsis else item


def key_of(rank: int, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> tuple[slice, ...]:
    """The key of ONNX' slices, of a tensor of this rank: places beyond the ends are the ends, as in Python."""
    count = len(starts)
    axes = range(count) if axes is None else [checked_axis(axis, rank) for axis in axes]
    made = [ALL] * rank
    for axis, start, end, step in zip(axes, starts, ends, [1] * count if steps is None else steps, strict=True):
        if not step:
            raise ValueError("a step of 0")
        made[axis] = slice(start, None if step < 0 and end < -(1 << 30) else end, step)
    return tuple(made)


def masked_key(
    begin: Sequence[Any], end: Sequence[Any], strides: Sequence[int], begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """The key of TensorFlow's StridedSlice, whose masks tell by bits what each item is."""
    items: list[Any] = []
    for k, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << k
        if ellipsis_mask & bit:
            items.append(Ellipsis)
        elif new_axis_mask & bit:
            items.append(None)
        elif shrink_axis_mask & bit:
            items.append(first)
        else:
            items.append(slice(None if begin_mask & bit else first, None if end_mask & bit else last, step))
    return tuple(items)


def parts(t: Say, x: Sym, axis: int, sizes: Sequence[int]) -> list[Sym]:
    """Parts of these sizes along an axis, one after the other."""
    made, first = [], 0
    for size in sizes:
        made.append(picked(t, x, [*[ALL] * axis, slice(first, first + size)]))
        first += size
    return made


def joined(t: Say, xs: Sequence[Sym], axis: int) -> Sym:
    """Tensors one after the other along an axis; those without elements may be among them."""
    axis = axis % max(1, xs[0].rank)
    full = [x for x in xs if 0 not in x.shape]
    if not full:
        sizes = [t.static(x) for x in xs]
        total = sum(size[axis] for size in sizes)
        return void(t, xs[0], (*sizes[0][:axis], total, *sizes[0][axis + 1 :]))
    if len(full) == 1:
        return full[0]
    if all(x.constant for x in full):
        full = [t.as_tensor(x) for x in full]
    return OPERATORS["concatenate"].function(t, full, axis)
