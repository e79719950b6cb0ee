"""Storage formats of tensors: how values become texels in NumPy and back, and which GLSL does the same.

A codec is one entry of CODECS and one file in shaders/codecs with `decode` (and `encode` where it can be rendered to).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Codec:
    """A storage format. `tolerance` is relative to the largest value, for one pass whose inputs are already decoded."""

    name: str
    format: str  # texture format: float32, float16, rgba8
    dtype: type  # of the texels in NumPy
    texels: int  # per group of four channels
    tolerance: float
    why: str  # the reason for the tolerance
    encode: Callable[[np.ndarray], np.ndarray]  # values (.., 4 // texels) -> texels (.., 4)
    decode: Callable[[np.ndarray], np.ndarray]

    @property
    def texel_bytes(self) -> int:
        """Bytes of one texel."""
        return 4 * np.dtype(self.dtype).itemsize


def _float16(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # beyond 65504 is infinity, as packHalf2x16 makes it
        return values.astype(np.float16)


CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec(
            "float32", "float32", np.float32, 1, 2e-6,
            "24 bits of mantissa, sums of up to a few thousand terms in another order than NumPy's",
            lambda v: v.astype(np.float32), lambda t: t.astype(np.float32),
        ),
        Codec(
            "float16", "float16", np.float16, 1, 2e-3,
            "11 bits of mantissa: 4.9e-4 rounded, twice that where the driver truncates (dialect es100)",
            _float16, lambda t: t.astype(np.float32),
        ),
        Codec(
            "rgba8", "rgba8", np.uint8, 4, 2e-6,
            "the bytes of a float32, so float32's own tolerance; without bit operations denormals become zero",
            lambda v: np.ascontiguousarray(v, "<f4").view(np.uint8),
            lambda t: np.ascontiguousarray(t).view("<f4").astype(np.float32),
        ),
    )
}  # fmt: skip
