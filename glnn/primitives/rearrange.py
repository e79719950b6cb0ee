"""A reshape and a change of the order of axes, either one first, in one draw: how heads are split and put together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.shapes import Dims, numbers, row_major
from ..graph.weight import WeightSpec
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, after
from .expr import RESULT, Constant, Expr, constants, values, with_leaves
from .gather import gather
from .move import Remap, Reshape, remap, reshape


@dataclass(frozen=True)
class Split(Primitive):
    """The input in the shape of `first`, whose finish is of weights alone, in the order of axes of `second`."""

    first: Reshape
    second: Remap
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        return self.second.shape(self.first.shape(*inputs))

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, shape) for name, shape in constants(self.first.finish).items()]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        made = values(self.first.finish, {0: self.first.compute(inputs, {})}, weights)
        return self.second.compute([np.asarray(made).astype(inputs[0].dtype, copy=False)], {})

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, order = inputs[0], self.second.order or ()
        middle = numbers(self.first.shape(x.shape))
        shape, strides = tuple(middle[axis] for axis in order), [row_major(middle)[axis] for axis in order]
        turned: dict[Expr, Expr] = {}
        given: dict[str, Any] = {}
        for name, size in constants(self.first.finish).items():
            whole = weights[name].reshape(*(1,) * (len(middle) - len(size)), *size)
            given[name] = whole.transpose(*order)
            turned[Constant(name, size)] = Constant(name, given[name].shape)

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            end = after(finish, with_leaves(self.first.finish, turned), {})
            end = replace(end, weights={**end.weights, **given})
            return gather(b, x, shape, strides, finish=None if end.expr == RESULT else end)

        return [Recipe("at once", draw)]


@dataclass(frozen=True)
class Merge(Primitive):
    """The input in the order of axes of `first`, and that in the shape of `second`."""

    first: Remap
    second: Reshape
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        return self.second.shape(self.first.shape(*inputs))

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.second.compute([self.first.compute(inputs, {})], {})

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, order = inputs[0], self.first.order or ()
        middle, shape = (numbers(of.shape(x.shape)) for of in (self.first, self))
        strides = [row_major(x.shape)[axis] for axis in order]
        *outer, step, last = strides
        merged = shape == (*middle[:-2], math.prod(middle[-2:])) and last == 1
        if not merged or any(number % 4 for number in (middle[-1], x.shape[-1], step, *outer)):
            return [Recipe("one by one", lambda b, f: reshape(b, remap(b, x, self.first.axes), shape, f))]
        inner = (middle[-1], step)
        return [Recipe("at once", lambda b, f: gather(b, x, shape, (*outer, 1), finish=f, inner=inner))]
