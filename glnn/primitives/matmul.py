"""The product of two computed matrices, or of as many as the leading axes hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.shapes import Dims, Shape, broadcast, ceil_div, numbers, row_major
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, anywhere
from .expr import RESULT, Expr
from .move import Size, permute, reshape
from .sums import groups_per_draw, summed
from .tiles import LEAST_ROWS, computes, draw_product

if TYPE_CHECKING:
    from .symbols import Sym
    from .trace import Trace


@dataclass(frozen=True)
class Matmul(Primitive):
    """(..., M, K) times (..., K, N) as np.matmul: leading axes broadcast, a vector is a row left, a column right.

    transpose_a, transpose_b: the last two axes of that operand are exchanged first; a vector has none.
    """

    arity = 2
    transpose_a: bool = False
    transpose_b: bool = False
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        a, b = inputs
        if not a or not b:
            raise ValueError(f"a product of matrices takes tensors of one axis or more, not of shapes {a} and {b}")
        (rows, inner), (other, columns) = (
            _matrix((1, *a)[-2:], self._turned(a, 0)),
            _matrix(b[-2:] if len(b) > 1 else (*b, 1), self._turned(b, 1)),
        )
        if None not in (inner, other) and inner != other:
            raise ValueError(
                f"the shapes {a} and {b} do not fit as matrices of {rows} x {inner} and {other} x {columns}: the inner "
                "sizes must be equal"
            )
        leads = a[:-2], b[:-2]
        rank = max(map(len, leads))
        lead = broadcast(*((1,) * (rank - len(one)) + one for one in leads))
        return (*lead, *(rows,) * (len(a) > 1), *(columns,) * (len(b) > 1))

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        a, b = (x.swapaxes(-1, -2) if self._turned(x.shape, k) else x for k, x in enumerate(inputs))
        return np.asarray(a @ b)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        a, b = inputs
        ways = {"tiles": computes, "rows": anywhere}
        return [Recipe(way, partial(self._draw, a=a, b=b, tiled=way == "tiles"), fits) for way, fits in ways.items()]

    def _turned(self, shape: Sequence[Any], number: int) -> bool:
        return len(shape) > 1 and (self.transpose_a, self.transpose_b)[number]

    def _draw(self, builder: Builder, finish: Epilogue | None, a: Value, b: Value, tiled: bool) -> Value:
        """Rows of one operand, which are pixels, times the other: a column right makes a row of what comes out."""
        shape = numbers(self.shape(a.shape, b.shape))
        if len(b.shape) == 1:
            a, b, turned = b, a, not self._turned(a.shape, 0)
        else:
            turned = self.transpose_b
            if self._turned(a.shape, 0):
                rank = len(a.shape)
                a = permute(builder, a, (*range(rank - 2), rank - 1, rank - 2))
        if len(a.shape) > 1 or len(b.shape) < 3:  # else the matrices of b have a row each, which is no axis of y
            return draw_rows(builder, a, b, turned, shape, finish, tiled)
        rows = draw_rows(builder, a, b, turned, (*shape[:-1], 1, shape[-1]), None, tiled)
        return reshape(builder, rows, shape, finish)


def _matrix(shape: Dims, turned: bool) -> tuple[int | None, int | None]:
    """(rows, columns) of a matrix of this shape, with its axes exchanged or not."""
    rows, columns = shape
    return (columns, rows) if turned else (rows, columns)


def draw_rows(
    b: Builder, rows: Value, matrix: Value, turned: bool, shape: Shape, finish: Epilogue | None, tiled: bool = False
) -> Value:
    """(..., M, K) times (..., K, N), or `turned` (..., N, K). Long sums are added up by several draws.

    tiled: by tiles in shared memory, where a matrix has rows enough
    """
    inner = rows.shape[-1]
    groups, lead = ceil_div(inner, 4), shape[:-3]
    step = groups_per_draw(groups)
    strides = [_strides(value.shape[:-3]) for value in (rows, matrix)]
    param = dict(zip(("N1", "N2"), ((1,) * (3 - len(lead)) + tuple(lead))[1:], strict=True))
    param |= {f"{name}{k}": step for name, steps in zip("AB", strides, strict=True) for k, step in enumerate(steps)}
    spread = any(np.prod(value.shape[:-3]) not in (1, np.prod(lead)) for value in (rows, matrix))
    if tiled and len(shape) > 1 and shape[-2] >= LEAST_ROWS and b.tiles(shape, rows, matrix):
        return draw_product(b, shape, rows, matrix, {"TURNED": int(turned), "LEAD": int(spread)}, param, finish)
    y: Value | None = None
    for first in range(0, groups, step):
        last = min(first + step, groups)
        y = b.draw(
            "matmul",
            shape,
            {"a": rows, "b": matrix},
            const={"TURNED": int(turned), "TAIL": int(not turned and 4 * last > inner), "LEAD": int(spread)},
            param={"K0": first, "KN": last - first, **param},
            finish=summed(y, finish if last == groups else None),
        )
    assert y is not None
    return y


def _strides(own: Shape) -> list[int]:
    """How far apart the three axes of n lie in a tensor of these leading axes, in n; 0 where it has one for all."""
    sizes = (1,) * (3 - len(own)) + tuple(own)
    return [0 if size == 1 else stride for size, stride in zip(sizes, row_major(sizes), strict=True)]


def product(t: Trace, a: Sym, b: Sym) -> Sym:
    """np.matmul of two symbols. Raises ValueError for shapes that do not fit, and for weights of more than two axes."""
    for x in (a, b):
        if x.constant and x.rank > 2:
            raise ValueError(f"a product with a weight of shape {x.shape}: a vector or one matrix is possible")
    if a.constant and b.constant:
        return t.weight(np.asarray(t.value(a)) @ np.asarray(t.value(b)))
    if a.constant:  # from the left, rows are columns of what is transposed
        if b.rank < 2:
            return product(t, b, t.transpose(a, range(a.rank)[::-1]))
        made = product(t, _exchanged(t, b), t.transpose(a, range(a.rank)[::-1]))
        return _exchanged(t, made) if a.rank == 2 else made
    if b.constant and b.rank == 2:
        return t.dense(a, b)
    if b.constant:
        made = t.dense(a, t.reshape(b, (-1, 1)))
        return t.reshape(made, tuple(Size(axis) for axis in range(made.rank - 1)))
    turned = [x.rank > 1 and x.order == _plain(x.rank)[:-2] + _plain(x.rank)[:-3:-1] for x in (a, b)]
    operands = [x if is_turned else t.plain(x) for x, is_turned in zip((a, b), turned, strict=True)]
    return t.drawn(Matmul(turned[0], turned[1]), operands)


def _plain(rank: int) -> tuple[int, ...]:
    return tuple(range(rank))


def _exchanged(t: Trace, x: Sym) -> Sym:
    """The last two axes exchanged."""
    return t.transpose(x, _plain(x.rank)[:-2] + _plain(x.rank)[:-3:-1])
