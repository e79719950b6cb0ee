"""What the arithmetic of integer types does, on tensors that hold them as whole floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.bfloat16 import to_bfloat16
from ...layers.operators import OPERATORS
from ...layers.operators.elementwise import INTEGERS
from ...primitives import Sym
from ..say import Say, plain_type

NARROW = 16  # bits up to which every value of a type, and a product with a byte of one, is a float


def is_integer(x: Any) -> bool:
    """Whether a tensor's type is one of integers."""
    return getattr(x, "dtype", "") in INTEGERS


def bits(dtype: str) -> int:
    """How many bits an integer type has."""
    return int(dtype.strip("uint"))


def is_narrow(dtype: str) -> bool:
    """Whether this is a type of integers of at most 16 bits."""
    return dtype in INTEGERS and bits(dtype) <= NARROW


def wrapped(t: Say, x: Sym, dtype: str, wide: bool = False) -> Sym:
    """Whole numbers as an integer type keeps them: their lowest bits, in two's complement.

    wide: types of 32 and 64 bits as well, of whose numbers a float holds but some
    """
    if dtype not in INTEGERS or not (wide or is_narrow(dtype)):
        return x
    size = 2.0 ** bits(dtype)
    rest = x - t.apply("floor", x * (1 / size)) * size
    return rest if dtype.startswith("u") else t.where(t.apply("greater_equal", rest, size / 2), rest - size, rest)


def multiplied(t: Say, x: Any, y: Any, dtype: str) -> Sym:
    """The product as a type keeps it; of 16 bits from two products with bytes, which floats hold."""
    if not is_narrow(dtype) or bits(dtype) == 8:
        return wrapped(t, t.apply("multiply", x, y), dtype)
    high = t.apply("floor", t.apply("multiply", x, 1 / 256))
    low = t.apply("subtract", x, high * 256.0)
    upper = wrapped(t, t.apply("multiply", high, y), "int8")
    return wrapped(t, upper * 256.0 + wrapped(t, t.apply("multiply", low, y), dtype), dtype)


def divided(t: Say, x: Any, y: Any, dtype: str) -> Sym:
    """The quotient; of integers cut off."""
    if dtype not in INTEGERS:
        return t.apply("divide", x, y)
    return wrapped(t, OPERATORS["truncate_divide"].function(t, x, y), dtype)


def cast(t: Say, x: Sym, source: str, dtype: str) -> Sym:
    """A tensor of one type as one of another: fractions cut off, integers wrapped around, truth of what is not 0."""
    if dtype == source or (source == "bool" and dtype != "bool"):
        return x
    if dtype == "bool":
        return t.apply("not_equal", x, 0.0)
    if dtype in INTEGERS:
        whole = x if source in INTEGERS else t.apply("trunc", x)
        return whole if fits(source, dtype) else wrapped(t, whole, dtype)
    return rounded(t, x) if dtype == "bfloat16" else x


def fits(source: str, dtype: str) -> bool:
    """Whether a type of integers holds all numbers of another."""
    return source in INTEGERS and np.can_cast(np.dtype(source), np.dtype(dtype))


def rounded(t: Say, x: Sym) -> Sym:
    """Floats rounded to the 8 digits of bfloat16, halves to even: scaled so that these come before the point."""
    size = t.apply("abs", x)
    plain = t.apply("logical_and", t.apply("greater", size, 1e-38), t.apply("less", size, 3e38))
    digits = t.apply("floor", t.apply("log", t.where(plain, size, 1.0)) * (1 / np.log(2.0)))
    scale = t.apply("power", 2.0, 7.0 - digits)
    return t.where(plain, t.apply("round", x * scale) / scale, x)


def cast_arrays(x: np.ndarray, dtype: str) -> np.ndarray:
    """The elements of an array in another type; sizes that are free stay so among whole numbers."""
    if x.dtype == object:
        if dtype in INTEGERS:
            return x
        raise TypeError("a size that is free, as a float")
    with np.errstate(all="ignore"):
        if dtype == "bfloat16":
            return to_bfloat16(x)
        return x.astype(plain_type(dtype))


def quiet(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A formula in NumPy without warnings of overflows and divisions by 0."""

    def make(*arrays: Any, **options: Any) -> Any:
        with np.errstate(all="ignore"):
            return formula(*arrays, **options)

    return make


def truncated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The quotient of arrays; of integers cut off, exactly."""
    if np.result_type(x, y).kind not in "iu":
        return x / y
    quotient = np.floor_divide(x, y)
    return np.asarray(quotient + ((quotient < 0) & (quotient * y != x))).astype(np.result_type(x, y))
