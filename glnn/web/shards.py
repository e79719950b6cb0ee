"""The bytes of a page's weights: what several share, by name and view, lies there once, cells as texels take them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set

import numpy as np

from ..graph.quantized import Quantized, pack4
from ..graph.shapes import ceil_div
from ..graph.weight import Weight
from ..layout.cells import matrix_cells, vector_cells

ALIGNMENT = 4  # of a piece, in bytes
Span = tuple[int, int, str]  # (first, last + 1) values of a root, and the key of the weight that they are


class Pieces:
    """Pieces of bytes one after another, equal ones once."""

    def __init__(self) -> None:
        self._pieces: dict[bytes, bytes] = {}  # by hash
        self._offsets: dict[bytes, int] = {}
        self._size = 0

    def add(self, data: bytes) -> int:
        """The offset at which these bytes lie."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._pieces:
            self._offsets[digest] = self._size
            self._pieces[digest] = data + bytes(-len(data) % ALIGNMENT)
            self._size += len(self._pieces[digest])
        return self._offsets[digest]

    def joined(self) -> bytes:
        """All of them."""
        return b"".join(self._pieces.values())


def collect(weights: Mapping[str, Weight], cells: Set[str] = frozenset()) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """All weights' values as little-endian bytes, and (offset, length) of each by its key.

    A weight that is a stretch of its root lies within the bytes of the root's stretches that touch it; any other, as
    one that is turned, lies on its own. So do those whose keys are among `cells`, in the order of their cells (see
    layout/cells.py), which is the same for all devices: a page has nothing to move.
    """
    pieces = Pieces()
    places: dict[str, tuple[int, int]] = {}
    for key in (key for key in weights if key in cells):
        values = stored(weights[key])
        made = (matrix_cells if values.ndim == 3 else vector_cells)(values)
        data = (pack4(made.reshape(-1)) if per_byte(weights[key]) == 2 else made).tobytes()
        places[key] = pieces.add(data), len(data)
    for spans in gathered({key: weight for key, weight in weights.items() if key not in cells}):
        begin, end = spans[0][0], max(last for _, last, _ in spans)
        some = weights[spans[0][2]]
        values, share = np.empty(end - begin, stored(some).dtype), per_byte(some)
        for first, last, key in spans:
            values[first - begin : last - begin] = stored(weights[key]).reshape(-1)
        offset = pieces.add((pack4(values) if share == 2 else values).tobytes())
        for first, last, key in spans:
            size = ceil_div((last - first) * values.itemsize, share)
            places[key] = offset + (first - begin) * values.itemsize // share, size
    return pieces.joined(), places


def gathered(weights: Mapping[str, Weight]) -> Iterator[list[Span]]:
    """The weights in groups that are stored together: stretches of one root that touch, or one weight alone."""
    roots: dict[tuple[str, ...], list[Span]] = {}
    for key, weight in weights.items():
        first, last = weight.view.span or (None, None)
        if first is None or last is None or first % per_byte(weight):  # a byte of two values begins with the first
            roots[weight.name, "", key] = [(0, weight.size, key)]
        else:
            roots.setdefault((weight.name, codec(weight)), []).append((first, last, key))
    for spans in roots.values():
        yield from touching(sorted(spans))


def touching(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Sorted spans in groups without a hole between."""
    group: list[Span] = []
    for span in spans:
        if group and span[0] > max(last for _, last, _ in group):
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def stored(weight: Weight) -> np.ndarray:
    """A weight as an array of what its file holds: float32, float16, or codes (a uint4 in a byte of its own)."""
    array = np.asarray(getattr(weight.values, "codes", weight.values))
    array = array.astype(np.float32) if array.dtype == np.float64 else array
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def codec(weight: Weight) -> str:
    """The codec of a weight's codes; "" for floats."""
    return weight.values.codec if isinstance(weight.values, Quantized) else ""


def per_byte(weight: Weight) -> int:
    """Values that share a byte."""
    return 2 if codec(weight) == "uint4" else 1
