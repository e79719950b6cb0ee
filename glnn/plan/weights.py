"""The weights of a plan: their values by key, and how they lie in textures."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

from ..graph.graph import Graph
from ..graph.quantized import Quantized, shrunk
from ..graph.shapes import Shape
from ..kernels.read_tensors import Bound
from ..layout.cells import CellLayout
from ..layout.codec import Storage, texel_bytes
from ..layout.tiles import Layout


@dataclass(frozen=True)
class WeightPlan:
    """A weight: the key of its values in the weight store, how it lies in textures, how texels hold its values.

    quant: how codes become values (see accessors.Bound); `values`: scale and low where they hold for all
    """

    key: str
    shape: Shape
    layout: Layout | CellLayout
    codec: str
    storage: Storage
    quant: str | None = None
    values: tuple[float, float] = (1.0, 0.0)

    @property
    def nbytes(self) -> int:
        """Bytes of its textures."""
        layout = self.layout
        return layout.textures * max(1, layout.depth) * math.prod(layout.size) * texel_bytes(self.storage.format)

    @property
    def bound(self) -> Bound:
        """What a text knows of it."""
        kept = self.storage
        return Bound(self.layout, kept.text, integer=kept.integer, quant=self.quant, values=self.values)


class WeightStore:
    """The values of all weights by key, for every plan of a model; what a plan names, an executor uploads once."""

    def __init__(self, graph: Graph):
        self.values: dict[str, np.ndarray | Quantized] = {}
        self._owners: dict[int, str] = {}
        for node in graph.nodes:
            for name, array in node.weights.items():
                self._owners.setdefault(id(_base(array)), f"{node.name}/{name}")

    def key(self, array: np.ndarray | Quantized, fallback: str, kind: str) -> str:
        """The key of an array: that of the graph's weight it is a view of, else the place where it was made."""
        values = array.codes if isinstance(array, Quantized) else array
        owner = self._owners.get(id(_base(array)))
        if owner:
            offset = values.__array_interface__["data"][0] - _base(array).__array_interface__["data"][0]
            turned = "" if values.flags.c_contiguous else f"/{'x'.join(map(str, values.strides))}"
            key = f"{owner}@{offset}{turned}:{kind}{'x'.join(map(str, array.shape))}"
        else:
            key = f"{fallback}:{kind}{'x'.join(map(str, array.shape))}"
        if isinstance(array, Quantized):  # the same codes may be worth something else: a layer folded into them twice
            key += f":{zlib.crc32(shrunk(array.scale).tobytes() + shrunk(array.low).tobytes()):08x}"
        self.values.setdefault(key, array)
        return key


def _base(array: np.ndarray | Quantized) -> np.ndarray:
    """The array that owns the memory of a view."""
    values = array.codes if isinstance(array, Quantized) else array
    while isinstance(values.base, np.ndarray):
        values = values.base
    return values
