"""Arithmetic, comparisons and choices element by element: their names and NumPy formulas, in one table.

shaders/lib/functions.glsl holds the GLSL of those that have no sign there, under the same name. Truth is 1, else 0.
"""

from __future__ import annotations

import inspect
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


@_operation("/")
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
