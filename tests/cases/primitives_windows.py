"""Cases of windows, and of what is computed at the end of a draw; many with an answer said in plain NumPy."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from cases.expressions import Answer, X, Y, Z, f
from cases.primitives import AFFINE, SUM, axis_of, exponentials, relu

from glnn.graph.shapes import Shape
from glnn.primitives.base import Primitive
from glnn.primitives.blank import Blank
from glnn.primitives.concat import Concat
from glnn.primitives.conv import Conv
from glnn.primitives.conv_transpose import ConvTranspose
from glnn.primitives.expr import Constant, In
from glnn.primitives.index import Take
from glnn.primitives.move import Along, Remap, Reshape, Size, Unfolded
from glnn.primitives.pool import Window
from glnn.primitives.reduce import Reduce, Softmax, Sparsemax
from glnn.primitives.resample import Resample

CASES: list[tuple[Primitive, tuple[Shape, ...], str, Answer | None]] = []


def case(primitive: Primitive, *shapes: Shape, kind: str = "normal", answer: Answer | None = None) -> None:
    CASES.append((primitive, shapes, kind, answer))


# ---- windows


def slid(x: np.ndarray, size: tuple, strides: tuple, dilation: tuple, pads: tuple, fill: float) -> np.ndarray:
    """(taps, N, *windows, C): what each tap sees of images."""
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    seen = []
    for tap in np.ndindex(*size):
        cut = [slice(None)]
        for axis, (t, k, s, d) in enumerate(zip(tap, size, strides, dilation, strict=True), 1):
            cut.append(slice(t * d, x.shape[axis] - (k - 1 - t) * d, s))
        seen.append(x[tuple(cut)])
    return np.stack(seen)


def convolved(layer: Conv, pads: tuple) -> Answer:
    """A convolution as a loop over taps, groups and filters."""

    def answer(x: np.ndarray, kernel: np.ndarray, bias: Any = 0.0) -> np.ndarray:
        taps = slid(x, layer.kernel_size, layer.strides, layer.dilation, pads, 0.0)
        each, groups = x.shape[-1] // layer.groups, layer.groups
        y = np.zeros((*taps.shape[1:-1], layer.filters), x.dtype)
        for out in range(layer.filters):
            first = out // (layer.filters // (groups * layer.rounds)) % groups * each
            for number, tap in enumerate(np.ndindex(*layer.kernel_size)):
                for c in range(each):
                    y[..., out] += taps[number][..., first + c] * kernel[(*tap, c, out)]
        return y + bias

    return answer


def grouped(layer: Conv) -> Answer:
    """Each filter's own run of the channels of each vector."""

    def answer(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
        each, run = len(kernel), layer.filters // (layer.groups * layer.rounds)
        firsts = [out // run % layer.groups * each for out in range(layer.filters)]
        return np.stack([x[..., k : k + each] @ kernel[:, out] for out, k in enumerate(firsts)], -1) + bias

    return answer


for channels, filters in ((1, 4), (3, 5), (5, 3), (8, 8), (9, 2)):
    case(Conv(filters), (2, channels), answer=lambda x, kernel, bias: np.einsum("nc,cf->nf", x, kernel) + bias)
for shape in ((5,), (2, 3, 5), (2, 3, 2, 3, 5)):
    case(Conv(6, use_bias=False), shape, answer=lambda x, kernel: np.einsum("...c,cf->...f", x, kernel))
for filters, groups, rounds, shape in (
    (8, 2, 1, (3, 8)), (24, 2, 3, (3, 8)), (6, 2, 3, (5, 2)), (12, 3, 2, (2, 3, 9)), (32, 2, 4, (8,)),
):  # fmt: skip
    layer = Conv(filters, groups=groups, rounds=rounds, use_bias=filters != 32)
    case(layer, shape, answer=grouped(layer))
one = Conv(6, (3,), (1,), (1,))
for layer, channels, length, pads in (
    (one, 5, 9, (0, 0)), (replace(one, padding="same"), 4, 9, (1, 1)), (replace(one, strides=(2,)), 3, 8, (0, 0)),
    (replace(one, dilation=(3,), padding="same"), 2, 11, (3, 3)), (replace(one, padding=((2, 0),)), 1, 6, (2, 0)),
    (replace(one, kernel_size=(1,), use_bias=False), 9, 4, (0, 0)), (replace(one, groups=3), 3, 7, (0, 0)),
    (replace(one, groups=2), 4, 7, (0, 0)), (replace(one, filters=24, groups=2, rounds=3), 8, 7, (0, 0)),
    (replace(one, filters=12, groups=2, rounds=3), 6, 7, (0, 0)), (replace(one, groups=3, rounds=2), 3, 7, (0, 0)),
    (replace(one, filters=8, groups=2, strides=(2,)), 8, 9, (0, 0)),
    (replace(one, filters=5, groups=5, padding="same"), 5, 7, (1, 1)), (replace(one, groups=6), 6, 1 + 2, (0, 0)),
    (replace(one, filters=2, kernel_size=(80,), padding="same"), 3, 90, (39, 40)),
    (replace(one, strides=(3,), padding="same"), 4, 10, (1, 1)),
):  # fmt: skip
    case(layer, (3, length, channels), answer=convolved(layer, (pads,)))
two = Conv(5, (3, 2), (2, 1), (1, 1))
for layer, channels, margins in (
    (two, 3, ((0, 0), (0, 0))), (replace(two, padding=((1, 2), (0, 3))), 4, ((1, 2), (0, 3))),
    (replace(two, groups=5, padding="same"), 5, ((1, 1), (0, 1))),
    (replace(two, filters=6, groups=2), 4, ((0, 0), (0, 0))),
    (replace(two, filters=6, groups=3, dilation=(2, 1), strides=(1, 1)), 3, ((0, 0), (0, 0))),
):  # fmt: skip
    case(layer, (2, 7, 5, channels), answer=convolved(layer, margins))


def spread_out(layer: ConvTranspose) -> Answer:
    """Each element of the input times the kernel, added up where it lands."""

    def answer(x: np.ndarray, kernel: np.ndarray, bias: Any = 0.0) -> np.ndarray:
        (length, start), (s,), (d,) = layer.spans(x.shape[1:-1])[0], layer.strides, layer.dilation
        y = np.zeros((len(x), length, layer.filters), x.dtype)
        for i in range(x.shape[1]):
            for k in range(len(kernel)):
                if 0 <= i * s + k * d - start < length:
                    y[:, i * s + k * d - start] += x[:, i] @ kernel[k]
        return y + bias

    return answer


base = ConvTranspose(6, (3,), (2,), (1,), (3,))
for layer in (
    base, replace(base, strides=(1,)), replace(base, extra=(1,), centred=True),
    replace(base, strides=(4,), use_bias=False),
    replace(base, extra=(2,), centred=True), replace(base, dilation=(2,), extra=(5,)), replace(base, sizes=(8,)),
    replace(base, start=(1,)),
    replace(base, kernel_size=(1,), extra=(1,)), replace(base, kernel_size=(4,), strides=(3,), extra=(5,)),
):  # fmt: skip
    case(layer, (3, 5, 4), answer=spread_out(layer))
    case(layer, (2, 4, 3), answer=spread_out(layer))
case(ConvTranspose(3, (3, 2), (2, 2), (1, 1), (3, 2)), (2, 3, 4, 5))

WINDOWS = (
    (9, 3, 2, "valid", (0, 0)), (9, 3, 2, "same", (1, 1)), (9, 2, 1, ((0, 1),), (0, 1)), (9, 9, 1, "valid", (0, 0)),
    (45, 40, 3, "same", (18, 19)),
)  # fmt: skip
for kind, (length, size, step, padding, pads) in product(("max", "mean"), WINDOWS):

    def pooled(x: np.ndarray, kind: str = kind, size: int = size, step: int = step, pads: tuple = pads) -> np.ndarray:
        seen = slid(x, (size,), (step,), (1,), (pads,), np.nan)
        inside = slid(np.ones_like(x), (size,), (step,), (1,), (pads,), 0.0)
        total = np.where(inside > 0, seen, 0).sum(0) / inside.sum(0)
        return np.where(inside > 0, seen, -np.inf).max(0) if kind == "max" else total

    case(Window(kind, (size,), (step,), padding), (2, length, 5), answer=pooled)
    case(Window(kind, (size,), (step,), padding), (1, length, 4), kind="special", answer=pooled)

# ---- what is computed at the end of a draw: tensors beside what it made, of its shape and broadcast

SIZES = ((2, 5, 7, 6), (2, 5, 1, 6), (1, 5, 7, 1), (6,), (1,), (7, 1))
same = Conv(6, (3, 3), (1, 1), (1, 1), "same")
for other in SIZES:
    case(replace(same, finish=SUM), (2, 5, 7, 3), other)
for layer, shape, out in (
    (replace(same, strides=(2, 1)), (2, 5, 7, 3), (2, 3, 7, 6)),
    (replace(same, padding=((2, 0), (1, 1))), (2, 5, 7, 3), (2, 5, 7, 6)),
    (replace(same, kernel_size=(9, 9), filters=3), (1, 12, 10, 2), (1, 12, 10, 3)),  # in bands of rows
    (replace(same, kernel_size=(9, 9), filters=3, strides=(2, 2), padding="valid"), (1, 12, 11, 2), (1, 2, 2, 3)),
    (replace(same, kernel_size=(2, 67), filters=2), (1, 3, 70, 5), (1, 3, 70, 2)),  # with real loops
    (replace(same, groups=2, filters=8, dilation=(2, 2), padding="valid"), (1, 7, 8, 8), (1, 3, 4, 8)),
    (replace(same, groups=2, filters=4), (1, 3, 4, 6), (1, 3, 4, 4)),
    (replace(same, groups=6), (2, 5, 7, 6), (2, 5, 7, 6)),
    (replace(same, kernel_size=(11, 11), groups=5, filters=5), (1, 9, 13, 5), (1, 9, 13, 5)),
):
    case(replace(layer, finish=SUM), shape, out)
    case(replace(layer, finish=SUM), shape, (*out[:-1], 1))
case(Conv(5, finish=SUM), (2, 3), (2, 5), answer=lambda x, y, kernel, bias: relu(x @ kernel + bias + y))
case(Conv(5, finish=SUM), (2, 7, 3), (7, 5), answer=lambda x, y, kernel, bias: relu(x @ kernel + bias + y))
case(Conv(5, finish=SUM), (2, 3), (7, 2, 5), answer=lambda x, y, kernel, bias: relu(x @ kernel + bias + y))  # larger
case(Conv(3, finish=SUM), (2, 5000), (2, 3))  # in stages
case(Conv(5, finish=AFFINE), (2, 7, 3), answer=lambda x, kernel, bias, w0, w1: (x @ kernel + bias) * w0 + w1)
case(replace(one, padding="same", finish=f("tanh", f("multiply", f("add", X, Y), Z))), (3, 7, 4), (3, 7, 6), (7, 1))
pixels = f("multiply", f("subtract", X, Constant("w0", (5, 7, 1))), Constant("w1", (5, 7, 6)))
case(replace(same, finish=pixels), (2, 5, 7, 3))
case(replace(same, finish=f("subtract", Y, X)), (2, 5, 7, 3), (2, 5, 7, 6))
many = f("add", f("add", X, Y), f("multiply", f("add", Z, In(3)), In(4)))
case(replace(same, finish=many), (2, 5, 7, 3), (2, 5, 7, 6), (2, 1, 7, 6), (2, 5, 7, 1), (6,))


def ends(primitive: Any, shape: Shape, answer: Answer | None = None) -> None:
    """The primitive with a tensor of its result's shape added, with a broadcast one, and with weights."""
    out = tuple(size or 0 for size in primitive.output_shape(shape))

    def summed(x: np.ndarray, y: np.ndarray, **weights: np.ndarray) -> np.ndarray:
        assert answer is not None
        return relu(answer(x, **weights) + y)

    def scaled(x: np.ndarray, w0: np.ndarray, w1: np.ndarray, **weights: np.ndarray) -> np.ndarray:
        assert answer is not None
        return answer(x, **weights) * w0 + w1

    known = answer is not None
    case(replace(primitive, finish=SUM), shape, out, answer=summed if known else None)
    case(replace(primitive, finish=SUM), shape, (*out[:-2], 1, out[-1])[-len(out) :], answer=summed if known else None)
    last = f("add", f("multiply", X, Constant("w0", out[-1:])), Constant("w1", ()))
    case(replace(primitive, finish=last), shape, answer=scaled if known else None)


ends(replace(base, strides=(1,)), (2, 4, 3), spread_out(replace(base, strides=(1,))))
ends(base, (2, 4, 3), spread_out(base))
ends(replace(base, strides=(5,)), (2, 4, 3), spread_out(replace(base, strides=(5,))))
ends(ConvTranspose(3, (3, 3), (2, 2), (1, 1), (1, 1), centred=True), (2, 3, 4, 5))
ends(Window("max", (2, 2), (2, 2)), (2, 6, 8, 5))
ends(Window("mean", (7, 6), (1, 1)), (2, 9, 8, 5))
ends(Window("mean", (65, 66), (2, 2), "same"), (1, 66, 70, 2))
ends(Resample((2, 3)), (2, 3, 4, 5))
ends(Reduce("sum", (1, 2)), (2, 5, 7, 6), lambda x: x.sum((1, 2)))
ends(Reduce("max", (3,), True), (2, 5, 7, 6), lambda x: x.max(3, keepdims=True))
ends(Reduce("mean", (1, 2, 3)), (2, 5, 7, 6), lambda x: x.mean((1, 2, 3)))
ends(Reduce("min", (1, 2)), (1, 70, 71, 5), lambda x: x.min((1, 2)))
ends(Reduce("sum", ()), (2, 3, 5), lambda x: x)
ends(Softmax(), (2, 3, 5, 6), lambda x: exponentials(x, (-1,)))
ends(Softmax(), (2, 300), lambda x: exponentials(x, (-1,)))
ends(Softmax((1, 2)), (2, 3, 5, 6), lambda x: exponentials(x, (1, 2)))
ends(Sparsemax(), (2, 3, 6))
ends(Reshape((Size(0), -1)), (2, 3, 5), lambda x: x.reshape(2, 15))
ends(Reshape((2, 3, 5)), (2, 3, 5), lambda x: x)
ends(axis_of(4, 1, Along(None, add=-1, extra=3, edge="zero")), (2, 5, 7, 6))
ends(axis_of(4, 2, Along(None, div=2)), (2, 5, 3, 6), lambda x: np.repeat(x, 2, 2))
ends(axis_of(4, 3, Along(None, add=-1, extra=3, edge="reflect")), (2, 5, 3, 6))
ends(Remap((Along(0), Along(2), Along(1))), (2, 3, 5), lambda x: x.transpose(0, 2, 1))
ends(Remap((Along(0), Along(1))), (3, 5), lambda x: x)
for batch, steps, rest in ((2, 3, (5,)), (3, 1, (4, 6)), (1, 7, (3, 2, 9)), (4, 5, ())):
    unfolded = (batch, steps, *rest)
    case(Unfolded(), (batch * steps, *rest), (batch, steps, 2), answer=lambda x, _, shape=unfolded: x.reshape(shape))
case(Unfolded(finish=f("relu", f("add", X, In(1)))), (6, 5), (2, 3, 4), (2, 3, 5))
for target in ((Size(0), 5), (2, Size(0), Size(2), 3), (1,)):
    case(Blank(target), (3, 4, 6))
case(Blank((Size(0), 5), finish=f("relu", f("add", X, In(1)))), (3, 4, 6), (5,))
case(Concat(1, finish=SUM), (2, 3, 5), (2, 4, 5), (2, 7, 5), answer=lambda a, b, y: relu(np.concatenate([a, b], 1) + y))
case(Concat(2, finish=f("multiply", X, Constant("w0", (9,)))), (2, 3, 5), (2, 3, 4))
case(Take(table=(11, 6), finish=SUM), (2, 5), (2, 5, 6), kind="rows")
case(Take(table=(11, 6), finish=SUM), (2, 5), (5, 6), kind="rows")
for other in ((40, 5), (40, 1)):
    case(Conv(5, finish=SUM), (40, 3), other, kind="special")
