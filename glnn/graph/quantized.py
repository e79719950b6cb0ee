"""Weights as integers with what they mean: value = code * scale + low, per tensor or per channel.

A Quantized array is sliced, turned and reshaped like a NumPy array, and its scales follow. Whoever asks NumPy for its
values (`np.asarray`, `astype`) gets float32; a layer hands it to a draw as it is, and the codes go into textures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..records import dataclass

BITS = {"uint4": 4, "uint8": 8, "uint16": 16}  # of a code, by codec
# Of the codes in NumPy: a uint4 takes a byte there.
CODE_DTYPES: dict[str, Any] = {"uint4": np.dtype("u1"), "uint8": np.dtype("u1"), "uint16": np.dtype("<u2")}


@dataclass(frozen=True, eq=False)
class Quantized:
    """Codes of any shape; `scale` and `low` are float32 of as many axes, of size 1 along those in which they repeat."""

    codec: str
    codes: np.ndarray
    scale: np.ndarray
    low: np.ndarray

    @classmethod
    def make(cls, codec: str, codes: np.ndarray, scale: Any, low: Any) -> Quantized:
        """Codes (...) with scale and low of a shape that broadcasts to theirs: () per tensor, (1, .., C) per channel.

        Raises ValueError for a codec that is none, codes beyond its range, and scales or lows that are not finite.
        """
        if codec not in BITS:
            raise ValueError(f"codec {codec!r}: allowed are {', '.join(BITS)}")
        codes, most = np.asarray(codes), (1 << BITS[codec]) - 1
        if codes.dtype != CODE_DTYPES[codec] or np.iinfo(codes.dtype).max > most:  # what is mapped stays on disk
            if codes.dtype.kind not in "ui" or codes.min(initial=0) < 0 or codes.max(initial=0) > most:
                for wrong in codes[(codes < 0) | (codes > most) | (codes % 1 != 0)].flat:
                    raise ValueError(f"a {codec} code is a whole number from 0 to at most {most}, not {wrong}")
            codes = codes.astype(CODE_DTYPES[codec], copy=False)  # a view stays one
        pair = []
        for name, given in (("scale", scale), ("low", low)):
            values = np.asarray(given, np.float32)
            if not np.isfinite(values).all():
                raise ValueError(f"{name} holds NaN or infinity")
            pair.append(shrunk(np.broadcast_to(values, codes.shape)))
        return cls(codec, codes, *pair)

    # ---- as an array

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, as of the values."""
        return self.codes.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.codes.ndim

    @property
    def size(self) -> int:
        """Number of values."""
        return self.codes.size

    def __repr__(self) -> str:
        return f"Quantized({self.codec}, shape {self.shape}, {'one scale' if self.per_tensor else 'scales by channel'})"

    def __len__(self) -> int:
        return len(self.codes)

    def _each(self, change: Any) -> Quantized:
        scale, low = (shrunk(change(np.broadcast_to(a, self.shape))) for a in (self.scale, self.low))
        return Quantized(self.codec, change(self.codes), scale, low)

    def __getitem__(self, key: Any) -> Quantized:
        return self._each(lambda a: np.asarray(a[key]))  # one value is an array of no axes

    def reshape(self, *shape: Any) -> Quantized:
        """Another shape of as many values."""
        return self._each(lambda a: a.reshape(*shape))

    def transpose(self, *axes: Any) -> Quantized:
        """The axes in another order."""
        return self._each(lambda a: a.transpose(*axes))

    def swapaxes(self, first: int, second: int) -> Quantized:
        """Two axes exchanged."""
        return self._each(lambda a: a.swapaxes(first, second))

    def broadcast_to(self, shape: tuple[int, ...]) -> Quantized:
        """Repeated to a shape as NumPy broadcasts."""
        return self._each(lambda a: np.broadcast_to(a, shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = np.asarray(self.codes * self.scale.astype(np.float64) + self.low, np.float32)
        return values if dtype is None else values.astype(dtype)

    def astype(self, dtype: Any) -> np.ndarray:
        """The values (not the codes) in another type."""
        return self.__array__(dtype)

    # ---- as a code

    def times(self, factors: np.ndarray) -> Quantized:
        """The same codes, worth `factors` (of a shape that broadcasts) times as much: computed in float64."""
        new = [np.asarray(a.astype(np.float64) * factors, np.float32) for a in (self.scale, self.low)]
        return Quantized.make(self.codec, self.codes, *new)

    @property
    def per_tensor(self) -> bool:
        """Whether one scale and one low hold for all values."""
        return all(a.size <= 1 for a in (self.scale, self.low))

    def channels(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(scale, low), each (last axis,), where they change along the last axis alone; else None."""
        if any(size != 1 for a in (self.scale, self.low) for size in a.shape[:-1]):
            return None
        first = (0,) * (self.ndim - 1)
        scale, low = (np.broadcast_to(a, self.shape)[first] for a in (self.scale, self.low))
        return scale, low

    @property
    def nbytes(self) -> int:
        """Bytes of the codes, densely packed, with their scales and lows."""
        return (self.size * BITS[self.codec] + 7) // 8 + self.scale.nbytes + self.low.nbytes


def shrunk(array: np.ndarray) -> np.ndarray:
    """A view that repeats (strides of 0), with size 1 along the axes in which it does."""
    return array[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)]


def pack4(codes: np.ndarray) -> np.ndarray:
    """uint4 codes (...) two to a byte, (ceil(size / 2),), the first in the low half."""
    flat = codes.reshape(-1).astype(np.uint8, copy=False)
    packed = flat[0::2].copy()
    packed[: codes.size // 2] |= flat[1::2] << 4
    return packed


def unpack4(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """uint4 codes of a shape from what `pack4` made."""
    both = np.stack([packed & 15, packed >> 4], -1).reshape(-1)
    return both[: int(np.prod(shape))].reshape(shape)


def broadcast(array: Any, shape: tuple[int, ...]) -> Any:
    """An array, quantized or a Weight or neither, repeated to a shape as NumPy broadcasts."""
    own = getattr(array, "broadcast_to", None)
    return own(shape) if own else np.broadcast_to(array, shape)


def codec_of(array: Any) -> str:
    """The codec of a weight as it lies in a graph."""
    return array.codec if isinstance(array, Quantized) else "float16" if array.dtype == np.float16 else "float32"
