"""Functions for float64: what shader texts approximate to float32's precision, by the NumPy formulas of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..kernels.numpy.printer import Exact
from ..primitives.functions import FUNCTIONS, Function


def _formula(function: Function) -> Callable[..., Any]:
    def made(x: Any, *constants: Any) -> Any:
        given = [float(np.ravel(value)[0]) for value in constants]  # in the order of the table
        return function.formula(x, *given) if given else function(x)

    return made


def _power(v: Any) -> Any:
    """exp of numbers up to 0 (shaders/lib/common.glsl)."""
    return np.where(v > 0, 1.0, np.exp(v))


_POINTWISE = [function for function in FUNCTIONS.values() if function.fused is not None]
# Those of shaders/lib that stand for more than one line of GLSL.
_HELPERS: dict[str, Callable[..., Any]] = {
    "exp1": np.exp, "expm1": np.expm1, "log1p": np.log1p, "power": _power,
    "sigmoid1": FUNCTIONS["sigmoid"], "tanh1": np.tanh, "softplus1": FUNCTIONS["softplus"],
}  # fmt: skip

# By the names that texts have for them; and what of the text is handed to each.
FORMULAS: Mapping[str, Callable[..., Any]] = {f"act_{f.name}": _formula(f) for f in _POINTWISE} | _HELPERS
EXACT: Mapping[str, Exact] = {f"act_{f.name}": Exact(tuple(name for name, _ in f.constants)) for f in _POINTWISE}
EXACT = {**EXACT, **dict.fromkeys(_HELPERS, Exact())}
