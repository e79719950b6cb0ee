"""Sums, means and extremes along axes, and softmax and sparsemax, which put what they reduce back over the axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims, Shape, ceil_div, numbers
from ..graph.weight import WeightSpec
from ..records import dataclass
from .base import Builder, Computed, Epilogue, Primitive, Recipe, Source, Value, after, spread
from .conv import LOOP_TURNS
from .expr import RESULT, Apply, Expr, In, Number, constants, values, with_leaves
from .expr import inputs as parts_read
from .functions import log_softmax, softmax, sparsemax
from .move import moved, permute, reshape
from .operations import OPERATIONS
from .reductions import KINDS, PARTED_TURNS, draw_number, draw_reduced, loop_cost, loop_turns
from .tiles import computes
from .together import draw_rows

SOFTMAX_GROUPS = 64  # a softmax over more groups of 4 channels, ...
SOFTMAX_READS = 8192  # ... or one that reads more of them, first sums up chunks of groups: ...
SOFTMAX_ROWS = 256  # ... all of a row, where so many rows keep a device busy, else 8 of them, or more of ...
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


NUMBERS = {"argmax": "max", "argmin": "min"}  # the kinds that give the number of an element, and of which
TRUTHS = {"all": "min", "any": "max"}  # the kinds that ask whether elements are other than 0, as extremes of 0 and 1
ALL_KINDS = (*KINDS, *NUMBERS, *TRUTHS)


@dataclass(frozen=True)
class Reduce(Primitive):
    """The "sum", "mean", "max", "min", "prod", "all", "any", "argmax" or "argmin" along axes, which go or have size 1.

    What is reduced is `of` the inputs, broadcast. NaN wins over numbers and is true; of equals argmax and argmin give
    the first, along one axis. Without axes nothing is reduced.
    """

    arity = None
    kind: str
    axes: tuple[int, ...]
    keepdims: bool = False
    of: Expr = RESULT
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        if self.kind not in ALL_KINDS:
            raise ValueError(f"a reduction by {self.kind!r}: allowed are {', '.join(ALL_KINDS)}")
        if self.kind in NUMBERS and len(self.axes) != 1:
            raise ValueError(f"{self.kind} goes along one axis, not {self.axes}: reshape several to one before")
        reads = parts_read(self.of)
        if reads != tuple(range(len(reads))) or not reads:
            raise ValueError(f"what is reduced reads the inputs {reads}: they must be 0, 1, .. without a gap")

    def whole(self, *inputs: Dims) -> Dims:
        """The shape of what is reduced. Raises ValueError where inputs do not fit each other."""
        reads = len(parts_read(self.of))
        if len(inputs) != reads:
            raise ValueError(f"a reduction of {reads} inputs is given {len(inputs)}")
        return spread((), [*inputs, *constants(self.of).values()])

    def shape(self, *inputs: Dims) -> Dims:
        whole = self.whole(*inputs)
        axes = counted(self.axes, len(whole))
        kept = [(axis, 1 if axis in axes else size) for axis, size in enumerate(whole)]
        return tuple(size for axis, size in kept if self.keepdims or axis not in axes)

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, shape) for name, shape in constants(self.of).items()]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        whole = numbers(self.whole(*(x.shape for x in inputs)))
        x = np.broadcast_to(np.asarray(values(self.of, dict(enumerate(inputs)), weights)), whole)
        axes = counted(self.axes, x.ndim)
        if self.kind in NUMBERS:
            made = getattr(x, self.kind)(axis=axes[0], keepdims=self.keepdims)
        else:
            wide = {"dtype": np.float64} if self.kind in ("sum", "mean", "prod") else {}
            made = getattr(x, self.kind)(axis=axes, keepdims=self.keepdims, **wide)
        return np.asarray(made).astype(inputs[0].dtype, copy=False)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        whole = numbers(self.whole(*(value.shape for value in inputs)))
        turns = loop_turns(whole, counted(self.axes, len(whole))) if self.kind not in NUMBERS else 1
        draw = partial(self._draw, inputs=inputs, weights=weights)
        if turns <= PARTED_TURNS:
            return [Recipe("loops", draw)]
        texels = math.prod(whole) // turns // 4 + 1
        parts = 2 * math.isqrt(turns)
        once, again = loop_cost(turns // parts, texels * parts), loop_cost(parts, texels)
        return [
            Recipe("loops", draw, cost=lambda _: loop_cost(turns, texels)),
            Recipe("loops in parts", partial(draw, most=PARTED_TURNS), cost=lambda _: once + again),
        ]

    def _draw(
        self, b: Builder, finish: Epilogue | None, inputs: Sequence[Value], weights: Mapping[str, Any],
        most: int = LOOP_TURNS,
    ) -> Value:  # fmt: skip
        shape = numbers(self.shape(*(value.shape for value in inputs)))
        whole = numbers(self.whole(*(value.shape for value in inputs)))
        of, axes = self.of, counted(self.axes, len(whole))
        if self.kind in TRUTHS:
            of = Apply(OPERATIONS["where"], (of, Number(1.0), Number(0.0)))
        given = {name: weights[name] for name in constants(of)}
        if not axes:
            return _mapped(b, Epilogue(of, dict(enumerate(inputs)), given), whole, finish)
        x: Source = inputs[0] if of == RESULT else Computed(whole, Epilogue(of, dict(enumerate(inputs)), given))
        if self.kind in NUMBERS:
            return draw_number(b, x, NUMBERS[self.kind], axes[0], shape, finish)
        return draw_reduced(b, x, TRUTHS.get(self.kind, self.kind), axes, shape, finish, most)


def _mapped(b: Builder, of: Epilogue, shape: Shape, finish: Epilogue | None) -> Value:
    """An expression of tensors, then an epilogue, in one draw."""
    if of.expr == RESULT:
        return moved(b, of.tensors[0], finish)
    below: dict[Expr, Expr] = {In(number): In(-1 - number) for number in of.tensors}
    end = after(finish, with_leaves(of.expr, below), {-1 - number: value for number, value in of.tensors.items()})
    return b.draw("map", shape, {}, finish=Epilogue(end.expr, end.tensors, {**end.weights, **of.weights}))


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
        count = math.prod(x.shape[axis] for axis in counted(self.axes, len(x.shape)))
        at_once = softmax_at_once(math.prod(x.shape) // count, count)
        usual, other = (Recipe(name, partial(self._draw, x=x, at_once=one)) for name, one in _ways(at_once))
        together = Recipe("together", partial(self._draw, x=x, at_once=at_once, together=True), fits=computes)
        return [together, usual, other] if count <= 4 * SOFTMAX_CHUNK else [together, usual]

    def _draw(self, b: Builder, finish: Epilogue | None, x: Value, at_once: bool, together: bool = False) -> Value:
        axes, rank = counted(self.axes, len(x.shape)), len(x.shape)
        if axes == (rank - 1,):
            made = draw_rows(b, "softmax", x, {"LOG": int(self.log)}, {}, finish) if together else None
            return made or draw_softmax(b, x, self.log, finish, at_once)
        order = tuple(axis for axis in range(rank) if axis not in axes) + axes
        turned = permute(b, x, order)
        merged = reshape(b, turned, (*turned.shape[: rank - len(axes)], math.prod(x.shape[axis] for axis in axes)))
        whole = reshape(b, draw_softmax(b, merged, self.log, None, at_once), turned.shape)
        return moved(b, permute(b, whole, tuple(order.index(axis) for axis in range(rank))), finish)


def _ways(at_once: bool) -> list[tuple[str, bool]]:
    """The two ways to draw a softmax, that which is mostly faster first."""
    return sorted([("in one draw", True), ("sums first", False)], key=lambda way: way[1] != at_once)


def softmax_at_once(rows: int, channels: int) -> bool:
    """Whether a softmax over so many channels is mostly faster in one draw."""
    groups = ceil_div(channels, 4)
    return groups <= SOFTMAX_GROUPS and rows * groups * groups <= SOFTMAX_READS


def draw_softmax(b: Builder, value: Value, log: bool, finish: Epilogue | None, at_once: bool) -> Value:
    """Softmax (or its logarithm) over the last axis: one draw, or the sums in one before."""
    groups, const = ceil_div(value.shape[-1], 4), {"LOG": int(log)}
    rows = math.prod(value.shape[:-1])
    if at_once:
        return b.draw("softmax", value.shape, {"x": value}, const=const, finish=finish)
    chunk = min(groups if rows >= SOFTMAX_ROWS else ceil_div(groups, 8), SOFTMAX_CHUNK)
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
