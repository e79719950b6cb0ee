"""The formats that glnn reads: each loader registers itself with a name and a test of the file's content."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

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


LOADERS: list[Loader] = []  # those that are imported, in that order
# The modules of glnn's own loaders, in the order in which these are asked. Each is imported when it is its turn.
ROOMS = (
    "native.read", "keras.hdf5", "keras.archive", "keras.kerasjs", "keras.json_hdf5", "keras.kerasjs_bin",
    "tfjs.graph_model", "tfjs.layers_model", "onnx.read",
)  # fmt: skip


def loaders() -> Iterator[Loader]:
    """All loaders in the order in which they are asked, glnn's own first."""
    own = [f"{__package__}.{room}" for room in ROOMS]
    for room in own:
        importlib.import_module(room)
        yield from [known for known in LOADERS if known.load.__module__ == room]
    yield from [known for known in LOADERS if known.load.__module__ not in own]


def loader(name: str, sniff: Callable[[Source], bool]) -> Callable[[Load], Load]:
    """Function decorator: a loader of the format `name` for the files that `sniff` knows by their content."""

    def add(load: Load) -> Load:
        LOADERS.append(Loader(name, sniff, load))
        return load

    return add
