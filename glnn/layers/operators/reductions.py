"""Operators that add up, compare, normalize or order along axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from .elementwise import TRUTHS  # noqa: F401  (its operators come first)
from .table import FLOAT, INTEGER, OPERATORS, SAME, TRUTH, Operator, counted_axes, flat, operator, several, tensor


def _reduction(kind: str) -> Callable[..., Any]:
    def make(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
        made = tensor(t, x)
        return t.reduce(kind, made, counted_axes(axis, made.rank), bool(keepdims))

    return make


for _name, _gives in dict(sum=SAME, mean=FLOAT, max=SAME, min=SAME, prod=SAME, all=TRUTH, any=TRUTH).items():
    OPERATORS[_name] = Operator(_reduction(_name), _gives)
mean, total, largest = (OPERATORS[name].function for name in ("mean", "sum", "max"))


def _number(kind: str) -> Callable[..., Any]:
    def make(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
        made = tensor(t, x)
        if axis is not None:
            return t.reduce(kind, made, several(axis), bool(keepdims))
        number = t.reduce(kind, flat(t, made), 0)
        return t.reshape(number, (1,) * made.rank) if keepdims else number

    return make


for _name in ("argmax", "argmin"):
    OPERATORS[_name] = Operator(_number(_name), INTEGER)


@operator(FLOAT)
def var(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
    made = tensor(t, x)
    axes = counted_axes(axis, made.rank)
    return t.reduce("mean", t.apply("square", made - t.reduce("mean", made, axes, True)), axes, bool(keepdims))


@operator(FLOAT)
def std(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
    return t.apply("sqrt", var(t, x, axis, keepdims))


@operator(FLOAT)
def moments(t: Trace, x: Any, axes: Any, keepdims: bool = False) -> list[Sym]:
    """The mean and the variance."""
    return [mean(t, x, axes, keepdims), var(t, x, axes, keepdims)]


@operator(FLOAT)
def average(t: Trace, x: Any, weights: Any = None, axis: Any = None) -> Sym:
    """The mean, of numbers that count as much as their weights."""
    if weights is None:
        return mean(t, x, axis)
    x, weights = tensor(t, x), tensor(t, weights)
    if weights.rank == 1 < x.rank:
        (place,) = counted_axes(axis, x.rank)
        weights = t.reshape(weights, [-1 if k == place else 1 for k in range(x.rank)])
    over = t.apply("spread", weights, x)
    return total(t, x * weights, axis) / total(t, over, axis)


@operator(FLOAT)
def logsumexp(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
    """log(sum of exp(x)), the largest taken out of it where it is finite."""
    x = tensor(t, x)
    axes = counted_axes(axis, x.rank)
    top = t.reduce("max", x, axes, True)
    shift = t.where(t.apply("isinf", top), 0.0, top)
    made = t.apply("log", t.reduce("sum", t.apply("exponential", x - shift), axes, True)) + shift
    return made if keepdims else t.reduce("sum", made, axes)


@operator(INTEGER)
def count_nonzero(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
    return total(t, t.apply("not_equal", tensor(t, x), 0.0), axis, keepdims)


@operator()
def ptp(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
    """The largest less the least."""
    return largest(t, x, axis, keepdims) - OPERATORS["min"].function(t, x, axis, keepdims)


@operator(FLOAT)
def norm(t: Trace, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Sym:
    """The norm of vectors along an axis, or Frobenius' of matrices along two."""
    x = tensor(t, x)
    if axis is None and ord is not None and x.rank > 1 and ord not in ("fro", "euclidean"):
        raise ValueError(f"ord={ord!r} of a matrix; give one axis")
    axes = counted_axes(axis, x.rank)
    if ord in ("euclidean", "fro", None) or (ord == 2 and len(axes) == 1):
        return t.apply("sqrt", total(t, t.apply("square", x), axes, keepdims))
    if len(axes) > 1:
        raise ValueError(f"ord={ord!r} of matrices (only Frobenius')")
    size = t.apply("abs", x)
    if ord in (math.inf, -math.inf, "inf", "-inf"):
        return t.reduce("min" if str(ord).startswith("-") else "max", size, axes, bool(keepdims))
    if ord == 0:
        return count_nonzero(t, x, axes, keepdims)
    if ord == 1:
        return total(t, size, axes, keepdims)
    return t.apply("power", total(t, t.apply("power", size, float(ord)), axes, keepdims), 1 / float(ord))


