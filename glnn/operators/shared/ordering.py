"""The largest elements along an axis that is longer than one comparison of all with all goes."""

from __future__ import annotations

import math

from ...graph.shapes import ceil_div, checked_axis
from ...primitives import Sym
from ...primitives.order import LONGEST
from ..say import Say
from .gathers import along

PART = 1024  # elements of a part at least, each of which is compared with all others of its part


def top(t: Say, x: Sym, k: int, axis: int = -1, largest: bool = True) -> tuple[Sym, Sym]:
    """The k largest (or least) elements along an axis in order, and their numbers: of parts first where it is long."""
    axis = checked_axis(axis, x.rank)
    length = x.shape[axis] or 0
    size = max(PART, 4 * k)
    if length <= LONGEST or size >= length:
        return t.topk(x, k, axis, largest)
    order = [*(i for i in range(x.rank) if i != axis), axis]
    parts = ceil_div(length, size)
    front = [int(n or 0) for i, n in enumerate(x.shape) if i != axis]
    rows = t.transpose(x, order)
    if parts * size > length:  # what is added is never among them
        rest = t.apply("spread", -math.inf if largest else math.inf, t.slice(rows, -1, 0, parts * size - length))
        rows = t.concat([rows, rest], -1)
    values, places = t.topk(t.reshape(rows, (*front, parts, size)), k, -1, largest)
    numbers = places + t.index(places, places.rank - 2) * float(size)
    best, chosen = top(t, t.reshape(values, (*front, parts * k)), k, -1, largest)
    found = along(t, t.reshape(numbers, (*front, parts * k)), chosen, best.rank - 1)
    back = [order.index(i) for i in range(x.rank)]
    return t.transpose(best, back), t.transpose(found, back)
