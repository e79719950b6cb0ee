"""Layers of several inputs: sums, products, extremes, concatenation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims, Shape, broadcast, checked_axis, numbers
from ..primitives.base import Builder, Value
from ..primitives.functions import LINEAR, Function
from ..primitives.map import chained
from ..primitives.move import reshape
from .activation import finish
from .base import Activated, Layer, register


def _with_rank(shape: Any, rank: int) -> Any:
    """The shape with ones after the batch, as Keras' merge layers align inputs of different ranks."""
    return (*shape[:1], *(1,) * (rank - len(shape)), *shape[1:])


@dataclass(frozen=True)
class _Merge(Activated):
    """Combines two or more inputs element by element; sizes of 1 are repeated, ranks aligned after the batch.

    `activation`, which Keras' layers lack, is where a pass puts the function that follows.
    """

    arity: ClassVar[int | None] = None
    op: ClassVar[str]
    combine: ClassVar[np.ufunc]
    own_fields: ClassVar[frozenset[str]] = frozenset(("activation",))

    activation: Function = LINEAR

    def factor(self, count: int) -> float:
        """What each of `count` inputs is multiplied by."""
        return 1.0

    def output_shape(self, *inputs: Dims) -> Dims:
        if len(inputs) < 2:
            raise ValueError(f"{type(self).__name__} takes two or more inputs, not {len(inputs)}")
        rank = max(map(len, inputs))
        return self.activation.output_shape(reduce(broadcast, [_with_rank(shape, rank) for shape in inputs]))

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        rank = max(x.ndim for x in inputs)
        aligned = [x.reshape(_with_rank(x.shape, rank)) for x in inputs]
        factor = self.factor(len(inputs))
        with np.errstate(all="ignore"):
            return self.activation(reduce(type(self).combine, [x * factor if factor != 1 else x for x in aligned]))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        rank = max(len(value.shape) for value in inputs)
        values = [reshape(b, value, _with_rank(value.shape, rank)) for value in inputs]
        y = chained(b, self.op, values, scale=self.factor(len(values)), activation=self.activation.fused)
        return finish(b, y, self.activation)


@register("Add")
class Add(_Merge):
    """The sum of the inputs."""

    op = "add"
    combine = np.add


@register("Subtract")
class Subtract(_Merge):
    """The first input minus the second."""

    arity = 2
    op = "subtract"
    combine = np.subtract

    def output_shape(self, *inputs: Dims) -> Dims:
        if len(inputs) != 2:
            raise ValueError(f"Subtract takes two inputs, not {len(inputs)}")
        return super().output_shape(*inputs)


@register("Multiply")
class Multiply(_Merge):
    """The product of the inputs."""

    op = "multiply"
    combine = np.multiply


@register("Average")
class Average(_Merge):
    """The mean of the inputs, as a sum of their parts: finite even where the sum of the inputs is not."""

    op = "mean"
    combine = np.add

    def factor(self, count: int) -> float:
        return 1.0 / count


@register("Maximum")
class Maximum(_Merge):
    """The largest of the inputs; NaN where one is."""

    op = "maximum"
    combine = np.maximum


@register("Minimum")
class Minimum(_Merge):
    """The smallest of the inputs; NaN where one is."""

    op = "minimum"
    combine = np.minimum


@register("Concatenate")
@dataclass(frozen=True)
class Concatenate(Layer):
    """The inputs one after the other along `axis`."""

    arity: ClassVar[int | None] = None
    axis: int = -1

    def output_shape(self, *inputs: Dims) -> Dims:
        first = inputs[0]
        axis = checked_axis(self.axis, len(first))
        sizes = list(first)
        for shape in inputs[1:]:
            if len(shape) != len(first):
                raise ValueError(f"Concatenate takes inputs of one rank, not {first} and {shape}")
            for k, (a, b) in enumerate(zip(sizes, shape, strict=True)):
                if k == axis:
                    sizes[k] = None if a is None or b is None else a + b
                elif None not in (a, b) and a != b:
                    raise ValueError(f"the shapes {first} and {shape} differ along axis {k}, not only axis {axis}")
                elif a is None:
                    sizes[k] = b
        return tuple(sizes)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.concatenate(inputs, axis=self.axis)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        values, shape = list(inputs), tuple(self.output_shape(*[value.shape for value in inputs]))
        axis = checked_axis(self.axis, len(shape))
        if 0 < axis < len(shape) - 3:  # the kernel sees the leading axes as one: (before, axis, rest, channels)
            values = [reshape(b, v, self.merged(v.shape, axis)) for v in values]
            return reshape(b, join(b, values, 1), numbers(shape))
        return join(b, values, axis)

    @staticmethod
    def merged(shape: Shape, axis: int) -> Shape:
        """The shape as (before, axis, after, channels)."""
        return (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 : -1]), shape[-1])


def join(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """All values along an axis, halves first, so that each element is copied few times."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    first, second = join(b, values[:half], axis), join(b, values[half:], axis)
    shape = list(first.shape)
    shape[axis] += second.shape[axis]
    const = {"AXIS": max(0, axis + 4 - len(shape)), "ALIGNED": int(axis < len(shape) - 1 or first.shape[-1] % 4 == 0)}
    return b.draw("concat", tuple(shape), {"p": first, "q": second}, const=const)
