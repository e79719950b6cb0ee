"""Operators of elements: functions, arithmetic, comparisons, choices, extremes, sums of several tensors."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ...layers.operators.table import Free
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.integers import divided, is_integer, multiplied, quiet, truncated, wrapped
from . import onnx

BOOL = "bool"
POWERS = {0.5: "sqrt", -0.5: "rsqrt", 2.0: "square", -1.0: "reciprocal"}  # that have functions of their own
NEAR = 1 + 2.0**-21  # what a power is raised by before it is cut off: it may be a few units too small


def _one(name: str) -> Any:
    return lambda t, x: OPERATORS[name].function(t, x)


def _wrapping(name: str) -> Any:
    return lambda t, x: wrapped(t, t.apply(name, x), x.dtype)


def two(name: str) -> Any:
    """The operator of two operands that a function of the table of operations is."""
    return lambda t, x, y: t.apply(name, x, y)


def _same(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether elements are the same; a size that is free is itself, and no number below 0. Raises TypeError else."""
    if object not in (x.dtype, y.dtype):
        return np.equal(x, y)
    pairs = np.broadcast(x, y)
    made = [_same_size(one, other) for one, other in pairs]
    return np.array(made, bool).reshape(pairs.shape)


def _same_size(x: Any, y: Any) -> bool:
    free = [isinstance(size, Free) for size in (x, y)]
    if x is y or not any(free):
        return bool(x is y or x == y)
    if all(free) or (y if free[0] else x) >= 0:
        raise TypeError("a size that is free, compared")
    return False


for _name, _word in (
    ("Sqrt", "sqrt"), ("Exp", "exp"), ("Log", "log"), ("Reciprocal", "reciprocal"), ("Erf", "erf"),
    ("Floor", "floor"), ("Ceil", "ceil"), ("Round", "round"), ("Sign", "sign"), ("Sin", "sin"), ("Cos", "cos"),
    ("Tan", "tan"), ("Asin", "asin"), ("Acos", "acos"), ("Atan", "atan"), ("Sinh", "sinh"), ("Cosh", "cosh"),
    ("Asinh", "asinh"), ("Acosh", "acosh"), ("Atanh", "atanh"), ("Tanh", "tanh"),
):  # fmt: skip
    onnx(_name)(_one(_word))
onnx("Abs", exact=quiet(np.abs))(_wrapping("abs"))
onnx("Neg", exact=quiet(np.negative))(_wrapping("negative"))
for _name, _word, _exact, _since in (
    ("Less", "less", np.less, 7), ("Greater", "greater", np.greater, 7), ("Equal", "equal", _same, 7),
    ("LessOrEqual", "less_equal", np.less_equal, 12), ("GreaterOrEqual", "greater_equal", np.greater_equal, 12),
    ("And", "logical_and", np.logical_and, 7), ("Or", "logical_or", np.logical_or, 7),
    ("Xor", "logical_xor", np.logical_xor, 7),
):  # fmt: skip
    onnx(_name, since=_since, gives=BOOL, exact=_exact)(two(_word))


@onnx("Not", gives=BOOL, exact=np.logical_not)
def not_(t: Say, x: Sym) -> Sym:
    return t.apply("logical_not", x)


@onnx("IsNaN", gives=BOOL)
def isnan(t: Say, x: Sym) -> Sym:
    return t.apply("isnan", x)


@onnx("IsInf", gives=BOOL)
def isinf(t: Say, x: Sym, *, detect_negative: int = 1, detect_positive: int = 1) -> Sym:
    """Whether an element is one of the infinities that are asked for."""
    if detect_negative and detect_positive:
        return t.apply("isinf", x)
    if not detect_negative and not detect_positive:
        return t.apply("spread", 0.0, x)
    return t.apply("equal", x, float("inf") if detect_positive else -float("inf"))


@onnx("Add", since=7, exact=quiet(np.add))
def add(t: Say, x: Any, y: Any) -> Sym:
    return wrapped(t, t.apply("add", x, y), x.dtype)


@onnx("Sub", since=7, exact=quiet(np.subtract))
def subtract(t: Say, x: Any, y: Any) -> Sym:
    return wrapped(t, t.apply("subtract", x, y), x.dtype)


@onnx("Mul", since=7, exact=quiet(np.multiply))
def multiply(t: Say, x: Any, y: Any) -> Sym:
    return multiplied(t, x, y, x.dtype)


