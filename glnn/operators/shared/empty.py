"""Tensors without elements, which no texture holds: they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import Dims
from ..say import Misfit, Say, Tensor, plain_type

MOST = 1 << 27  # elements of a tensor


def bounded(sizes: Sequence[Any]) -> Sequence[Any]:
    """Sizes of a tensor that can be. Raises Misfit for one of more elements than any memory that is meant here."""
    count = math.prod(size for size in sizes if isinstance(size, int) and size > 0)
    if count > MOST:
        raise Misfit(f"a tensor of {count} elements (at most {MOST} are made)")
    return sizes


def void(t: Say, like: Any, shape: Sequence[int]) -> Tensor:
    """A tensor of a shape with a size of 0, of the type of another."""
    dtype = getattr(like, "dtype", "float32")
    return t.give(np.zeros(tuple(shape), plain_type(dtype)), dtype)


def blank(shape: Dims) -> np.ndarray:
    """An array of a shape in which nothing lies: for asking NumPy what shape an operation gives."""
    return np.broadcast_to(np.int8(0), tuple(size or 0 for size in shape))
