"""Graph + input shapes + limits -> Plan: draws, texture slots with lifetimes, shader texts. Plain data, no GL.

Another runtime replays a plan without knowing any operator: it uploads inputs and weights in the layouts that the plan
states, then makes one draw after another.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import GlnnError, GraphError, KernelError, LimitError, UnsupportedError
from ..graph.graph import ActivationCodec, Graph, Node, as_tuple
from ..graph.shapes import Shape, canonical, ceil_div
from ..kernels.assemble import Bound, Call, ShaderText, assemble
from ..layout.blocks import common_block
from ..layout.codec import activation_storage, texel_bytes
from ..layout.limits import Limits
from ..layout.tiles import Layout
from ..primitives.base import Value, Window
from ..primitives.expand import expand
from ..primitives.fuse import fuse
from .builder import DrawSpec, PlanBuilder
from .slots import Slot, assign_slots
from .weights import WeightPlan, WeightStore

VERSION = 1


@dataclass(frozen=True)
class TensorPlan:
    """A tensor of the plan: its layout, its codec, the slot of each of its textures."""

    name: str
    shape: Shape
    layout: Layout
    codec: str
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Draw:
    """One draw: program, target slot, viewport (width, height), textures by unit.

    A texture is ("slot" | "weight", number, which of its textures; a slot has one).
    """

    program: str
    target: int
    layers: tuple[int, int]  # of the target: the first that is drawn to, and how many
    viewport: tuple[int, int]
    textures: tuple[tuple[str, int, int], ...]
    ints: tuple[int, ...]
    floats: tuple[float, ...]
    label: str  # of the layer in the user's model
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

    def __repr__(self) -> str:
        ends = (", ".join(f"{t.name} {t.shape}" for t in tensors) for tensors in (self.inputs, self.outputs))
        return (
            f"<Plan {' -> '.join(ends)}: {len(self.draws)} draws, {len(self.programs)} programs in "
            f"{self.limits.dialect}, {self.weight_bytes:,} bytes of weights, {self.activation_bytes:,} of activations>"
        )

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights' textures."""
        return sum(w.nbytes for w in self.weights)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all texture slots."""
        return sum(s.width * s.height * max(1, s.layers) * texel_bytes(s.format) for s in self.slots)

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
) -> Plan:
    """The plan of a graph for concrete input shapes (batch first) on a device of these limits.

    Weights are stored as the graph has them; floats as rgba8 where the device knows nothing but bytes.
    Raises, naming the layer, LimitError where a tensor cannot fit, UnsupportedError for layers that have no lowering,
    KernelError for a kernel that is missing or wrong, GraphError for a lowering that gives something else than tensors.
    """
    graph = fuse(expand(graph)) if any(hasattr(node.layer, "build") for node in graph.nodes) else graph
    store = store or WeightStore(graph)
    drafts = PlanBuilder(limits, store, _common_block(graph, input_shapes, limits))
    values: dict[str, Value] = {}
    for spec in graph.inputs:
        try:
            values[spec.name] = drafts.value(tuple(int(d) for d in input_shapes[spec.name]), blocked=False)
        except LimitError as error:
            raise LimitError(f"input {spec.name!r}: {error}") from None
    for node in graph.nodes:
        drafts.begin(node)
        try:
            made = as_tuple(node.layer.lower(drafts, [values[name] for name in node.inputs], store.of(node)))
        except NotImplementedError as error:
            raise UnsupportedError(graph.name, [f"layer {node.label!r}: {error}"]) from None
        except (KernelError, LimitError) as error:
            raise type(error)(f"layer {node.label!r}: {error}") from error
        values.update(zip(node.outputs, _checked(node, made), strict=True))
    _store_activations(graph, drafts, values)
    outputs = [values[name] for name in graph.outputs]
    return _place(graph, drafts, {spec.name: values[spec.name] for spec in graph.inputs}, outputs)


def _checked(node: Node, made: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a layer's `lower` returned, if it is a tensor for each output. Raises GraphError."""
    if len(made) == len(node.outputs) and all(isinstance(value, Value) for value in made):
        return made
    got = ", ".join(type(value).__name__ for value in made) or "nothing"
    raise GraphError(
        f"layer {node.label!r}: {type(node.layer).__name__}.lower returned {got}; a tensor that b.draw made is needed "
        f"for each of {len(node.outputs)} output{'s' * (len(node.outputs) > 1)}, several as a list"
    )


def _store_activations(graph: Graph, drafts: PlanBuilder, values: Mapping[str, Value]) -> None:
    """Codecs that the graph names for its tensors; its inputs and outputs stay as precise as the device can."""
    kept = {values[name].id for name in (*(spec.name for spec in graph.inputs), *graph.outputs)}
    for name in _whole_numbers(graph):
        if drafts.limits.float_target == "float16":
            drafts.store_as(values[name], ActivationCodec("rgba8"))
        kept.add(values[name].id)
    for name, codec in graph.activations.items():
        best = codec.codec == "float32" or (codec.codec == "float16" and drafts.limits.float_target == "rgba8")
        if values[name].id not in kept and not best:
            drafts.store_as(values[name], codec)


