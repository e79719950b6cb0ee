"""Sums, products and extremes of all elements so far along an axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, checked_axis
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value
from .expr import RESULT, Expr

KINDS = {"sum": 0, "prod": 1, "max": 2, "min": 3}  # the numbers by which the kernel knows them
SHORT = 32  # one draw joins so many elements; of longer axes each draw joins ...
RADIX = 16  # ... so many, that lie 1, 16, 256, .. apart


@dataclass(frozen=True)
class Cumulate(Primitive):
    """The "sum", "prod", "max" or "min" of each element and those before it along `axis`; NaN stays from there on.

    exclusive: without the element itself: 0 or 1 at the start ("sum" and "prod" only)
    reverse:   of each element and those after it

    Sums are in float32, of up to 16 terms a draw: one rounding of the sum of the magnitudes for each, and 16 for each
    further factor of 16 in length.
    """

    kind: str = "sum"
    axis: int = -1
    exclusive: bool = False
    reverse: bool = False
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; allowed are {', '.join(map(repr, KINDS))}")
        if self.exclusive and self.kind not in ("sum", "prod"):
            raise ValueError(f"the {self.kind} of no elements is none: exclusive goes with 'sum' and 'prod'")

    def shape(self, *inputs: Dims) -> Dims:
        checked_axis(self.axis, len(inputs[0]))
        return inputs[0]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = np.moveaxis(inputs[0], self.axis, 0)
        x = x[::-1] if self.reverse else x
        functions = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
        made = functions[self.kind].accumulate(x, 0)
        if self.exclusive:
            first = np.full_like(made[:1], int(self.kind == "prod"))
            made = np.concatenate([first, made[:-1]])
        return np.moveaxis(made[::-1] if self.reverse else made, 0, self.axis)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        return [Recipe("passes", lambda b, finish: self._passes(b, inputs[0], finish))]

    def _passes(self, b: Builder, x: Value, finish: Epilogue | None) -> Value:
        axis, last = checked_axis(self.axis, len(x.shape)), len(x.shape) - 1
        length = x.shape[axis]
        radix = length if length <= SHORT else RADIX
        const = {"KIND": KINDS[self.kind], "CHANNELS": int(axis == last)}
        param = {"L": length, "S": 1 if axis == last else math.prod(x.shape[axis + 1 : -1])}
        step = 1
        while True:
            done = step * radix >= length
            some = {"STEP": step, "COUNT": min(radix, -(-length // step)), "SIGN": -1 if self.reverse else 1}
            some["SHIFT"] = int(self.exclusive and step == 1)
            x = b.draw(
                "cumulate", x.shape, {"x": x}, const=const, param=param | some, finish=finish if done else None
            )  # fmt: skip
            if done:
                return x
            step *= radix
