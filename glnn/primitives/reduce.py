"""Sums, means and extremes along axes, and softmax and sparsemax, which put what they reduce back over the axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims, Shape, ceil_div, numbers, row_major
from .base import Builder, Epilogue, Primitive, Recipe, Value, one_of
from .expr import RESULT, Expr
from .functions import log_softmax, softmax, sparsemax
from .move import moved, permute, reshape

KINDS = {"sum": 0, "mean": 1, "max": 2, "min": 3}  # the numbers by which the kernels know them
STAGED = 4096  # a reduction of more elements is made along one axis after the other
SOFTMAX_GROUPS = 64  # a softmax over more groups of 4 channels first sums up 8 chunks of them, or more of ...
SOFTMAX_CHUNK = 1500  # ... at most so many: twice that, for blocks of 8 pixels, stays under 30,000 turns of loops
SPARSEMAX_GROUPS = 200  # 17 rounds over the groups, for blocks of 8 pixels, stay under 30,000 turns of loops


def counted(axes: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Axes counted from the front, in order. Raises ValueError where a tensor of this rank lacks one, or one twice."""
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    made = sorted(axis + rank if axis < 0 else axis for axis in given)
    if len(set(made)) != len(made) or any(not 0 <= axis < rank for axis in made):
        raise ValueError(
            f"axes {given} are not those of a tensor of rank {rank}: allowed are {-rank} to {rank - 1}, once each"
        )
    return tuple(made)


