"""Cases of primitives, which cases/keras.py adds to the table; many with an answer said in plain NumPy."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
from cases.expressions import Answer, X, Y, Z, f

from glnn.graph.shapes import Shape
from glnn.primitives.base import Primitive
from glnn.primitives.concat import Concat
from glnn.primitives.expr import Constant, Expr, In
from glnn.primitives.map import Copy, Map
from glnn.primitives.move import Along, Remap, Reshape, Size
from glnn.primitives.rearrange import Merge, Split
from glnn.primitives.reduce import Reduce, Softmax

CASES: list[tuple[Primitive, tuple[Shape, ...], str, Answer | None]] = []


def case(primitive: Primitive, *shapes: Shape, kind: str = "normal", answer: Answer | None = None) -> None:
    CASES.append((primitive, shapes, kind, answer))


def relu(x: np.ndarray) -> np.ndarray:
    """As Keras has it: NaN stays."""
    return np.where(x < 0, 0, x)


SUM = f("relu", f("add", X, Y))  # a residual branch, and what follows it
AFFINE = f("add", f("multiply", X, Constant("w0", (5,))), Constant("w1", (5,)))

# ---- element by element

FULL = (2, 3, 5, 6)
for count in range(1, 5):
    for ones in combinations(range(4), count):  # broadcast along every set of axes
        other = tuple(1 if axis in ones else size for axis, size in enumerate(FULL))
        case(Map(f("multiply", X, Y)), FULL, other, answer=lambda x, y: x * y)
        if count < 3:
            case(Map(f("subtract", X, Y)), other, FULL, answer=lambda x, y: x - y)
for shapes in (
    ((2, 3, 5, 6), (5, 6)), ((6,), (2, 3, 5, 6)), ((3, 1, 1), (2, 1, 5, 6)), ((2, 1), (1, 3)), ((5,), (1,)),
    ((2, 2, 3, 5, 6), (2, 1, 3, 1, 6)), ((2, 2, 3, 5, 6), (2, 1, 1, 1)), ((2, 1, 3, 2, 4, 3), (1, 2, 3, 1, 4, 1)),
    ((1, 1, 1, 1), (2, 3, 5, 9)),
):  # fmt: skip
    case(Map(f("add", X, f("square", Y))), *shapes, answer=lambda x, y: x + y * y)
WHERE = f("where", f("less", X, Y), Z, f("negative", X))
for shapes in ((FULL,) * 3, (FULL, (1, 1, 5, 1), (2, 1, 1, 6)), ((6,), (2, 1), (5, 1, 1)), ((2, 7), (1, 7), (2, 1))):
    case(Map(WHERE), *shapes, answer=lambda x, y, z: np.where(x < y, z, -x))
    case(Map(WHERE), *shapes, kind="special", answer=lambda x, y, z: np.where(x < y, z, -x))
case(Map(f("tanh", f("add", f("add", X, Y), f("add", Z, In(3))))), *[(2, 3, 5, 6), (6,), (3, 1, 1), (2, 3, 5, 6)])
for shape in ((), (1,), (6,), (5, 1), (5, 6), (3, 1, 1), (3, 5, 6), (2, 1, 1, 1), (2, 3, 5, 6), (1, 1, 1, 6)):
    scaled = Map(f("subtract", X, Constant("w0", shape)))
    case(scaled, FULL, answer=lambda x, w0: x - w0)
for shape in ((2, 1, 1, 1, 1), (2, 3, 1, 1), (2, 1, 1, 5, 6)):
    case(Map(f("multiply", Constant("w0", shape), X)), (2, 2, 3, 5, 6), answer=lambda x, w0: w0 * x)
VECTORS = f("add", f("multiply", f("subtract", X, Constant("w0", (9,))), Constant("w1", (9,))), Constant("w2", (9,)))
for shape in ((3, 9), (2, 5, 7, 9), (2, 2, 3, 2, 4, 9)):
    case(Map(VECTORS), shape, answer=lambda x, w0, w1, w2: (x - w0) * w1 + w2)
case(Map(f("maximum", f("minimum", X, 0.5), -1.25)), (2, 3, 5, 5), answer=lambda x: np.clip(x, -1.25, 0.5))
case(Map(f("add", X, Constant("w0", (5, 1, 6)))), (1, 3, 6), answer=lambda x, w0: x + w0)  # the weight is larger
twice = f("square", f("subtract", X, 1))  # what is used more than once
case(Map(f("add", twice, f("multiply", twice, X))), (2, 9), answer=lambda x: (x - 1) ** 2 * (1 + x))
BINARY: dict[str, Answer] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "maximum": np.maximum,
    "minimum": np.minimum, "less": lambda x, y: (x < y).astype(x.dtype), "sum_of_parts": np.add,
}  # fmt: skip
UNARY: dict[str, Answer] = {"negative": np.negative, "square": np.square, "abs": np.abs}
for name, answer in BINARY.items():
    case(Map(f(name, X, Y)), (2, 5, 3, 6), (2, 5, 3, 6), answer=answer)
    case(Map(f(name, X, Y)), (40, 4), (40, 4), kind="special", answer=answer)
for name, answer in UNARY.items():
    case(Map(f(name, X)), (2, 5, 3, 6), answer=answer)
    case(Map(f(name, X)), (40, 4), kind="special", answer=answer)
case(Map(f("sqrt", f("abs", X))), (2, 5, 3, 6), answer=lambda x: np.sqrt(np.abs(x)))
case(Map(f("sqrt", f("abs", X))), (40, 4), kind="special", answer=lambda x: np.sqrt(np.abs(x)))
# Of p + q <= 0 compilers make p <= -q, and p of (p - q) + q: both hide the NaN that comes of two infinities.
TOTAL, REST = f("add", X, Y), f("subtract", X, Y)
HIDDEN: list[tuple[Expr, Answer]] = [
    (SUM, lambda x, y: relu(x + y)),
    (f("relu6", TOTAL), lambda x, y: np.minimum(relu(x + y), 6)),
    (f("where", TOTAL, X, Y), lambda x, y: np.where(x + y != 0, x, y)),
    (f("maximum", REST, Y), lambda x, y: np.maximum(x - y, y)),
    (f("minimum", REST, Y), lambda x, y: np.minimum(x - y, y)),
    (f("clip", REST, Y, 9), lambda x, y: np.minimum(np.maximum(x - y, y), 9)),
    (f("logical_not", TOTAL), lambda x, y: np.logical_not(x + y).astype(x.dtype)),
    (f("logical_and", TOTAL, REST), lambda x, y: np.logical_and(x + y, x - y).astype(x.dtype)),
    (f("logical_or", TOTAL, 0), lambda x, y: np.logical_or(x + y, 0).astype(x.dtype)),
    (f("logical_xor", TOTAL, X), lambda x, y: np.logical_xor(x + y, x).astype(x.dtype)),
    (f("power", REST, Y), lambda x, y: (x - y) ** y),
    (f("atan2", REST, Y), lambda x, y: np.arctan2(x - y, y)),
]
for hidden, answer in HIDDEN:
    case(Map(hidden), (40, 4), (40, 4), kind="special", answer=answer)
for shape in ((2, 5, 7, 6), (3,), (2, 2, 3, 2, 4, 3)):
    case(Copy(), shape, answer=lambda x: x)
    case(Map(X), shape, answer=lambda x: x)

# ---- sums along axes

TOTALS: dict[str, Answer] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}
KINDS = list(TOTALS)


def reduced(kind: str, axes: tuple[int, ...], keepdims: bool, *shape: int, values: str = "normal") -> None:
    def answer(x: np.ndarray) -> Any:
        return TOTALS[kind](x, axis=axes, keepdims=keepdims)

    case(Reduce(kind, axes, keepdims), shape, kind=values, answer=answer)


turn = 0
for shape in ((7,), (3, 6), (2, 5, 9), (2, 3, 5, 4), (2, 3, 2, 3, 5), (2, 2, 3, 2, 2, 5)):
    rank = len(shape)
    sets = [axes for count in range(1, rank + 1) for axes in combinations(range(rank), count)]
    for axes in sets[:: 1 if rank < 5 else 3]:  # each of 3 kinds of its own on ranks that have few
        reduced(KINDS[turn % 4], axes, turn % 3 == 0, *shape)
        turn += 1
for kind, (axes, keepdims) in product(KINDS, (((1, 2), False), ((-1,), True), ((0, 1, 2, 3), False), ((3, 1), True))):
    reduced(kind, axes, keepdims, 2, 7, 5, 6, values="low" if len(axes) == 4 else "normal")  # a sum of all is near 0
    reduced(kind, axes, not keepdims, 2, 5, 9, 5, values="special")
for kind in KINDS:
    reduced(kind, (1,), False, 2, 5, 3, values="low")
    reduced(kind, (2,), False, 2, 1, 1, 5)  # along what has one element
    reduced(kind, (1, 3), True, 2, 1, 5, 1)
    reduced(kind, (1,), False, 2, 5000, 3)
    reduced(kind, (1, 2), False, 1, 70, 71, 5)  # in stages
    reduced(kind, (-1,), False, 3, 4101)
    reduced(kind, (0, 2), False, 70, 3, 71, 2)
reduced("sum", (), False, 2, 3, 5)
reduced("max", (0, 2, 4), True, 9, 2, 11, 3, 50, 3)
reduced("mean", (0, 2, 3, 5), False, 5, 2, 11, 9, 3, 10)
reduced("min", (0, 1, 2), False, 40, 11, 12, 6)

# ---- softmax


def exponentials(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    e = np.exp(x - np.max(x, axis=axes, keepdims=True))
    return e / np.sum(e, axis=axes, keepdims=True)


for shape, axes in (
    ((7,), (0,)), ((3, 5), (0,)), ((2, 3, 5), (-1,)), ((2, 3, 5), (0, 2)), ((2, 3, 4, 5), (1, 2)),
    ((2, 3, 4, 5), (0, 1, 2, 3)), ((2, 2, 3, 2, 4, 3), (1, 4)), ((2, 3, 1, 5), (2,)), ((2, 400, 3), (1,)),
):  # fmt: skip
    case(Softmax(axes), shape, answer=lambda x, axes=axes: exponentials(x, axes))
    case(Softmax(axes, log=True), shape, answer=lambda x, axes=axes: np.log(exponentials(x, axes)))

# ---- moved elements


def axis_of(rank: int, axis: int, along: Along) -> Remap:
    """One axis moved, the others as they are."""
    return Remap(tuple(replace(along, source=k) if k == axis else Along(k) for k in range(rank)))


def at(axis: int, value: Any, rank: int, other: Any = slice(None)) -> tuple[Any, ...]:
    return tuple(value if k == axis else other for k in range(rank))


EDGES = {"zero": "constant", "clamp": "edge", "reflect": "reflect", "wrap": "wrap"}  # in words of np.pad
SHAPES = ((7,), (3, 6), (2, 5, 9), (2, 3, 5, 4), (2, 3, 2, 3, 5), (2, 2, 3, 2, 2, 5))
for shape in SHAPES:
    rank = len(shape)
    for axis in range(rank):
        size = shape[axis]
        flip = Along(None, size, mul=-1, add=size - 1)
        case(axis_of(rank, axis, flip), shape, answer=lambda x, a=axis: np.flip(x, a))
        every = slice(1, None, 2) if size > 1 else slice(None)
        step = Along(None, mul=2, add=1)  # from the second on
        if size > 1:
            place = at(axis, every, rank)
            case(axis_of(rank, axis, step), shape, answer=lambda x, p=place: x[p])
        case(axis_of(rank, axis, Along(None, div=3)), shape, answer=lambda x, a=axis: np.repeat(x, 3, a))
        for edge, mode in EDGES.items():
            if rank > 4 and axis % 3:
                continue
            margins = at(axis, (2, 1), rank, (0, 0))
            pads = Along(None, add=-2, extra=3, edge=edge)
            case(axis_of(rank, axis, pads), shape, answer=lambda x, m=margins, mode=mode: np.pad(x, m, mode=mode))


def strewn(x: np.ndarray, axis: int) -> np.ndarray:
    """Each element followed by two zeros."""
    made = np.zeros(at(axis, 3, x.ndim, 1) * np.array(x.shape), x.dtype)
    made[at(axis, slice(None, None, 3), x.ndim)] = x
    return made


for axis in range(4):
    case(axis_of(4, axis, Along(None, div=3, edge="only")), (2, 3, 5, 4), answer=lambda x, a=axis: strewn(x, a))
    far = Along(None, add=-7, extra=13, edge="reflect")  # to and fro
    margins = at(axis, (7, 6), 4, (0, 0))
    case(axis_of(4, axis, far), (2, 3, 5, 4), answer=lambda x, m=margins: np.pad(x, m, "reflect"))
    away, margins = Along(None, add=-9, extra=17, edge="wrap"), at(axis, (9, 8), 4, (0, 0))
    case(axis_of(4, axis, away), (2, 3, 5, 4), answer=lambda x, m=margins: np.pad(x, m, "wrap"))
for edge, mode in EDGES.items():  # of one element; of NaN and infinities; both sides of an image; cropped at one end
    pads = Along(None, add=-1, extra=3, edge=edge)
    case(axis_of(3, 1, pads), (2, 1, 5), answer=lambda x, mode=mode: np.pad(x, ((0, 0), (1, 2), (0, 0)), mode))
    both = Remap((Along(0), replace(pads, source=1), replace(pads, source=2), Along(3)))
    mixed = Remap((Along(0), Along(1, add=2, extra=-1, edge=edge), replace(pads, source=2), Along(3)))
    case(both, (2, 5, 4, 6), kind="special", answer=lambda x, m=mode: np.pad(x, ((0, 0), (1, 2), (1, 2), (0, 0)), m))
    padded = lambda x, m=mode: np.pad(x, ((0, 0), (0, 1), (1, 2), (0, 0)), m)[:, 2:]  # noqa: E731
    case(mixed, (2, 5, 4, 3), answer=padded)
whole = Remap((Along(2), Along(0), Along(None, 2), Along(1)))
case(whole, (2, 3, 5), answer=lambda x: np.repeat(x.transpose(2, 0, 1)[:, :, None], 2, 2))
for number in range(3):
    more = [Along(0), Along(1)]
    more.insert(number, Along(None, 3))
    case(Remap(tuple(more)), (4, 5), answer=lambda x, p=number: np.repeat(np.expand_dims(x, p), 3, p))
case(Remap((Along(None, 2), *(Along(k) for k in range(5)))), (2, 3, 2, 3, 5), answer=lambda x: np.stack([x, x]))
case(Remap((Along(1), Along(None, 4), Along(2))), (1, 3, 5), answer=lambda x: np.repeat(x[0][:, None], 4, 1))
case(
    Remap((Along(2, 3, -1, 4), Along(0), Along(1, mul=2))),
    (2, 6, 5),
    answer=lambda x: x.transpose(2, 0, 1)[4:1:-1, :, ::2],
)
case(Remap((Along(0), Along(None, 6))), (3, 1), answer=lambda x: np.repeat(x, 6, 1))
case(Remap((Along(0), Along(1, add=-1, extra=2, edge="zero"), Along(2, div=2), Along(3))), (2, 3, 4, 5))

for shape, target in (
    ((2, 3, 8), (Size(0), 6, 4)), ((2, 3, 8), (-1,)), ((48,), (2, 3, 8)), ((2, 3, 2, 4), (Size(0), -1, Size(3))),
    ((2, 3, 5), (Size(1), Size(0), -1)), ((1, 1, 1, 1), (1,)), ((2, 3, 5, 1, 2, 3), (6, -1)),
    ((6, 30), (2, 3, 5, 1, 2, 3)),
):  # fmt: skip
    sizes = [size if isinstance(size, int) else shape[size.axis] for size in target]
    case(Reshape(target), shape, answer=lambda x, s=tuple(sizes): x.reshape(s))
for shape, parts, order in (
    ((2, 5, 8), (2, 5, 2, 4), (0, 2, 1, 3)), ((2, 5, 8), (2, 5, 2, 4), (0, 2, 3, 1)), ((6, 3), (2, 3, 3), (1, 2, 0)),
):  # fmt: skip
    turned = tuple(parts[axis] for axis in order)
    back = tuple(order.index(axis) for axis in range(len(order)))
    case(Split(parts, order), shape, answer=lambda x, p=parts, o=order: x.reshape(p).transpose(o))
    case(Merge(back, shape), turned, answer=lambda x, s=shape, b=back: x.transpose(b).reshape(s))
    plus = f("add", X, Y)
    case(Merge(back, shape, plus), turned, shape, answer=lambda x, y, s=shape, b=back: x.transpose(b).reshape(s) + y)
    squared = f("multiply", X, X)
    case(
        Split(parts, order, squared, plus), shape, turned,
        answer=lambda x, y, p=parts, o=order: np.square(x).reshape(p).transpose(o) + y,
    )  # fmt: skip
for shape in SHAPES:
    for axis in range(0, len(shape), 2 if len(shape) > 3 else 1):
        one, five = at(axis, 1, len(shape)), at(axis, 5, len(shape))
        shapes = [tuple(s if isinstance(s, int) else shape[k] for k, s in enumerate(each)) for each in (one, five)]
        case(Concat(axis), shape, *shapes, answer=lambda *xs, a=axis: np.concatenate(xs, a))
