"""Functions for float64: what shader texts approximate to float32's precision, by the NumPy formulas of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..primitives.functions import FUNCTIONS, Function
from ..primitives.operations import OPERATIONS


def _formula(function: Function) -> Callable[..., Any]:
    names = [name for name, _ in function.constants]

    def made(*given: Any) -> Any:
        arrays, constants = given[: function.arity], given[function.arity :]
        numbers = {name: float(np.ravel(value)[0]) for name, value in zip(names, constants, strict=True)}
        with np.errstate(all="ignore"):
            return function.formula(*arrays, **numbers)

    return made


def _power(v: Any) -> Any:
    """exp of numbers up to 0 (shaders/lib/common.glsl)."""
    return np.where(v > 0, 1.0, np.exp(v))


_POINTWISE = [f for f in (*FUNCTIONS.values(), *OPERATIONS.values()) if f.pointwise and not f.infix]

# By the names that texts have for them.
FORMULAS: Mapping[str, Callable[..., Any]] = {f"act_{f.name}": _formula(f) for f in _POINTWISE} | {"power": _power}
