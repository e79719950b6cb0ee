"""Values that cannot be what a model wants: told only where file, model or arguments say so, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .notices import notice

if TYPE_CHECKING:
    import numpy as np

    from ..graph.graph import Graph, Node
    from .reading import Piece

CLAIMS = {"unit": (0.0, 1.0), "signed": (-1.0, 1.0)}  # what --scale says of values
SMALL = 0.02  # a Rescaling by less than this (1/255, 1/127.5) is made for bytes


@dataclass
class Values:
    """What was seen of the values of one input in one file."""

    count: int = 0
    bad: int = 0  # NaN or infinite
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, array: np.ndarray) -> None:
        """Takes the values of a piece into account."""
        import numpy as np

        finite = array[np.isfinite(array)]
        self.count += array.size
        self.bad += array.size - finite.size
        if finite.size:
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))

    @property
    def span(self) -> str:
        """Least and greatest value in words."""
        return f"{self.low:g} to {self.high:g}"


class Watch:
    """Looks at the inputs of a model as they are read, and tells of a file when it is done."""

    def __init__(self, graph: Graph, scale: str):
        self.graph, self.scale = graph, scale
        self._seen: dict[str, Values] = {}

    def add(self, piece: Piece) -> None:
        """Looks at a piece of a file; after the last one it tells of the whole."""
        if not piece.first:
            self._seen = {}
        for name, array in piece.arrays.items():
            self._seen.setdefault(name, Values()).add(array)
        count = len(next(iter(piece.arrays.values())))
        if piece.first + count >= piece.total:
            for name, values in self._seen.items():
                for text in self.wrong(piece.path, name, values):
                    notice(f"{piece.path}: {f'input {name}: ' if len(self._seen) > 1 else ''}{text}")

    def wrong(self, path: Path, name: str, seen: Values) -> Iterator[str]:
        """What is certainly wrong with the values of an input."""
        from .arrays import SUFFIXES, split_key

        if seen.bad:
            yield f"{seen.bad:,} of {seen.count:,} values are NaN or infinite"
        if not seen.count > seen.bad:
            return
        if seen.low == seen.high and seen.count > 1:
            yield f"every value is {seen.low:g}"
            return
        array = split_key(path)[0].suffix.lower() in SUFFIXES
        low, high = CLAIMS.get(self.scale, (seen.low, seen.high)) if array else (seen.low, seen.high)
        if seen.low < low or seen.high > high:
            yield (
                f"values of {seen.span}, and --scale {self.scale} means {low:g} to {high:g}. It is for pictures; "
                "arrays are taken as they are: scale them before"
            )
        for node in self.graph.nodes:
            if name in node.inputs:
                yield from unfit(node, seen)


def unfit(node: Node, seen: Values) -> Iterator[str]:
    """What the layer that reads an input makes of values that are not for it."""
    kind, layer = type(node.layer).__name__, node.layer
    factor = getattr(layer, "scale", None)
    for_bytes = isinstance(factor, int | float) and 0 < factor < SMALL and kind == "Rescaling"
    if for_bytes and seen.low >= -1 and seen.high <= 1:
        yield (
            f"values of {seen.span}, and layer {node.label!r} of the model multiplies by {factor:g} itself: "
            "give bytes, 0 to 255 (pictures: --scale raw)"
        )
    rows = getattr(layer, "input_dim", None)
    if kind == "Embedding" and isinstance(rows, int) and (seen.high >= rows or seen.low <= -rows - 1):
        yield f"values of {seen.span}, and layer {node.label!r} has rows 0 to {rows - 1}: others give NaN"
