"""Sums of products by an equation ("bthd,bshd->bhts"), said in transposes, matrix products and reductions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..graph.shapes import Dims, broadcast, numbers
from .move import Size

if TYPE_CHECKING:
    from .symbols import Sym
    from .trace import Trace

Labels = tuple[str, ...]  # an axis each: a letter, or "0", "1", .. for those of an ellipsis, from the last to the first


def einsum(t: Trace, equation: str, xs: Sequence[Sym]) -> Sym:
    """np.einsum of symbols: letters name axes, "..." those in front or behind, without "->" letters that occur once
    are kept in alphabetical order.

    A letter twice in one operand takes its diagonal. Of several operands two at a time are multiplied, from the left.
    Raises ValueError for an equation that does not fit.
    """
    terms, out = parsed(equation, [x.rank for x in xs])
    operands = [_without_twins(t, x, term) for x, term in zip(xs, terms, strict=True)]
    sizes = _sizes(equation, operands)
    held, labels = operands[0]
    for number, (x, term) in enumerate(operands[1:], 1):
        later = {label for _, others in operands[number + 1 :] for label in others}
        held, labels = _pair(t, (held, labels), (x, term), {*out, *later}, sizes)
    held, labels = _summed(t, held, labels, set(out))
    return t.transpose(held, [labels.index(label) for label in out]) if labels != out else held


def parsed(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """The labels of each operand's axes, and of the result's. Raises ValueError."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks) or not all(
        re.fullmatch(r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*", term) for term in (*terms, right)
    ):
        raise ValueError(f"the equation {equation!r} is not one for {len(ranks)} tensors, such as 'ij,jk->ik'")
    named = [len(term.replace("...", "")) for term in terms]
    spare = [rank - count for rank, count in zip(ranks, named, strict=True)]
    for term, rank, more in zip(terms, ranks, spare, strict=True):
        if more < 0 or (more and "..." not in term):
            raise ValueError(f"{term!r} of the equation {equation!r} does not fit a tensor of {rank} axes")
    dots = tuple(str(k) for k in reversed(range(max([0, *spare]))))
    labels = [_spelled(term, dots[len(dots) - more :]) for term, more in zip(terms, spare, strict=True)]
    if not arrow:
        letters = re.sub(r"[,.]", "", left)
        right = "..." + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    out = _spelled(right, dots)
    known = {label for term in labels for label in term}
    if len(set(out)) != len(out) or not set(out) <= known:
        raise ValueError(f"what the equation {equation!r} makes, {right!r}, must name axes of its operands, each once")
    return labels, out


def _spelled(term: str, dots: Labels) -> Labels:
    before, ellipsis, after = term.partition("...")
    return (*before, *(dots if ellipsis else ()), *after)


def _sizes(equation: str, operands: Sequence[tuple[Sym, Labels]]) -> dict[str, int | None]:
    """The size of each label's axis; axes of size 1 fit all others. Raises ValueError where two differ."""
    sizes: dict[str, int | None] = {}
    for x, labels in operands:
        for label, size in zip(labels, x.shape, strict=True):
            try:
                sizes[label] = broadcast((sizes.get(label, size),), (size,))[0]
            except ValueError:
                raise ValueError(
                    f"axis {label!r} of the equation {equation!r} has the sizes {sizes[label]} and {size}"
                ) from None
    return sizes


