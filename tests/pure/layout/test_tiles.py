"""Layouts, cells and texture slots as pure arithmetic: nothing is lost, overlaps or is out of bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from cases.keras import CASES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glnn import passes
from glnn.errors import LimitError
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec
from glnn.graph.shapes import canonical
from glnn.layers.activation import Activation
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.merging import Add, Concatenate
from glnn.layers.pooling import MaxPooling2D
from glnn.layout.blocks import best_block
from glnn.layout.cells import CellLayout, choose_cells, matrix_cells, vector_cells
from glnn.layout.codec import activation_storage, storage
from glnn.layout.limits import MAX_TILES, Limits
from glnn.layout.tiles import Layout, choose_layout
from glnn.plan import Plan, make_plan
from glnn.tensor import texels as texels_of
from glnn.testing import layer_graph

SIZES = st.sampled_from([4, 5, 8, 16, 61, 64, 256, 1024, 4096])
BUFFERS = st.sampled_from([1, 4, 8])
SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=6).map(tuple) | st.lists(
    st.sampled_from([1, 2, 4, 31]), min_size=1, max_size=4
).map(tuple)
QUICK = settings(max_examples=150, deadline=None)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    dialect = draw(st.sampled_from(["es300", "es100", "gl330"]))
    units, layers = draw(st.sampled_from([3, 8, 16])), draw(st.sampled_from([8, 64, 256]))
    return Limits(draw(SIZES), draw(BUFFERS), units, dialect=dialect, array_layers=layers)


def check_counts(layout: Layout | CellLayout, limits: Limits) -> None:
    """Parts are layers of one texture where there are array textures, else as many textures as can be read at once."""
    if limits.dialect == "es100":
        assert layout.textures == layout.parts <= limits.texture_units - 1 and layout.depth <= 1
    else:
        assert layout.textures == 1 and layout.depth <= limits.array_layers


def layout_or_skip(shape: tuple[int, ...], limits: Limits, blocked: bool = True, texels: int = 1) -> Layout:
    try:
        return choose_layout(shape, limits, blocked, texels)
    except LimitError:
        assume(False)
        raise


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """1, 2, 3, ...: every value is known by itself, none is zero."""
    return np.arange(1, math.prod(shape) + 1, dtype=np.float64).reshape(shape)


# ---- tensors


@QUICK
@given(SHAPES, limits(), st.booleans(), st.sampled_from([1, 4]))
def test_a_layout_is_a_bijection_within_its_bounds(
    shape: tuple[int, ...], limits: Limits, blocked: bool, texels: int
) -> None:
    layout = layout_or_skip(shape, limits, blocked, texels)
    assert layout.width <= limits.max_texture_size and layout.height <= limits.max_texture_size
    assert layout.layers <= limits.draw_buffers and layout.depth == layout.layers * (layout.parts // layout.textures)
    check_counts(layout, limits)
    parts = layout.pack(numbered(shape))
    assert len(parts) == layout.parts
    assert {p.shape for p in parts} == {(layout.layers, layout.height, layout.width, 4 // texels)}
    stored = np.concatenate([p.reshape(-1) for p in parts])
    np.testing.assert_array_equal(np.sort(stored[stored != 0]), numbered(shape).reshape(-1))
    np.testing.assert_array_equal(layout.unpack(parts), numbered(shape))
    assert sum(layout.part_height(i) for i in range(layout.parts)) == layout.rows * layout.tile[0]
    assert all(0 < layout.part_height(i) <= layout.height for i in range(layout.parts))
    for i, part in enumerate(parts):
        assert not part[:, layout.part_height(i) :].any()  # below the viewport of the draw


@QUICK
@given(SHAPES, limits(), st.sampled_from([1, 4]), st.data())
def test_a_value_lies_where_the_shaders_look_for_it(
    shape: tuple[int, ...], limits: Limits, texels: int, data: st.DataObject
) -> None:
    """The accessors' arithmetic (accessors.tensor_text), value by value."""
    layout = layout_or_skip(shape, limits, True, texels)
    x = numbered(shape).reshape(canonical(shape))
    parts = layout.pack(numbered(shape))
    (bh, bw), (ph, pw) = layout.block, layout.tile
    for _ in range(8):
        n, h, w, c = (data.draw(st.integers(0, size - 1)) for size in x.shape)
        group, lane = divmod(c, 4)
        if layout.flat:
            tile, by, bx, layer = ((n * x.shape[1] + h) * x.shape[2] + w) * layout.groups + group, 0, 0, 0
        else:
            tile, by, bx, layer = n * layout.groups + group, h // bh, w // bw, h % bh * bw + w % bw
        if texels == 4:
            tile, lane = tile * 4 + lane, 0
        row, column = divmod(tile, layout.columns)
        part, row = divmod(row, layout.part_rows)
        assert parts[part][layer, row * ph + by, column * pw + bx, lane] == x[n, h, w, c]


