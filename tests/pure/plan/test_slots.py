"""Texture slots: lifetimes derived from the draws alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from cases.keras import CASES

from glnn import passes
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec
from glnn.layers.activation import Activation
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.merging import Add, Concatenate
from glnn.layers.pooling import MaxPooling2D
from glnn.layout.codec import activation_storage, texel_bytes
from glnn.layout.limits import Limits
from glnn.layout.tiles import Layout, choose_layout
from glnn.plan import Plan, make_plan, slots
from glnn.plan.slots import Slot, Texture, share
from glnn.testing import layer_graph


def network() -> Graph:
    """Branches of several lengths that meet again: tensors of many sizes live at once."""
    rng = np.random.default_rng(0)

    def conv(name: str, source: str, inputs: int, outputs: int, stride: int = 1) -> Node:
        weights = {"kernel": rng.normal(size=(3, 3, inputs, outputs)).astype("f4"), "bias": np.zeros(outputs, "f4")}
        return Node(name, Conv2D(outputs, (3, 3), (stride, stride), "same"), (source,), (f"{name}.y",), weights)

    depthwise = {"depthwise_kernel": rng.normal(size=(3, 3, 12, 1)).astype("f4"), "bias": np.zeros(12, "f4")}
    nodes = (
        conv("a", "x", 3, 12),
        conv("b", "a.y", 12, 12),
        Node("d", DepthwiseConv2D(3, padding="same"), ("a.y",), ("d.y",), depthwise),
        Node("j", Concatenate(), ("a.y", "b.y", "d.y"), ("j.y",)),
        Node("p", MaxPooling2D(2), ("j.y",), ("p.y",)),
        conv("s", "x", 3, 36, 2),
        Node("t", Activation("softmax"), ("s.y",), ("t.y",)),
        Node("add", Add(), ("p.y", "t.y"), ("add.y",)),
        conv("e", "add.y", 36, 5),
        Node("last", Add(), ("e.y", "e.y"), ("last.y",)),
    )
    return Graph("net", (TensorSpec("x", (None, 16, 12, 3)),), nodes, ("last.y", "b.y"))


def lifetimes(plan: Plan) -> Iterator[tuple[int, int, int, int]]:
    """(slot, first draw that writes it, last draw that reads what it then holds, group) of each tensor."""
    writes: dict[int, tuple[int, int]] = {s: (-1, -1) for t in plan.inputs for s in t.slots}
    reads: dict[int, int] = {}
    for i, draw in enumerate(plan.draws):
        for kind, number, _ in draw.textures:
            if kind == "slot":
                assert number in writes, f"draw {i} reads slot {number}, which nothing wrote"
                reads[number] = i
        if plan.limits.dialect != "es100" and draw.layers[0]:
            continue  # a further part of the tensor that the draw before began
        if draw.target in writes:
            first, group = writes[draw.target]
            yield draw.target, first, reads.get(draw.target, first), group
        writes[draw.target], reads[draw.target] = (i, i), i
    kept = {s for t in (*plan.outputs, *plan.inputs) for s in t.slots}
    for slot, (first, group) in writes.items():
        yield slot, first, len(plan.draws) if slot in kept else reads.get(slot, first), group


def check_slots(plan: Plan) -> None:
    for i, draw in enumerate(plan.draws):
        assert ("slot", draw.target) not in [t[:2] for t in draw.textures], f"draw {i} reads what it writes"
        slot = plan.slots[draw.target]
        assert draw.viewport[0] <= slot.width and draw.viewport[1] <= slot.height
        assert len(draw.textures) <= plan.limits.texture_units
        first, count = draw.layers
        assert first + count <= max(1, slot.layers) and 1 <= count <= plan.limits.draw_buffers
    for slot in plan.slots:
        assert max(slot.width, slot.height) <= plan.limits.max_texture_size
        assert slot.layers <= (plan.limits.array_layers if plan.limits.dialect != "es100" else 0)
    spans: dict[int, list[tuple[int, int]]] = {}
    for slot, first, last, _ in lifetimes(plan):
        spans.setdefault(slot, []).append((first, last))
    for pairs in spans.values():
        pairs.sort()
        for (_, last), (start, _) in zip(pairs, pairs[1:], strict=False):
            assert last < start
    outputs = [s for t in plan.outputs for s in t.slots]
    assert len(set(outputs)) == len(outputs) or len({t.slots for t in plan.outputs}) < len(plan.outputs)
    for tensor in (*plan.inputs, *plan.outputs):
        assert len(tensor.slots) == len(set(tensor.slots)) == tensor.layout.textures
        (slot,) = {plan.slots[s] for s in tensor.slots}
        assert slot.width >= tensor.layout.width and slot.format == activation_storage(tensor.codec).format
        assert slot.layers == (tensor.layout.depth if plan.limits.dialect != "es100" else 0)
    # Parts of one tensor are drawn one after another by one program: they differ in ROW0 and where they lie.
    for before, after in zip(plan.draws, plan.draws[1:], strict=False):
        assert after.ints[0] or not after.layers[0], "every tensor begins with its first part"
        if after.ints[0]:
            assert (before.program, before.textures, before.ints[1:]) == (after.program, after.textures, after.ints[1:])
            assert before.ints[0] < after.ints[0] and before.layers[1] == after.layers[1]
            assert plan.slots[before.target] == plan.slots[after.target]
            if plan.limits.dialect == "es100":
                assert before.target != after.target
            else:
                assert before.target == after.target and after.layers[0] == sum(before.layers)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dialect", ["es300", "es100"])
@pytest.mark.parametrize("size", [8, 16, 64, 4096])
def test_tensors_that_live_at_once_never_share_a_slot(size: int, dialect: str, batch: int, fused: bool) -> None:
    graph = passes.optimize(network()) if fused else network()
    plan = make_plan(graph, {"x": (batch, 16, 12, 3)}, Limits(size, texture_units=1000, dialect=dialect))
    check_slots(plan)
    if size == 4096:
        assert len(plan.slots) < len({d.target for d in plan.draws}) + 3 < len(plan.draws) + 4


CODECS = {"a.y": ActivationCodec("uint8", -3, 5), "b.y": ActivationCodec("float16"), "j.y": ActivationCodec("rgba8"),
          "s.y": ActivationCodec("uint8", 0, 2), "e.y": ActivationCodec("float16")}  # fmt: skip


@pytest.mark.parametrize("dialect", ["es300", "es100"])
@pytest.mark.parametrize("size", [16, 4096])
def test_tensors_of_several_formats_have_slots_of_their_own(size: int, dialect: str) -> None:
    graph = passes.optimize(network().with_(activations=CODECS))
    assert CODECS.keys() <= {name for node in graph.nodes for name in node.outputs}
    plan = make_plan(graph, {"x": (2, 16, 12, 3)}, Limits(size, texture_units=1000, dialect=dialect))
    check_slots(plan)
    for node in graph.nodes:
        codec = CODECS.get(node.outputs[0], ActivationCodec("float32")).codec
        if node.outputs[0] in graph.outputs:
            codec = "float32"
        last = [draw for draw in plan.draws if draw.label == node.label][-1]
        assert plan.slots[last.target].format == {"uint8": "rgba8"}.get(codec, codec), node.name
    assert {slot.format for slot in plan.slots} == {"float32", "float16", "rgba8"}


def test_slots_of_every_case() -> None:
    for case in CASES[::3]:
        graph = layer_graph(case.layer, case.shapes, case.weights)
        shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
        for limits in (Limits(16, texture_units=1000), Limits(64, 1, texture_units=1000, dialect="es100")):
            check_slots(make_plan(graph, shapes, limits))


@pytest.mark.parametrize("buffers", [8, 4])
def test_tensors_of_other_shapes_find_room_in_the_slots_of_large_ones(buffers: int) -> None:
    """A chain of small and large tensors, of which a large and two small ones are the least that textures can do."""
    filters, nodes, name = (32, 64, 64, 256, 64, 64, 256, 32), [], "x"
    for k, (before, after) in enumerate(zip((16, *filters), filters, strict=False)):
        weights = {"kernel": np.ones((1, 1, before, after), "f4"), "bias": np.zeros(after, "f4")}
        nodes.append(Node(f"c{k}", Conv2D(after, (1, 1)), (name,), (f"y{k}",), weights))
        name = f"y{k}"
    graph = Graph("net", (TensorSpec("x", (None, 56, 56, 16)),), tuple(nodes), (name,))
    plan = make_plan(graph, {"x": (1, 56, 56, 16)}, Limits(draw_buffers=buffers))
    check_slots(plan)
    least = 56 * 56 * 4 * (16 + 256 + 64 + 64 + 32)
    assert plan.activation_bytes < 1.05 * least


def bottlenecks(size: int, blocks: int) -> Graph:
    """Images that grow wide and narrow again, of less and less pixels: as mobile networks have them."""
    nodes: list[Node] = []
    name, before, after = "x", 16, 16

    def add(layer: Conv2D | DepthwiseConv2D, **shapes: tuple[int, ...]) -> None:
        nonlocal name
        made = f"n{len(nodes)}"
        weights = {key: np.ones(shape, "f4") for key, shape in shapes.items()}
        nodes.append(Node(made, layer, (name,), (f"{made}.y",), weights))
        name = f"{made}.y"

    for block in range(blocks):
        wide, after, stride = 6 * before, before + 8, 1 + (block % 2 == 0)
        add(Conv2D(wide, 1), kernel=(1, 1, before, wide), bias=(wide,))
        add(DepthwiseConv2D(3, (stride, stride), padding="same"), depthwise_kernel=(3, 3, wide, 1), bias=(wide,))
        add(Conv2D(after, 1), kernel=(1, 1, wide, after), bias=(after,))
        before = after
    return Graph("net", (TensorSpec("x", (None, size, size, 16)),), tuple(nodes), (name,))


def least_bytes(plan: Plan) -> int:
    """The most that tensors take which live at once, from the draw that makes each to the last that reads it."""
    sizes = [(-1, t.slots, t.layout, t.codec) for t in plan.inputs]
    sizes += [(m.draw, (plan.draws[m.draw].target,), m.layout, m.codec.codec) for m in plan.makes]
    live = [0] * len(plan.draws)
    kept = {s for t in (*plan.inputs, *plan.outputs) for s in t.slots}
    for slot, first, last, _ in lifetimes(plan):
        (layout, codec) = next((lay, codec) for at, held, lay, codec in sizes if at == first and slot in held)
        texel = texel_bytes(activation_storage(codec).format)
        for at in range(max(first, 0), len(live) if slot in kept and first + 1 else last + 1):
            live[min(at, len(live) - 1)] += max(1, layout.depth) * math.prod(layout.used) * texel
    return max(live)


@pytest.mark.parametrize(("buffers", "most"), [(8, 1.17), (4, 1.14), (1, 1.13)])
def test_the_search_comes_near_what_lives_at_once(buffers: int, most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest first alone takes more."""
    graph, limits = passes.optimize(bottlenecks(112, 8)), Limits(draw_buffers=buffers)
    plan = make_plan(graph, {"x": (1, 112, 112, 16)}, limits)
    check_slots(plan)
    least = least_bytes(plan)
    assert plan.activation_bytes < most * least
    monkeypatch.setattr(slots, "MOST", 0)
    assert make_plan(graph, {"x": (1, 112, 112, 16)}, limits).activation_bytes > 1.03 * plan.activation_bytes


