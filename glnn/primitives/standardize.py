"""What normalization layers do to their inputs: less the mean, over the root of the variance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, after, at_least
from .conv import LOOP_TURNS
from .expr import RESULT, Apply, Expr, In, Number
from .moments import draw_moments
from .operations import OPERATIONS
from .reduce import counted
from .tiles import computes
from .together import draw_standardized

if TYPE_CHECKING:
    from .symbols import Sym
    from .trace import Trace


@dataclass(frozen=True)
class Standardize(Primitive):
    """(x - mean) / sqrt(variance + epsilon), with mean and variance along axes.

    groups: of channels that follow each other, where the last axis is among the axes: each group by itself
    """

    axes: tuple[int, ...]
    epsilon: float
    groups: int = 1
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, groups=self.groups)

    def shape(self, *inputs: Dims) -> Dims:
        rank, channels = len(inputs[0]), inputs[0][-1]
        axes = counted(self.axes, rank)
        if self.groups > 1 and rank - 1 not in axes:
            raise ValueError(f"{self.groups} groups of channels need the last axis among the axes {self.axes}")
        if channels is not None and channels % self.groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} channels")
        return inputs[0]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        parts = x.reshape(*x.shape[:-1], self.groups, -1).astype(np.float64)
        axes = tuple(axis if axis < x.ndim - 1 else x.ndim for axis in counted(self.axes, x.ndim))
        centred = parts - parts.mean(axes, keepdims=True)
        made = centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + self.epsilon)
        return np.asarray(made.reshape(x.shape).astype(x.dtype, copy=False))

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        size = x.shape[-1] // self.groups
        if self.groups > 1 and 4 * size > LOOP_TURNS:
            raise LimitError(
                f"mean and variance of the {size} channels of a group: at most {LOOP_TURNS // 4} fit the loops that "
                "every driver runs; use more groups"
            )
        together, first = partial(self._draw, x=x, together=True), partial(self._draw, x=x)
        return [Recipe("together", together, fits=computes), Recipe("moments first", first)]

    def _draw(self, b: Builder, finish: Epilogue | None, x: Value, together: bool = False) -> Value:
        axes = counted(self.axes, len(x.shape))
        made = draw_standardized(b, finish, x, axes, self.groups, self.epsilon) if together else None
        if made is not None:
            return made
        mean, variance = draw_moments(b, x, axes, self.groups)
        end = after(finish, standardized(RESULT, In(-1), In(-2), self.epsilon), {0: x, -1: mean, -2: variance})
        return b.draw("map", x.shape, {}, finish=end)


def standardized(x: Expr, mean: Expr, variance: Expr, epsilon: float) -> Expr:
    """The expression of what Standardize makes."""
    root = Apply(OPERATIONS["sqrt"], (Apply(OPERATIONS["add"], (variance, Number(epsilon))),))
    return Apply(OPERATIONS["divide"], (Apply(OPERATIONS["subtract"], (x, mean)), root))


def standardize(t: Trace, x: Sym, axes: Sequence[int], epsilon: float, groups: int = 1) -> Sym:
    """See Trace.standardize."""
    over = counted(axes, x.rank)
    if groups > 1 and groups == x.shape[-1]:
        over, groups = over[:-1], 1
    if groups > 1:
        return t.drawn(Standardize(over, epsilon, groups), [t.plain(x)])
    return t.as_stored(Standardize(tuple(sorted(x.order[axis] for axis in over)), epsilon), x)
