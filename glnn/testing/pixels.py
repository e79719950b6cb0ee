"""Pictures of tests as pixels: arrays to 8 bits, PNG files back to arrays, and where two pictures differ."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..show.views.png import COLOURS

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pixels_of(picture: object, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """(height, width, 1, 3 or 4) of uint8 from a picture (height, width[, channels]) of bytes, or of floats low..high.

    Raises InputError for other shapes, for NaN and infinities, and for floats beyond low and high.
    """
    array = np.asarray(picture)
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in COLOURS or 0 in array.shape:
        raise InputError(f"snapshot: {array.shape} is no picture; give (height, width) or (height, width, 1, 3 or 4)")
    if array.dtype == np.uint8:
        return array
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        place = tuple(int(k) for k in np.argwhere(~np.isfinite(values))[0])
        raise InputError(f"snapshot: {int((~np.isfinite(values)).sum())} values are not finite, the first at {place}")
    levels = (values - low) / (high - low) * 255
    if levels.min() < -0.5 or levels.max() > 255.5:
        raise InputError(
            f"snapshot: values go from {values.min():.6g} to {values.max():.6g}, a picture from {low:g} (black) to "
            f"{high:g} (white). Give low= and high="
        )
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def decoded(data: bytes, name: str) -> np.ndarray:
    """The pixels (height, width, channels) of a PNG file of 8 bits, grey, RGB or RGBA. Raises InputError for another.

    Filters as in section 9 of the PNG specification (ISO/IEC 15948), since tools that make files smaller choose them.
    """
    try:
        if data[:8] != SIGNATURE:
            raise ValueError("it does not begin as a PNG file does")
        chunks: dict[bytes, bytes] = {}
        at = 8
        while at < len(data):
            (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
            chunks[kind] = chunks.get(kind, b"") + data[at + 8 : at + 8 + length]
            at += 12 + length
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        channels = next((n for n, c in COLOURS.items() if c == colour), 0)
        if depth != 8 or not channels or interlaced:
            raise ValueError(f"{depth} bits, colour type {colour}, interlaced {interlaced}; not 8 bits of grey or RGB")
        rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    except (ValueError, KeyError, struct.error, zlib.error) as error:
        told = f"{name}: this snapshot cannot be read ({error}). Write it again: pytest --glnn-update"
        raise InputError(told) from error
    made = np.zeros((height, width * channels), np.int64)
    for y in range(height):
        _unfilter(int(rows[y, 0]), rows[y, 1:].astype(np.int64), made[y - 1] if y else made[y] * 0, made[y], channels)
    return made.astype(np.uint8).reshape(height, width, channels)


def _unfilter(kind: int, row: np.ndarray, above: np.ndarray, out: np.ndarray, step: int) -> None:
    """Undoes a row's filter: 0 none, 1 left, 2 above, 3 their mean, 4 Paeth's choice."""
    if kind in (0, 2):
        out[:] = (row + (above if kind == 2 else 0)) & 255
        return
    for i in range(len(row)):
        left, corner = (int(out[i - step]), int(above[i - step])) if i >= step else (0, 0)
        top = int(above[i])
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + top) // 2
        else:
            far = (abs(top - corner), 0, left), (abs(left - corner), 1, top), (abs(left + top - 2 * corner), 2, corner)
            guess = min(far)[2]
        out[i] = (int(row[i]) + guess) & 255


@dataclass(frozen=True)
class Difference:
    """How two pictures differ: pixels beyond the tolerance and their share, the largest step, the first such place."""

    count: int
    share: float
    largest: int
    first: tuple[int, int]


def difference(got: np.ndarray, want: np.ndarray, tolerance: int) -> Difference | None:
    """Where two pictures of one shape differ by more than `tolerance` levels of 255; None where they do not."""
    steps = np.abs(got.astype(np.int16) - want.astype(np.int16)).max(-1)
    bad = steps > tolerance
    if not bad.any():
        return None
    y, x = (int(k) for k in np.argwhere(bad)[0])
    return Difference(int(bad.sum()), float(bad.mean()), int(steps.max()), (y, x))


def shown(got: np.ndarray, want: np.ndarray, tolerance: int) -> np.ndarray:
    """The difference as a picture (height, width, 3): grey where they agree, red where not, stronger for more."""
    steps = np.abs(got.astype(np.int16) - want.astype(np.int16)).max(-1)
    grey = (want[..., :3].mean(-1) * 0.3 + 160).astype(np.uint8)
    out = np.repeat(grey[..., None], 3, -1)
    bad = steps > tolerance
    out[bad] = np.stack([np.full(bad.sum(), 255), *[(160 - 160 * np.sqrt(steps[bad] / 255)).astype(int)] * 2], -1)
    return out