def problem(seed: int, count: int) -> list[Texture]:
    """Textures of several sizes, depths and lives; some must be alike, some share with none."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(count):
        layout = choose_layout((1, int(rng.integers(1, 6)) * 8, 16, int(rng.integers(1, 9)) * 4), Limits())
        first = int(rng.integers(0, 2 * count))
        free, alike = rng.random() < 0.6, rng.random() < 0.1
        need = Slot(*layout.size, layout.depth, "float32" if rng.random() < 0.8 else "float16")
        loose = k if free and not alike else None
        last = first + int(rng.integers(0, count))
        made.append(Texture(need, layout, first, loose, bool(alike), bool(rng.random() < 0.9), last))
    return made


@pytest.mark.parametrize("seed", range(16))
def test_textures_share_only_slots_that_fit_and_are_free(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "WORTH", 1)
    textures = problem(seed, 16)
    made, slot_of, layouts = share(textures)
    assert set(slot_of) == set(range(len(made)))
    for k, one in enumerate(textures):
        slot = made[slot_of[k]]
        layout: Layout = layouts.get(k, one.layout)
        assert k not in layouts or (one.loose == k and layout.shape == one.layout.shape)
        assert layout.size[0] <= slot.width and layout.size[1] <= slot.height
        assert (slot.layers, slot.format) == (one.need.layers, one.need.format)
        assert not one.alike or slot == one.need
        for other in (textures[j] for j in range(k) if slot_of[j] == slot_of[k]):
            assert one.shared and other.shared and (one.last < other.first or other.last < one.first)
    firsts = [slot_of.index(number) for number in range(len(made))]
    assert firsts == sorted(firsts), "slots are numbered as they are first taken"
    assert share(textures) == (made, slot_of, layouts), "the same each time"


@pytest.mark.parametrize("seed", range(4))
def test_the_search_finds_what_the_best_order_takes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six textures of one kind: within 2 % of the best of all orders."""
    monkeypatch.setattr(slots, "WORTH", 1)
    textures = [
        Texture(replace(one.need, format="float32"), one.layout, one.first, one.loose, False, True, one.last)
        for one in problem(seed, 40)
        if one.need.layers == 8
    ][:6]
    made, _, _ = share(textures)
    kind, best = slots._Kind(textures), math.inf
    for order in itertools.permutations(range(len(textures))):
        steps = [slots._Placed([], [], [], 0)]
        kind._place(order, steps)
        best = min(best, steps[-1].texels)
    assert sum(slot.width * slot.height for slot in made) <= 1.02 * best
