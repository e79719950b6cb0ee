"""Graph + input shapes + limits -> Plan: draws, texture slots with lifetimes, shader texts. Plain data, no GL.

Another runtime replays a plan without knowing any operator: it uploads inputs and weights in the layouts that the plan
states, then makes one draw after another.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .codec import CODECS
from .errors import GlnnError, LimitError, UnsupportedError
from .graph import Graph, Node, as_tuple
from .kernel import Bound, Call, ShaderText, assemble, load_kernel
from .layers.base import Activation, Shape, Value, Window
from .layout import CellLayout, Layout, Limits, canonical, ceil_div, choose_cells, choose_layout, common_block

VERSION = 1
TEXEL_BYTES = {"float32": 16, "float16": 8, "rgba8": 4}


@dataclass(frozen=True)
class Slot:
    """A texture that tensors share one after another: size in texels, layers (0: a plain 2D texture), format."""

    width: int
    height: int
    layers: int
    format: str


@dataclass(frozen=True)
class TensorPlan:
    """A tensor of the plan: its layout, its codec, the slot of each part."""

    name: str
    shape: Shape
    layout: Layout
    codec: str
    slots: tuple[int, ...]


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
        codec = CODECS[self.codec]
        return self.layout.parts * math.prod(self.layout.size) * 4 * np.dtype(codec.dtype).itemsize


@dataclass(frozen=True)
class Draw:
    """One draw: program, target slot, viewport (width, height), textures by unit as ("slot" | "weight", number, part)."""

    program: str
    target: int
    viewport: tuple[int, int]
    textures: tuple[tuple[str, int, int], ...]
    ints: tuple[int, ...]
    floats: tuple[float, ...]
    source: str  # the layer of the user's model
    kernel: str


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything an executor needs but the weights' values."""

    limits: Limits
    programs: Mapping[str, ShaderText]
    slots: tuple[Slot, ...]
    weights: tuple[WeightPlan, ...]
    inputs: tuple[TensorPlan, ...]
    outputs: tuple[TensorPlan, ...]
    draws: tuple[Draw, ...]

    @property
    def activation_bytes(self) -> int:
        """Bytes of all texture slots."""
        return sum(s.width * s.height * max(1, s.layers) * TEXEL_BYTES[s.format] for s in self.slots)

    def to_json(self) -> str:
        """The plan as JSON text, the same text for the same plan."""
        programs = {
            key: {"kernel": t.kernel, "vertex": t.vertex, "fragment": t.fragment, "samplers": t.samplers}
            for key, t in self.programs.items()
        }
        data = {"version": VERSION, "limits": dataclasses.asdict(self.limits), "programs": programs}
        for name in ("slots", "weights", "inputs", "outputs", "draws"):
            data[name] = [dataclasses.asdict(item) for item in getattr(self, name)]
        for item, weight in zip(data["weights"], self.weights, strict=True):
            item["size"] = weight.layout.size  # of its textures: what another runtime could not derive
        return json.dumps(data, separators=(",", ":"))


@dataclass(eq=False)
class _Draft:
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
        self.drafts: list[_Draft] = []
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
            layout: Any = choose_cells(array.shape, self.limits, where) if cells else choose_layout(array.shape, self.limits, False)
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
        if "G1" in source.declared["param"]:
            params = {"G0": 0, "G1": ceil_div(inputs["x"].shape[-1], 4)} | params
        params = {k: params[k] for k in source.declared["param"] if k in params} | params
        const = dict(const or {})
        if "GU" in source.declared["const"]:
            const["GU"] = groups_per_turn(params["G1"] - params["G0"], const["KH"] * const["KW"])
        tensor_numbers = {k: self._weight(np.asarray(v), k, False) for k, v in (tensors or {}).items()}
        cell_numbers = {k: self._weight(np.asarray(v), k, True) for k, v in (cells or {}).items()}
        out = self.value(shape, blocked=source.blocked)
        where = self.node.source or self.node.name if self.node else kernel
        self.drafts.append(
            _Draft(kernel, out, dict(inputs), tensor_numbers, cell_numbers, const, params, activation, window or {}, where)
        )
        return out


