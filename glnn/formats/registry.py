"""The formats that glnn reads: each loader registers itself with a name and a test of the file's content."""

from __future__ import annotations

from collections.abc import Callable

from ..graph.graph import Graph
from ..records import dataclass
from .file import Source

Load = Callable[[Source], Graph]


@dataclass(frozen=True)
class Loader:
    """One format: its name as messages print it, `sniff` (is this file mine?) and `load`."""

    name: str
    sniff: Callable[[Source], bool]
    load: Load


LOADERS: list[Loader] = []


def loader(name: str, sniff: Callable[[Source], bool]) -> Callable[[Load], Load]:
    """Function decorator: a loader of the format `name` for the files that `sniff` knows by their content."""

    def add(load: Load) -> Load:
        LOADERS.append(Loader(name, sniff, load))
        return load

    return add