def _without_twins(t: Trace, x: Sym, labels: Labels) -> tuple[Sym, Labels]:
    """The operand with the diagonal taken where a label occurs twice."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first, second = (k for k, other in enumerate(labels) if other == label and labels[:k].count(label) < 2)
            if None not in (x.shape[first], x.shape[second]) and x.shape[first] != x.shape[second]:
                raise ValueError(f"the diagonal of axes of the sizes {x.shape[first]} and {x.shape[second]}")
            on = t.apply("equal", t.index(x, first), t.index(x, second))
            x = t.reduce("sum", t.where(on, x, 0.0), second)
            labels = (*labels[:second], *labels[second + 1 :])
    return x, labels


def _summed(t: Trace, x: Sym, labels: Labels, kept: set[str]) -> tuple[Sym, Labels]:
    """The operand summed up along the axes that nobody needs."""
    gone = [k for k, label in enumerate(labels) if label not in kept]
    if not gone:
        return x, labels
    if x.constant:
        made = t.weight(np.asarray(t.value(x), np.float64).sum(tuple(gone)))
    else:
        made = t.reduce("sum", x, gone)
    return made, tuple(label for label in labels if label in kept)


def _pair(
    t: Trace, one: tuple[Sym, Labels], two: tuple[Sym, Labels], kept: set[str], sizes: dict[str, int | None]
) -> tuple[Sym, Labels]:
    """The product of two operands, summed up along axes that nothing else needs."""
    (a, al), (b, bl) = one, two
    a, al = _summed(t, a, al, kept | set(bl))
    b, bl = _summed(t, b, bl, kept | set(al))
    both = [label for label in al if label in bl]
    batch, inner = [label for label in both if label in kept], [label for label in both if label not in kept]
    rows, columns = [label for label in al if label not in both], [label for label in bl if label not in both]
    whole = all(_of(a, al, label) == _of(b, bl, label) for label in inner)
    if a.constant and not b.constant and not batch and inner and whole:  # rows are columns of what is transposed
        return _pair(t, two, one, kept, sizes)
    if inner and whole and b.constant and not a.constant and not batch:
        return _dense(t, (a, al), (b, bl), inner, columns)
    if not (inner and whole and rows and columns) or a.constant or b.constant:
        return _broadcast(t, (a, al), (b, bl), (*batch, *rows, *columns), inner)
    x = _grouped(t, a, al, batch, rows, inner)
    y = _grouped(t, b, bl, batch, inner, columns)
    made = t.matmul(x, y)
    if len(rows) > 1 or len(columns) > 1:
        lead = [Size(k) for k in range(len(batch))]
        made = t.reshape(made, [*lead, *_split(made, rows, sizes, -2), *_split(made, columns, sizes, -1)])
    return made, (*batch, *rows, *columns)


def _of(x: Sym, labels: Labels, label: str) -> int | None:
    return x.shape[labels.index(label)]


def _dense(
    t: Trace, one: tuple[Sym, Labels], two: tuple[Sym, Labels], inner: Sequence[str], columns: Sequence[str]
) -> tuple[Sym, Labels]:
    """A computed operand times a weight that has none of the axes that are kept in both."""
    (a, al), (b, bl) = one, two
    rows = [label for label in al if label not in inner]
    x = t.transpose(a, [al.index(label) for label in (*rows, *inner)])
    width = prod(numbers(tuple(_of(b, bl, label) for label in inner)))
    made = [_of(b, bl, label) or 0 for label in columns]
    if len(inner) > 1:
        x = t.reshape(x, [*(Size(k) for k in range(len(rows))), width])
    matrix = t.reshape(t.transpose(b, [bl.index(label) for label in (*inner, *columns)]), (width, prod(made)))
    y = t.dense(x, matrix) if rows else t.matmul(x, matrix)
    if len(columns) != 1:
        y = t.reshape(y, [*(Size(k) for k in range(len(rows))), *made])
    return y, (*rows, *columns)


def _broadcast(
    t: Trace, one: tuple[Sym, Labels], two: tuple[Sym, Labels], outer: Labels, inner: Sequence[str]
) -> tuple[Sym, Labels]:
    """The product with all axes side by side, and its sum, computed as it is added up."""
    labels = (*outer, *inner)
    x, y = (_aligned(t, operand, own, labels) for operand, own in (one, two))
    made = x * y
    if not inner:
        return made, outer
    if made.constant:
        return t.weight(np.asarray(t.value(made), np.float64).sum(tuple(range(len(outer), len(labels))))), outer
    return t.reduce("sum", made, range(len(outer), len(labels))), outer


def _aligned(t: Trace, x: Sym, own: Labels, labels: Labels) -> Sym:
    """The operand with an axis for each of these labels, of size 1 where it has none."""
    order = [own.index(label) for label in labels if label in own]
    x = t.transpose(x, order)
    return with_ones(t, x, [k for k, label in enumerate(labels) if label not in own])


def with_ones(t: Trace, x: Sym, places: Sequence[int]) -> Sym:
    """x with axes of size 1 at these places of the result."""
    if not places:
        return x
    old = iter(range(x.rank))
    return t.reshape(x, [1 if k in places else Size(next(old)) for k in range(x.rank + len(places))])


def _grouped(
    t: Trace, x: Sym, labels: Labels, batch: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> Sym:
    """The operand as (*batch, first, second), each of these two in one axis."""
    x = t.transpose(x, [labels.index(label) for label in (*batch, *first, *second)])
    if len(first) == len(second) == 1:
        return x
    depth = len(batch)
    ones = [x.shape[depth : depth + len(first)], x.shape[depth + len(first) :]]
    sizes = [_merged(shape, depth + (len(first) if k else 0)) for k, shape in enumerate(ones)]
    if sizes.count(-1) > 1:
        raise ValueError(f"axes {first} and {second} of {x.shape} are put together: the sizes of one must be known")
    return t.reshape(x, [*(Size(k) for k in range(depth)), *sizes])


def _merged(shape: Dims, axis: int) -> int | Size:
    """The size of axes from `axis` on as one: a number, that axis' own, or -1 for what is left."""
    if len(shape) == 1:
        return Size(axis)
    return -1 if None in shape else prod(numbers(shape))


def _split(x: Sym, labels: Sequence[str], sizes: dict[str, int | None], axis: int) -> list[int | Size]:
    """The sizes of the axes that were put together to one of x."""
    if len(labels) == 1:
        return [Size(x.rank + axis)]
    given = [sizes[label] for label in labels]
    if given.count(None) > 1:
        raise ValueError(f"axes of the sizes {given} come out of a product of matrices: all but one must be known")
    return [-1 if size is None else size for size in given]
