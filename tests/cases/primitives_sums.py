"""Cases of what adds up, multiplies and joins: matmul, concat, reduce; with an answer said in plain NumPy."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from cases.expressions import Answer, X, Y, f

from glnn.graph.shapes import Shape
from glnn.primitives.base import Primitive
from glnn.primitives.concat import Concat
from glnn.primitives.expr import Constant, Expr, In
from glnn.primitives.heads import HeadMix, HeadScores
from glnn.primitives.matmul import Matmul
from glnn.primitives.reduce import Reduce
from glnn.primitives.standardize import Standardize

CASES: list[tuple[Primitive, tuple[Shape, ...], str, Answer | None]] = []


def case(primitive: Primitive, *shapes: Shape, kind: str = "normal", answer: Answer | None = None) -> None:
    CASES.append((primitive, shapes, kind, answer))


# ---- products of matrices


def exchanged(x: np.ndarray) -> np.ndarray:
    return x.swapaxes(-1, -2) if x.ndim > 1 else x


def multiplied(a: Shape, b: Shape, first: bool = False, second: bool = False, kind: str = "normal") -> None:
    """A case of matrices of these shapes, which lie with their axes exchanged where that is said."""
    shapes = (np.empty(a), np.empty(b))
    given = [exchanged(x).shape if turned else x.shape for x, turned in zip(shapes, (first, second), strict=True)]

    def answer(x: np.ndarray, y: np.ndarray) -> Any:
        return np.matmul(exchanged(x) if first else x, exchanged(y) if second else y)

    case(Matmul(first, second), *given, kind=kind, answer=answer)


for a, b in (
    ((5, 7), (7, 6)), ((1, 1), (1, 1)), ((1, 9), (9, 1)), ((9, 1), (1, 9)), ((40, 33), (33, 50)),
    ((3, 500), (500, 5)),
    ((2, 17, 8), (2, 8, 5)),
):  # fmt: skip
    for first, second in product((False, True), repeat=2):
        multiplied(a, b, first, second)
for a, b in (
    ((70,), (70,)), ((7,), (7, 5)), ((7,), (2, 7, 5)), ((7,), (2, 3, 7, 5)), ((5, 7), (7,)), ((2, 3, 5, 7), (7,)),
    ((2, 5, 8), (8, 9)), ((5, 8), (3, 8, 9)), ((2, 1, 5, 7), (3, 7, 4)), ((2, 3, 5, 7), (2, 1, 7, 4)),
    ((3, 2, 2, 5, 4), (3, 1, 2, 4, 6)), ((3, 1, 2, 3, 4), (5, 1, 4, 1)), ((2, 3, 1, 2, 17, 19), (3, 1, 1, 19, 21)),
):  # fmt: skip
    multiplied(a, b)
    multiplied(a, b, second=True)
for a, b in (((1, 2, 3, 2, 5, 4), (2, 1, 3, 1, 4, 6)), ((2, 3, 5, 7), (7,)), ((5, 7), (7,))):
    multiplied(a, b, first=True)
for second in (False, True):
    multiplied((2, 9, 7), (2, 7, 6), second=second, kind="special")
    multiplied((9, 30), (30, 6), second=second, kind="wide")
    multiplied((2, 4101), (4101, 3), second=second)  # in bands
case(Matmul(finish=f("relu", X)), (5, 7), (7, 6), answer=lambda x, y: np.where(x @ y < 0, 0, x @ y))
case(Matmul(finish=f("add", X, Y)), (2, 5, 7), (2, 7, 6), (6,), answer=lambda x, y, z: x @ y + z)
case(
    Matmul(False, True, f("multiply", X, Y)),
    (2, 5, 7),
    (2, 6, 7),
    (2, 5, 1),
    answer=lambda x, y, z: x @ exchanged(y) * z,
)
case(Matmul(finish=f("add", X, Y)), (2, 5, 7), (7,), (5,), answer=lambda x, y, z: x @ y + z)
case(
    Matmul(finish=f("add", X, Y)), (2, 4101), (4101, 3), (2, 3), answer=lambda x, y, z: x @ y + z
)  # after the last band

# ---- one after the other


def joined(axis: int, *shapes: Shape, kind: str = "normal") -> None:
    case(Concat(axis), *shapes, kind=kind, answer=lambda *xs: np.concatenate(xs, axis))


for axis in range(4):
    for count in (2, 3, 9, 21):
        joined(
            axis, *[tuple(1 + k if at == axis else size for at, size in enumerate((2, 3, 5, 6))) for k in range(count)]
        )
joined(-1, *[(2, 3, 4 * k) for k in range(1, 10)])
joined(-1, *[(2, 3, k) for k in (1, 2, 3, 5, 4, 1, 1, 1, 1, 1, 7, 9, 2, 2, 2, 2, 13, 1, 1)])
joined(3, *[(1, 2, 3, k) for k in (4, 8, 3, 4, 1)], kind="special")
joined(1, *[(2, 1)] * 40)
joined(1, (2, 3, 4, 5, 2, 3), (2, 1, 4, 5, 2, 3), (2, 7, 4, 5, 2, 3))
joined(0, (3,), (1,), (9,))
case(Concat(1, f("add", X, Y)), *[(2, 3)] * 5, (15,), answer=lambda *xs: np.concatenate(xs[:5], 1) + xs[5])

# ---- reductions

TOTALS: dict[str, Answer] = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod, "all": np.all, "any": np.any,
    "argmax": np.argmax, "argmin": np.argmin,
}  # fmt: skip
NUMBERS = ("argmax", "argmin")


def reduced(
    kind: str, axes: tuple[int, ...], *shapes: Shape, of: Expr = X, keepdims: bool = False, values: str = "normal",
    what: Answer = lambda x: x, **options: Any,
) -> None:  # fmt: skip
    """A reduction; `what`: what `of` is, in NumPy."""

    def answer(*xs: np.ndarray, **weights: np.ndarray) -> Any:
        with np.errstate(all="ignore"):
            along = axes[0] if kind in NUMBERS else axes
            return TOTALS[kind](what(*xs, **weights), axis=along, keepdims=keepdims) * 1.0

    case(Reduce(kind, axes, keepdims, of, **options), *shapes, kind=values, answer=answer)


def negative(x: np.ndarray) -> Any:
    return (x < 0) * 1.0


for kind in TOTALS:
    for rank in range(1, 7):
        for axis in range(rank):
            reduced(kind, (axis,), (2, 3, 2, 3, 2, 5)[-rank:], keepdims=(axis + rank) % 2 == 0)
    reduced(kind, (1,), (2, 1, 3))
    reduced(kind, (-1,), (3, 5, 1))
    reduced(kind, (0,), (1,))
    for axis in (1, 2, 3):  # many that are equal, and NaN among them
        reduced(kind, (axis,), (2, 5, 7, 6), of=f("less", X, 0), what=negative)
        reduced(kind, (axis,), (2, 5, 7, 6), values="special", keepdims=axis == 2)
for kind in ("prod", "all", "any"):
    reduced(kind, (), (2, 3, 5))
    reduced(kind, (0, 1, 2), (2, 1, 3))  # a product that half precision holds
    reduced(kind, (0, 2), (2, 3, 2, 3, 5), of=f("less", X, 1), what=lambda x: (x < 1) * 1.0)
reduced("prod", (1, 3), (2, 5, 3, 7, 2), of=f("add", 1, f("multiply", X, 0.01)), what=lambda x: 1 + x * 0.01)

SQUARES = f("square", f("subtract", X, Y))
for kind, axes in (("mean", (1, 2)), ("sum", (3,)), ("max", (0,)), ("argmin", (2,)), ("argmax", (3,))):
    reduced(kind, axes, (2, 3, 5, 6), (3, 1, 6), of=SQUARES, what=lambda x, y: (x - y) ** 2)
    reduced(kind, axes, (2, 3, 5, 6), (2, 1, 1, 1), of=SQUARES, what=lambda x, y: (x - y) ** 2, keepdims=True)
for shapes, axes in (
    (((2, 3, 5, 6),) * 2, (3,)),
    (((7,), (2, 3, 1)), (0, 2)),
    (((2, 3, 1, 2, 2, 5), (1, 3, 2, 1, 1, 5)), (1, 3, 5)),
):
    reduced("sum", axes, *shapes, of=f("multiply", X, Y), what=lambda x, y: x * y)
WEIGHTED = f("add", f("multiply", X, Constant("w0", (6,))), f("multiply", Y, Constant("w1", (3, 1, 1))))
reduced("sum", (1, 3), (2, 3, 5, 6), (1,), of=WEIGHTED, what=lambda x, y, w0, w1: x * w0 + y * w1)
reduced("mean", (2,), (2, 3, 5, 6), of=f("exponential", f("add", X, 1)), what=lambda x: np.exp(x + 1))  # of(0) is not 0
reduced("any", (1,), (4, 7), (7,), of=f("less", X, Y), what=lambda x, y: x < y)
SHIFTED = f("add", f("multiply", X, Y), Constant("w0", (6,)))
case(
    Reduce("mean", (1,), False, f("multiply", X, Y), SHIFTED), (2, 3, 6), (3, 1), (2, 1),
    answer=lambda x, y, z, w0: (x * y).mean(1) * z + w0,
)  # fmt: skip
case(Reduce("sum", (1,), finish=f("sqrt", f("abs", X))), (2, 7), answer=lambda x: np.sqrt(np.abs(x.sum(1))))
case(Reduce("max", (), of=f("negative", X), finish=f("add", X, Y)), (2, 7), (7,), answer=lambda x, y: y - x)
case(Reduce("argmax", (0,), finish=f("add", X, Y)), (9, 3), (3,), answer=lambda x, y: np.argmax(x, 0) + y)
for kind in ("sum", "max", "prod", "any", "argmin"):  # longer than a loop may be
    reduced(kind, (1,), (1, 130_003), of=f("less", X, -4), what=lambda x: (x < -4) * 1.0)
    reduced(kind, (0,), (40_003, 3), of=f("less", X, -4), what=lambda x: (x < -4) * 1.0)


# ---- heads of attention


def scores(q: np.ndarray, k: np.ndarray, heads: int) -> np.ndarray:
    parts = [
        np.einsum("btd,bsd->bts", a, c) for a, c in zip(np.split(q, heads, -1), np.split(k, heads, -1), strict=True)
    ]
    return np.stack(parts, 1)


def mixed(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    parts = zip(a.swapaxes(0, 1), np.split(v, a.shape[1], -1), strict=True)
    return np.concatenate([np.matmul(one, part) for one, part in parts], -1)


for heads, width, batch, rows, columns in (
    (2, 8, 2, 9, 11),
    (3, 4, 1, 17, 5),
    (2, 3, 2, 9, 8),
    (1, 32, 3, 8, 8),
    (2, 64, 1, 33, 70),
):
    long, other = (batch, rows, heads * width), (batch, columns, heads * width)
    case(HeadScores(heads), long, other, answer=lambda q, k, h=heads: scores(q, k, h))
    case(HeadMix(), (batch, heads, rows, columns), other, answer=mixed)
case(HeadScores(2, f("multiply", X, In(1))), (2, 9, 16), (2, 9, 16), (9,), answer=lambda q, k, y: scores(q, k, 2) * y)
case(HeadMix(f("add", X, In(1))), (2, 2, 9, 9), (2, 9, 16), (16,), answer=lambda a, v, y: mixed(a, v) + y)
case(HeadScores(2), (2, 9, 16), (2, 10, 16), kind="special", answer=lambda q, k: scores(q, k, 2))
case(HeadMix(), (2, 2, 9, 10), (2, 10, 16), kind="special", answer=mixed)


# ---- less the mean, over the root of the variance


def standard(x: np.ndarray, axes: tuple[int, ...], groups: int = 1, epsilon: float = 1e-3) -> np.ndarray:
    parts = np.split(x, groups, -1)
    made = [
        (part - part.mean(axes, keepdims=True)) / np.sqrt(part.var(axes, keepdims=True) + epsilon) for part in parts
    ]
    return np.concatenate(made, -1)


for shape, axes, groups in (
    ((2, 5, 7), (2,), 1), ((3, 130), (-1,), 1), ((1, 1), (1,), 1), ((2, 3, 515), (-1,), 1), ((9, 11), (0,), 1),
    ((2, 9, 11, 6), (1, 2), 1), ((2, 9, 11, 12), (1, 2, 3), 3), ((2, 9, 11, 16), (1, 2, 3), 2), ((3, 40, 6), (1,), 1),
    ((2, 9, 11, 6), (1, 2, 3), 1), ((2, 8, 3), (1, 2), 1), ((2, 3, 5, 2, 6), (1, 3), 1),
    ((2, 3, 5, 2, 6), (1, 2, 3), 1),
    ((2, 6), (1,), 2), ((2, 6, 5, 9), (2,), 1), ((2, 6, 5, 9), (0, 3), 1), ((1, 67, 53, 5), (1, 2), 1),
    ((1, 67, 65, 8), (1, 2, 3), 1), ((3, 4, 7, 9), (0, 1, 2), 1),
):  # fmt: skip
    case(Standardize(axes, 1e-3, groups), shape, answer=lambda x, a=axes, g=groups: standard(x, a, g))
for shape, axes, groups in (((2, 3, 9), (2,), 1), ((2, 5, 3, 5), (1, 2), 1), ((2, 5, 3, 8), (1, 2, 3), 2)):
    case(Standardize(axes, 1e-3, groups), shape, kind="special", answer=lambda x, a=axes, g=groups: standard(x, a, g))
case(
    Standardize((1, 2), 1e-3, 1, SHIFTED), (2, 4, 3, 6), (3, 1),
    answer=lambda x, y, w0: standard(x, (1, 2)) * y + w0,
)  # fmt: skip
