"""Graph + input shapes + limits -> Plan: draws, texture slots with lifetimes, shader texts. Plain data, no GL.

Another runtime replays a plan without knowing any operator: it uploads inputs and weights in the layouts that the plan
states, then makes one draw after another.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .blocks import ceil_div, common_block
from .codec import CODECS
from .drafts import Draft, Drafts, WeightPlan, WeightStore
from .errors import GlnnError, LimitError, UnsupportedError
from .graph import Graph, as_tuple
from .kernel import Bound, Call, ShaderText, assemble
from .layers.base import Shape, Value, Window
from .layout import Layout, Limits, canonical
from .slots import Slot, assign_slots

VERSION = 1


@dataclass(frozen=True)
class TensorPlan:
    """A tensor of the plan: its layout, its codec, the slot of each part."""

    name: str
    shape: Shape
    layout: Layout
    codec: str
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Draw:
    """One draw: program, target slot, viewport (width, height), textures by unit: ("slot" | "weight", number, part)."""

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
        return sum(s.width * s.height * max(1, s.layers) * CODECS[s.format].texel_bytes for s in self.slots)

    def to_json(self) -> str:
        """The plan as JSON text, the same text for the same plan."""
        programs = {
            key: {"kernel": t.kernel, "vertex": t.vertex, "fragment": t.fragment, "samplers": t.samplers}
            for key, t in self.programs.items()
        }
        data: dict[str, Any] = {"version": VERSION, "limits": dataclasses.asdict(self.limits), "programs": programs}
        for name in ("slots", "weights", "inputs", "outputs", "draws"):
            data[name] = [dataclasses.asdict(item) for item in getattr(self, name)]
        for item, weight in zip(data["weights"], self.weights, strict=True):
            item["size"] = weight.layout.size  # of its textures: what another runtime could not derive
        return json.dumps(data, separators=(",", ":"))


def make_plan(
    graph: Graph,
    input_shapes: Mapping[str, Sequence[int]],
    limits: Limits,
    store: WeightStore | None = None,
    weights: str | None = None,
) -> Plan:
    """The plan of a graph for concrete input shapes (batch first) on a device of these limits.

    weights: the codec of the weights; None: float32, or rgba8 where the device knows nothing but bytes.
    Raises LimitError, naming the layer, where a tensor cannot fit; UnsupportedError for layers that have no lowering.
    """
    store = store or WeightStore(graph)
    weights = weights or ("rgba8" if limits.float_target == "rgba8" else "float32")
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
            raise UnsupportedError(
                graph.name, [f"layer {node.source or node.name!r}: {type(node.layer).__name__} has no kernel"]
            ) from None
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
                f"layer {draft.source!r}: a pass reads {len(units)} textures, the device has {limits.texture_units} "
                "texture units. Use a smaller batch or image, or a device with larger textures"
            )
        programs.setdefault(text.key, text)
        layout = drafts.layouts[draft.out.id]
        for part, slot in enumerate(slot_of[draft.out.id]):
            ints = (part * layout.part_rows, *text.ints[1:])
            draws.append(
                Draw(
                    text.key,
                    slot,
                    (layout.width, layout.part_height(part)),
                    tuple(units),
                    ints,
                    text.floats,
                    draft.source,
                    draft.kernel,
                )
            )

    def tensor(name: str, value: Value) -> TensorPlan:
        return TensorPlan(name, value.shape, drafts.layouts[value.id], codec.name, tuple(slot_of[value.id]))

    names = graph.output_names or graph.outputs
    return Plan(
        limits, programs, tuple(slots), tuple(weights),
        tuple(tensor(name, value) for name, value in inputs.items()),
        tuple(tensor(name, value) for name, value in zip(names, outputs, strict=True)), tuple(draws),
    )  # fmt: skip


def _text(
    draft: Draft,
    drafts: Drafts,
    slots: list[Slot],
    slot_of: dict[int, list[int]],
    weights: list[WeightPlan],
    codec: str,
) -> ShaderText:
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
