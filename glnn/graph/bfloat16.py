"""Floats with the digits that bfloat16 has, which NumPy lacks."""

from __future__ import annotations

import numpy as np


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """Floats rounded to the eight digits of bfloat16, halves to even, as float32 of the same shape."""
    with np.errstate(all="ignore"):
        word = np.ascontiguousarray(x, np.float32).view(np.uint32)
    kept = ((word + 0x7FFF + ((word >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(x), np.float32(np.nan), kept).reshape(np.shape(x)).astype(np.float32)
