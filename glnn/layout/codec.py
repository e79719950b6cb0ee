"""Storage formats of tensors: how values become texels in NumPy and back, and which GLSL does the same.

A codec is one entry of CODECS and one file in shaders/codecs with `decode` (and `encode` where it can be rendered to).
Where its values lie in a texel depends on what it holds and on the device: see `storage`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.quantized import BITS, pack4, unpack4
from ..records import dataclass

# Texture formats: type of a component in NumPy, components.
FORMATS: dict[str, tuple[Any, int]] = {
    "float32": (np.dtype("<f4"), 4),
    "float16": (np.dtype("<f2"), 4),
    "rgba8": (np.dtype("u1"), 4),
    "rgba32ui": (np.dtype("<u4"), 4),
    "rg32ui": (np.dtype("<u4"), 2),
    "r32ui": (np.dtype("<u4"), 1),
    "r16ui": (np.dtype("<u2"), 1),
}


def texel_bytes(format: str) -> int:
    """Bytes of one texel."""
    dtype, components = FORMATS[format]
    return dtype.itemsize * components


@dataclass(frozen=True)
class Codec:
    """A storage format. `tolerance` is relative to the largest value, for one pass whose inputs are already decoded.

    `loss` bounds the NMSE (mean squared error over mean square) of what is stored, for up to a million normal values
    with one scale: of n levels over R standard deviations (R = 11) it is R^2 / 12 n^2.
    """

    name: str
    dtype: Any  # of a value as it is stored (a uint4 in the low half of a byte)
    tolerance: float
    why: str  # the reason for the tolerance
    loss: float

    @property
    def quantized(self) -> bool:
        """Whether its values are integers with a scale."""
        return self.name in BITS


@dataclass(frozen=True)
class Storage:
    """How a codec's values lie in texels: `lanes` in each texel of `format`; `text` is the GLSL that decodes."""

    codec: str
    format: str
    lanes: int
    text: str

    @property
    def integer(self) -> bool:
        """Whether shaders read integers from the texture."""
        return self.format.endswith("ui")

    def cast(self, values: np.ndarray) -> np.ndarray:
        """Values or codes in the type that the codec stores: themselves, where they are of it."""
        with np.errstate(over="ignore"):  # beyond 65504 is infinity, as packHalf2x16 makes it
            return np.asarray(values).astype(CODECS[self.codec].dtype, copy=False)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Values or codes (.., lanes) -> texels (.., components)."""
        stored = self.cast(values)
        if self.text == "uint4":
            stored = pack4(stored)
        dtype, components = FORMATS[self.format]
        return np.ascontiguousarray(stored).view(dtype).reshape(*values.shape[:-1], components)

    def decode(self, texels: np.ndarray) -> np.ndarray:
        """Texels (.., components) -> values (.., lanes), float32, or codes of the codec's type; float64 as they are."""
        if texels.dtype == np.float64:  # of a device that keeps more than the codec does
            return texels
        codec = CODECS[self.codec]
        stored = np.ascontiguousarray(texels).view(codec.dtype).reshape(*texels.shape[:-1], -1)
        if self.text == "uint4":
            stored = unpack4(stored, (*texels.shape[:-1], self.lanes))
        return stored if codec.quantized else stored.astype(np.float32, copy=False)


CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec(
            "float32", np.dtype("<f4"), 2e-6,
            "24 bits of mantissa, sums of up to a few thousand terms in another order than NumPy's", 0,
        ),
        Codec(
            "float16", np.dtype("<f2"), 2e-3,
            "11 bits of mantissa: 4.9e-4 rounded, twice that where the driver truncates (dialect es100)", 5e-8,
        ),
        Codec(
            "rgba8", np.dtype("<f4"), 2e-6,
            "the bytes of a float32, so float32's own tolerance; without bit operations denormals become zero", 0,
        ),
        Codec("uint16", np.dtype("<u2"), 2e-6, "float32's own, and the rounding of code * scale + low", 2.4e-9),
        Codec("uint8", np.dtype("u1"), 2e-6, "as uint16", 1.6e-4),
        Codec("uint4", np.dtype("u1"), 2e-6, "as uint16", 4.6e-2),
    )
}  # fmt: skip

# (codec, a matrix cell of 16 values?) -> format, lanes, where shaders can read integers ...
_INTEGERS = {
    ("uint16", True): ("rgba32ui", 8), ("uint16", False): ("rg32ui", 4),
    ("uint8", True): ("rgba32ui", 16), ("uint8", False): ("r32ui", 4),
    ("uint4", True): ("rg32ui", 16), ("uint4", False): ("r16ui", 4),
}  # fmt: skip
# ... and the lanes of an RGBA8 texel, where they can't. Four uint4 alone take a byte each, as uint8 do.
_BYTES = {"uint16": 2, "uint8": 4, "uint4": 8}


def storage(codec: str, matrix: bool = False, integers: bool = True, floats: bool = True) -> Storage:
    """How a codec's values are stored.

    matrix:   in cells of 4 x 4, else in groups of four channels
    integers: shaders can read integer textures (not in es100)
    floats:   there are float textures; else float16 lies in bytes as well
    """
    if codec in BITS and integers:
        return Storage(codec, *_INTEGERS[codec, matrix], codec)
    if codec == "uint4" and not matrix:
        return Storage(codec, "rgba8", 4, "uint8")
    if codec in BITS:
        return Storage(codec, "rgba8", _BYTES[codec], codec)
    if codec == "float16" and not floats:
        return Storage(codec, "rgba8", 2, codec)
    return Storage(codec, codec, 1 if codec == "rgba8" else 4, codec)


def activation_storage(codec: str) -> Storage:
    """How a tensor between layers is stored: what can be rendered to. A uint8 lies in RGBA8, four values to a texel."""
    return Storage(codec, "rgba8", 4, "uint8_range") if codec == "uint8" else storage(codec)
