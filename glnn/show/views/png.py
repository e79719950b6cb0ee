"""Pixels as a PNG file, by zlib alone: what views in notebooks hold must need no package."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

COLOURS = {1: 0, 3: 2, 4: 6}  # channels -> the colour type of the PNG specification (ISO/IEC 15948, 11.2.2)


def png(pixels: np.ndarray) -> bytes:
    """The PNG file of pixels (height, width, channels) of uint8: 1 grey, 3 RGB or 4 RGBA.

    Raises ValueError for another shape or type.
    """
    shape = pixels.shape
    if pixels.dtype != np.uint8 or len(shape) != 3 or shape[2] not in COLOURS or 0 in shape:
        raise ValueError(f"pixels are uint8 (height, width, 1, 3 or 4), not {pixels.dtype} {shape}")
    height, width, channels = shape
    left, above = np.zeros_like(pixels), np.zeros_like(pixels)
    left[:, 1:], above[1:] = pixels[:, :-1], pixels[:-1]
    packed = []
    for number, expected in enumerate((0, left, above)):  # the filters None, Sub and Up; modulo 256, as bytes are
        rows = np.full((height, 1 + width * channels), number, np.uint8)  # a row begins with the number of its filter
        rows[:, 1:] = (pixels - expected).reshape(height, -1)
        packed.append(zlib.compress(rows.tobytes(), 9))
    header = struct.pack(">IIBBBBB", width, height, 8, COLOURS[channels], 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", min(packed, key=len)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def data_uri(pixels: np.ndarray) -> str:
    """The same as an address that an <img> shows without any file."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
