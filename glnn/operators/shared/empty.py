"""Tensors without elements, which no texture holds: they are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import Dims
from ..say import Say, Tensor, plain_type


def void(t: Say, like: Any, shape: Sequence[int]) -> Tensor:
    """A tensor of a shape with a size of 0, of the type of another."""
    dtype = getattr(like, "dtype", "float32")
    return t.give(np.zeros(tuple(shape), plain_type(dtype)), dtype)


def blank(shape: Dims) -> np.ndarray:
    """An array of a shape in which nothing lies: for asking NumPy what shape an operation gives."""
    return np.broadcast_to(np.int8(0), tuple(size or 0 for size in shape))