def groups_per_turn(groups: int, taps: int) -> int:
    """Input groups that one turn of a convolution's loop takes: 4 save 6 % of a long sum of single taps, and cost compile time."""
    return 4 if taps == 1 and groups >= 256 and groups % 4 == 0 else 1


def make_plan(
    graph: Graph,
    input_shapes: Mapping[str, Sequence[int]],
    limits: Limits,
    store: WeightStore | None = None,
    weights: str = "float32",
) -> Plan:
    """The plan of a graph for concrete input shapes (batch first) on a device of these limits.

    Raises LimitError, naming the layer, where a tensor cannot fit; UnsupportedError for layers that have no lowering.
    """
    store = store or WeightStore(graph)
    drafts = Drafts(limits, store, weights, _common_block(graph, input_shapes, limits))
    values: dict[str, Value] = {}
    for spec in graph.inputs:
        try:
            values[spec.name] = drafts.value(tuple(int(d) for d in input_shapes[spec.name]), blocked=False)
        except LimitError as error:
            raise LimitError(f"input {spec.name!r}: {error}") from None
    for node in graph.nodes:
        drafts.begin(node)
        try:
            made = as_tuple(node.layer.lower(drafts, [values[name] for name in node.inputs], node.weights))
        except NotImplementedError:
            raise UnsupportedError(graph.name, [f"layer {node.source or node.name!r}: {type(node.layer).__name__} has no kernel"]) from None
        except LimitError as error:
            raise LimitError(f"layer {node.source or node.name!r}: {error}") from None
        values.update(zip(node.outputs, made, strict=True))
    outputs = [values[name] for name in graph.outputs]
    return _place(graph, drafts, {spec.name: values[spec.name] for spec in graph.inputs}, outputs)


def _common_block(graph: Graph, input_shapes: Mapping[str, Sequence[int]], limits: Limits) -> tuple[int, int] | None:
    texels: Counter[tuple[int, int]] = Counter()
    specs = graph.specs(input_shapes)
    for node in graph.nodes:
        for name in node.outputs:
            n, h, w, c = canonical(tuple(int(d or 1) for d in specs[name].shape))
            texels[h, w] += n * ceil_div(c, 4)
    return common_block(texels, limits.draw_buffers)


def _place(graph: Graph, drafts: Drafts, inputs: Mapping[str, Value], outputs: list[Value]) -> Plan:
    """Slots for every tensor, then the text of every draw."""
    limits, codec = drafts.limits, CODECS[drafts.limits.float_target]
    slots, slot_of = assign_slots(drafts, inputs, outputs, codec.format)
    weights = list(drafts.weights.values())
    programs: dict[str, ShaderText] = {}
    draws: list[Draw] = []
    for draft in drafts.drafts:
        text = _text(draft, drafts, slots, slot_of, weights, codec.name)
        units: list[tuple[str, int, int]] = []
        for value in draft.inputs.values():
            units += [("slot", s, p) for p, s in enumerate(slot_of[value.id])]
        for number in (*draft.tensors.values(), *draft.cells.values()):
            units += [("weight", number, part) for part in range(weights[number].layout.parts)]
        if len(units) > limits.texture_units:
            raise LimitError(
                f"layer {draft.source!r}: a pass reads {len(units)} textures, the device has {limits.texture_units} texture units. "
                "Use a smaller batch or image, or a device with larger textures"
            )
        programs.setdefault(text.key, text)
        layout = drafts.layouts[draft.out.id]
        for part, slot in enumerate(slot_of[draft.out.id]):
            ints = (part * layout.part_rows, *text.ints[1:])
            draws.append(
                Draw(text.key, slot, (layout.width, layout.part_height(part)), tuple(units), ints, text.floats, draft.source, draft.kernel)
            )

    def tensor(name: str, value: Value) -> TensorPlan:
        return TensorPlan(name, value.shape, drafts.layouts[value.id], codec.name, tuple(slot_of[value.id]))

    names = graph.output_names or graph.outputs
    return Plan(
        limits, programs, tuple(slots), tuple(weights),
        tuple(tensor(name, value) for name, value in inputs.items()),
        tuple(tensor(name, value) for name, value in zip(names, outputs, strict=True)), tuple(draws),
    )  # fmt: skip