@onnx("Div", since=7, exact=quiet(truncated))
def divide(t: Say, x: Any, y: Any) -> Sym:
    return divided(t, x, y, x.dtype)


def _exact_mod(x: np.ndarray, y: np.ndarray, *, fmod: int = 0) -> Any:
    with np.errstate(all="ignore"):
        return (np.fmod if fmod else np.mod)(x, y)


@onnx("Mod", since=10, exact=_exact_mod)
def mod(t: Say, x: Any, y: Any, *, fmod: int = 0) -> Sym:
    """The rest of a division, with the divisor's sign, or with the dividend's."""
    return t.apply("fmod" if fmod else "mod", x, y)


def _exact_pow(x: np.ndarray, y: np.ndarray) -> Any:
    with np.errstate(all="ignore"):
        if x.dtype.kind in "iu" and (y.dtype.kind == "f" or (y.dtype.kind == "i" and (y < 0).any())):
            return np.power(x.astype(np.float64), y).astype(x.dtype)
        return np.power(x, y).astype(x.dtype)


@onnx("Pow", since=7, exact=_exact_pow)
def power(t: Say, x: Any, y: Any) -> Sym:
    """x to the y, in the type of x; by products or roots where y is one number that allows that."""
    if getattr(y, "array", None) is not None and y.array.size == 1 and y.rank <= x.rank:
        made = _known_power(t, x, float(y.array.reshape(())), is_integer(x))
        if made is not None:
            return made
    made = t.apply("power", x, y)
    if not is_integer(x):
        return made
    return wrapped(t, t.apply("round", made) if is_integer(y) else t.apply("trunc", made * NEAR), x.dtype)


def _known_power(t: Say, x: Any, exponent: float, whole: bool) -> Sym | None:
    if exponent == 1.0:
        return x
    if exponent == 3.0 or (whole and exponent == 2.0):
        made: Any = x
        for _ in range(int(exponent) - 1):
            made = multiplied(t, made, x, x.dtype)
        return made
    return t.apply(POWERS[exponent], x) if exponent in POWERS and not whole else None


def _several(function: Any) -> Any:
    return lambda *xs: reduce(function, xs)


@onnx("Max", since=6, exact=_several(np.maximum))
def largest(t: Say, *xs: Any) -> Any:
    return xs[0] if len(xs) == 1 else t.maximum(*xs)


@onnx("Min", since=6, exact=_several(np.minimum))
def least(t: Say, *xs: Any) -> Any:
    return xs[0] if len(xs) == 1 else t.minimum(*xs)


@onnx("Sum", since=6)
def total(t: Say, *xs: Any) -> Any:
    return reduce(lambda x, y: t.apply("add", x, y), xs)


@onnx("Mean", since=6)
def mean(t: Say, *xs: Any) -> Any:
    return total(t, *xs) * (1 / len(xs)) if len(xs) > 1 else xs[0]


@onnx("Clip", since=6)
def clip_by_attributes(
    t: Say, x: Any, *, min: float = -3.4028234663852886e38, max: float = 3.4028234663852886e38
) -> Sym:
    """x from min to max; the largest floats, which stand for none there, let infinities be."""
    return clip(t, x, min if min > -3.4e38 else None, max if max < 3.4e38 else None)


def _exact_clip(x: np.ndarray, low: Any = None, high: Any = None) -> np.ndarray:
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@onnx("Clip", since=11, exact=_exact_clip)
def clip(t: Say, x: Any, low: Any = None, high: Any = None) -> Any:
    """x from `low` to `high`, which wins where it is less."""
    x = x if low is None else t.maximum(x, low)
    return x if high is None else t.minimum(x, high)


@onnx("Where", since=9, exact=np.where)
def where(t: Say, condition: Any, x: Any, y: Any) -> Sym:
    return t.give(t.where(condition, x, y), x.dtype)


@onnx("Trilu", since=14)
def trilu(t: Say, x: Any, k: Any = None, *, upper: int = 1) -> Sym:
    """The triangle of matrices above the diagonal k, or below."""
    if x.rank < 2:
        raise Misfit("triangles are those of matrices: two axes at least")
    offset = 0 if k is None else max(-(2**20), min(2**20, int(t.number(k))))
    return OPERATORS["triu" if upper else "tril"].function(t, x, offset)
