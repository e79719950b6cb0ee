"""Picking elements by number: along an axis, one for each element, or by several numbers at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import EXACT, Dims, Shape, checked_axis, numbers
from ..graph.weight import WeightSpec
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, at_least
from .expr import RESULT, Expr
from .move import Along, remap

MOST_AXES = 5  # of the numbers by which `embedding` picks rows: the output has one more
FORMS = {"axis": 0, "along": 1, "nd": 2}  # the numbers by which kernels know them
MODES = {"nan": 0, "clip": 1, "wrap": 2, "from-end": 3}


class Indexed:
    """What is picked or put by numbers: operands that are inputs, or weights where their shape is a field of it.

    Numbers that are known are a weight of one axis: no codec of weights rounds it.
    """

    roles: tuple[str, ...] = ()

    def own(self, count: int) -> int:
        return sum(getattr(self, role) is None for role in self.roles)

    @property
    def exact_inputs(self) -> tuple[int, ...]:
        free = [role for role in self.roles if getattr(self, role) is None]
        return (free.index("places"),) if "places" in free else ()

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        shapes = [(role, getattr(self, role)) for role in self.roles if getattr(self, role) is not None]
        return [WeightSpec(role, (math.prod(shape),) if role == "places" else shape) for role, shape in shapes]

    def shapes(self, inputs: Sequence[Dims]) -> list[Dims]:
        """The shape of each operand."""
        rest = iter(inputs)
        return [next(rest) if (known := getattr(self, role)) is None else known for role in self.roles]

    def arrays(self, inputs: Sequence[np.ndarray], weights: Mapping[str, Any]) -> list[np.ndarray]:
        """Each operand in NumPy."""
        rest, shapes = iter(inputs), self.shapes([x.shape for x in inputs])
        pairs = zip(self.roles, shapes, strict=True)
        return [
            next(rest) if getattr(self, role) is None else np.asarray(weights[role]).reshape(numbers(shape))
            for role, shape in pairs
        ]

    def bound(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> tuple[dict[str, Value], dict[str, Any]]:
        """What a draw binds: inputs and weights by role."""
        rest = iter(inputs)
        values = {role: next(rest) for role in self.roles if getattr(self, role) is None}
        return values, {role: weights[role] for role in self.roles if role not in values}


@dataclass(frozen=True)
class Seen:
    """A tensor as (A, R, B), of which numbers pick among R, made of axes of `sizes`; `depth` axes are those of A and R.

    Where axes are left for B, vectors of channels stay whole.
    """

    before: int
    sizes: Shape
    after: int
    depth: int

    @property
    def rows(self) -> int:
        """R."""
        return math.prod(self.sizes)

    def params(self) -> dict[str, int]:
        """R, B and the sizes of five axes, as kernels take them."""
        sizes = (*self.sizes, *(1,) * (5 - len(self.sizes)))
        return {"R": self.rows, "B": self.after} | {f"N{k}": size for k, size in enumerate(sizes)}


def seen(form: str, x: Shape, places: Shape, axis: int, batch: int) -> Seen:
    """How a tensor is picked from by numbers of this shape."""
    if form == "nd":
        depth = batch + places[-1]
        return Seen(math.prod(x[:batch]), x[batch:depth], math.prod(x[depth:]), depth)
    axis = checked_axis(axis, len(x))
    return Seen(math.prod(x[:axis]), (x[axis],), math.prod(x[axis + 1 :]), axis + 1)


def checked(form: str, x: Dims, places: Dims, axis: int, batch: int) -> None:
    """Raises ValueError where numbers of this shape cannot pick from a tensor of that one."""
    if form == "nd":
        depth, room = places[-1] if places else None, len(x) - batch
        if depth is None or not 0 < depth <= min(room, 5) or len(places) <= batch:
            raise ValueError(f"indices {places} pick by their last axis: of {x} allowed are 1 to {min(room, 5)} there")
        pairs = zip(x[:batch], places[:batch], strict=True)
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise ValueError(f"the first {batch} axes of {x} and of the indices {places} must be the same")
        return
    axis = checked_axis(axis, len(x))
    if form == "along":
        if len(x) != len(places):
            raise ValueError(f"indices {places} along an axis of {x} must have {len(x)} axes as well")
        for k, (size, count) in enumerate(zip(x, places, strict=True)):
            if k != axis and None not in (size, count) and (count or 0) > (size or 0):
                raise ValueError(f"indices {places} are more than {x} has along axis {k}")


def found(places: np.ndarray, size: int, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """The row that each number stands for among `size`, and whether there is one."""
    there = ~np.isnan(places)
    whole = np.clip(np.trunc(np.where(there, places, 0)), 1 - EXACT, EXACT - 1).astype(np.int64)
    if mode == "clip":
        return np.clip(whole, 0, size - 1), there
    if mode == "wrap":
        return whole % size, there
    whole = np.where(whole < 0, whole + size, whole)
    if mode == "nan":
        there = there & (whole >= 0) & (whole < size)
    return np.clip(whole, 0, size - 1), there


def rows_of(places: np.ndarray, sizes: Shape, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """The same for numbers (..., K) of rows that have K axes."""
    parts = [found(places[..., k], size, mode) for k, size in enumerate(sizes)]
    row = np.ravel_multi_index([part for part, _ in parts], sizes)
    return row, np.logical_and.reduce([there for _, there in parts])


def cropped(b: Builder, x: Value, shape: Shape, axis: int) -> Value:
    """The first elements of x along all axes but this one."""
    sizes = [x.shape[k] if k == axis % len(shape) else size for k, size in enumerate(shape)]
    if tuple(sizes) == x.shape:
        return x
    return remap(b, x, tuple(Along(k, size) for k, size in enumerate(sizes)))


def check_count(shape: Shape, whole: bool, what: str) -> None:
    """Raises LimitError where a kernel cannot number the elements of a tensor, or its pixels where these stay whole."""
    count = math.prod(shape[:-1] if whole else shape)
    if count > EXACT:
        raise LimitError(
            f"{what}: {count} {'pixels' if whole else 'elements'} in a shape of {shape}, at most {EXACT} can be "
            "numbered exactly on every device; use a smaller batch"
        )


@dataclass(frozen=True)
class Take(Indexed, Primitive):  # type: ignore[override]
    """x's elements at places that numbers say; x and the numbers are inputs, or weights of the shapes given here.

    form: "axis": (*before, R, *after) and (...) -> (*before, ..., *after), rows along `axis`
          "along": numbers of x's rank, each picks along `axis` at its own place on the others (take_along_axis)
          "nd": numbers (*batch, ..., K) and x (*batch, *K axes, *after) -> (*batch, ..., *after)
    mode: what a number that is no row stands for. "nan": negative ones count from the end, others give NaN; "clip":
          the nearest row; "wrap": counted round; "from-end": negative ones count from the end, others the nearest

    Numbers are truncated to whole ones; those from 2^24 on count as 2^24 - 1, and NaN gives NaN.
    """

    form: str = "axis"
    axis: int = 0
    mode: str = "nan"
    batch: int = 0
    table: tuple[int, ...] | None = None
    places: tuple[int, ...] | None = None
    finish: Expr = RESULT

    roles = ("table", "places")

    def __post_init__(self) -> None:
        for name, value, allowed in (("form", self.form, FORMS), ("mode", self.mode, MODES)):
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; allowed are {', '.join(map(repr, allowed))}")
        at_least(0, batch=self.batch)
        for shape in (self.table, self.places):
            at_least(1, shape=shape or ())

    def shape(self, *inputs: Dims) -> Dims:
        x, places = self.shapes(inputs)
        checked(self.form, x, places, self.axis, self.batch)
        if self.form == "along":
            return places
        if self.form == "nd":
            return (*places[:-1], *x[self.batch + int(places[-1] or 0) :])
        axis = checked_axis(self.axis, len(x))
        return (*x[:axis], *places, *x[axis + 1 :])

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x, places = self.arrays(inputs, weights)
        shape = numbers(self.shape(*(array.shape for array in inputs)))
        if self.form == "along":
            axis = checked_axis(self.axis, x.ndim)
            x = x[tuple(slice(None) if k == axis else slice(size) for k, size in enumerate(places.shape))]
        view = seen(self.form, x.shape, places.shape, self.axis, self.batch)
        numbered = places if self.form == "nd" else places[..., None]
        row, there = rows_of(numbered, view.sizes, self.mode)
        split = x.reshape(view.before, view.rows, view.after)
        if self.form == "along":
            row, there = (a.reshape(view.before, -1, view.after) for a in (row, there))
            made = np.take_along_axis(split, row, 1)
        elif self.form == "nd":
            row, there = (a.reshape(view.before, -1, 1) for a in (row, there))
            made = np.take_along_axis(split, row, 1)
        else:
            row, there = row.reshape(-1), there.reshape(1, -1, 1)
            made = split[:, row]
        return np.where(there, made, np.nan).astype(x.dtype).reshape(shape)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, places = (numbers(shape) for shape in self.shapes([value.shape for value in inputs]))
        shape = numbers(self.shape(*(value.shape for value in inputs)))
        rows = self.form == "axis" and self.axis == 0 and self.mode == "nan" and self.table and self.places is None
        if rows and len(x) == 2 and 1 <= len(places) <= MOST_AXES:
            given = {"x": inputs[0]}, {"table": weights["table"]}
            return [Recipe("rows", lambda b, f: b.draw("embedding", shape, given[0], tensors=given[1], finish=f))]
        return [Recipe("gather", lambda b, finish: self._draw(b, inputs, weights, shape, finish))]

    def _draw(
        self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, Any], shape: Shape, finish: Epilogue | None
    ) -> Value:
        x, places = (numbers(s) for s in self.shapes([value.shape for value in inputs]))
        values, tensors = self.bound(inputs, weights)
        if self.form == "along":
            axis = checked_axis(self.axis, len(x))
            x = tuple(size if k == axis else places[k] for k, size in enumerate(x))
            if "table" in values:
                values["table"] = cropped(b, values["table"], places, axis)
            elif x != self.table:
                tensors["table"] = np.asarray(tensors["table"])[tuple(slice(size) for size in x)]
        view = seen(self.form, x, places, self.axis, self.batch)
        whole = self.form != "along" and view.depth < len(x)
        for array in (x, shape):
            check_count(array, whole, "taking elements")
        check_count(places, False, "taking elements")
        picked = math.prod(places[self.batch : -1]) if self.form == "nd" else math.prod(places)
        picked = places[checked_axis(self.axis, len(x))] if self.form == "along" else picked
        param = view.params() | {"I": picked}
        if whole:
            param["B"] = view.after // x[-1]
        const = {"FORM": FORMS[self.form], "MODE": MODES[self.mode], "K": len(view.sizes), "WHOLE": int(whole)}
        return b.draw("take", shape, values, tensors=tensors, const=const, param=param, finish=finish)
