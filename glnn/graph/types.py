"""Types of values by name, and floats as elements of them."""

from __future__ import annotations

from typing import Any

import numpy as np

LYING = {"bfloat16": "float32", "int4": "int8", "uint4": "uint8"}  # in which elements of types lie that NumPy lacks


def plain_type(dtype: str) -> Any:
    """The type in NumPy that holds elements of a type: that of LYING, where it has none of its own."""
    return np.dtype(LYING.get(dtype, dtype))


def typed(array: np.ndarray, dtype: str) -> np.ndarray:
    """An array as elements of a type; floats that become whole numbers are rounded, for what made them computes so."""
    kind = plain_type(dtype)
    if kind.kind == "b":
        return np.asarray(array) != 0
    with np.errstate(all="ignore"):
        return np.asarray(np.rint(array) if kind.kind in "iu" and array.dtype.kind == "f" else array).astype(kind)