@QUICK
@given(SHAPES, limits(), st.sampled_from([1, 4]), st.data())
def test_dead_lanes_and_pixels_are_found(
    shape: tuple[int, ...], limits: Limits, texels: int, data: st.DataObject
) -> None:
    layout = layout_or_skip(shape, limits, True, texels)
    parts = layout.pack(numbered(shape))
    dead = layout.dead(parts)
    tiles = layout.layers * layout.tiles * layout.tile[0] * layout.tile[1] * (4 // texels)
    assert dead.size == tiles - math.prod(shape) and not dead.any()
    if dead.size:  # one value in one of them is seen
        empty = [(i, place) for i, p in enumerate(layout.pack(np.ones(shape))) for place in np.argwhere(p == 0)]
        inside = [(i, place) for i, place in empty if layout._tile_mask(i)[tuple(place)]]
        assert len(inside) == dead.size
        part, place = inside[data.draw(st.integers(0, len(inside) - 1))]
        parts[part][tuple(place)] = np.nan
        assert np.isnan(layout.dead(parts)).sum() == 1


@given(st.lists(st.integers(1, 7), max_size=6).map(tuple))
def test_canonical_keeps_the_count_and_the_last_axes(shape: tuple[int, ...]) -> None:
    n, h, w, c = canonical(shape)
    assert n * h * w * c == math.prod(shape)
    assert (h, w, c)[3 - min(3, len(shape)) :] == shape[max(0, len(shape) - 3) :]


@given(st.integers(1, 300), st.integers(1, 300), BUFFERS)
def test_a_block_is_as_large_as_the_draw_buffers_at_most(h: int, w: int, buffers: int) -> None:
    block = best_block(h, w, buffers)
    assert block[0] * block[1] <= buffers and block[0] <= h and block[1] <= w


@QUICK
@given(SHAPES, limits(), st.booleans(), st.sampled_from([1, 4]))
def test_textures_hold_the_parts_one_after_another(
    shape: tuple[int, ...], limits: Limits, blocked: bool, texels: int
) -> None:
    """What is uploaded: part p in the layers from p * layout.layers on, or in texture p."""
    layout = layout_or_skip(shape, limits, blocked, texels)
    assume(math.prod(layout.size) * layout.depth < 1 << 18)
    kept, array = storage("rgba8" if texels == 4 else "float32"), numbered(shape).astype(np.float32)
    textures = texels_of(array, layout, kept)
    (width, height), components = layout.size, 4
    assert [t.shape for t in textures] == [(layout.depth, height, width, components)] * layout.textures
    assert max(layout.size) <= limits.max_texture_size
    for i, part in enumerate(layout.pack(array)):
        texture, first = (textures[0], i * layout.layers) if layout.textures == 1 else (textures[i], 0)
        there = kept.decode(texture[first : first + layout.layers])
        np.testing.assert_array_equal(there[:, : layout.height, : layout.width], part)
        assert not there[:, layout.height :].any() and not there[:, :, layout.width :].any()


def test_a_tensor_that_does_not_fit() -> None:
    old = Limits(8, 1, 3, dialect="es100")
    with pytest.raises(LimitError, match=r"\(1, 64, 64, 3\) needs 64 textures of at most 8 x 8 texels.*at most 2 can"):
        choose_layout((1, 64, 64, 3), old)
    assert choose_layout((1, 8, 8, 8), old).textures == 2
    with pytest.raises(LimitError, match=r"\(1, 8, 8, 9\) needs 3 textures"):
        choose_layout((1, 8, 8, 9), old)
    few = Limits(8, 1, 3, array_layers=4)
    assert choose_layout((1, 8, 8, 13), few).depth == 4
    with pytest.raises(LimitError, match=r"\(1, 8, 8, 17\) needs 5 layers of at most 8 x 8 texels; this device has 4"):
        choose_layout((1, 8, 8, 17), few)
    with pytest.raises(LimitError, match="tiles"):
        choose_layout((MAX_TILES, 1), Limits(16384))
    with pytest.raises(LimitError, match=r"\(2, 0, 3\)"):
        choose_layout((2, 0, 3), Limits())


def test_parts_take_the_layers_that_pixels_of_a_block_could_have() -> None:
    """Where blocks leave too few layers for the parts, a tensor is stored a pixel to a texel."""
    shape = (1, 3, 10, 64)
    blocked = choose_layout(shape, Limits(8, 4))
    assert blocked.block == (1, 4) and blocked.depth == 4 * blocked.parts == 16
    plain = choose_layout(shape, Limits(8, 4, array_layers=15))
    assert plain.block == (1, 1) and plain.depth == plain.parts == 8
    with pytest.raises(LimitError, match="needs 8 layers"):
        choose_layout(shape, Limits(8, 4, array_layers=7))


def test_an_image_larger_than_a_texture_is_flat() -> None:
    layout = choose_layout((1, 3, 600, 4), Limits(64, 8))
    assert layout.flat and layout.layers == 1 and layout.parts == 1


# ---- weights


def cell(layout: CellLayout, parts: list[np.ndarray], number: int, t: int) -> np.ndarray:
    """weights_seek, weights(t), as the shader finds the texels of a cell (cells.cells_text): (16 or 4 values,)."""
    if layout.run_taps != layout.taps:
        number, t = number * layout.taps + t, 0
    row, column = divmod(number, layout.columns)
    part, row = divmod(row, layout.part_rows)
    first = column * layout.run_texels + t * layout.texels
    assert first + layout.texels <= layout.width and row < layout.height
    return parts[part][0, row, first : first + layout.texels].reshape(-1)


CELLS = st.tuples(st.integers(1, 25), st.integers(1, 40), st.integers(1, 40))


def cells_or_skip(shape: tuple[int, ...], limits: Limits, lanes: int) -> CellLayout:
    try:
        layout = choose_cells(shape, limits, lanes=lanes)
    except LimitError:
        assume(False)
        raise
    assert max(layout.size) <= limits.max_texture_size
    assert layout.width <= layout.size[0] and layout.height <= layout.size[1]
    assert layout.texels * layout.lanes == (16 if len(shape) == 3 else 4)
    assert layout.depth == (layout.parts if layout.stacked and layout.parts > 1 else 0)
    check_counts(layout, limits)
    return layout


@QUICK
@given(CELLS, limits(), st.sampled_from([1, 2, 4, 8, 16]), st.data())
def test_matrix_cells_lie_where_the_shaders_look_for_them(
    shape: tuple[int, int, int], limits: Limits, lanes: int, data: st.DataObject
) -> None:
    assume(limits.max_texture_size >= 16 // lanes)
    layout, array = cells_or_skip(shape, limits, lanes), numbered(shape)
    parts = layout.pack(array)
    assert {p.shape for p in parts} == {(1, layout.height, layout.width, lanes)} and len(parts) == layout.parts
    stored = np.concatenate([p.reshape(-1) for p in parts])
    np.testing.assert_array_equal(np.sort(stored[stored != 0]), array.reshape(-1))
    taps, inputs, outputs = shape
    padded = np.pad(array, ((0, 0), (0, -inputs % 4), (0, -outputs % 4)))
    for _ in range(8):
        t, g, q = (data.draw(st.integers(0, n - 1)) for n in (taps, layout.rows, layout.cols))
        wanted = padded[t, g * 4 : g * 4 + 4, q * 4 : q * 4 + 4].reshape(-1)
        np.testing.assert_array_equal(cell(layout, parts, q * layout.rows + g, t), wanted)
        if layout.aligned:  # the short way: no division
            part, row = divmod(q, layout.part_rows)
            at = g * layout.run_texels + t * layout.texels
            np.testing.assert_array_equal(parts[part][0, row, at : at + layout.texels].reshape(-1), wanted)


@QUICK
@given(st.tuples(st.integers(1, 25), st.integers(1, 60)), limits(), st.sampled_from([1, 2, 4]), st.data())
def test_vector_cells_lie_where_the_shaders_look_for_them(
    shape: tuple[int, int], limits: Limits, lanes: int, data: st.DataObject
) -> None:
    layout, array = cells_or_skip(shape, limits, lanes), numbered(shape)
    parts = layout.pack(array)
    padded = np.pad(array, ((0, 0), (0, -shape[1] % 4)))
    for _ in range(8):
        t, g = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, layout.cols - 1))
        np.testing.assert_array_equal(cell(layout, parts, g, t), padded[t, g * 4 : g * 4 + 4])


