"""The largest or least elements along an axis, in order, with their numbers; all of them: sorting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims, checked_axis
from ..records import dataclass
from .base import Builder, Primitive, Recipe, Value
from .index import Take
from .move import permute

LONGEST = 1 << 16  # of an axis: each element is compared with all others


@dataclass(frozen=True)
class TopK(Primitive):
    """The k largest (or least) elements along `axis` in order, and their numbers there; None: all of them.

    Equal ones keep their order, as in a stable sort; NaN counts as larger than infinity, as in NumPy.
    """

    k: int | None = None
    axis: int = -1
    largest: bool = True

    def __post_init__(self) -> None:
        if self.k is not None and self.k < 1:
            raise ValueError(f"k is {self.k}; allowed are numbers from 1 on, and None for all")

    def shape(self, *inputs: Dims) -> list[Dims]:  # type: ignore[override]
        x = inputs[0]
        axis = checked_axis(self.axis, len(x))
        if self.k is not None and (x[axis] or self.k) < self.k:
            raise ValueError(f"the first {self.k} of {x[axis]} elements along axis {axis} of {x}: k may be {x[axis]}")
        made = tuple(self.k if i == axis and self.k is not None else size for i, size in enumerate(x))
        return [made, made]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> Any:
        x = np.moveaxis(inputs[0], self.axis, -1)
        nan, number = np.isnan(x), np.where(np.isnan(x), 0, x)
        keys = (-number, ~nan) if self.largest else (number, nan)
        order = np.lexsort(keys, axis=-1)[..., : self.k]
        made = np.take_along_axis(x, order, -1), order.astype(x.dtype)
        return [np.moveaxis(array, -1, self.axis) for array in made]

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        axis = checked_axis(self.axis, len(x.shape))
        if x.shape[axis] > LONGEST:
            raise LimitError(
                f"putting {x.shape[axis]} elements in order: each is compared with all others, which goes up to "
                f"{LONGEST}; take the largest of parts of the axis first"
            )
        return [Recipe("ranks", lambda b, _: self._ranks(b, x, axis))]

    def _ranks(self, b: Builder, x: Value, axis: int) -> Any:
        """How many elements come before each, who is at each place then, and the values there."""
        rank = len(x.shape)
        order = (*(k for k in range(rank) if k != axis), axis)
        turned = permute(b, x, order)
        shape = (*turned.shape[:-1], self.k or turned.shape[-1])
        ranks = b.exact(b.draw("rank", turned.shape, {"x": turned}, const={"LARGEST": int(self.largest)}))
        places = b.exact(b.draw("pick", shape, {"ranks": ranks}))
        (take,) = Take("along", -1).recipes([turned, places], {})
        back = tuple(order.index(k) for k in range(rank))
        values, numbered = permute(b, take.draw(b, None), back), permute(b, places, back)
        return [values, b.exact(numbered)]
