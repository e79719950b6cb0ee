"""Operators that multiply and add up: products of matrices and of vectors."""

from __future__ import annotations

from typing import Any

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.einsum import with_ones
from .table import counted_axes, flat, operator, several, tensor

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@operator()
def matmul(t: Trace, x1: Any, x2: Any, transpose_a: bool = False, transpose_b: bool = False) -> Sym:
    """np.matmul; the last two axes of an operand exchanged before."""
    a, b = (turned(t, tensor(t, x), flag) for x, flag in ((x1, transpose_a), (x2, transpose_b)))
    if any(x.constant and x.rank > 2 for x in (a, b)):
        left, right = "...ij" if a.rank > 1 else "j", "...jk" if b.rank > 1 else "j"
        return t.einsum(f"{left},{right}->...{'i' * (a.rank > 1)}{'k' * (b.rank > 1)}", a, b)
    return t.matmul(a, b)


def turned(t: Trace, x: Sym, flag: bool) -> Sym:
    """x, with its last two axes exchanged or not."""
    return t.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2]) if flag and x.rank > 1 else x


@operator()
def einsum(t: Trace, subscripts: str, *operands: Any) -> Sym:
    return t.einsum(subscripts, *(tensor(t, x) for x in operands))


@operator()
def dot(t: Trace, x1: Any, x2: Any) -> Sym:
    """np.dot: the last axis of the first with the last but one of the second."""
    a, b = tensor(t, x1), tensor(t, x2)
    if not a.rank or not b.rank:
        return a * b
    return tensordot(t, a, b, ((a.rank - 1,), (max(b.rank - 2, 0),)))


@operator()
def tensordot(t: Trace, x1: Any, x2: Any, axes: Any = 2) -> Sym:
    """Sums of products along axes of each: a number of the last and first ones, or which."""
    a, b = tensor(t, x1), tensor(t, x2)
    if isinstance(axes, int):
        axes = (tuple(range(a.rank - axes, a.rank)), tuple(range(axes)))
    one, two = ([checked_axis(k, x.rank) for k in several(each)] for x, each in zip((a, b), axes, strict=True))
    left, right = list(LETTERS[: a.rank]), list(LETTERS[a.rank : a.rank + b.rank])
    for k, j in zip(one, two, strict=True):
        right[j] = left[k]
    out = [c for k, c in enumerate(left) if k not in one] + [c for k, c in enumerate(right) if k not in two]
    return t.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", a, b)


@operator()
def inner(t: Trace, x1: Any, x2: Any) -> Sym:
    """Sums of products along the last axes."""
    a, b = tensor(t, x1), tensor(t, x2)
    return tensordot(t, a, b, ((a.rank - 1,), (b.rank - 1,))) if a.rank and b.rank else a * b


@operator()
def outer(t: Trace, x1: Any, x2: Any) -> Sym:
    """Each element of one times each of the other."""
    return t.einsum("a,b->ab", flat(t, tensor(t, x1)), flat(t, tensor(t, x2)))


@operator()
def vdot(t: Trace, x1: Any, x2: Any) -> Sym:
    """The sum of products of all elements."""
    return t.einsum("a,a->", flat(t, tensor(t, x1)), flat(t, tensor(t, x2)))


@operator()
def cross(t: Trace, x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Sym:
    """The cross product of vectors of three numbers."""
    places = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = tensor(t, x1), tensor(t, x2)
    vectors = []
    for x, place in zip((a, b), places, strict=False):
        (k,) = counted_axes(place, x.rank)
        x = t.transpose(x, [*(j for j in range(x.rank) if j != k), k])
        if x.shape[-1] != 3:
            raise ValueError(f"the cross product of vectors of {x.shape[-1]} numbers (only 3)")
        vectors.append([t.slice(x, -1, j, 1) for j in range(3)])
    (a0, a1, a2), (b0, b1, b2) = vectors
    made = t.concat([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], -1)
    last = checked_axis(places[2], made.rank)
    order = list(range(made.rank - 1))
    order.insert(last, made.rank - 1)
    return t.transpose(made, order)


@operator()
def kron(t: Trace, x1: Any, x2: Any) -> Sym:
    """Each element of one times all of the other, in its place."""
    a, b = tensor(t, x1), tensor(t, x2)
    rank = max(a.rank, b.rank)
    a, b = with_ones(t, a, range(rank - a.rank)), with_ones(t, b, range(rank - b.rank))
    if None in (*a.shape, *b.shape):
        raise ValueError(f"kron of {a.shape} and {b.shape} needs all their sizes")
    one = with_ones(t, a, [2 * k + 1 for k in range(rank)])
    two = with_ones(t, b, [2 * k for k in range(rank)])
    return t.reshape(one * two, [int(p or 0) * int(q or 0) for p, q in zip(a.shape, b.shape, strict=True)])
