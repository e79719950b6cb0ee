"""Graph + input shapes + limits -> Plan: draws, texture slots with lifetimes, shader texts. Plain data, no GL.

Another runtime replays a plan without knowing any operator: it uploads inputs and weights in the layouts that the plan
states, then makes one draw after another.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ..errors import LimitError
from ..graph.garbage import building
from ..graph.graph import ActivationCodec, Graph, Node
from ..graph.shapes import Shape, canonical, ceil_div
from ..kernels.assemble import ShaderText
from ..layout.blocks import common_block
from ..layout.codec import texel_bytes
from ..layout.limits import Limits
from ..layout.sections import Section
from ..layout.tiles import Layout
from ..primitives.base import Epilogue, Value
from ..primitives.bodies import throughout
from ..primitives.conv import Conv
from ..primitives.expand import expand
from ..primitives.expr import RESULT
from ..primitives.fuse import fuse
from ..primitives.join_states import join_states
from ..records import dataclass
from .builder import PlanBuilder
from .choice import BY_COST, Choice, Chosen
from .drafts import DrawSpec
from .flatten import flatten_where_drawn
from .joins import join_in_place
from .lives import assign_slots
from .lowering import draw_nodes, store_activations
from .making import Making, makings
from .place import Placer
from .slots import Slot
from .steps import Draw, Repeat, each_draw, turns_of
from .weights import WeightPlan, WeightStore

VERSION = 2


@dataclass(frozen=True)
class TensorPlan:
    """A tensor of the plan: its layout, its codec, the slot of each of its textures."""

    name: str
    shape: Shape
    layout: Layout
    codec: str
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Made:
    """A tensor of the graph: where it lies once so many of the plan's steps are taken. A later step may take its slots.

    steps:   0: it is what was given, or lies in it
    label:   of the layer in the user's model that made it
    section: what it is of the tensor whose layout, codec and slots these are; None: that tensor itself
    """

    name: str
    shape: Shape
    layout: Layout
    codec: ActivationCodec
    slots: tuple[int, ...]
    steps: int
    label: str = ""
    section: Section | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything an executor needs but the weights' values.

    For those who look at it: `made`, the tensors between, `makes`, what each draw makes, in repeats as well, `chosen`,
    how what could be drawn in several ways is drawn, and `fetch`, the form in which its texts fetch texels.
    """

    limits: Limits
    programs: Mapping[str, ShaderText]
    slots: tuple[Slot, ...]
    weights: tuple[WeightPlan, ...]
    inputs: tuple[TensorPlan, ...]
    outputs: tuple[TensorPlan, ...]
    steps: tuple[Draw | Repeat, ...]
    made: tuple[Made, ...] = ()
    makes: tuple[Making, ...] = ()
    chosen: tuple[Chosen, ...] = ()
    fetch: str = ""

    def __repr__(self) -> str:
        ends = (", ".join(f"{t.name} {t.shape}" for t in tensors) for tensors in (self.inputs, self.outputs))
        made = sum(turns_of(self.steps))
        turns = f" ({made:,} with all turns)" if made > len(self.draws) else ""
        return (
            f"<Plan {' -> '.join(ends)}: {len(self.draws)} draws{turns}, {len(self.programs)} programs in "
            f"{self.words}, {self.weight_bytes:,} bytes of weights, {self.activation_bytes:,} of activations>"
        )

    def _repr_html_(self) -> str:
        from ..show.views.plans import plan_html

        return plan_html(self)

    @property
    def words(self) -> str:
        """What its texts are written in: the dialect, and how they fetch texels where another form is usual."""
        usual = self.fetch in ("", self.limits.fetches[0])
        return self.limits.dialect + ("" if usual else f" with {self.fetch}")

    @cached_property
    def draws(self) -> tuple[Draw, ...]:
        """Every draw once, those of repeats as they are in their first turn."""
        return tuple(each_draw(self.steps))

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights' textures."""
        return sum(w.nbytes for w in self.weights)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all texture slots."""
        return sum(s.width * s.height * max(1, s.layers) * texel_bytes(s.format) for s in self.slots)

    @cached_property
    def turning(self) -> dict[str, Making]:
        """What is made in the turns of repeats, by name, in the order of its draws."""
        return {item.name: item for item in self.makes if item.counts and item.name and 0 not in item.counts}

    @cached_property
    def drawn(self) -> tuple[Made, ...]:
        """Those of `made` that draws make as tensors of their own, each once, in the order in which they are whole."""
        own: dict[Any, Made] = {}
        for item in self.made:
            if item.section is None and item.steps:
                own.setdefault((item.slots, item.steps), item)
        return tuple(sorted(own.values(), key=lambda item: item.steps))

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
        for draw in data["draws"]:  # most say nothing of turns, nor where in a texture they begin
            for name in ("counts", "move", "row"):
                if not draw[name]:
                    del draw[name]
        numbers = itertools.count()
        data["steps"] = [_step_data(step, numbers) for step in self.steps]
        return json.dumps(data, separators=(",", ":"))


@building()
def make_plan(
    graph: Graph,
    input_shapes: Mapping[str, Sequence[int]],
    limits: Limits,
    store: WeightStore | None = None,
    lying: Mapping[str, tuple[Layout, ActivationCodec]] | None = None,
    choice: Choice = BY_COST,
    keep: bool = False,
) -> Plan:
    """The plan of a graph for concrete input shapes (batch first) on a device of these limits.

    lying:  how inputs lie, by name, that textures hold already; the others as `Layout.pack` puts them
    choice: what was measured of recipes and blocks; by default both are chosen by estimated costs
    keep:   whether every tensor has textures of its own, which hold it after the run

    Weights are stored as the graph has them; floats as rgba8 where the device knows nothing but bytes.
    Raises, naming the layer, LimitError where a tensor cannot fit, UnsupportedError for layers that have no lowering,
    KernelError for a kernel that is missing or wrong, GraphError for a lowering that gives something else than tensors.
    """
    primitives = throughout(expand, graph)
    graph = graph if primitives is graph else throughout(fuse, primitives)
    store = store or WeightStore(graph)
    graph = join_states(graph)
    drafts = PlanBuilder(limits, store, _common_block(graph, input_shapes, limits), choice)
    inputs: dict[str, Value] = {}
    for spec in graph.inputs:
        try:
            shape = tuple(int(d) for d in input_shapes[spec.name])
            if lying and spec.name in lying:
                inputs[spec.name] = drafts.lies(shape, *lying[spec.name])
            else:
                inputs[spec.name] = drafts.value(
                    shape, blocked=limits.stage == "fragment" and _like_others(graph, spec.name)
                )
        except LimitError as error:
            raise LimitError(f"input {spec.name!r}: {error}") from None
    values = draw_nodes(drafts, graph, inputs, store.of)
    for node in graph.nodes:
        for name in node.outputs:
            drafts.words.setdefault(values[name].id, (name, node.label))
    for node in graph.nodes:
        for name in {*node.outputs} & {*graph.outputs}:  # what is handed out has textures of its own
            if drafts.is_part(values[name]):
                drafts.begin(node)
                values[name] = drafts.draw("map", values[name].shape, {}, finish=Epilogue(RESULT, {0: values[name]}))
    store_activations(drafts, graph, values)
    outputs = [values[name] for name in graph.outputs]
    join_in_place(drafts, {value.id for value in (*outputs, *inputs.values())})
    flatten_where_drawn(drafts, outputs)
    slots, slot_of = assign_slots(drafts, inputs, outputs, keep)
    placer = Placer(drafts, slots, slot_of)
    steps = placer.steps(drafts.steps)

    def tensor(name: str, value: Value) -> TensorPlan:
        codec = drafts.codecs[value.id].codec
        return TensorPlan(name, value.shape, drafts.layouts[value.id], codec, tuple(slot_of[value.id]))

    names = graph.output_names or graph.outputs
    return Plan(
        limits, placer.programs, tuple(slots), tuple(placer.weights),
        tuple(tensor(name, value) for name, value in inputs.items()),
        tuple(tensor(name, value) for name, value in zip(names, outputs, strict=True)), steps,
        tuple(_made(drafts, graph, values, slot_of)), tuple(makings(drafts)), tuple(drafts.chosen),
        choice.fetching(limits),
    )  # fmt: skip


def _like_others(graph: Graph, name: str) -> bool:
    """Whether an input lies in blocks: where what convolves it, or a dense layer, then has the text of a later one."""
    convolutions = [node for node in graph.nodes if isinstance(node.layer, Conv)]
    kinds = Counter(_geometry(node) for node in convolutions)
    return any(kinds[_geometry(node)] > 1 for node in convolutions if node.inputs[0] == name)


def _geometry(node: Node) -> tuple[Any, ...]:
    """What stands in a convolution's text."""
    layer: Any = node.layer
    return layer.kernel_size, layer.strides, layer.dilation, layer.padding, layer.groups


