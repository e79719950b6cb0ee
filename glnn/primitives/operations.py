"""Arithmetic, comparisons and choices element by element: their names and NumPy formulas, in one table.

shaders/lib/operations.glsl and angles.glsl hold the GLSL of those that have no sign there, under the same name. Truth
is 1, else 0.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .functions import Function

OPERATIONS: dict[str, Function] = {}


def _operation(infix: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(formula: Callable[..., Any]) -> Callable[..., Any]:
        name = formula.__name__.rstrip("_")
        count = len(inspect.signature(formula).parameters)
        OPERATIONS[name] = Function(name, formula=formula, arity=count, infix=infix)
        return formula

    return add


@_operation("+")
def add(u: Any, v: Any) -> Any:
    return u + v


@_operation("-")
def subtract(u: Any, v: Any) -> Any:
    return u - v


@_operation("*")
def multiply(u: Any, v: Any) -> Any:
    return u * v


@_operation()
def divide(u: Any, v: Any) -> Any:
    return u / v


@_operation("-")
def negative(v: Any) -> Any:
    return -v


@_operation()
def maximum(u: Any, v: Any) -> Any:
    return np.maximum(u, v)


@_operation()
def minimum(u: Any, v: Any) -> Any:
    return np.minimum(u, v)


@_operation()
def where(c: Any, u: Any, v: Any) -> Any:
    return np.where(c != 0, u, v)


@_operation()
def less(u: Any, v: Any) -> Any:
    return (u < v) + 0.0


@_operation()
def less_equal(u: Any, v: Any) -> Any:
    return (u <= v) + 0.0


@_operation()
def greater(u: Any, v: Any) -> Any:
    return (u > v) + 0.0


@_operation()
def greater_equal(u: Any, v: Any) -> Any:
    return (u >= v) + 0.0


@_operation()
def equal(u: Any, v: Any) -> Any:
    return (u == v) + 0.0


@_operation()
def not_equal(u: Any, v: Any) -> Any:
    return (u != v) + 0.0


@_operation()
def logical_and(u: Any, v: Any) -> Any:
    return np.logical_and(u, v) + 0.0


@_operation()
def logical_or(u: Any, v: Any) -> Any:
    return np.logical_or(u, v) + 0.0


@_operation()
def logical_xor(u: Any, v: Any) -> Any:
    return np.logical_xor(u, v) + 0.0


@_operation()
def logical_not(v: Any) -> Any:
    return np.logical_not(v) + 0.0


@_operation()
def isnan(v: Any) -> Any:
    return np.isnan(v) + 0.0


@_operation()
def isinf(v: Any) -> Any:
    return np.isinf(v) + 0.0


@_operation()
def clip(v: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(v, low), high)


@_operation()
def spread(u: Any, v: Any) -> Any:
    """u in the shape of both."""
    return np.broadcast_arrays(u, v)[0]


@_operation()
def sum_of_parts(u: Any, v: Any) -> Any:
    """The sum of products by one factor, which stay products."""
    return u + v


@_operation()
def square(v: Any) -> Any:
    return v * v


@_operation()
def sqrt(v: Any) -> Any:
    return np.sqrt(v)


@_operation()
def abs_(v: Any) -> Any:
    return np.abs(v)


@_operation()
def rsqrt(v: Any) -> Any:
    return 1 / np.sqrt(v)


@_operation()
def reciprocal(v: Any) -> Any:
    return 1 / np.asarray(v)


@_operation()
def sign(v: Any) -> Any:
    return np.sign(v)


@_operation()
def floor(v: Any) -> Any:
    return np.floor(v)


@_operation()
def ceil(v: Any) -> Any:
    return np.ceil(v)


@_operation()
def round_(v: Any) -> Any:
    """Halves to the even neighbour."""
    return np.rint(v)


@_operation()
def trunc(v: Any) -> Any:
    return np.trunc(v)


@_operation()
def mod(u: Any, v: Any) -> Any:
    """The rest of the division whose quotient is rounded down: it has the sign of v."""
    return np.mod(u, v)


@_operation()
def fmod(u: Any, v: Any) -> Any:
    """The rest of the division whose quotient is cut off: it has the sign of u."""
    return np.fmod(u, v)


@_operation()
def power(u: Any, v: Any) -> Any:
    """u to the v: NaN for a negative u where v is not whole, 1 where v is 0 or u is 1."""
    return np.power(u, v)


@_operation()
def log(v: Any) -> Any:
    return np.log(v)


@_operation()
def log1p(v: Any) -> Any:
    return np.log1p(v)


@_operation()
def expm1(v: Any) -> Any:
    return np.expm1(v)


@_operation()
def sin(v: Any) -> Any:
    return np.sin(v)


@_operation()
def cos(v: Any) -> Any:
    return np.cos(v)


@_operation()
def tan(v: Any) -> Any:
    return np.tan(v)


@_operation()
def asin(v: Any) -> Any:
    return np.arcsin(v)


@_operation()
def acos(v: Any) -> Any:
    return np.arccos(v)


@_operation()
def atan(v: Any) -> Any:
    return np.arctan(v)


@_operation()
def atan2(u: Any, v: Any) -> Any:
    """The angle of the point at v to the right and u above, from -pi to pi."""
    return np.arctan2(u, v)


@_operation()
def sinh(v: Any) -> Any:
    return np.sinh(v)


@_operation()
def cosh(v: Any) -> Any:
    return np.cosh(v)


@_operation()
def asinh(v: Any) -> Any:
    return np.arcsinh(v)


@_operation()
def acosh(v: Any) -> Any:
    return np.arccosh(v)


@_operation()
def atanh(v: Any) -> Any:
    return np.arctanh(v)


@_operation()
def erf(v: Any) -> Any:
    """Twice the integral of exp(-t * t) from 0 to v over the root of pi."""
    return np.vectorize(math.erf, otypes=[np.asarray(v).dtype])(v)
