"""Layers that say loops by `t.repeat`, each with what comes out of it in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glnn.layers.base import Layer, WeightSpec

Dims = tuple[int | None, ...]
Arrays = Sequence[np.ndarray]


@dataclass(frozen=True, eq=False)
class Loop(Layer):
    """A layer that builds what a function says, with weights of shapes by name."""

    make: Callable[..., Any]
    weights: Mapping[str, tuple[int, ...]]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, shape) for name, shape in self.weights.items()]

    def build(self, t: Any, *xs: Any, w: Any) -> Any:
        return self.make(t, *xs, **w)


@dataclass(frozen=True)
class Case:
    """A loop; shapes of its inputs, and of its weights by name; what comes out of inputs and weights in float64."""

    make: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    answer: Callable[..., Any]
    weights: Mapping[str, tuple[int, ...]]

    @property
    def layer(self) -> Loop:
        return Loop(self.make, self.weights)

    def inputs(self) -> list[np.ndarray]:
        rng = np.random.default_rng(1)
        return [rng.normal(size=shape).astype(np.float32) for shape in self.shapes]

    def values(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(2)
        return {name: (rng.normal(size=shape) / 2).astype(np.float32) for name, shape in self.weights.items()}

    def wanted(self) -> list[np.ndarray]:
        wide = {name: array.astype(np.float64) for name, array in self.values().items()}
        return list(self.answer(*(x.astype(np.float64) for x in self.inputs()), **wide))


CASES: dict[str, Case] = {}


def case(make: Callable[..., Any], *shapes: tuple[int, ...], answer: Callable[..., Any], **weights: Any) -> None:
    CASES[make.__name__.strip("_").replace("_", " ")] = Case(make, shapes, answer, weights)


def rows(x: np.ndarray, axis: int, reverse: bool = False) -> list[np.ndarray]:
    slices = list(np.moveaxis(x, axis, 0))
    return slices[::-1] if reverse else slices


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# ---- recurrence, in both directions


def _lstm(t: Any, x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> list:
    def step(h: Any, c: Any, x: Any) -> list:
        z = t.dense(h, recurrent) + x
        i, f, g, o = (t.slice(z, -1, k * h.shape[-1], h.shape[-1]) for k in range(4))
        c = t.apply("sigmoid", f) * c + t.apply("sigmoid", i) * t.apply("tanh", g)
        h = t.apply("sigmoid", o) * t.apply("tanh", c)
        return [h, c, h]

    h, c, hs = t.repeat(step, [h, c], [t.dense(x, kernel, bias)], reverse=True, stack_reverse=True)
    return [hs, h, c]


def _lstm_answer(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> list:
    made = []
    for row in rows(x @ kernel + bias, 1, True):
        i, f, g, o = np.split(h @ recurrent + row, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        made.append(h)
    return [np.stack(made[::-1], 1), h, c]


case(_lstm, (2, 7, 3), (2, 5), (2, 5), answer=_lstm_answer, kernel=(3, 20), recurrent=(5, 20), bias=(20,))
# Gates of whole groups of channels, which are read where they lie.
CASES["lstm of 8"] = Case(
    _lstm, ((2, 7, 3), (2, 8), (2, 8)), _lstm_answer, {"kernel": (3, 32), "recurrent": (8, 32), "bias": (32,)}
)


def _from_outside(t: Any, x: Any, m: Any, h: Any, kernel: Any, gain: Any) -> list:
    """A step that reads tensors, sums and weights from outside, and uses one weight twice."""
    twice = m * 2.0 + gain  # drawn in a turn and, once more, outside
    total = t.reduce("sum", m, -1, keepdims=True)

    def step(h: Any, x: Any) -> list:
        y = t.dense(t.dense(h, kernel) + x, kernel) + t.dense(twice, kernel)
        return [t.apply("tanh", y * gain + twice), y + total]

    h, ys = t.repeat(step, [h], [x], axis=0)
    return [h, ys, h + t.dense(twice, kernel)]


def _from_outside_answer(x: Any, m: Any, h: Any, kernel: Any, gain: Any) -> list:
    made = []
    for row in x:
        y = (h @ kernel + row) @ kernel + (m * 2 + gain) @ kernel
        h = np.tanh(y * gain + m * 2 + gain)
        made.append(y + m.sum(-1, keepdims=True))
    return [h, np.stack(made), h + (m * 2 + gain) @ kernel]


case(_from_outside, (4, 3, 5), (3, 5), (3, 5), answer=_from_outside_answer, kernel=(5, 5), gain=(5,))


def _other_orders(t: Any, x: Any, h: Any) -> list:
    """What is carried, sliced and stacked lies in another order of axes than that in which it is said."""
    x, h = t.transpose(x, (3, 2, 1, 0)), t.transpose(h, (1, 0, 2))

    def step(h: Any, x: Any) -> list:
        return [
            t.apply("tanh", h + t.transpose(x, (1, 0, 2)) * 0.5),
            t.transpose(x + t.transpose(h, (1, 0, 2)), (2, 0, 1)),
        ]

    h, ys = t.repeat(step, [h], [x], axis=2, stack_reverse=True)
    return [h, ys, t.transpose(ys, (2, 1, 0, 3))]


def _other_orders_answer(x: Any, h: Any) -> list:
    x, h = x.transpose(3, 2, 1, 0), h.transpose(1, 0, 2)
    made = []
    for row in rows(x, 2):
        made.append((row + h.transpose(1, 0, 2)).transpose(2, 0, 1))
        h = np.tanh(h + row.transpose(1, 0, 2) * 0.5)
    ys = np.stack(made[::-1], 2)
    return [h, ys, ys.transpose(2, 1, 0, 3)]


case(_other_orders, (2, 3, 4, 5), (5, 4, 2), answer=_other_orders_answer)


def _counted(t: Any, h: Any, kernel: Any) -> list:
    return list(t.repeat(lambda h: [t.apply("tanh", t.dense(h, kernel))], [h], count=6))


def _counted_answer(h: Any, kernel: Any) -> list:
    for _ in range(6):
        h = np.tanh(h @ kernel)
    return [h]


case(_counted, (2, 5), answer=_counted_answer, kernel=(5, 5))


def _nested(t: Any, x: Any, h: Any, kernel: Any) -> list:
    """Turns of turns; the inner ones read what the outer turn carries, and the same weight."""

    def outer(h: Any, x: Any) -> list:
        def inner(g: Any, x: Any) -> list:
            return [t.apply("tanh", t.dense(g, kernel) + x + h), g]

        return list(t.repeat(inner, [t.dense(h, kernel)], [x], axis=0, reverse=True))

    return list(t.repeat(outer, [h], [x], axis=0))


def _nested_answer(x: Any, h: Any, kernel: Any) -> list:
    made = []
    for row in x:
        g, inner = h @ kernel, []
        for cell in row[::-1]:
            inner.append(g)
            g = np.tanh(g @ kernel + cell + h)
        made.append(np.stack(inner))
        h = g
    return [h, np.stack(made)]


case(_nested, (3, 4, 2, 5), (2, 5), answer=_nested_answer, kernel=(5, 5))


def _mapped(t: Any, x: Any, y: Any) -> list:
    """Nothing is carried; one stack is a slice as it came, one a tensor from outside."""
    return list(t.repeat(lambda x: [t.apply("exp", x), x, y], [], [x], axis=-1))


case(
    _mapped, (2, 3, 4), (2, 3),
    answer=lambda x, y: [np.exp(x), x, np.repeat(y[..., None], 4, -1)],
)  # fmt: skip
