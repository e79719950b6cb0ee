"""Pictures of random values, and files of them: by Pillow, and those that Pillow does not write."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

TIFF_SHORT, TIFF_LONG = 3, 4
RNG = seeded(11)


def png16(values: np.ndarray, clear: tuple[int, ...] = ()) -> bytes:
    """A PNG file of (height, width, 1 to 4) values of 16 bits; clear: a colour that stands for nothing."""
    height, width, channels = values.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))]
    parts += [(b"tRNS", struct.pack(f">{len(clear)}H", *clear))] if clear else []
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(rows: bytes, width: int, height: int, bits: int, white_is_0: bool = False) -> bytes:
    """A TIFF file of grey values in one strip, packed as they are given, little-endian."""
    tags = [(256, TIFF_SHORT, width), (257, TIFF_SHORT, height), (258, TIFF_SHORT, bits), (259, TIFF_SHORT, 1)]
    tags += [(262, TIFF_SHORT, 0 if white_is_0 else 1), (273, TIFF_LONG, 8), (277, TIFF_SHORT, 1)]
    tags += [(278, TIFF_SHORT, height), (279, TIFF_LONG, len(rows))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    rows += bytes(len(rows) % 2)
    head = b"II*\0" + struct.pack("<I", 8 + len(rows))
    return head + rows + struct.pack("<H", len(tags)) + entries + bytes(4)


def noise(*shape: int) -> np.ndarray:
    """Random bytes."""
    return RNG.integers(0, 256, shape, np.uint8)


def saved(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    """The file that Pillow writes of its image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Any:
    """Pillow's image of a file."""
    return pytest.importorskip("PIL.Image").open(io.BytesIO(data))


def named(name: str, data: bytes) -> io.BytesIO:
    """An open file of this name."""
    file = io.BytesIO(data)
    file.name = name
    return file
