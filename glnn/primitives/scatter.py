"""Putting elements where numbers say: each element of the output looks through the updates for its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims, Shape, checked_axis, numbers
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value
from .expr import RESULT, Apply, Expr, In, Number
from .expr import values as computed
from .index import FORMS, Indexed, check_count, checked, rows_of, seen
from .move import Along, remap
from .operations import OPERATIONS

KINDS = {"set": 0, "add": 1, "mul": 2, "max": 3, "min": 4}
BAND = 7000  # updates that one draw looks through, for each of four lanes: their loops stay under 30,000 turns
MOST_DRAWS = 64


@dataclass(frozen=True)
class Scatter(Indexed, Primitive):  # type: ignore[override]
    """x with updates put, or worked in, where numbers say; each is an input, or a weight of the shape given here.

    form: "axis": x (*before, R, *after), numbers (I,), updates (*before, I, *after)
          "along": numbers and updates of one shape, of x's rank: each goes along `axis`, at its own place on the others
          "nd": numbers (..., K), updates (..., *after), x (*K axes, *after)
    kind: "set" (of several for one place the last stays), "add", "mul", "max" or "min" with what x has there

    Numbers are truncated to whole ones. Negative ones count from the end; those that are no row still put nothing.
    Each output element reads all numbers that may be its own, so the work is that of x's rows times the numbers.
    """

    form: str = "axis"
    axis: int = 0
    kind: str = "set"
    table: tuple[int, ...] | None = None
    places: tuple[int, ...] | None = None
    updates: tuple[int, ...] | None = None
    finish: Expr = RESULT

    roles = ("table", "places", "updates")

    def __post_init__(self) -> None:
        for name, value, allowed in (("form", self.form, FORMS), ("kind", self.kind, KINDS)):
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; allowed are {', '.join(map(repr, allowed))}")

    def shape(self, *inputs: Dims) -> Dims:
        x, places, updates = self.shapes(inputs)
        checked(self.form, x, places, self.axis, 0)
        if self.form == "along":
            wanted: Dims = places
        elif self.form == "nd":
            wanted = (*places[:-1], *x[int(places[-1] or 0) :])
        else:
            axis = checked_axis(self.axis, len(x))
            if len(places) != 1:
                raise ValueError(f"rows along an axis are numbered by a vector, not {places}")
            wanted = (*x[:axis], *places, *x[axis + 1 :])
        pairs = zip(updates, wanted, strict=False)
        if len(updates) != len(wanted) or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise ValueError(f"updates {updates} for indices {places} and {x} must be of the shape {wanted}")
        return x

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x, places, updates = self.arrays(inputs, weights)
        axis = 0 if self.form == "nd" else checked_axis(self.axis, x.ndim)
        if self.form == "nd":
            row, there = rows_of(places, x.shape[: places.shape[-1]], "nan")
            index: Any = np.unravel_index(row[there], x.shape[: places.shape[-1]])
            given = updates[there]
        else:
            row, there = rows_of(places[..., None], (x.shape[axis],), "nan")
            if self.form == "axis":
                index = (*(slice(None),) * axis, row[there])
                given = np.compress(there, updates, axis)
            else:
                others = np.nonzero(there)
                index = tuple(row[there] if k == axis else other for k, other in enumerate(others))
                given = updates[there]
        made = x.copy()
        if self.kind == "set":
            made[index] = given
        else:
            work = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[self.kind]
            work.at(made, index, given)
        return made.astype(np.result_type(*(a.dtype for a in inputs)), copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        return [Recipe("search", lambda b, finish: self._draw(b, inputs, weights, finish))]

    def _draw(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, Any], finish: Epilogue | None) -> Value:
        x, places, updates = (numbers(shape) for shape in self.shapes([value.shape for value in inputs]))
        values, tensors = self.bound(inputs, weights)
        view = seen(self.form, x, places, self.axis, 0)
        own = (
            ()
            if self.form != "along"
            else tuple(size if k == self.axis % len(x) else x[k] for k, size in enumerate(places))
        )
        shifted = bool(own) and own != places
        if shifted:
            values, tensors = _widened(b, values, tensors, places, own, view.rows)
            places = updates = own
        count = math.prod(places[:-1] if self.form == "nd" else places)
        if self.form == "along":
            count = places[self.axis % len(x)]
        whole = self.form != "along" and view.depth < len(x)
        for shape, kept in ((x, whole), (updates, whole), (places, False)):
            check_count(shape, kept, "putting elements")
        band = BAND * (4 if whole else 1)
        if count > band * MOST_DRAWS:
            raise LimitError(
                f"{count} updates are looked through by each element of {x}; at most {band * MOST_DRAWS} can be. "
                "Put fewer at once, or use rows of several channels (updates of whole rows take a fourth of the work)"
            )
        const = {"FORM": FORMS[self.form], "KIND": KINDS[self.kind], "K": len(view.sizes), "WHOLE": int(whole)}
        param = view.params() | {"I": count, "SHIFT": int(shifted)}
        if whole:
            param["B"] = view.after // x[-1]
        made: Value | None = None
        for first in range(0, max(count, 1), band):
            last = first + band >= count
            some = param | {"I0": first, "IN": min(band, count - first)}
            read, held = dict(values), dict(tensors)
            if made is not None:
                read["table"] = made
                held.pop("table", None)
            made = b.draw("scatter", x, read, tensors=held, const=const, param=some, finish=finish if last else None)
        assert made is not None
        return made


def _widened(
    b: Builder, values: Mapping[str, Value], tensors: Mapping[str, Any], places: Shape, shape: Shape, rows: int
) -> tuple[dict[str, Value], dict[str, Any]]:
    """Numbers and updates as large as x along the other axes: 0 is no row there, and rows are counted from 1."""
    read, held = dict(values), dict(tensors)
    axes = tuple(Along(k, size, edge="zero") for k, size in enumerate(shape))
    sides = [(0, size - count) for size, count in zip(shape, places, strict=True)]
    whole = _of("trunc", In(0))
    counted = _of("add", whole, _of("where", _of("less", whole, Number(0.0)), Number(rows + 1.0), Number(1.0)))
    if "places" in values:
        made = b.draw("map", places, {}, finish=Epilogue(counted, {0: values["places"]}))
        read["places"] = remap(b, made, axes)
    else:
        made = computed(counted, {0: np.asarray(tensors["places"]).reshape(places)}, {})
        held["places"] = np.pad(made, sides).reshape(-1)
    if "updates" in values:
        read["updates"] = remap(b, values["updates"], axes)
    else:
        held["updates"] = np.pad(np.asarray(tensors["updates"]), sides)
    return read, held


def _of(name: str, *args: Expr) -> Expr:
    return Apply(OPERATIONS[name], args)
