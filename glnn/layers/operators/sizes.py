"""Arithmetic with shapes, which is done when a model is loaded: what tf.shape(x)[0] * 4 comes to.

Values are integers, sizes that are free (Free), and tuples of these.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from ...primitives import Sym
from .slicing import is_slice
from .table import Free

SIZES: dict[str, Callable[..., Any]] = {}
MAKERS = frozenset(("shape", "size", "rank"))  # those that make sizes of tensors


def _sizes(function: Callable[..., Any]) -> Callable[..., Any]:
    SIZES[function.__name__.rstrip("_")] = function
    return function


@_sizes
def shape(x: Sym) -> tuple[Any, ...]:
    return tuple(Free(x, axis) if size is None else size for axis, size in enumerate(x.shape))


@_sizes
def size(x: Sym) -> Any:
    return prod(shape(x))


@_sizes
def rank(x: Sym) -> int:
    return x.rank


@_sizes
def getitem(x: Any, key: Any) -> Any:
    items = key if isinstance(key, tuple) and not is_slice(key) else (key,)
    for item in items:
        if item == "..." or item is None:
            raise ValueError("an ellipsis or a new axis in a shape")
        x = x[slice(*item[1:])] if is_slice(item) else x[item]
    return x


@_sizes
def strided_slice(x: Any, begin: Any, end: Any, strides: Any = (1,), **masks: int) -> Any:
    first = None if masks.get("begin_mask") else begin[0]
    last = None if masks.get("end_mask") else end[0]
    return x[begin[0]] if masks.get("shrink_axis_mask") else x[slice(first, last, strides[0])]


@_sizes
def identity(x: Any) -> Any:
    return x


@_sizes
def cast(x: Any, dtype: str = "", source: str = "") -> Any:
    return x


def _each(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def make(x1: Any, x2: Any) -> Any:
        if isinstance(x1, tuple) or isinstance(x2, tuple):
            one, two = (x if isinstance(x, tuple) else (x,) for x in (x1, x2))
            count = max(len(one), len(two))
            pairs = zip(*(x * (count // len(x)) for x in (one, two)), strict=True)
            return tuple(make(a, b) for a, b in pairs)
        if function in (min, max) and (isinstance(x1, Free) or isinstance(x2, Free)):
            return Free()
        return function(x1, x2)

    return make


SIZES["add"] = _each(operator.add)
SIZES["subtract"] = _each(operator.sub)
SIZES["multiply"] = multiply = _each(operator.mul)
SIZES["floor_divide"] = _each(operator.floordiv)
SIZES["divide"] = _each(operator.truediv)
SIZES["maximum"] = _each(max)
SIZES["minimum"] = _each(min)


@_sizes
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return reduce(multiply, x, 1) if isinstance(x, tuple) else x


@_sizes
def stack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    return tuple(x)


@_sizes
def concatenate(xs: Any, axis: int = 0) -> tuple[Any, ...]:
    return tuple(item for x in xs for item in (x if isinstance(x, tuple) else (x,)))


@_sizes
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    return list(x)


@_sizes
def reshape(x: Any, newshape: Any) -> Any:
    return (x,) if not isinstance(x, tuple) else x


@_sizes
def expand_dims(x: Any, axis: int = 0) -> Any:
    return (x,)


@_sizes
def squeeze(x: Any, axis: Any = None) -> Any:
    return x[0] if isinstance(x, tuple) and len(x) == 1 else x
