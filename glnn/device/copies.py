"""Large arrays copied by several threads, piece by piece: one core copies about as fast as a GPU fetches, or slower."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from ..graph.shapes import ceil_div
from .share import cores

PIECE, COPIERS = 1 << 21, 4  # bytes at a time, threads at most


class Copiers:
    """The threads that copy for a device; they start with the first array that is large."""

    def __init__(self) -> None:
        self._threads = min(COPIERS, cores())
        self._pool: ThreadPoolExecutor | None = None

    def pieces(self, target: np.ndarray, values: np.ndarray, unit: int = 1) -> Iterator[tuple[int, int]]:
        """Copies values into the beginning of a vector -> (first, end) of each piece, in order, when it is there.

        unit: pieces but the last are a multiple of so many values. What does not lie in a row is one piece.
        """
        if self._threads < 2 or values.nbytes < 2 * PIECE or not values.flags.c_contiguous:
            target[: values.size].reshape(values.shape)[...] = values
            yield 0, values.size
            return
        flat, step = values.reshape(-1), ceil_div(PIECE, unit * values.itemsize) * unit

        def copy(first: int) -> tuple[int, int]:
            end = min(first + step, flat.size)
            target[first:end] = flat[first:end]
            return first, end

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "glnn-copies")
        pieces = [self._pool.submit(copy, first) for first in range(0, flat.size, step)]
        try:
            for piece in pieces:
                yield piece.result()
        finally:
            wait(pieces)  # an interrupt leaves nobody who writes here still

    def release(self) -> None:
        """Ends the threads; a later copy starts them again."""
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None
