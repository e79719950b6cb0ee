"""Operators that reduce axes, or look along them: sums, extremes and their places, softmax, running sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...layers.operators.table import kept
from ...primitives import Sym
from ...primitives.reduce import counted
from ..say import NeedsShape, Say
from ..shared.integers import is_integer
from . import onnx

Reduction = Callable[[Say, Any, tuple[int, ...], bool], Sym]
Exact = Callable[[np.ndarray, tuple[int, ...], bool], Any]
REDUCTIONS: dict[str, tuple[Reduction, Exact]] = {}  # by name without "Reduce"; on tensors, and in NumPy


def _reduction(exact: Exact) -> Callable[[Reduction], Reduction]:
    def add(function: Reduction) -> Reduction:
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        REDUCTIONS[name] = (function, exact)
        return function

    return add


def _of_whole(x: Any, made: Any) -> Any:
    """What was computed of integers in floats, cut off to integers."""
    return np.trunc(made).astype(x.dtype) if x.dtype.kind in "iu" else made.astype(x.dtype)


def _extreme(function: Any, least: bool) -> Exact:
    """np.max or np.min; of nothing the least or the largest number that the type has."""

    def make(x: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> Any:
        ends = (False, True) if x.dtype.kind == "b" else (-np.inf, np.inf)
        if x.dtype.kind in "iu":
            ends = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
        return function(x, axis=axes, keepdims=keepdims, initial=ends[0 if least else 1])

    return make


def _log_sum_exp(x: np.ndarray, axes: tuple[int, ...], keepdims: bool) -> Any:
    top = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(top), top, 0)
    made = np.log(np.sum(np.exp(x - shift), axis=axes, keepdims=True)) + shift
    return made if keepdims else made.reshape(np.sum(x, axis=axes).shape)


@_reduction(lambda x, axes, keepdims: np.sum(x, axes, keepdims=keepdims, dtype=x.dtype))
def sum_(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    return t.reduce("sum", x, axes, keepdims)


@_reduction(lambda x, axes, keepdims: _of_whole(x, np.mean(x, axes, keepdims=keepdims)))
def mean(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    made = t.reduce("mean", x, axes, keepdims)
    return t.apply("trunc", made) if is_integer(x) else made


@_reduction(_extreme(np.max, True))
def max_(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    return t.reduce("max", x, axes, keepdims)


@_reduction(_extreme(np.min, False))
def min_(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    return t.reduce("min", x, axes, keepdims)


@_reduction(lambda x, axes, keepdims: np.prod(x, axes, keepdims=keepdims, dtype=x.dtype))
def prod(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    return t.reduce("prod", x, axes, keepdims)


@_reduction(lambda x, axes, keepdims: np.sum(np.abs(x), axes, keepdims=keepdims, dtype=x.dtype))
def l1(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    return t.reduce("sum", t.apply("abs", x), axes, keepdims)


@_reduction(lambda x, axes, keepdims: _of_whole(x, np.sqrt(np.sum(np.square(x), axes, keepdims=keepdims))))
def l2(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    made = t.apply("sqrt", t.reduce("sum", t.apply("square", x), axes, keepdims))
    return t.apply("trunc", made) if is_integer(x) else made


@_reduction(lambda x, axes, keepdims: _of_whole(x, np.log(np.sum(x, axes, keepdims=keepdims))))
def log_sum(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    made = t.apply("log", t.reduce("sum", x, axes, keepdims))
    return t.apply("trunc", made) if is_integer(x) else made


@_reduction(lambda x, axes, keepdims: _of_whole(x, _log_sum_exp(x, axes, keepdims)))
def log_sum_exp(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    made = OPERATORS["logsumexp"].function(t, x, axes, keepdims)
    return t.apply("trunc", made) if is_integer(x) else made


@_reduction(lambda x, axes, keepdims: np.sum(np.square(x), axes, keepdims=keepdims, dtype=x.dtype))
def sum_square(t: Say, x: Any, axes: tuple[int, ...], keepdims: bool) -> Sym:
    return t.reduce("sum", t.apply("square", x), axes, keepdims)


def _axes(given: Any, rank: int, noop: int) -> tuple[int, ...]:
    """Axes counted from the front: of an attribute or of an input; all where none are given, unless `noop`."""
    axes = () if given is None else tuple(given)
    return counted(axes, rank) if axes or noop else tuple(range(rank))


def _register(name: str, function: Reduction, exact: Exact) -> None:
    """A reduction whose axes are an attribute, and since an opset an input."""

    def quiet(x: np.ndarray, axes: Any, keepdims: int, noop: int) -> Any:
        axes = None if axes is None else np.asarray(axes).reshape(-1).tolist()
        with np.errstate(all="ignore"):
            return np.asarray(exact(x, _axes(axes, x.ndim, noop), bool(keepdims)))

    def of_attributes(t: Say, x: Any, *, axes: Any = None, keepdims: int = 1) -> Sym:
        return function(t, x, _axes(axes, x.rank, 0), bool(keepdims))

    def exact_attributes(x: np.ndarray, *, axes: Any = None, keepdims: int = 1) -> Any:
        return quiet(x, axes, keepdims, 0)

    def of_inputs(t: Say, x: Any, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Sym:
        given = None if axes is None else t.sizes(axes)
        return function(t, x, _axes(given, x.rank, noop_with_empty_axes), bool(keepdims))

    def exact_inputs(x: np.ndarray, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Any:
        return quiet(x, axes, keepdims, noop_with_empty_axes)

    onnx(f"Reduce{name}", exact=exact_attributes)(of_attributes)
    onnx(f"Reduce{name}", since=13 if name == "Sum" else 18, exact=exact_inputs)(of_inputs)


for _name, (_function, _exact) in REDUCTIONS.items():
    _register(_name, _function, _exact)


# ---- places


def _place(kind: str) -> None:
    def exact(x: np.ndarray, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Any:
        if not select_last_index:
            return np.asarray(getattr(np, kind)(x, axis=axis, keepdims=bool(keepdims)), np.int64)
        turned = np.flip(x, axis)
        return np.asarray(x.shape[axis] - 1 - getattr(np, kind)(turned, axis=axis, keepdims=bool(keepdims)), np.int64)

    @onnx(f"Arg{kind[3:].capitalize()}", exact=exact)
    def make(t: Say, x: Any, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Sym:
        """The place of the first, or the last, of the largest (least) elements along an axis."""
        if not select_last_index:
            return t.give(t.reduce(kind, x, axis, bool(keepdims)), "int64")
        if (size := x.shape[axis]) is None:
            raise NeedsShape(f"the last of axis {axis} of {x.shape} needs its size")
        return t.give(size - 1.0 - t.reduce(kind, t.backwards(x, axis), axis, bool(keepdims)), "int64")


_place("argmax")
_place("argmin")


def _cumulated(kind: str, since: int) -> None:
    def exact(x: np.ndarray, axis: Any, *, exclusive: int = 0, reverse: int = 0) -> Any:
        place = int(np.asarray(axis).reshape(()))
        y = np.moveaxis(x, place, 0)[:: -1 if reverse else 1]
        made = getattr(np, f"cum{kind}")(y, 0, dtype=x.dtype)
        if exclusive:
            made = np.concatenate([np.full_like(made[:1], kind == "prod"), made[:-1]])
        return np.moveaxis(made[:: -1 if reverse else 1], 0, place)

    @onnx(f"Cum{kind.capitalize()}", since=since, exact=exact)
    def make(t: Say, x: Any, axis: Any, *, exclusive: int = 0, reverse: int = 0) -> Sym:
        """The sums (products) of each element along an axis with all before it."""
        return t.cumulate(kind, x, checked_axis(int(t.number(axis)), x.rank), bool(exclusive), bool(reverse))


_cumulated("sum", 11)
_cumulated("prod", 26)


# ---- along an axis


def _flattened(name: str) -> Callable[..., Sym]:
    def make(t: Say, x: Any, *, axis: int = 1) -> Sym:
        """Along this axis and all after it, as one."""
        return x if 0 in x.shape else OPERATORS[name].function(t, x, tuple(range(checked_axis(axis, x.rank), x.rank)))

    return make


def _along(name: str) -> Callable[..., Sym]:
    def make(t: Say, x: Any, *, axis: int = -1) -> Sym:
        return x if 0 in x.shape else OPERATORS[name].function(t, x, checked_axis(axis, x.rank))

    return make


for _name, _word in (("Softmax", "softmax"), ("LogSoftmax", "log_softmax")):
    onnx(_name)(_flattened(_word))
    onnx(_name, since=13)(_along(_word))


@onnx("Hardmax", since=13)
def hardmax(t: Say, x: Any, *, axis: int = -1) -> Sym:
    """1 for the first of the largest elements along an axis, else 0."""
    return t.apply("equal", t.index(x, axis), t.reduce("argmax", x, axis, keepdims=True))


@onnx("Hardmax")
def flat_hardmax(t: Say, x: Any, *, axis: int = 1) -> Sym:
    """Hardmax along this axis and all after it, as one."""
    axis = checked_axis(axis, x.rank)
    sizes = x.shape[axis:]
    if None in sizes:
        raise NeedsShape(f"the axes of {x.shape} from {axis} on must be known")
    rows = t.reshape(x, [*kept(x)[:axis], math.prod(sizes)])
    return t.reshape(hardmax(t, rows), [*kept(rows)[:axis], *sizes])