@dataclass(frozen=True)
class Reduce(Primitive):
    """The sum, mean, max or min along `axes`, which go, or stay with size 1. NaN wins."""

    kind: str
    axes: tuple[int, ...]
    keepdims: bool = False
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        one_of(KINDS, kind=self.kind)

    def shape(self, *inputs: Dims) -> Dims:
        axes = counted(self.axes, len(inputs[0]))
        kept = [(axis, 1 if axis in axes else size) for axis, size in enumerate(inputs[0])]
        return tuple(size for axis, size in kept if self.keepdims or axis not in axes)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        axes = counted(self.axes, x.ndim)
        wide = {"dtype": np.float64} if self.kind in ("sum", "mean") else {}
        made = getattr(x, self.kind)(axis=axes, keepdims=self.keepdims, **wide)
        return np.asarray(made).astype(x.dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        return [Recipe("loops", lambda b, finish: self._stages(b, x, counted(self.axes, len(x.shape)), finish))]

    def _stages(self, b: Builder, x: Value, axes: tuple[int, ...], finish: Epilogue | None) -> Value:
        """One draw for the axes before the channels, or one for each where they are long; then one for the channels."""
        shape = numbers(self.shape(x.shape))
        last = len(x.shape) - 1
        before = [axis for axis in axes if axis < last]
        runs = _runs(x.shape, before)
        while len(runs) > 2 or (len(runs) == 2 and math.prod(size for size, _ in runs) > STAGED):
            group = _last_run(before)
            x, before = self._space(b, x, group, _without(x.shape, group, True), None), before[: -len(group)]
            runs = _runs(x.shape, before)
        if before:
            done = last not in axes
            x = self._space(b, x, before, shape if done else _without(x.shape, before, True), finish if done else None)
            if done:
                return x
        if last not in axes:
            return moved(b, x, finish)
        kept, const = _without(x.shape, (last,), True), {"KIND": KINDS[self.kind]}
        if kept == shape:
            return b.draw("reduce_channels", shape, {"x": x}, const=const, finish=finish)
        return reshape(b, b.draw("reduce_channels", kept, {"x": x}, const=const), shape, finish)

    def _space(self, b: Builder, x: Value, axes: Sequence[int], shape: Shape, finish: Epilogue | None) -> Value:
        pixels = x.shape[:-1]
        strides = row_major(pixels)
        (rows, step), (count, stride) = ([(1, 0)] * 2 + _runs(x.shape, axes))[-2:]
        kept = [(size, strides[axis]) for axis, size in enumerate(pixels) if axis not in axes]
        kept = [(1, 0)] * (5 - len(kept)) + kept
        param = {f"A{k}": kept[k][0] for k in range(1, 5)} | {f"S{k}": kept[k][1] for k in range(5)}
        param |= {"ROWS": rows, "STEP": step, "COUNT": count, "STRIDE": stride}
        return b.draw("reduce_space", shape, {"x": x}, const={"KIND": KINDS[self.kind]}, param=param, finish=finish)


def _without(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def _last_run(axes: Sequence[int]) -> list[int]:
    """The last of the axes with those right before it, without a gap."""
    run = [axes[-1]]
    for axis in reversed(axes[:-1]):
        if axis != run[0] - 1:
            break
        run.insert(0, axis)
    return run if len(run) < len(axes) else run[1:] or run


def _runs(shape: Shape, axes: Sequence[int]) -> list[tuple[int, int]]:
    """The axes as (size, stride in pixels), those without a gap between them as one."""
    strides = row_major(shape[:-1])
    runs: list[tuple[int, int]] = []
    for axis in axes:
        size = shape[axis]
        if runs and runs[-1][1] == size * strides[axis]:
            runs[-1] = runs[-1][0] * size, strides[axis]
        elif size > 1:
            runs.append((size, strides[axis]))
    return runs


@dataclass(frozen=True)
class Softmax(Primitive):
    """exp(x) over its sum along `axes`, or the logarithm of that."""

    axes: tuple[int, ...] = (-1,)
    log: bool = False
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        counted(self.axes, len(inputs[0]))
        return inputs[0]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        return (log_softmax if self.log else softmax)(x, counted(self.axes, x.ndim)).astype(x.dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        return [Recipe("rows", lambda b, finish: self._draw(b, x, finish))]

    def _draw(self, b: Builder, x: Value, finish: Epilogue | None) -> Value:
        axes, rank = counted(self.axes, len(x.shape)), len(x.shape)
        if axes == (rank - 1,):
            return draw_softmax(b, x, self.log, finish)
        order = tuple(axis for axis in range(rank) if axis not in axes) + axes
        turned = permute(b, x, order)
        merged = reshape(b, turned, (*turned.shape[: rank - len(axes)], math.prod(x.shape[axis] for axis in axes)))
        whole = reshape(b, draw_softmax(b, merged, self.log), turned.shape)
        return moved(b, permute(b, whole, tuple(order.index(axis) for axis in range(rank))), finish)


def draw_softmax(b: Builder, value: Value, log: bool = False, finish: Epilogue | None = None) -> Value:
    """Softmax (or its logarithm) over the last axis: one draw, for many channels two."""
    groups, const = ceil_div(value.shape[-1], 4), {"LOG": int(log)}
    if groups <= SOFTMAX_GROUPS:
        return b.draw("softmax", value.shape, {"x": value}, const=const, finish=finish)
    chunk = min(ceil_div(groups, 8), SOFTMAX_CHUNK)
    shape = (*value.shape[:-1], 4 * ceil_div(groups, chunk))
    sums = b.draw("softmax_sums", shape, {"x": value}, param={"CHUNK": chunk})
    return b.draw("softmax_chunked", value.shape, {"x": value, "sums": sums}, const=const, finish=finish)


@dataclass(frozen=True)
class Sparsemax(Primitive):
    """The projection on the probability simplex along the last axis (Martins and Astudillo 2016)."""

    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        return inputs[0]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return sparsemax(inputs[0]).astype(inputs[0].dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        if ceil_div(x.shape[-1], 4) > SPARSEMAX_GROUPS:
            raise LimitError(
                f"sparsemax over {x.shape[-1]} channels: at most {4 * SPARSEMAX_GROUPS} fit the loops that every "
                "driver runs; split the last axis or use softmax"
            )

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            threshold = b.draw("sparsemax_threshold", (*x.shape[:-1], 2), {"x": x})
            return b.draw("sparsemax", x.shape, {"x": x, "threshold": threshold}, finish=finish)

        return [Recipe("threshold", draw)]
