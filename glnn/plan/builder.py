"""What layers draw with while a graph is lowered: draws before their textures are known, and the weights they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import KernelError
from ..graph.graph import ActivationCodec, Node
from ..graph.quantized import Quantized
from ..graph.shapes import Shape, ceil_div
from ..kernels.files import load_kernel
from ..kernels.finish import Finish
from ..kernels.virtual import Virtual
from ..layout.cells import choose_cells
from ..layout.codec import activation_storage, storage
from ..layout.limits import Limits
from ..layout.tiles import Layout, choose_layout
from ..primitives.base import Epilogue, Source, Value, Window
from ..primitives.expr import RESULT, Apply
from ..primitives.functions import LINEAR, Function
from .epilogue import as_map, bind, result_shape
from .sources import BoundSources, bind_sources
from .weights import WeightPlan, WeightStore


@dataclass(eq=False)
class DrawSpec:
    """A draw before slots are known."""

    kernel: str
    out: Value
    inputs: dict[str, Value]
    virtual: dict[str, Virtual]  # inputs of the kernel that are made of others
    tensors: dict[str, int]  # name -> weight number
    cells: dict[str, int]
    const: dict[str, int | float]
    param: dict[str, int]
    finish: Finish | None
    windows: Mapping[str, Window]
    label: str
    looped: bool = False

    @property
    def blocked(self) -> bool:
        """Whether it writes a tensor in blocks."""
        return load_kernel(self.kernel).blocked and not self.looped


class PlanBuilder:
    """The Builder that layers draw with: collects draws, tensors and weights."""

    def __init__(self, limits: Limits, store: WeightStore, block: tuple[int, int] | None = None):
        self.limits, self.store, self.block = limits, store, block
        self.layouts: list[Layout] = []
        self.codecs: list[ActivationCodec] = []  # of the tensors, as the layouts
        self.drafts: list[DrawSpec] = []
        self.weights: dict[str, WeightPlan] = {}
        self.node: Node | None = None
        self._scales: dict[str, int] = {}  # key of a weight that has a scale for each channel -> number of these
        self._fixed: set[int] = set()

    def begin(self, node: Node) -> None:
        """What is drawn from now on belongs to this node."""
        self.node = node

    def value(self, shape: Shape, blocked: bool = True, row: bool = False) -> Value:
        """A new tensor of this shape."""
        codec = self.limits.float_target
        texels = 4 // activation_storage(codec).lanes
        self.layouts.append(choose_layout(tuple(map(int, shape)), self.limits, blocked, texels, self.block, row))
        self.codecs.append(ActivationCodec(codec))
        return Value(len(self.layouts) - 1, tuple(shape))

    def store_as(self, value: Value, codec: ActivationCodec) -> None:
        """Another codec for a tensor than the device's best target, if it was not set before."""
        if value.id in self._fixed:
            return
        self._fixed.add(value.id)
        draft = next((draft for draft in self.drafts if draft.out.id == value.id), None)
        blocked, row = (draft.blocked, load_kernel(draft.kernel).row) if draft else (False, False)
        texels = 4 // activation_storage(codec.codec).lanes
        shape = tuple(map(int, value.shape))
        self.layouts[value.id] = choose_layout(shape, self.limits, blocked, texels, self.block, row)
        self.codecs[value.id] = codec

    def exact(self, value: Value) -> Value:
        """See primitives.base.Builder."""
        if self.limits.float_target == "float16":
            self.store_as(value, ActivationCodec("rgba8"))
        return value

    def _weight(self, array: Any, name: str, cells: bool) -> int:
        """The number of a weight, planned now if it was not: as cells for an inner loop, or as a tensor."""
        if cells and array.ndim == 1:
            array = array[None]
        key = self.store.add(array, "cells" if cells else "")
        if key not in self.weights:
            values = self.store.values[key]
            self.weights[key] = self._plan(key, values, f"{self.node.name if self.node else ''}/{name}", cells)
            if isinstance(values, Quantized) and not values.per_tensor:
                self._scales[key] = self._weight(np.stack(values.channels() or ()), f"{name}_q", True)
        return list(self.weights).index(key)

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

    def draw(
        self,
        kernel: str,
        shape: Shape,
        inputs: Mapping[str, Source],
        *,
        cells: Mapping[str, np.ndarray] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
        const: Mapping[str, int | float] | None = None,
        param: Mapping[str, int] | None = None,
        finish: Epilogue | Function | None = None,
        window: Mapping[str, Window] | None = None,
        looped: bool = False,
    ) -> Value:
        """See primitives.base.Builder."""
        options: Any = dict(cells=cells, tensors=tensors, const=const, param=param, window=window, looped=looped)
        sources = bind_sources(self, inputs, load_kernel(kernel).blocked, self._weight_units(options))
        options["tensors"] = {**(tensors or {}), **sources.tensors}
        epilogue = as_epilogue(finish)
        if epilogue is None:
            return self._draw(kernel, shape, sources, None, **options)
        whole = result_shape(shape, epilogue)
        if 0 not in epilogue.tensors and (whole != shape or not self._room(sources, options, epilogue)):
            result = self._draw(kernel, shape, sources, None, **options)
            return self.draw("map", whole, {}, finish=as_map(epilogue, result))
        return self._draw(kernel, whole, sources, epilogue, **options)

    def units(self, value: Value) -> int:
        """How many texture units a tensor takes."""
        return self.layouts[value.id].textures

    def _room(self, sources: BoundSources, options: Mapping[str, Any], epilogue: Epilogue) -> bool:
        """Whether a draw has texture units left for the tensors of an epilogue."""
        units = sum(map(self.units, (*sources.inputs.values(), *epilogue.tensors.values())))
        units += self._weight_units(options)
        units += sum(1 + isinstance(getattr(w, "values", w), Quantized) for w in epilogue.weights.values())
        return units <= self.limits.texture_units

    def _weight_units(self, options: Mapping[str, Any]) -> int:
        """How many texture units the weights of a draw take, with their scales."""
        units = 0
        for kind in ("cells", "tensors"):
            for name, array in (options[kind] or {}).items():
                number = self._weight(array, name, kind == "cells")
                keys = list(self.weights)
                units += self.weights[keys[number]].layout.textures + (keys[number] in self._scales)
        return units

    def _draw(
        self,
        kernel: str,
        shape: Shape,
        sources: BoundSources,
        epilogue: Epilogue | None,
        *,
        cells: Mapping[str, np.ndarray] | None,
        tensors: Mapping[str, np.ndarray] | None,
        const: Mapping[str, int | float] | None,
        param: Mapping[str, int] | None,
        window: Mapping[str, Window] | None,
        looped: bool,
    ) -> Value:
        source, inputs = load_kernel(kernel), sources.inputs
        params = {k: int(v) for k, v in (param or {}).items()}
        const = dict(const or {})
        try:
            if "GN" in source.declared["param"]:
                params = {"G0": 0, "GN": ceil_div(inputs["x"].shape[-1], 4)} | params
            if "GU" in source.declared["const"]:
                const["GU"] = groups_per_turn(params["GN"], int(const["KH"] * const["KW"]))
        except KeyError as error:
            needs = "GN and GU follow from the input x and the consts KH and KW"
            raise KernelError(f"{source.file}: {needs}; {error} is missing") from None
        params = {k: params[k] for k in source.declared["param"] if k in params} | params
        bound = bind(self, epilogue, shape) if epilogue else None
        if bound:
            inputs, tensors = {**inputs, **bound.inputs}, {**(tensors or {}), **bound.tensors}
            cells, window = {**(cells or {}), **bound.cells}, {**(window or {}), **bound.windows}
        cell_numbers = {k: self._weight(v, k, True) for k, v in (cells or {}).items()}
        tensor_numbers = {k: self._weight(v, k, False) for k, v in (tensors or {}).items()}
        keys = list(self.weights)
        for name, number in {**cell_numbers, **tensor_numbers}.items():
            if keys[number] in self._scales:
                cell_numbers[f"{name}_q"] = self._scales[keys[number]]
        out = self.value(shape, blocked=source.blocked and not looped, row=source.row)
        where = self.node.label if self.node else kernel
        self.drafts.append(
            DrawSpec(
                kernel,
                out,
                dict(inputs),
                sources.virtual,
                tensor_numbers,
                cell_numbers,
                const,
                params,
                bound.finish if bound else None,
                window or {},
                where,
                looped,
            )  # fmt: skip
        )
        return out


def as_epilogue(finish: Epilogue | Function | None) -> Epilogue | None:
    """The epilogue that a finish means; None where nothing is left to do."""
    if isinstance(finish, Function):
        finish = Epilogue(RESULT if finish == LINEAR else Apply(finish, (RESULT,)))
    return None if finish is None or finish.expr == RESULT and 0 not in finish.tensors else finish


def groups_per_turn(groups: int, taps: int) -> int:
    """Input groups that one turn of a convolution's loop takes; 4 save 6 % of a long sum of single taps.

    Elsewhere they would only cost time to compile.
    """
    return 4 if taps == 1 and groups >= 256 and groups % 4 == 0 else 1