def _text(draft: _Draft, drafts: Drafts, slots: list[Slot], slot_of: dict[int, list[int]], weights: list[WeightPlan], codec: str) -> ShaderText:
    bound = []
    for name, value in draft.inputs.items():
        window, slot = draft.windows.get(name, Window()), slots[slot_of[value.id][0]]
        bound.append((name, Bound(drafts.layouts[value.id], codec, window.mul, window.div, (slot.width, slot.height))))
    for name, number in draft.tensors.items():
        weight = weights[number]
        bound.append((name, Bound(weight.layout, weight.codec)))  # type: ignore[arg-type]
    act = draft.activation
    try:
        return assemble(
            Call(
                draft.kernel, drafts.layouts[draft.out.id], tuple(bound),
                tuple((name, weights[i].layout, weights[i].codec) for name, i in draft.cells.items()),  # type: ignore[misc]
                tuple(draft.const.items()), tuple(draft.param.items()),
                act.name if act else None, act.constants if act else (), codec, drafts.limits.dialect,
            )
        )  # fmt: skip
    except GlnnError as error:
        raise type(error)(f"layer {draft.source!r}: {error}") from error


def assign_slots(drafts: Drafts, inputs: Mapping[str, Value], outputs: list[Value], format: str) -> tuple[list[Slot], dict[int, list[int]]]:
    """Texture slots by lifetime: a slot is free again after the last draw that reads it, and may grow for its next tensor."""
    last: dict[int, int] = {}
    for i, draft in enumerate(drafts.drafts):
        last[draft.out.id] = max(last.get(draft.out.id, i), i)
        for value in draft.inputs.values():
            last[value.id] = i
    kept = {v.id for v in outputs} | {v.id for v in inputs.values()}
    slots: list[Slot] = []
    slot_of: dict[int, list[int]] = {}
    free: list[int] = []
    array = drafts.limits.dialect != "es100"

    fixed: set[int] = set()  # slots of tensors in several parts: all parts share one size, so these never grow

    def take(layout: Layout, reuse: bool) -> int:
        need = Slot(*layout.size, layout.layers if array else 0, format)
        best, grown = None, 0
        for number in free if reuse else ():
            slot = slots[number]
            if number in fixed or layout.parts > 1:
                if number in fixed and slot == need:
                    best, grown = number, 0
            elif slot.layers == need.layers:
                size = max(slot.width, need.width) * max(slot.height, need.height)
                growth = size - slot.width * slot.height
                if best is None or growth < grown:
                    best, grown = number, growth
        if best is None or grown > need.width * need.height:
            slots.append(need)
            if layout.parts > 1:
                fixed.add(len(slots) - 1)
            return len(slots) - 1
        free.remove(best)
        slot = slots[best]
        slots[best] = Slot(max(slot.width, need.width), max(slot.height, need.height), slot.layers, format)
        return best

    for value in inputs.values():
        slot_of[value.id] = [take(drafts.layouts[value.id], False) for _ in range(drafts.layouts[value.id].parts)]
    for i, draft in enumerate(drafts.drafts):
        layout = drafts.layouts[draft.out.id]
        slot_of[draft.out.id] = [take(layout, draft.out.id not in kept) for _ in range(layout.parts)]
        for number in {v.id for v in (*draft.inputs.values(), draft.out)}:
            if last[number] == i and number not in kept:
                free += slot_of[number]
    return slots, slot_of