@QUICK
@given(CELLS, limits(), st.sampled_from(["uint4", "uint8", "uint16", "float16", "float32"]))
def test_textures_hold_the_parts_of_cells(shape: tuple[int, int, int], limits: Limits, codec: str) -> None:
    kept = storage(codec, True, limits.dialect != "es100")
    assume(limits.max_texture_size >= 16 // kept.lanes)
    layout = cells_or_skip(shape, limits, kept.lanes)
    array = (numbered(shape) % 16).astype(np.float32 if codec.startswith("float") else np.uint8)
    textures = texels_of(array, layout, kept)
    (width, height), layers = layout.size, max(1, layout.depth)
    assert [t.shape[:3] for t in textures] == [(layers, height, width)] * layout.textures
    read = kept.decode(np.concatenate(textures))
    np.testing.assert_array_equal(read[:, : layout.height, : layout.width], np.concatenate(layout.pack(array)))


def test_weights_that_do_not_fit_are_named() -> None:
    message = r"conv/kernel: weights of shape \(9, 64, 64\) need \d+ parts of at most 8 x 8 texels; at most {} can"
    for most, limits in ((3, Limits(8, 1, 4, dialect="es100")), (20, Limits(8, 1, 4, array_layers=20))):
        with pytest.raises(LimitError, match=message.format(most)):
            choose_cells((9, 64, 64), limits, "conv/kernel")
    assert choose_cells((9, 64, 64), Limits(8, 1, 4), "conv/kernel").depth > 20


def test_cells_of_integers_take_fewer_texels() -> None:
    plain, bytes_ = (choose_cells((9, 64, 64), Limits(), lanes=lanes) for lanes in (4, 16))
    assert plain.width == 4 * bytes_.width and plain.height == bytes_.height


def test_cells_hold_every_value_once() -> None:
    for array, cells in ((numbered((3, 5, 6)), matrix_cells), (numbered((3, 5)), vector_cells)):
        stored = cells(array).reshape(-1)
        np.testing.assert_array_equal(np.sort(stored[stored != 0]), array.reshape(-1))


# ---- slots: lifetimes derived from the draws alone


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
    graph = network().with_(activations=CODECS)
    plan = make_plan(graph, {"x": (2, 16, 12, 3)}, Limits(size, texture_units=1000, dialect=dialect))
    check_slots(plan)
    for node in graph.nodes:
        codec = CODECS.get(node.outputs[0], ActivationCodec("float32")).codec
        if node.outputs[0] in graph.outputs:
            codec = "float32"
        last = [draw for draw in plan.draws if draw.label == node.name][-1]
        assert plan.slots[last.target].format == {"uint8": "rgba8"}.get(codec, codec), node.name
    assert {slot.format for slot in plan.slots} == {"float32", "float16", "rgba8"}


def test_slots_of_every_case() -> None:
    for case in CASES[::3]:
        graph = layer_graph(case.layer, case.shapes, case.weights)
        shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
        for limits in (Limits(16, texture_units=1000), Limits(64, 1, texture_units=1000, dialect="es100")):
            check_slots(make_plan(graph, shapes, limits))
