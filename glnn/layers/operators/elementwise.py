"""Operators of elements: NumPy's functions, comparisons, choices, activation functions, types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...primitives import Sym, Trace
from ...primitives.functions import FUNCTIONS
from ...primitives.operations import OPERATIONS
from .table import FLOAT, OPERATORS, SAME, TRUTH, Operator, operand, operator, tensor

TRUTHS = frozenset(
    "less less_equal greater greater_equal equal not_equal logical_and logical_or logical_xor logical_not isnan "
    "isinf".split()
)
WHOLE = frozenset("add subtract multiply negative maximum minimum where clip square abs sign mod fmod power".split())
INTEGERS = frozenset("int8 int16 int32 int64 uint8 uint16 uint32 uint64".split())
WIDE_INTEGERS = frozenset("int32 int64 uint32 uint64".split())


def _one(name: str) -> Callable[..., Any]:
    return lambda t, x: t.apply(name, operand(t, x))


def _two(name: str) -> Callable[..., Any]:
    return lambda t, x1, x2: t.apply(name, operand(t, x1), operand(t, x2))


def _activation(name: str) -> Callable[..., Any]:
    def make(t: Trace, x: Any, **constants: float) -> Sym:
        known = dict(FUNCTIONS[name].constants)
        unknown = constants.keys() - known.keys()
        if unknown:
            raise ValueError(f"{name} has no constant {sorted(unknown)[0]!r}; it has {sorted(known) or 'none'}")
        return t.activation(tensor(t, x), FUNCTIONS[name].with_(**constants))

    return make


for _name, _function in OPERATIONS.items():
    if _function.arity < 3 and _name not in ("spread", "sum_of_parts", "round"):
        _kind = TRUTH if _name in TRUTHS else SAME if _name in WHOLE else FLOAT
        OPERATORS[_name] = Operator((_one, _two)[_function.arity - 1](_name), _kind)
for _name, _function in FUNCTIONS.items():
    if _function.pointwise:
        OPERATORS[_name] = Operator(_activation(_name), SAME if _name.startswith("relu") else FLOAT)


@operator(FLOAT)
def exp(t: Trace, x: Any) -> Sym:
    return t.apply("exponential", operand(t, x))


@operator(FLOAT)
def exp2(t: Trace, x: Any) -> Sym:
    return t.apply("power", 2.0, operand(t, x))


@operator(FLOAT)
def log2(t: Trace, x: Any) -> Sym:
    return t.apply("log", operand(t, x)) * (1 / math.log(2))


@operator(FLOAT)
def log10(t: Trace, x: Any) -> Sym:
    return t.apply("log", operand(t, x)) * (1 / math.log(10))


@operator(FLOAT)
def cbrt(t: Trace, x: Any) -> Sym:
    x = tensor(t, x)
    return t.apply("sign", x) * t.apply("power", t.apply("abs", x), 1 / 3)


@operator()
def where(t: Trace, condition: Any, x1: Any, x2: Any) -> Sym:
    """x1 where the condition is other than 0, else x2."""
    return t.where(operand(t, condition), operand(t, x1), operand(t, x2))


@operator()
def clip(t: Trace, x: Any, x_min: Any = None, x_max: Any = None) -> Sym:
    made = tensor(t, x)
    made = made if x_min is None else t.maximum(made, operand(t, x_min))
    return made if x_max is None else t.minimum(made, operand(t, x_max))


@operator()
def floor_divide(t: Trace, x1: Any, x2: Any) -> Sym:
    """The quotient rounded down, from the rest, which is exact: of integers as of floats."""
    u, v = tensor(t, x1), operand(t, x2)
    return t.apply("round", (u - t.apply("mod", u, v)) / v)


@operator()
def truncate_divide(t: Trace, x1: Any, x2: Any) -> Sym:
    """The quotient cut off."""
    u, v = tensor(t, x1), operand(t, x2)
    return t.apply("round", (u - t.apply("fmod", u, v)) / v)


@operator()
def divide_no_nan(t: Trace, x1: Any, x2: Any) -> Sym:
    """The quotient; 0 where the divisor is."""
    u, v = operand(t, x1), operand(t, x2)
    zero = t.apply("equal", v, 0.0)
    return t.where(zero, 0.0, t.apply("divide", u, t.where(zero, 1.0, v)))


@operator()
def multiply_no_nan(t: Trace, x1: Any, x2: Any) -> Sym:
    """The product; 0 where the second factor is."""
    u, v = operand(t, x1), operand(t, x2)
    return t.where(t.apply("equal", v, 0.0), 0.0, t.apply("multiply", u, v))


@operator()
def squared_difference(t: Trace, x1: Any, x2: Any) -> Sym:
    return t.apply("square", t.apply("subtract", operand(t, x1), operand(t, x2)))


@operator()
def add_n(t: Trace, inputs: Any) -> Sym:
    """The sum of several tensors."""
    first, *others = (tensor(t, x) for x in inputs)
    for x in others:
        first = first + x
    return first


@operator(FLOAT)
def hypot(t: Trace, x1: Any, x2: Any) -> Sym:
    """The root of the sum of squares, the larger taken out of it."""
    u, v = t.apply("abs", operand(t, x1)), t.apply("abs", operand(t, x2))
    large, small = t.maximum(u, v), t.minimum(u, v)
    ratio = small / t.where(t.apply("equal", large, 0.0), 1.0, large)
    return large * t.apply("sqrt", t.apply("square", ratio) + 1.0)


@operator(FLOAT)
def logaddexp(t: Trace, x1: Any, x2: Any) -> Sym:
    """log(exp(x1) + exp(x2))."""
    u, v = tensor(t, x1), operand(t, x2)
    apart = t.where(t.apply("equal", u, v), 0.0, t.apply("abs", u - v))  # infinities that are equal
    return t.maximum(u, v) + t.apply("log1p", t.apply("exponential", -apart))


@operator(TRUTH)
def isfinite(t: Trace, x: Any) -> Sym:
    x = tensor(t, x)
    return t.apply("logical_not", t.apply("logical_or", t.apply("isnan", x), t.apply("isinf", x)))


@operator(TRUTH)
def isneginf(t: Trace, x: Any) -> Sym:
    return t.apply("equal", operand(t, x), -math.inf)


@operator(TRUTH)
def isposinf(t: Trace, x: Any) -> Sym:
    return t.apply("equal", operand(t, x), math.inf)


@operator()
def nan_to_num(t: Trace, x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Sym:
    """Numbers for NaN and infinities: 0 and the largest floats, where no others are given."""
    made, largest = tensor(t, x), 3.4028234663852886e38
    made = t.where(t.apply("isnan", made), float(nan), made)
    made = t.where(isposinf(t, made), largest if posinf is None else float(posinf), made)
    return t.where(isneginf(t, made), -largest if neginf is None else float(neginf), made)


@operator()
def round_(t: Trace, x: Any, decimals: int = 0) -> Sym:
    """Halves to the even neighbour."""
    if not decimals:
        return t.apply("round", operand(t, x))
    factor = 10.0**decimals
    return t.apply("round", tensor(t, x) * factor) / factor


@operator()
def fmax(t: Trace, x1: Any, x2: Any) -> Sym:
    """The larger one; where one is NaN, the other."""
    u, v = tensor(t, x1), tensor(t, x2)
    return t.where(t.apply("isnan", u), v, t.where(t.apply("isnan", v), u, t.maximum(u, v)))


@operator()
def fmin(t: Trace, x1: Any, x2: Any) -> Sym:
    """The smaller one; where one is NaN, the other."""
    u, v = tensor(t, x1), tensor(t, x2)
    return t.where(t.apply("isnan", u), v, t.where(t.apply("isnan", v), u, t.minimum(u, v)))


@operator(FLOAT)
def heaviside(t: Trace, x1: Any, x2: Any) -> Sym:
    """0 below 0, 1 above, x2 there; NaN stays."""
    x = tensor(t, x1)
    return t.where(t.apply("equal", x, 0.0), operand(t, x2), (t.apply("sign", x) + 1.0) * 0.5)


@operator(FLOAT)
def deg2rad(t: Trace, x: Any) -> Sym:
    return tensor(t, x) * (math.pi / 180)


@operator(FLOAT)
def rad2deg(t: Trace, x: Any) -> Sym:
    return tensor(t, x) * (180 / math.pi)


@operator(TRUTH)
def isclose(t: Trace, x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Sym:
    """Whether |x1 - x2| <= atol + rtol * |x2|; infinities are close to themselves."""
    u, v = tensor(t, x1), tensor(t, x2)
    near = t.apply("less_equal", t.apply("abs", u - v), t.apply("abs", v) * float(rtol) + float(atol))
    near = t.where(isfinite(t, v), near, 0.0)
    made = t.apply("logical_or", near, t.apply("equal", u, v))
    both = t.apply("logical_and", t.apply("isnan", u), t.apply("isnan", v))
    return t.apply("logical_or", made, both) if equal_nan else made


@operator(FLOAT)
def gelu(t: Trace, x: Any, approximate: bool = True) -> Sym:
    return t.activation(tensor(t, x), FUNCTIONS["gelu_tanh" if approximate else "gelu"])


@operator(FLOAT, "leaky_relu")
def leaky_relu(t: Trace, x: Any, negative_slope: float = 0.2) -> Sym:
    return t.activation(tensor(t, x), FUNCTIONS["leaky_relu"].with_(negative_slope=negative_slope))


@operator(FLOAT)
def glu(t: Trace, x: Any, axis: int = -1) -> Sym:
    """The first half along an axis times the sigmoid of the second."""
    x = tensor(t, x)
    size = x.shape[axis] or 0
    if size % 2 or not size:
        raise ValueError(f"glu halves axis {axis} of {x.shape}, whose size must be even and known")
    return t.slice(x, axis, 0, size // 2) * t.apply("sigmoid", t.slice(x, axis, size // 2, size // 2))


@operator(FLOAT)
def sparse_sigmoid(t: Trace, x: Any) -> Sym:
    """(x + 1) / 2, between 0 and 1."""
    return clip(t, (tensor(t, x) + 1.0) * 0.5, 0, 1)


@operator(FLOAT)
def sparse_plus(t: Trace, x: Any) -> Sym:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between."""
    x = tensor(t, x)
    middle = t.apply("square", (x + 1.0) * 0.5)
    return t.where(t.apply("greater_equal", x, 1.0), x, t.where(t.apply("less_equal", x, -1.0), 0.0, middle))


@operator()
def identity(t: Trace, x: Any) -> Sym:
    return tensor(t, x)


@operator()
def cast(t: Trace, x: Any, dtype: str, source: str = "") -> Sym:
    """Fractions cut off for integers, truth of what is not 0; floats stay. `source`: the type of x, if known."""
    made = tensor(t, x)
    if dtype == TRUTH:
        return made if source == TRUTH else t.apply("not_equal", made, 0.0)
    if dtype in INTEGERS and dtype not in WIDE_INTEGERS and source != TRUTH:
        raise ValueError(f"what {dtype} cannot hold would be wrapped around; cast to int32")
    return t.apply("trunc", made) if dtype in INTEGERS and source not in (*INTEGERS, TRUTH) else made


@operator()
def saturate_cast(t: Trace, x: Any, dtype: str, source: str = "") -> Sym:
    """The nearest value that the type has."""
    if dtype not in INTEGERS or dtype in WIDE_INTEGERS:
        return cast(t, x, dtype, source)
    bits, signed = int(dtype.strip("uint")), not dtype.startswith("u")
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return t.apply("trunc", clip(t, x, low, high))
