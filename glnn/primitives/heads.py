"""Products of the heads of attention, which lie one after another along channels: read and written where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, canonical, ceil_div, numbers
from ..layout.tiling import Grid, choose_tiling
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, at_least
from .expr import RESULT, Expr
from .matmul import Matmul
from .move import Size
from .rearrange import Merge, Split
from .tiles import LEAST_ROWS, LONGEST, computes, draw_shares


@dataclass(frozen=True)
class HeadScores(Primitive):
    """Queries (N, T, C) times keys (N, S, C): for each of `heads` runs of channels a matrix, (N, heads, T, S)."""

    arity = 2
    heads: int
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, heads=self.heads)

    def shape(self, *inputs: Dims) -> Dims:
        (batch, rows, channels), (_, columns, _) = checked(self.heads, *inputs)
        return batch, self.heads, rows, columns

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        q, k = (apart(x, self.heads) for x in inputs)
        return np.asarray(q @ k.swapaxes(-1, -2))

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        q, k = inputs
        shape, groups = numbers(self.shape(q.shape, k.shape)), q.shape[-1] // self.heads // 4

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            split = Split((Size(0), Size(1), self.heads, q.shape[-1] // self.heads), (0, 2, 1, 3))
            turned = replace(split, order=(0, 2, 3, 1))
            parts = [b.choose(way, [x], {}).draw(b, None) for way, x in ((split, q), (turned, k))]
            made: Value = b.choose(Matmul(), parts, {}).draw(b, finish)
            return made

        if q.shape[-1] % (4 * self.heads) or q.shape[1] < LEAST_ROWS:
            return [Recipe("apart", draw)]

        def in_place(b: Builder, finish: Epilogue | None) -> Value:
            own = {"TURNED": 1, "HEADS": 1}, groups, groups
            return draw_heads(b, shape, (q, k), own, finish) or draw(b, finish)

        return [Recipe("in place", in_place, fits=computes), Recipe("apart", draw)]


@dataclass(frozen=True)
class HeadMix(Primitive):
    """Matrices (N, heads, T, S), each times its run of the channels of values (N, S, C): (N, T, C)."""

    arity = 2
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        a, values = inputs
        if len(a) != 4 or a[1] is None:
            raise ValueError(f"matrices of heads have four axes, of which the second is known, not {a}")
        batch, heads, rows, inner = a
        checked(heads, (batch, inner, values[-1]), values)
        if None not in (inner, values[1]) and inner != values[1]:
            raise ValueError(f"the shapes {a} and {values} do not fit as matrices: the inner sizes must be equal")
        return batch, rows, values[-1]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        a, values = inputs
        made = a @ apart(values, a.shape[1])
        return np.asarray(made.transpose(0, 2, 1, 3).reshape(len(made), a.shape[2], -1))

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        a, values = inputs
        heads, width = a.shape[1], values.shape[-1] // a.shape[1]
        shape = numbers(self.shape(a.shape, values.shape))

        def draw(b: Builder, finish: Epilogue | None) -> Value:
            split = Split((Size(0), Size(1), heads, width), (0, 2, 1, 3))
            parts = [a, b.choose(split, [values], {}).draw(b, None)]
            product = b.choose(Matmul(), parts, {}).draw(b, None)
            merge = Merge((0, 2, 1, 3), (Size(0), Size(1), heads * width))
            made: Value = b.choose(merge, [product], {}).draw(b, finish)
            return made

        if width % 4 or shape[1] < LEAST_ROWS:
            return [Recipe("apart", draw)]

        def in_place(b: Builder, finish: Epilogue | None) -> Value:
            own = {"TURNED": 0, "HEADS": 2}, width // 4, ceil_div(a.shape[-1], 4)
            return draw_heads(b, shape, (a, values), own, finish, heads) or draw(b, finish)

        return [Recipe("in place", in_place, fits=computes), Recipe("apart", draw)]


def checked(heads: int | None, first: Dims, second: Dims) -> tuple[Dims, Dims]:
    """Two tensors (N, T, C) of which heads share the channels. Raises ValueError where they do not fit."""
    if len(first) != 3 or len(second) != 3:
        raise ValueError(f"heads lie in tensors of three axes, not in {first} and {second}")
    for one, other in ((first[0], second[0]), (first[-1], second[-1])):
        if None not in (one, other) and one != other:
            raise ValueError(f"the shapes {first} and {second} differ in their batch or their channels")
    if heads is None or first[-1] is None or first[-1] % heads:
        raise ValueError(f"{heads} heads do not divide the channels of {first}")
    return first, second


def apart(x: np.ndarray, heads: int) -> np.ndarray:
    """(N, T, C) as (N, heads, T, C / heads)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def draw_heads(
    b: Builder, shape: Shape, read: tuple[Value, Value], own: tuple[dict[str, int], int, int],
    finish: Epilogue | None, heads: int = 0,
) -> Value | None:  # fmt: skip
    """A product of heads by tiles; None where they would not lie whole in these.

    own: what the text is told, the groups of channels of a head, and of the inner axis
    heads: how many lie along the channels of what is made
    """
    const, of_head, inner = own
    n, h, w, c = canonical(shape)
    columns, matrices = (of_head, n * h * heads) if heads else (ceil_div(c, 4), n * h)
    tiling = choose_tiling(w, columns, inner, matrices=matrices, least_shares=ceil_div(4 * inner, LONGEST))
    if (heads and of_head % tiling.groups) or not b.tiles(shape, *read):
        return None
    param = dict.fromkeys(("N1", "N2", "A0", "A1", "A2", "B0", "B1", "B2"), 1) | {"HG": of_head}
    draw = partial(
        b.draw, "matmul", inputs=dict(zip("ab", read, strict=True)), const={"LEAD": 0, **const, **tiling.consts},
        param=param,
    )  # fmt: skip
    if tiling.shares == 1:
        return draw(shape=shape, finish=finish, grid=Grid((n, h, w), rows=True))
    return draw_shares(
        b, shape, tiling, lambda whole, grid: draw(shape=whole, grid=replace(grid, rows=True)), None, finish
    )
