"""Everything that is computed element by element, in one draw: an expression of tensors with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.shapes import Dims, numbers
from ..records import dataclass
from .base import Epilogue, Primitive, Recipe, Value, spread
from .expr import RESULT, Expr, constants, has_long, values
from .expr import inputs as read


@dataclass(frozen=True)
class Map(Primitive):
    """An expression of the inputs In(0), In(1), .., broadcast as in NumPy; without inputs of weights alone."""

    finish: Expr

    def own(self, count: int) -> int:
        return count

    def output_shape(self, *inputs: Dims) -> Dims:
        if max(read(self.finish), default=-1) >= len(inputs):
            raise ValueError(f"it reads more tensors than the {len(inputs)} that it is given")
        return spread((), [*inputs, *constants(self.finish).values()])

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        made = np.asarray(values(self.finish, dict(enumerate(inputs)), weights))
        shape = numbers(self.output_shape(*(x.shape for x in inputs)))
        return np.broadcast_to(made.astype(inputs[0].dtype, copy=False) if inputs else made, shape)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        shape = numbers(self.output_shape(*(value.shape for value in inputs)))
        given = {name: weights[name] for name in constants(self.finish)}
        whole = Epilogue(self.finish, dict(enumerate(inputs)), given)
        looped = has_long(self.finish)
        return [Recipe("map", lambda b, _: b.draw("map", shape, {}, finish=whole, looped=looped))]

    def lower(self, b: Any, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Value:
        return b.choose(self, inputs, weights).draw(b, None)


@dataclass(frozen=True)
class Copy(Primitive):
    """Its input once more: a tensor of its own, which may have a codec of its own. No pass removes it."""

    def shape(self, *inputs: Dims) -> Dims:
        return inputs[0]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0]

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        return [Recipe("map", lambda b, _: b.draw("map", x.shape, {}, finish=Epilogue(RESULT, {0: x})))]
