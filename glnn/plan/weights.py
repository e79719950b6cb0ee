"""The weights of a plan: their values by key, and how they lie in textures."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.mixed import Mixed
from ..graph.quantized import Quantized
from ..graph.shapes import Shape
from ..graph.weight import Weight
from ..kernels.fetches import Bound
from ..layout.cells import CellLayout, choose_cells
from ..layout.codec import Storage, storage, texel_bytes
from ..layout.limits import Limits
from ..layout.tiles import Layout, choose_layout
from ..records import dataclass


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
        self.values: dict[str, np.ndarray | Quantized] = {}  # as textures hold them
        self.weights: dict[str, Weight] = {}  # the same, with their names and views
        self.mixed: dict[str, Mixed] = {}  # of those that are combinations of others
        self._roots = graph.weights()

    def of(self, node: Node) -> dict[str, Weight]:
        """A node's weights as its layer draws with them."""
        return {
            name: Weight.root(origin, self._roots.setdefault(origin, node.weights[name]))
            for name, origin in node.origins.items()
        }

    def add(self, array: Weight | np.ndarray | Quantized | Mixed, kind: str = "") -> str:
        """The key of what a layer draws with, from now on in the store: name, view and kind of layout.

        What a layer has computed is named by its values.
        """
        if isinstance(array, Mixed):
            return self._combined(array, kind)
        weight = array if isinstance(array, Weight) else Weight.root(f"~{digest(array)}", array)
        key = f"{weight.key}:{kind}"
        if key not in self.values:
            self.values[key] = as_drawn(weight.values)
            self.weights[key] = replace(weight, values=self.values[key])
        return key

    def _combined(self, mixed: Mixed, kind: str) -> str:
        """The key of combinations, which are computed once."""
        if f"{mixed.name}:{kind}" in self.values:
            return f"{mixed.name}:{kind}"
        values = mixed.computed()
        key = self.add(Weight.root(mixed.name, values) if mixed.name else values, kind)
        self.mixed[key] = mixed
        return key

    def filed(self, key: str) -> Weight:
        """What a file holds of a key: the weight, or the one whose combinations it is, as (taps, in, out)."""
        if key not in self.mixed:
            return self.weights[key]
        source = self.mixed[key].source
        weight = source if isinstance(source, Weight) else Weight.root(f"~{digest(source)}", source)
        return weight.reshape(-1, *weight.shape[-2:])


class WeightPlans:
    """The weights of a plan in the order in which draws name them first: `plans`, by key."""

    def __init__(self, limits: Limits, store: WeightStore):
        self.limits, self.store = limits, store
        self.plans: dict[str, WeightPlan] = {}
        self._scales: dict[str, int] = {}  # key of a weight that has a scale for each channel -> number of these

    def add(self, array: Any, where: str, cells: bool) -> int:
        """The number of a weight, planned now if it was not: as cells for an inner loop, or as a tensor."""
        if cells and array.ndim == 1:
            array = array[None]
        key = self.store.add(array, "cells" if cells else "")
        if key not in self.plans:
            values = self.store.values[key]
            self.plans[key] = self._plan(key, values, where, cells)
            if isinstance(values, Quantized) and not values.per_tensor:
                self._scales[key] = self.add(np.stack(values.channels() or ()), f"{where}_q", True)
        return list(self.plans).index(key)

    def scales(self, number: int) -> int | None:
        """The number of a weight's scales, where it has one for each channel."""
        return self._scales.get(list(self.plans)[number])

    def units(self, number: int) -> int:
        """How many texture units a weight takes, with its scales."""
        key = list(self.plans)[number]
        return self.plans[key].layout.textures + (key in self._scales)

    def _plan(self, key: str, array: np.ndarray | Quantized, where: str, cells: bool) -> WeightPlan:
        limits, floats = self.limits, self.limits.float_target != "rgba8"
        if isinstance(array, Quantized):
            codec = array.codec
        else:
            codec = "float16" if array.dtype == np.float16 else "float32" if floats else "rgba8"
        kept = storage(codec, cells and array.ndim == 3, limits.dialect != "es100", floats)
        layout = (
            choose_cells(array.shape, limits, where, kept.lanes)
            if cells
            else choose_layout(array.shape, limits, False, 4 // kept.lanes)
        )
        if not isinstance(array, Quantized):
            return WeightPlan(key, array.shape, layout, codec, kept)
        if not array.per_tensor:
            return WeightPlan(key, array.shape, layout, codec, kept, "channel")
        values = float(array.scale.flat[0]), float(array.low.flat[0])
        return WeightPlan(key, array.shape, layout, codec, kept, "tensor", values)


def as_drawn(values: Any) -> np.ndarray | Quantized:
    """Values as they go into textures: codes, float16, else float32; float64 that a device of it has the use of."""
    if isinstance(values, Quantized) and values.channels():
        return values
    values = np.asarray(values)  # of codes: a layer mixed channels of different scales, no shader could tell them
    return values if values.dtype in (np.float64, np.float32, np.float16) else values.astype(np.float32)


def digest(values: Any) -> str:
    """A short hash of values: equal for equal values."""
    parts = (values.codes, values.scale, values.low) if isinstance(values, Quantized) else (np.asarray(values),)
    told = hashlib.sha256(getattr(values, "codec", "").encode())
    for part in parts:
        told.update(f"{part.dtype.str}{part.shape}".encode() + part.tobytes())
    return told.hexdigest()[:20]
