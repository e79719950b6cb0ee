"""Operators of shapes: which are known, and change how elements lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...layers.operators.table import Free
from ...primitives import Sym
from ..say import Say
from . import onnx


@onnx("Shape")
def shape(t: Say, x: Sym, *, start: int = 0, end: int | None = None) -> Any:
    """The sizes of x's axes, of those from `start` to `end`."""
    sizes = [Free(x, axis) if size is None else size for axis, size in enumerate(x.shape)]
    return np.asarray(sizes[start:end], object if None in x.shape else np.int64)


@onnx("Constant")
def constant(
    t: Say, *, value: Any = None, value_float: Any = None, value_int: Any = None, value_floats: Any = None,
    value_ints: Any = None, sparse_value: Any = None,
) -> Any:  # fmt: skip
    """The array of the one attribute that is given."""
    for given, kind in (
        (value_float, np.float32),
        (value_floats, np.float32),
        (value_int, np.int64),
        (value_ints, np.int64),
    ):
        if given is not None:
            return np.asarray(given, kind)
    return value if value is not None else sparse_value
