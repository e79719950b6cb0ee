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
from .move import Along, Remap, Reshape, Size, remap, reshape


@dataclass(frozen=True)
class Split(Primitive):
    """`of` the input in the shape of `target` (see Reshape) and of weights, with the axes in this order."""

    target: tuple[int | Size, ...]
    order: tuple[int, ...]
    of: Expr = RESULT
    finish: Expr = RESULT

    @property
    def first(self) -> Reshape:
        """The reshape that comes first."""
        return Reshape(self.target)

    def shape(self, *inputs: Dims) -> Dims:
        middle = self.first.shape(*inputs)
        return tuple(middle[axis] for axis in self.order)

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, shape) for name, shape in constants(self.of).items()]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        made = values(self.of, {0: self.first.compute(inputs, {})}, weights)
        return np.asarray(made).astype(inputs[0].dtype, copy=False).transpose(self.order)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, order = inputs[0], self.order
        middle = numbers(self.first.shape(x.shape))
        shape, strides = tuple(middle[axis] for axis in order), [row_major(middle)[axis] for axis in order]
        turned: dict[Expr, Expr] = {}
        given: dict[str, Any] = {}
        for name, size in constants(self.of).items():
            whole = weights[name].reshape(*(1,) * (len(middle) - len(size)), *size)
            given[name] = whole.transpose(*order)
            turned[Constant(name, size)] = Constant(name, given[name].shape)

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            end = after(finish, with_leaves(self.of, turned), {})
            end = replace(end, weights={**end.weights, **given})
            return gather(b, x, shape, strides, finish=None if end.expr == RESULT else end)

        return [Recipe("at once", draw)]


@dataclass(frozen=True)
class Merge(Primitive):
    """The input with its axes in this order, and that in the shape of `target` (see Reshape)."""

    order: tuple[int, ...]
    target: tuple[int | Size, ...]
    finish: Expr = RESULT

    @property
    def first(self) -> Remap:
        """The change of axes that comes first."""
        return Remap(tuple(map(Along, self.order)))

    def shape(self, *inputs: Dims) -> Dims:
        return Reshape(self.target).shape(self.first.shape(*inputs))

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return Reshape(self.target).compute([self.first.compute(inputs, {})], {})

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, order = inputs[0], self.order
        middle, shape = (numbers(of.shape(x.shape)) for of in (self.first, self))
        strides = [row_major(x.shape)[axis] for axis in order]
        *outer, step, last = strides
        merged = shape == (*middle[:-2], math.prod(middle[-2:])) and last == 1
        if not merged or any(number % 4 for number in (middle[-1], x.shape[-1], step, *outer)):
            return [Recipe("one by one", lambda b, f: reshape(b, remap(b, x, self.first.axes), shape, f))]
        inner = (middle[-1], step)
        return [Recipe("at once", lambda b, f: gather(b, x, shape, (*outer, 1), finish=f, inner=inner))]