def _made(
    drafts: PlanBuilder, graph: Graph, values: Mapping[str, Value], slot_of: Mapping[int, list[int]]
) -> Iterator[Made]:
    """Every tensor that the nodes of a graph make, but those in a turn of a repeat."""
    ready, taken = dict[int, int](), 0
    for spec in drafts.steps:
        taken += drafts.draws_of(spec) if isinstance(spec, DrawSpec) else 1
        ready |= {drafts.home(value).id: taken for value in spec.results}
    ready |= {number: ready[image.id] for number, image in drafts.renamed.items()}
    for node in graph.nodes:
        for name in node.outputs:
            home, seen = drafts.home(values[name]).id, drafts.seen(values[name])
            yield Made(
                name, values[name].shape, drafts.layouts[home], drafts.codecs[home], tuple(slot_of[home]),
                ready.get(home, 0), node.label, seen.section if seen else None,
            )  # fmt: skip


def _common_block(graph: Graph, input_shapes: Mapping[str, Sequence[int]], limits: Limits) -> tuple[int, int] | None:
    texels: Counter[tuple[int, int]] = Counter()
    specs = graph.specs(input_shapes)
    for node in graph.nodes:
        for name in node.outputs:
            n, h, w, c = canonical(tuple(int(d or 1) for d in specs[name].shape))
            texels[h, w] += n * ceil_div(c, 4)
    return common_block(texels, limits.draw_buffers)


def _step_data(step: Draw | Repeat, numbers: Iterator[int]) -> Any:
    """A step as JSON values: the number of a draw, the next one, or a repeat."""
    if isinstance(step, Draw):
        return next(numbers)
    return {"count": step.count, "swaps": step.swaps, "steps": [_step_data(inner, numbers) for inner in step.steps]}