def _whole_numbers(graph: Graph) -> set[str]:
    """The tensors that become whole numbers to look up by: no codec may round them (half precision ends at 2048)."""
    found: set[str] = set()
    for node in reversed(graph.nodes):
        found |= {node.inputs[i] for i in node.layer.exact_inputs}
        if found & set(node.outputs):
            found |= set(node.inputs)
    return found


def _common_block(graph: Graph, input_shapes: Mapping[str, Sequence[int]], limits: Limits) -> tuple[int, int] | None:
    texels: Counter[tuple[int, int]] = Counter()
    specs = graph.specs(input_shapes)
    for node in graph.nodes:
        for name in node.outputs:
            n, h, w, c = canonical(tuple(int(d or 1) for d in specs[name].shape))
            texels[h, w] += n * ceil_div(c, 4)
    return common_block(texels, limits.draw_buffers)


def _place(graph: Graph, drafts: PlanBuilder, inputs: Mapping[str, Value], outputs: list[Value]) -> Plan:
    """Slots for every tensor, then the text of every draw."""
    limits = drafts.limits
    slots, slot_of = assign_slots(drafts, inputs, outputs)
    weights = list(drafts.weights.values())
    programs: dict[str, ShaderText] = {}
    draws: list[Draw] = []
    for draft in drafts.drafts:
        text = _text(draft, drafts, slots, slot_of, weights)
        units: list[tuple[str, int, int]] = []
        for value in draft.inputs.values():
            units += [("slot", slot, 0) for slot in slot_of[value.id]]
        for number in (*draft.tensors.values(), *draft.cells.values()):
            units += [("weight", number, part) for part in range(weights[number].layout.textures)]
        if len(units) > limits.texture_units:
            raise LimitError(
                f"layer {draft.label!r}: a pass reads {len(units)} textures, the device has {limits.texture_units} "
                "texture units. Use a smaller batch or image, or a device with larger textures"
            )
        programs.setdefault(text.key, text)
        layout = drafts.layouts[draft.out.id]
        for part in range(layout.parts):
            slot = slot_of[draft.out.id][0 if layout.stacked else part]
            first = part * layout.layers if layout.stacked else 0
            ints = (part * layout.part_rows, *text.ints[1:])
            draws.append(
                Draw(
                    text.key,
                    slot,
                    (first, layout.layers),
                    (layout.width, layout.part_height(part)),
                    tuple(units),
                    ints,
                    text.floats,
                    draft.label,
                    draft.kernel,
                )
            )

    def tensor(name: str, value: Value) -> TensorPlan:
        codec = drafts.codecs[value.id].codec
        return TensorPlan(name, value.shape, drafts.layouts[value.id], codec, tuple(slot_of[value.id]))

    names = graph.output_names or graph.outputs
    return Plan(
        limits, programs, tuple(slots), tuple(weights),
        tuple(tensor(name, value) for name, value in inputs.items()),
        tuple(tensor(name, value) for name, value in zip(names, outputs, strict=True)), tuple(draws),
    )  # fmt: skip


def _text(
    draft: DrawSpec, drafts: PlanBuilder, slots: list[Slot], slot_of: dict[int, list[int]], weights: list[WeightPlan]
) -> ShaderText:
    bound = []
    for name, value in draft.inputs.items():
        window, slot = draft.windows.get(name, Window()), slots[slot_of[value.id][0]]
        text, values = _codec(drafts, value)
        bound.append(
            (
                name,
                Bound(
                    drafts.layouts[value.id], text, window.mul, window.div, (slot.width, slot.height),
                    quant="range" if values else None, values=values or (1.0, 0.0),
                ),
            )
        )  # fmt: skip
    for name, number in draft.tensors.items():
        bound.append((name, replace(weights[number].bound, mul=draft.windows.get(name, Window()).mul)))
    text, values = _codec(drafts, draft.out)
    try:
        return assemble(
            Call(
                draft.kernel, drafts.layouts[draft.out.id], tuple(bound),
                tuple((name, weights[i].bound) for name, i in draft.cells.items()),
                tuple(draft.const.items()), tuple(draft.param.items()),
                draft.finish, text, values, drafts.limits.dialect, drafts.limits.precision, draft.looped,
                tuple(draft.virtual.items()),
            )
        )  # fmt: skip
    except GlnnError as error:
        raise type(error)(f"layer {draft.label!r}: {error}") from error


def _codec(drafts: PlanBuilder, value: Value) -> tuple[str, tuple[float, float] | None]:
    """The file in shaders/codecs that a tensor between layers is coded by, and its scale and zero if it has them."""
    codec = drafts.codecs[value.id]
    text = activation_storage(codec.codec).text
    return text, (codec.scale, float(codec.zero)) if codec.codec == "uint8" else None
