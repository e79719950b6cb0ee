"""Zeros in the shape that an input tells: states before the first turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, numbers
from ..records import dataclass
from .base import Primitive, Recipe, Value, after
from .expr import RESULT, Expr, Number
from .move import Size


@dataclass(frozen=True)
class Blank(Primitive):
    """Zeros in a shape of numbers and of sizes of the input, of which nothing is read.

    alone: whether one repeat alone reads them, as a state that it may take as it is
    """

    target: tuple[int | Size, ...]
    alone: bool = False
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        return tuple(inputs[0][size.axis] if isinstance(size, Size) else size for size in self.target)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.zeros(numbers(self.shape(inputs[0].shape)), inputs[0].dtype)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        shape = numbers(self.shape(inputs[0].shape))
        return [Recipe("map", lambda b, finish: b.draw("map", shape, {}, finish=after(finish, Number(0.0), {})))]

    def lower(self, b: Any, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Value:
        made: Value = super().lower(b, inputs, weights)
        if self.alone:
            b.fresh.add(made.id)
        return made
