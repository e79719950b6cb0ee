"""Heaps of an HDF5 file, where its texts lie: looked over before the library reads them, which may never end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

HEAD = b"GCOL\x01\x00\x00\x00"  # what a collection of global heap objects begins with, then its size in 8 bytes
ROW = 16  # bytes before an object: its number (0: free space), a count, 4 of nothing, and its size
PIECE = 1 << 20
MOST = 1 << 26  # bytes of a collection that are looked over: those of HDF5 are of 4096, or of one object


def endless(file: BinaryIO) -> int | None:
    """Where free space of no size lies in a heap, behind which HDF5 2.0 looks for ever; None where there is none."""
    for place in _found(file):
        file.seek(place)
        size = int.from_bytes(file.read(ROW)[8:], "little")
        heap, at = file.read(min(size - ROW, MOST)) if size > ROW else b"", 0
        while at + ROW <= len(heap):
            number, length = (int.from_bytes(heap[at + i : at + j], "little") for i, j in ((0, 2), (8, 16)))
            if not number and not length:
                return place + ROW + at
            at += length if not number else ROW + (length + 7) // 8 * 8
    return None


def _found(file: BinaryIO) -> Iterator[int]:
    """The places of all heaps, piece by piece of the file."""
    start, kept = 0, b""
    while True:
        file.seek(start + len(kept))
        piece = kept + file.read(PIECE)
        if len(piece) < len(HEAD):
            return
        at = -1
        while (at := piece.find(HEAD, at + 1)) >= 0:
            yield start + at
        start, kept = start + len(piece) - len(HEAD) + 1, piece[len(piece) - len(HEAD) + 1 :]
