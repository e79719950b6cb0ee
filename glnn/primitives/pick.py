"""One of the tensors that lie one after the other along an axis, read where it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims
from ..records import dataclass
from .base import Primitive, Recipe, Value
from .move import Along, remap, reshape


@dataclass(frozen=True)
class Pick(Primitive, filed=False):
    """What lies at one place along an axis, which is gone; nothing is drawn where it can be read in place.

    called: what it is called for those who look at turns, where that is not its own name
    """

    number: int
    axis: int = 0
    called: str = ""

    def shape(self, *inputs: Dims) -> Dims:
        x = inputs[0]
        size = x[self.axis]
        if size is not None and not 0 <= self.number < size:
            raise ValueError(f"there is no number {self.number} along axis {self.axis} of {x}")
        return (*x[: self.axis], *x[self.axis + 1 :])

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.take(inputs[0], self.number, self.axis)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, axis = inputs[0], self.axis
        shape = (*x.shape[:axis], *x.shape[axis + 1 :])
        one = tuple(Along(k, 1, add=self.number) if k == axis else Along(k) for k in range(len(x.shape)))
        return [Recipe("in place", lambda b, _: b.element(x, axis, self.number) or reshape(b, remap(b, x, one), shape))]
