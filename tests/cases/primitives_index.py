"""Cases of what picks, puts, sorts, adds up along an axis and resamples; with an answer said in plain NumPy.

A kind "a|b" gives each input a kind of its own; "rows" are numbers of 11 rows, "beyond" those and others.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from cases.expressions import Answer, X, Y, f

from glnn.graph.shapes import Shape
from glnn.primitives.base import Primitive
from glnn.primitives.cumulate import Cumulate
from glnn.primitives.expr import Index
from glnn.primitives.index import Take
from glnn.primitives.map import Map
from glnn.primitives.order import TopK
from glnn.primitives.resample import Resample
from glnn.primitives.scatter import Scatter

CASES: list[tuple[Primitive, tuple[Shape, ...], str, Answer | None]] = []


def case(primitive: Primitive, *shapes: Shape, kind: str = "normal", answer: Answer | None = None) -> None:
    CASES.append((primitive, shapes, kind, answer))


RELU = f("relu", X)


def whole(numbers: np.ndarray) -> np.ndarray:
    """Numbers of 11 rows, those from the end among them."""
    rows = np.trunc(numbers).astype(int)
    return np.where(rows < 0, rows + 11, rows)


# ---- taking: every axis, ranks, modes; whole vectors of channels and single ones

for shape, axis, places in (
    ((11, 5), 0, (4,)), ((11, 5), 0, (2, 3)), ((5, 11), 1, (4,)), ((5, 11), 1, (2, 3)), ((2, 11, 5), 1, (7,)),
    ((2, 3, 11, 4), 2, (2, 3)), ((2, 3, 5, 11), 3, (6,)), ((2, 11, 3, 5), 1, (3,)), ((11,), 0, (2, 3, 2)),
    ((11,), 0, (9,)), ((11, 3, 2, 5), 0, (2,)), ((2, 2, 3, 11, 5), 3, (3,)), ((2, 2, 11, 2, 2, 3), 2, (4,)),
    ((11, 4), 0, ()), ((2, 11), 1, ()), ((1, 11, 1), 1, (1,)),
):  # fmt: skip
    case(Take("axis", axis), shape, places, kind="normal|rows",
         answer=lambda x, p, axis=axis: np.take(x, whole(p), axis))  # fmt: skip
for mode, (shape, axis) in product(("nan", "clip", "wrap", "from-end"), (((11, 5), 0), ((5, 11), 1))):
    case(Take("axis", axis, mode), shape, (40,), kind="normal|beyond")
    case(Take("along", axis, mode), shape, tuple(40 if k == axis else s for k, s in enumerate(shape)),
         kind="normal|beyond")  # fmt: skip
    case(Take("axis", axis, mode), shape, (40,), kind="normal|special")
for shape, axis, places in (
    ((11, 5), 0, (4, 5)), ((5, 11), 1, (5, 4)), ((2, 11, 3, 6), 1, (2, 4, 3, 6)), ((2, 3, 11), -1, (2, 3, 13)),
    ((11,), 0, (5,)), ((2, 2, 3, 11, 4), 3, (2, 2, 3, 3, 4)),
):  # fmt: skip
    case(Take("along", axis), shape, places, kind="normal|rows",
         answer=lambda x, p, axis=axis: np.take_along_axis(x, whole(p), axis))  # fmt: skip
case(Take("along", 1), (3, 11, 6), (2, 4, 5), kind="normal|rows",
     answer=lambda x, p: np.take_along_axis(x[:2, :, :5], whole(p), 1))  # fmt: skip
for shape, places, answer in (
    ((11, 5), (4, 1), lambda x, p: x[whole(p[:, 0])]),
    ((11, 11, 5), (2, 3, 2), lambda x, p: x[whole(p[..., 0]), whole(p[..., 1])]),
    ((11, 11), (6, 2), lambda x, p: x[whole(p[:, 0]), whole(p[:, 1])]),
    ((11, 11, 11, 3), (2, 2, 3), lambda x, p: x[whole(p[..., 0]), whole(p[..., 1]), whole(p[..., 2])]),
    ((11, 2, 3, 5), (4, 1), lambda x, p: x[whole(p[:, 0])]),
):
    case(Take("nd"), shape, places, kind="normal|rows", answer=answer)
case(Take("nd", batch=1), (2, 11, 5), (2, 4, 1), kind="normal|rows",
     answer=lambda x, p: np.stack([x[k][whole(p[k, :, 0])] for k in range(2)]))  # fmt: skip
case(Take("nd", batch=1), (3, 11, 11), (3, 2, 2, 2), kind="normal|beyond")
case(Take(table=(11, 5)), (7,), kind="rows", answer=lambda p, table: table[whole(p)])  # as Embedding has it
case(Take(table=(11, 9)), (2, 3, 2, 1, 3), kind="beyond")
case(Take("axis", 1, table=(3, 11, 5)), (4,), kind="rows", answer=lambda p, table: table[:, whole(p)])
case(Take("axis", 0, "clip", table=(11, 5)), (2, 20), kind="beyond")
case(Take("axis", 0, finish=RELU), (11, 5), (4,), kind="normal|rows")
case(Take("axis", 1, finish=f("add", X, Y)), (2, 11, 3), (4,), (4, 1), kind="normal|rows|normal")

# ---- putting: kinds, forms, doubles and numbers beyond

for kind in ("set", "add", "mul", "max", "min"):
    case(Scatter("axis", 0, kind), (11, 5), (7,), (7, 5), kind="normal|rows|normal")
    case(Scatter("axis", 2, kind), (2, 3, 11), (9,), (2, 3, 9), kind="normal|beyond|normal")
    case(Scatter("axis", 1, kind), (2, 11, 3, 5), (4,), (2, 4, 3, 5), kind="normal|rows|normal")
    case(Scatter("along", 0, kind), (11, 5), (7, 5), (7, 5), kind="normal|rows|normal")
    case(Scatter("along", -1, kind), (2, 3, 11), (2, 3, 5), (2, 3, 5), kind="normal|beyond|normal")
    case(Scatter("along", 1, kind), (3, 11, 6), (2, 4, 5), (2, 4, 5), kind="normal|rows|normal")
    case(Scatter("nd", 0, kind), (11, 5), (7, 1), (7, 5), kind="normal|rows|normal")
    case(Scatter("nd", 0, kind), (11, 11), (2, 30, 2), (2, 30), kind="normal|rows|normal")
    case(Scatter("nd", 0, kind), (11, 11, 3, 2), (5, 2), (5, 3, 2), kind="normal|beyond|normal")
    case(Scatter("axis", 0, kind), (11, 6), (9,), (9, 6), kind="special|rows|special")
case(Scatter("along", 0), (40, 3), (60, 3), (60, 3), kind="normal|special|normal")
case(Scatter("axis", 0, "add", table=(11, 5)), (7,), (7, 5), kind="rows|normal")
case(Scatter("axis", 0, "add", finish=RELU), (11, 5), (3,), (3, 5), kind="normal|rows|normal")
case(Scatter("nd", 0, "max", finish=f("add", X, Y)), (11, 5), (3, 1), (3, 5), (11, 1), kind="normal|rows|normal|normal")

# ---- so far: axes, both sides of one draw, directions

AXES: list[tuple[Shape, int]] = [((7,), 0), ((2, 9), 1), ((5, 6), 0), ((3, 2, 2, 4, 2, 3), 3)]
AXES += [((2, 5, 3, 6), axis) for axis in (1, 2, 3)]
for kind, (shape, axis) in product(("sum", "prod", "max", "min"), AXES):
    case(Cumulate(kind, axis), shape, answer=lambda x, kind=kind, axis=axis: so_far(kind, x, axis))
    case(Cumulate(kind, axis, reverse=True), shape)
for exclusive, reverse, axis in product((False, True), (False, True), (0, 1)):
    case(Cumulate("sum", axis, exclusive, reverse), (300, 5) if axis == 0 else (5, 300))
    case(Cumulate("prod", axis, exclusive, reverse), (3, 4))
case(Cumulate("sum", 1), (2, 33, 3))
case(Cumulate("max", 0), (70, 6), kind="special")
case(Cumulate("sum", 0), (40, 4), kind="special")
case(Cumulate("sum", 0, finish=RELU), (70, 6))
case(Cumulate("sum", 1, finish=f("add", X, Y)), (2, 5, 6), (5, 1))


def so_far(kind: str, x: np.ndarray, axis: int) -> np.ndarray:
    if kind in ("sum", "prod"):
        return (np.cumsum if kind == "sum" else np.cumprod)(x, axis)
    return (np.maximum if kind == "max" else np.minimum).accumulate(x, axis)


# ---- in order: axes, ties, NaN and infinities

for largest, kind in product((True, False), ("normal", "rows", "special")):
    case(TopK(3, -1, largest), (2, 9), kind=kind)
    case(TopK(None, -1, largest), (2, 3, 13), kind=kind)
    case(TopK(2, 1, largest), (2, 7, 3, 5), kind=kind)
    case(TopK(5, 0, largest), (70, 2), kind=kind)
case(TopK(1), (1,))
case(TopK(None, 0), (2, 2, 2, 3))
case(TopK(4, 3), (2, 2, 3, 6, 2))

# ---- resampling

for method, coordinates in product(
    ("linear", "cubic", "nearest", "lanczos3"),
    ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric"),
):
    case(Resample(sizes=(7, 4), method=method, coordinates=coordinates), (2, 4, 6, 3))
    case(Resample((1.7, 0.6), method=method, coordinates=coordinates, exclude_outside=True), (2, 5, 7, 5))
for method, antialias in product(("linear", "cubic", "lanczos3", "lanczos5"), (False, True)):
    case(Resample(sizes=(3, 11), method=method, antialias=antialias, exclude_outside=True), (2, 9, 5, 4))
    case(Resample(sizes=(5,), method=method, antialias=antialias), (2, 17, 3))
    case(Resample(sizes=(3, 2, 5), method=method, antialias=antialias), (2, 5, 4, 3, 5))
for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
    case(Resample(sizes=(8, 3), method="nearest", coordinates="asymmetric", rounding=rounding), (1, 5, 7, 3))
case(Resample((2, 3)), (2, 3, 4, 5))
case(Resample((2, 3), coordinates="asymmetric"), (2, 3, 4, 5))
case(Resample((3, 1), finish=RELU), (1, 3, 4, 5))
case(Resample((0.5, 2.5), finish=RELU), (1, 6, 4, 5))
case(Resample(sizes=(4, 6), finish=RELU), (1, 4, 6, 3))
case(Resample(sizes=(1, 1), antialias=True), (1, 4, 6, 3))
case(Resample(sizes=(9, 9)), (1, 1, 1, 3))
case(Resample(sizes=(9, 5), method="cubic"), (2, 5, 9, 4), kind="special")
case(Resample(sizes=(9, 5)), (2, 5, 9, 4), kind="special")

# ---- the element's own number

for axis, shape in ((-1, (2, 9)), (-2, (5, 3)), (-3, (2, 5, 3, 6)), (-4, (3, 2, 2, 5)), (-5, (2, 3, 2, 5, 3)),
                    (-4, (2, 3, 2, 5, 3)), (-6, (2, 2, 3, 2, 2, 3)), (-5, (2, 2, 3, 2, 2, 3)),
                    (-1, (7,)), (-2, (9, 13, 5)), (-3, (9, 13, 5))):  # fmt: skip
    case(Map(f("add", X, f("multiply", Index(axis), 10))), shape,
         answer=lambda x, axis=axis: x + 10 * np.indices(x.shape)[axis])  # fmt: skip
case(Map(f("where", f("less_equal", Index(-1), Index(-2)), X, f("negative", Y))), (2, 5, 5), (1, 1, 5))
case(Take("axis", 0, finish=f("multiply", X, Index(-2))), (11, 5), (4,), kind="normal|rows")
