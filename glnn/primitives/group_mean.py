"""The means of groups of channels, each where its channels are: what normalization by groups subtracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, at_least
from .conv import LOOP_TURNS
from .expr import RESULT, Expr

if TYPE_CHECKING:
    from .symbols import Sym
    from .trace import Trace


@dataclass(frozen=True)
class GroupMean(Primitive):
    """(..., C) -> (..., C): for each channel the mean of its group, of `groups` of channels that follow each other."""

    groups: int
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, groups=self.groups)

    def shape(self, *inputs: Dims) -> Dims:
        channels = inputs[0][-1]
        if channels is not None and channels % self.groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} channels")
        return inputs[0]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        parts = x.reshape(*x.shape[:-1], self.groups, -1)
        means = parts.mean(-1, keepdims=True, dtype=np.float64)
        return np.broadcast_to(means, parts.shape).reshape(x.shape).astype(x.dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        size = x.shape[-1] // self.groups
        if 4 * size > LOOP_TURNS:
            raise LimitError(
                f"a mean of the {size} channels of a group: at most {LOOP_TURNS // 4} fit the loops that every driver "
                "runs; use more groups"
            )

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            return b.draw("group_mean", x.shape, {"x": x}, param={"SIZE": size}, finish=finish)

        return [Recipe("loop", draw)]


def group_mean(t: Trace, x: Sym, groups: int) -> Sym:
    """(N, ..., C) -> (N, 1, .., C): the mean over all between and over each channel's group of `groups`."""
    pixels = range(1, x.rank - 1)
    means = t.reduce("mean", x, pixels, keepdims=True) if pixels else x
    return means if groups == means.shape[-1] else t.drawn(GroupMean(groups), [t.plain(means)])