@operator(FLOAT)
def normalize(t: Trace, x: Any, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Sym:
    """x over its norm, which is `epsilon` at least."""
    x = tensor(t, x)
    least = 1e-7 if epsilon is None else float(epsilon)
    if order == 2:
        return l2_normalize(t, x, axis, least * least)
    return x / t.maximum(norm(t, x, order, axis, True), least)


@operator(FLOAT)
def l2_normalize(t: Trace, x: Any, axis: Any = None, epsilon: float = 1e-12) -> Sym:
    """x over the root of the sum of x^2, which is `epsilon` at least."""
    x = tensor(t, x)
    squares = t.reduce("sum", t.apply("square", x), counted_axes(axis, x.rank), True)
    return x / t.apply("sqrt", t.maximum(squares, float(epsilon)))


def _softmax(t: Trace, x: Any, axis: Any, log: bool) -> Sym:
    x = tensor(t, x)
    return t.softmax(x, counted_axes(axis, x.rank), log)


@operator(FLOAT)
def softmax(t: Trace, x: Any, axis: Any = -1) -> Sym:
    return _softmax(t, x, axis, False)


@operator(FLOAT)
def log_softmax(t: Trace, x: Any, axis: Any = -1) -> Sym:
    return _softmax(t, x, axis, True)


def _cumulate(t: Trace, kind: str, x: Any, axis: Any, exclusive: bool, reverse: bool) -> Sym:
    x = tensor(t, x)
    if axis is None:
        x, axis = flat(t, x), 0
    return t.cumulate(kind, x, checked_axis(axis, x.rank), exclusive, reverse)


@operator()
def cumsum(t: Trace, x: Any, axis: Any = None, exclusive: bool = False, reverse: bool = False) -> Sym:
    return _cumulate(t, "sum", x, axis, exclusive, reverse)


@operator()
def cumprod(t: Trace, x: Any, axis: Any = None, exclusive: bool = False, reverse: bool = False) -> Sym:
    return _cumulate(t, "prod", x, axis, exclusive, reverse)


@operator()
def diff(t: Trace, a: Any, n: int = 1, axis: int = -1) -> Sym:
    """The differences of neighbours along an axis, n times over."""
    x = tensor(t, a)
    axis = checked_axis(axis, x.rank)
    for _ in range(n):
        size = x.shape[axis]
        if size is None or size < 2:
            raise ValueError(f"neighbours along axis {axis} of {x.shape}: its size must be known, and 2 at least")
        x = t.slice(x, axis, 1, size - 1) - t.slice(x, axis, 0, size - 1)
    return x


@operator()
def sort(t: Trace, x: Any, axis: Any = -1, descending: bool = False) -> Sym:
    x = tensor(t, x)
    return t.sort(flat(t, x) if axis is None else x, 0 if axis is None else axis, descending)


@operator(INTEGER)
def argsort(t: Trace, x: Any, axis: Any = -1, descending: bool = False) -> Sym:
    x = tensor(t, x)
    return t.argsort(flat(t, x) if axis is None else x, 0 if axis is None else axis, descending)


@operator()
def top_k(t: Trace, x: Any, k: int = 1, sorted: bool = True, axis: int = -1, largest: bool = True) -> list[Sym]:
    """The k largest along an axis in order, and their numbers."""
    return list(t.topk(tensor(t, x), k, axis, largest))


@operator(FLOAT)
def median(t: Trace, x: Any, axis: Any = None, keepdims: bool = False) -> Sym:
    """The one in the middle of those in order, or the mean of two; NaN where one is."""
    x = tensor(t, x)
    place = 0 if axis is None else counted_axes(axis, x.rank)[0]
    if axis is not None and len(several(axis)) > 1:
        raise ValueError(f"the median along several axes, {axis}")
    y = flat(t, x) if axis is None else x
    size = y.shape[place]
    if size is None:
        raise ValueError(f"the median along axis {place} of {y.shape} needs its size, which is free")
    ordered = t.sort(y, place)
    low, high = (t.slice(ordered, place, k, 1) for k in ((size - 1) // 2, size // 2))
    bad = t.reduce("any", t.apply("isnan", y), place, True)
    made = t.where(bad, math.nan, (low + high) * 0.5)
    if axis is None:
        return t.reshape(made, (1,) * x.rank if keepdims else ())
    return made if keepdims else t.reduce("sum", made, place)
