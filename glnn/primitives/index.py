"""Picking elements by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph.shapes import Dims
from ..graph.weight import WeightSpec
from .base import Primitive, Recipe, Value, at_least
from .expr import RESULT, Expr

MOST_AXES = 5  # of the numbers: the output has one more


@dataclass(frozen=True)
class Take(Primitive):
    """(...) of numbers -> (..., width): each number's row of the weight `table` (rows, width).

    Numbers are truncated to whole ones. Negative ones count from the end of the table, and those beyond either end give
    NaN in every channel.
    """

    exact_inputs = (0,)
    rows: int
    width: int
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, rows=self.rows, width=self.width)

    def shape(self, *inputs: Dims) -> Dims:
        return (*inputs[0], self.width)

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("table", (self.rows, self.width))]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        numbers, table = inputs[0], np.asarray(weights["table"])
        found = (numbers > -self.rows - 1) & (numbers < self.rows)
        rows = table[np.where(found, numbers, 0).astype(np.int64)]
        return np.where(found[..., None], rows, np.nan).astype(table.dtype)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, table = inputs[0], weights["table"]
        shape = (*x.shape, self.width)
        return [
            Recipe(
                "rows", lambda b, finish: b.draw("embedding", shape, {"x": x}, tensors={"table": table}, finish=finish)
            )
        ]
