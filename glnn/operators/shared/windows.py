"""Means of elements that lie near each other along an axis."""

from __future__ import annotations

from typing import Any

from ...layers.operators.table import kept
from ...primitives import Sym
from ...primitives.move import Along
from ..say import Say


def local_mean(t: Say, x: Any, axis: int, before: int, after: int) -> Sym:
    """For each element the sum of so many before it along an axis, of itself and of so many after it, over all these.

    Beyond the ends lies 0, which counts. x has 2 to 5 axes.
    """
    count = before + 1 + after
    order = [0, axis, *(k for k in range(1, x.rank) if k != axis)]
    y = t.transpose(x, order)
    size = y.shape[1]
    y = y if y.rank > 2 else t.reshape(y, [*kept(y), 1])
    along = Along(None, None if size is None else size + count - 1, add=-before, extra=count - 1, edge="zero")
    y = t.remap(y, [along if k == 1 else None for k in range(y.rank)])
    ones = (1,) * (y.rank - 3)
    made = t.window("mean", y, size=(count, *ones), strides=(1, *ones))
    made = made if x.rank > 2 else t.reshape(made, kept(made, (0, 1)))
    return t.transpose(made, [order.index(k) for k in range(x.rank)])
