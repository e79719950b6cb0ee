"""GLSL's own functions in NumPy, under their names but for those that Python has taken.

Of what GLSL leaves open they do what its formulas say: max(a, b) is `a < b ? b : a`, which keeps a NaN in a alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import (  # noqa: F401
    abs,
    ceil,
    cos,
    cosh,
    cross,
    exp,
    exp2,
    floor,
    isinf,
    isnan,
    log,
    log2,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    trunc,
)  # fmt: skip


def _where(condition: Any, yes: Any, no: Any) -> Any:
    return np.where(condition, yes, no)[()]


def divide(a: Any, b: Any) -> Any:
    """a / b of integers: towards zero."""
    if np.ndim(b) == 0 and b == 0:
        return a * 0
    quotient = a // b
    if np.ndim(quotient) == 0:
        return quotient + 1 if quotient < 0 and quotient * b != a else quotient
    return quotient + ((quotient < 0) & (quotient * b != a))


def equal(a: Any, b: Any) -> Any:
    """a == b of vectors: whether all components are."""
    return np.all(a == b, axis=0)


def max(x: Any, y: Any) -> Any:
    return _where(x < y, y, x)


def min(x: Any, y: Any) -> Any:
    return _where(y < x, y, x)


def clamp(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


def mod(x: Any, y: Any) -> Any:
    return x - y * np.floor(x / y)


def fract(x: Any) -> Any:
    return x - np.floor(x)


def mix(x: Any, y: Any, a: Any) -> Any:
    if np.asarray(a).dtype == bool:
        return _where(a, y, x)
    return x * (1 - a) + y * a


def step(edge: Any, x: Any) -> Any:
    return _where(x < edge, x * 0, x * 0 + 1)


def smoothstep(low: Any, high: Any, x: Any) -> Any:
    t = clamp((x - low) / (high - low), low * 0, low * 0 + 1)
    return t * t * (3 - 2 * t)


def round(x: Any) -> Any:
    return np.rint(x)


roundEven = round


def pow(x: Any, y: Any) -> Any:
    return np.power(x, y)


def inversesqrt(x: Any) -> Any:
    return 1 / np.sqrt(x)


def radians(x: Any) -> Any:
    return np.deg2rad(x)


def degrees(x: Any) -> Any:
    return np.rad2deg(x)


def asin(x: Any) -> Any:
    return np.arcsin(x)


def acos(x: Any) -> Any:
    return np.arccos(x)


def atan(y: Any, x: Any = None) -> Any:
    return np.arctan(y) if x is None else np.arctan2(y, x)


def asinh(x: Any) -> Any:
    return np.arcsinh(x)


def acosh(x: Any) -> Any:
    return np.arccosh(x)


def atanh(x: Any) -> Any:
    return np.arctanh(x)


def dot(a: Any, b: Any) -> Any:
    return (a * b).sum(0) if np.ndim(a) == 2 else a * b


def length(a: Any) -> Any:
    return np.sqrt(dot(a, a))


def distance(a: Any, b: Any) -> Any:
    return length(a - b)


def normalize(a: Any) -> Any:
    return a / length(a)


def lessThan(a: Any, b: Any) -> Any:
    return a < b


def lessThanEqual(a: Any, b: Any) -> Any:
    return a <= b


def greaterThan(a: Any, b: Any) -> Any:
    return a > b


def greaterThanEqual(a: Any, b: Any) -> Any:
    return a >= b


def notEqual(a: Any, b: Any) -> Any:
    return a != b


def any(a: Any) -> Any:
    return np.any(a, axis=0)


def all(a: Any) -> Any:
    return np.all(a, axis=0)


def negated(a: Any) -> Any:
    """not(a), and !a."""
    return np.logical_not(a)


def floatBitsToUint(x: Any) -> Any:
    return np.asarray(x, np.float32)[...].view(np.uint32)[()]


def floatBitsToInt(x: Any) -> Any:
    return np.asarray(x, np.float32)[...].view(np.int32)[()]


def uintBitsToFloat(x: Any) -> Any:
    return np.asarray(x).astype(np.uint32).view(np.float32)[()]


def intBitsToFloat(x: Any) -> Any:
    return np.asarray(x).astype(np.int32).view(np.float32)[()]


def packHalf2x16(v: Any) -> Any:
    """Two half floats, rounded to the nearest, the first in the lower bits."""
    half = np.asarray(v, np.float32).astype(np.float16).view(np.uint16).astype(np.uint32)
    return half[0] | half[1] << np.uint32(16)


def unpackHalf2x16(u: Any) -> Any:
    u = np.atleast_1d(u).astype(np.uint32)
    return np.stack([u & np.uint32(0xFFFF), u >> np.uint32(16)]).astype(np.uint16).view(np.float16).astype(np.float32)
