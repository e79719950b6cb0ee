"""What layers draw with while a graph is lowered: draws before their textures are known, and the weights they name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blocks import ceil_div
from .codec import CODECS
from .graph import Graph, Node
from .layers.base import Activation, Shape, Value, Window
from .layout import CellLayout, Layout, Limits, choose_cells, choose_layout
from .source import load_kernel


@dataclass(frozen=True)
class WeightPlan:
    """A weight: the key of its values in the weight store, how it lies in textures, its codec."""

    key: str
    shape: Shape
    layout: Layout | CellLayout
    codec: str

    @property
    def nbytes(self) -> int:
        """Bytes of its textures."""
        return self.layout.parts * math.prod(self.layout.size) * CODECS[self.codec].texel_bytes


@dataclass(eq=False)
class Draft:
    """A draw before slots are known."""

    kernel: str
    out: Value
    inputs: dict[str, Value]
    tensors: dict[str, int]  # name -> weight number
    cells: dict[str, int]
    const: dict[str, int | float]
    param: dict[str, int]
    activation: Activation | None
    windows: Mapping[str, Window]
    source: str


class WeightStore:
    """The values of all weights by key, for every plan of a model; what a plan names, an executor uploads once."""

    def __init__(self, graph: Graph):
        self.values: dict[str, np.ndarray] = {}
        self._owners: dict[int, str] = {}
        for node in graph.nodes:
            for name, array in node.weights.items():
                if isinstance(array, np.ndarray):
                    self._owners.setdefault(id(_base(array)), f"{node.name}/{name}")

    def key(self, array: np.ndarray, fallback: str, kind: str) -> str:
        """The key of an array: that of the graph's weight it is a view of, else the place where it was made."""
        owner = self._owners.get(id(_base(array)))
        if owner:
            offset = array.__array_interface__["data"][0] - _base(array).__array_interface__["data"][0]
            turned = "" if array.flags.c_contiguous else f"/{'x'.join(map(str, array.strides))}"
            key = f"{owner}@{offset}{turned}:{kind}{'x'.join(map(str, array.shape))}"
        else:
            key = f"{fallback}:{kind}{'x'.join(map(str, array.shape))}"
        self.values.setdefault(key, array)
        return key


def _base(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class Drafts:
    """The Builder that layers draw with: collects drafts, tensors and weights."""

    def __init__(self, limits: Limits, store: WeightStore, weights: str, block: tuple[int, int] | None = None):
        self.limits, self.store, self.weight_codec, self.block = limits, store, weights, block
        self.layouts: list[Layout] = []
        self.drafts: list[Draft] = []
        self.weights: dict[str, WeightPlan] = {}
        self.node: Node | None = None
        self._calls = 0

    def begin(self, node: Node) -> None:
        """What is drawn from now on belongs to this node."""
        self.node, self._calls = node, 0

    def value(self, shape: Shape, blocked: bool = True) -> Value:
        """A new tensor of this shape."""
        texels = CODECS[self.limits.float_target].texels
        self.layouts.append(choose_layout(tuple(map(int, shape)), self.limits, blocked, texels, self.block))
        return Value(len(self.layouts) - 1, tuple(shape))

    def _weight(self, array: np.ndarray, name: str, cells: bool) -> int:
        if array.dtype != np.float32:
            array = array.astype(np.float32)
        if cells and array.ndim == 1:
            array = array[None]
        where = f"{self.node.name if self.node else ''}#{self._calls}/{name}"
        key = self.store.key(array, where, "cells" if cells else "")
        if key not in self.weights:
            texels = CODECS[self.weight_codec].texels
            layout: Any = (
                choose_cells(array.shape, self.limits, where, texels)
                if cells
                else choose_layout(array.shape, self.limits, False, texels)
            )
            self.weights[key] = WeightPlan(key, array.shape, layout, self.weight_codec)
        return list(self.weights).index(key)

    def draw(
        self,
        kernel: str,
        shape: Shape,
        inputs: Mapping[str, Value],
        *,
        cells: Mapping[str, np.ndarray] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
        const: Mapping[str, int | float] | None = None,
        param: Mapping[str, int] | None = None,
        activation: Activation | None = None,
        window: Mapping[str, Window] | None = None,
    ) -> Value:
        """See layers.base.Builder."""
        self._calls += 1
        source = load_kernel(kernel)
        params = {k: int(v) for k, v in (param or {}).items()}
        if "GN" in source.declared["param"]:
            params = {"G0": 0, "GN": ceil_div(inputs["x"].shape[-1], 4)} | params
        params = {k: params[k] for k in source.declared["param"] if k in params} | params
        const = dict(const or {})
        if "GU" in source.declared["const"]:
            const["GU"] = groups_per_turn(params["GN"], int(const["KH"] * const["KW"]))
        tensor_numbers = {k: self._weight(np.asarray(v), k, False) for k, v in (tensors or {}).items()}
        cell_numbers = {k: self._weight(np.asarray(v), k, True) for k, v in (cells or {}).items()}
        out = self.value(shape, blocked=source.blocked)
        where = self.node.source or self.node.name if self.node else kernel
        self.drafts.append(
            Draft(
                kernel, out, dict(inputs), tensor_numbers, cell_numbers, const, params, activation, window or {}, where
            )
        )
        return out


def groups_per_turn(groups: int, taps: int) -> int:
    """Input groups that one turn of a convolution's loop takes; 4 save 6 % of a long sum of single taps.

    Elsewhere they would only cost time to compile.
    """
    return 4 if taps == 1 and groups >= 256 and groups % 4 == 0 else 1
