"""Shapes: to reshape, to broadcast, to fill; sizes may be Free, those of axes that are known when inputs come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ...layers.operators.table import Free
from ...primitives import Sym
from ..say import Misfit, Say
from .empty import void

Sizes = Sequence[Any]


def reshaped(t: Say, x: Sym, sizes: Sizes) -> Sym:
    """The elements in row-major order in a shape of numbers and free sizes, -1 once."""
    if 0 in x.shape or 0 in [size for size in sizes if isinstance(size, int)]:
        return void(t, x, np.zeros(t.static(x)).reshape(sizes).shape)
    return OPERATORS["reshape"].function(t, x, tuple(sizes))


def both(one: Sizes, other: Sizes) -> list[Any]:
    """The shape that two shapes broadcast to together."""
    rank = max(len(one), len(other))
    pairs = zip(*([1] * (rank - len(sizes)) + list(sizes) for sizes in (one, other)), strict=True)
    made = []
    for a, b in pairs:
        if not isinstance(a, Free) and a == 1:
            made.append(b)
        elif (not isinstance(b, Free) and b == 1) or a is b or isinstance(b, Free):
            made.append(a)
        elif isinstance(a, Free) or a == b:
            made.append(b)
        else:
            raise Misfit(f"{tuple(one)} and {tuple(other)} do not broadcast together")
    return made


def shape_of(x: Sym) -> list[Any]:
    """The sizes of x's axes, Free where they are."""
    return [Free(x, axis) if size is None else size for axis, size in enumerate(x.shape)]


def spread(t: Say, x: Sym, sizes: Sizes) -> Sym:
    """x broadcast to the shape that it has together with this one."""
    goal = both(shape_of(x), sizes)
    if 0 in [size for size in goal if not isinstance(size, Free)]:
        return void(t, x, goal)
    if x.rank == len(goal) and all(a == b for a, b in zip(x.shape, goal, strict=True) if not isinstance(b, Free)):
        fits = [size is None for size, wanted in zip(x.shape, goal, strict=True) if isinstance(wanted, Free)]
        if all(fits):
            return x
    if any(isinstance(size, Free) for size in goal) and x.constant:
        return OPERATORS["full"].function(t, tuple(goal), x)
    return OPERATORS["broadcast_to"].function(t, x, tuple(goal))


def merged(t: Say, x: Sym, axis: int) -> Sym:
    """(..., ...) -> (A, B): the axes before `axis` as one, and the others."""
    before, after = x.shape[:axis], x.shape[axis:]
    if 0 in x.shape:
        return void(t, x, (math.prod(t.static(x)[:axis]), math.prod(t.static(x)[axis:])))
    if None not in before:
        return OPERATORS["reshape"].function(t, x, (math.prod(s or 1 for s in before), -1))
    if None not in after:
        return OPERATORS["reshape"].function(t, x, (-1, math.prod(s or 1 for s in after)))
    if axis == 1:
        return OPERATORS["reshape"].function(t, x, (Free(x, 0), -1))
    t.static(x)
    raise AssertionError
