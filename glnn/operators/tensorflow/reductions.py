"""Operators that add up, compare or order along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Say, Tensor
from ..shared.ordering import top
from . import tensorflow


def _over(t: Say, x: Any, axis: Any) -> tuple[int, ...]:
    """Axes counted from the front."""
    return tuple(dict.fromkeys(checked_axis(k, x.rank) for k in t.sizes(axis)))


def _reduction(kind: str) -> Callable[..., Any]:
    def make(t: Say, x: Tensor, axis: Any, *, keep_dims: bool = False) -> Any:
        axes = _over(t, x, axis)
        if not axes:
            return x
        made = t.reduce(kind, x, axes, keep_dims)
        return t.give(made, "float32" if kind == "mean" else x.dtype)

    return make


def _exactly(formula: Any) -> Callable[..., Any]:
    def make(x: Any, axis: Any, *, keep_dims: bool = False) -> Any:
        made = formula(x, axis=tuple(np.reshape(axis, -1).tolist()), keepdims=keep_dims)
        return made if x.dtype == object else np.asarray(made).astype(x.dtype)

    return make


for _name, _kind in (("Sum", "sum"), ("Prod", "prod"), ("Max", "max"), ("Min", "min"), ("All", "all"), ("Any", "any")):
    tensorflow(_name, exact=_exactly(getattr(np, _kind)))(_reduction(_kind))
tensorflow("Mean")(_reduction("mean"))


@tensorflow("EuclideanNorm")
def euclidean_norm(t: Say, x: Sym, axis: Any, *, keep_dims: bool = False) -> Sym:
    """The root of the sum of squares."""
    return t.apply("sqrt", t.reduce("sum", t.apply("square", x), _over(t, x, axis), keep_dims))


@tensorflow("ArgMax", gives="int32", exact=lambda x, axis=0: np.argmax(x, int(np.reshape(axis, ()))).astype("int32"))
def arg_max(t: Say, x: Sym, axis: Any = 0) -> Sym:
    """The number of the largest along an axis."""
    return t.reduce("argmax", x, (checked_axis(t.number(axis), x.rank),))


@tensorflow("ArgMin", gives="int32", exact=lambda x, axis=0: np.argmin(x, int(np.reshape(axis, ()))).astype("int32"))
def arg_min(t: Say, x: Sym, axis: Any = 0) -> Sym:
    """The number of the least along an axis."""
    return t.reduce("argmin", x, (checked_axis(t.number(axis), x.rank),))


@tensorflow("Softmax")
def softmax(t: Say, x: Sym) -> Sym:
    """exp(x) over its sum along the last axis."""
    return t.softmax(x, -1)


@tensorflow("LogSoftmax")
def log_softmax(t: Say, x: Sym) -> Sym:
    """The logarithm of the softmax."""
    return t.softmax(x, -1, log=True)


@tensorflow("Cumsum")
def cumsum(t: Say, x: Sym, axis: Any, *, exclusive: bool = False, reverse: bool = False) -> Sym:
    """The sum of each element and those before it."""
    return _cumulated(t, "sum", x, axis, exclusive, reverse)


@tensorflow("Cumprod")
def cumprod(t: Say, x: Sym, axis: Any, *, exclusive: bool = False, reverse: bool = False) -> Sym:
    """The product of each element and those before it."""
    return _cumulated(t, "prod", x, axis, exclusive, reverse)


def _cumulated(t: Say, kind: str, x: Sym, axis: Any, exclusive: bool, reverse: bool) -> Sym:
    return t.cumulate(kind, x, checked_axis(t.number(axis), x.rank), exclusive, reverse)


@tensorflow("TopKV2", gives=("same", "int32"))
def top_k(t: Say, x: Sym, k: Any) -> tuple[Sym, ...]:
    """The k largest along the last axis in order, and their numbers."""
    return top(t, x, int(t.number(k)))


@tensorflow("LowerBound", gives="int32")
def lower_bound(t: Say, edges: Sym, x: Sym) -> Sym:
    """How many of each row's numbers, which are in order, are less."""
    return _bound(t, edges, x, "less")


@tensorflow("UpperBound", gives="int32")
def upper_bound(t: Say, edges: Sym, x: Sym) -> Sym:
    """How many of each row's numbers, which are in order, are no more."""
    return _bound(t, edges, x, "less_equal")


def _bound(t: Say, edges: Sym, x: Sym, compare: str) -> Sym:
    rows, columns = (OPERATORS["expand_dims"].function(t, s, axis) for s, axis in ((edges, 1), (x, 2)))
    return t.reduce("sum", t.apply(compare, rows, columns), -1)
