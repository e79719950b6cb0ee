"""The words of a Trace that pick, put, sort and add up by numbers of elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.shapes import checked_axis, numbers
from ..graph.weight import Weight
from .cumulate import Cumulate
from .expr import Apply, In, Index
from .index import Take
from .operations import OPERATIONS
from .order import TopK
from .resample import Resample
from .scatter import Scatter
from .symbols import Sym


class IndexWords:
    """A part of Trace."""

    def take(self, x: Sym, places: Sym, axis: int = 0, mode: str = "nan", form: str = "axis", batch: int = 0) -> Sym:
        """x's elements at places that numbers say; both may be weights. See Take."""
        return _indexed(self, Take(form, axis, mode, batch), {"table": x, "places": places})

    def scatter(self, x: Sym, places: Sym, updates: Sym, kind: str = "set", axis: int = 0, form: str = "axis") -> Sym:
        """x with updates put where numbers say; each may be a weight. See Scatter."""
        return _indexed(self, Scatter(form, axis, kind), {"table": x, "places": places, "updates": updates})

    def resample(self, x: Sym, **options: Any) -> Sym:
        """x (N, *sizes, C) in another size; options: see Resample."""
        trace: Any = self
        return trace.drawn(Resample(**options), [trace.plain(x)])

    def cumulate(self, kind: str, x: Sym, axis: int = -1, exclusive: bool = False, reverse: bool = False) -> Sym:
        """The "sum", "prod", "max" or "min" of each element and those before it along an axis. See Cumulate."""
        (made,) = _ordered(self, Cumulate(kind, x.order[checked_axis(axis, x.rank)], exclusive, reverse), x)
        return made

    def topk(self, x: Sym, k: int | None, axis: int = -1, largest: bool = True) -> tuple[Sym, Sym]:
        """The k largest (or least) elements along an axis in order, and their numbers. See TopK."""
        values, places = _ordered(self, TopK(k, x.order[checked_axis(axis, x.rank)], largest), x)
        return values, places

    def sort(self, x: Sym, axis: int = -1, descending: bool = False) -> Sym:
        """The elements in order along an axis, NaN as the largest of all."""
        return self.topk(x, None, axis, descending)[0]

    def argsort(self, x: Sym, axis: int = -1, descending: bool = False) -> Sym:
        """The numbers of elements in order along an axis; equal ones keep theirs."""
        return self.topk(x, None, axis, descending)[1]

    def index(self, x: Sym, axis: int) -> Sym:
        """The number of each element of x along an axis, in x's shape."""
        axis, trace = checked_axis(axis, x.rank), x.trace
        if x.constant:
            shape = numbers(x.shape)
            return trace.weight(np.broadcast_to(np.indices(shape, np.float32, sparse=True)[axis], shape).copy())
        number = Apply(OPERATIONS["spread"], (Index(x.order[axis] - x.rank), x.expr))
        return Sym(trace, number, x.shape, x.order)


def _indexed(trace: Any, primitive: Any, operands: Mapping[str, Sym]) -> Sym:
    """A primitive whose operands are inputs or, where they are known, weights; computed now where all are known."""
    known = {role: trace.value(sym) for role, sym in operands.items() if sym.constant}
    primitive = replace(primitive, **{role: weight.shape for role, weight in known.items()})
    if len(known) == len(operands):
        arrays = {role: np.asarray(weight, np.float64) for role, weight in known.items()}
        return trace.weight(primitive.reference([], arrays))
    if "places" in known:
        known["places"] = known["places"].reshape(-1)
    reads = [trace._number(trace.plain(sym)) for role, sym in operands.items() if role not in known]
    values = {role: weight.values for role, weight in known.items()}
    number = trace._node(primitive, reads, values, {role: origin(weight) for role, weight in known.items()})
    shape = trace.tensors[number][1]
    return Sym(trace, In(number), shape, tuple(range(len(shape))))


def origin(weight: Weight) -> str:
    """The name of a weight: its root's where it is all of that, else one that tells the view."""
    return weight.name if weight.key == Weight.root(weight.name, weight.values).key else weight.key


def _ordered(trace: Any, primitive: Any, x: Sym) -> list[Sym]:
    """What a primitive makes that leaves axes where they are."""
    first = trace._draw(primitive, [x])
    made = []
    for number in range(first, len(trace.tensors)):
        shape = trace.tensors[number][1]
        made.append(Sym(trace, In(number), tuple(shape[axis] for axis in x.order), x.order))
    return made
