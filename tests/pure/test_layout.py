"""Layouts, cells, codecs and texture slots as pure arithmetic: nothing is lost, overlaps or is out of bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from cases import CASES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from glnn import passes
from glnn.blocks import best_block
from glnn.codec import CODECS
from glnn.errors import LimitError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import Activation
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.merging import Add, Concatenate
from glnn.layers.pooling import MaxPooling2D
from glnn.layout import (
    MAX_TILES,
    CellLayout,
    Layout,
    Limits,
    canonical,
    choose_cells,
    choose_layout,
    matrix_cells,
    vector_cells,
)
from glnn.plan import Plan, make_plan
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
    return Limits(draw(SIZES), draw(BUFFERS), draw(st.sampled_from([3, 8, 16])), dialect=dialect)


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
    assert layout.layers <= limits.draw_buffers and layout.parts <= limits.texture_units - 1
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


def test_a_tensor_that_does_not_fit() -> None:
    with pytest.raises(LimitError, match=r"\(1, 64, 64, 3\) needs 64 textures of at most 8 x 8 texels.*at most 2 can"):
        choose_layout((1, 64, 64, 3), Limits(8, 1, 3))
    assert choose_layout((1, 8, 8, 8), Limits(8, 1, 3)).parts == 2
    with pytest.raises(LimitError, match=r"\(1, 8, 8, 9\) needs 3 textures"):
        choose_layout((1, 8, 8, 9), Limits(8, 1, 3))
    with pytest.raises(LimitError, match="tiles"):
        choose_layout((MAX_TILES, 1), Limits(16384))
    with pytest.raises(LimitError, match=r"\(2, 0, 3\)"):
        choose_layout((2, 0, 3), Limits())


def test_an_image_larger_than_a_texture_is_flat() -> None:
    layout = choose_layout((1, 3, 600, 4), Limits(64, 8))
    assert layout.flat and layout.layers == 1 and layout.parts == 1


# ---- weights


def seek_matrix(layout: CellLayout, parts: list[np.ndarray], g: int, q: int, t: int) -> np.ndarray:
    """weights_seek(g, q); weights(t), as the shader finds the four texels (accessors.cells_text): (4 in, 4 out)."""
    return np.stack([_texel(layout, parts, q * layout.rows + g, t, k) for k in range(4)])


def _texel(layout: CellLayout, parts: list[np.ndarray], number: int, t: int, k: int) -> np.ndarray:
    if layout.run_taps != layout.taps:
        number, t = number * layout.taps + t, 0
    row, column = divmod(number, layout.columns)
    part, row = divmod(row, layout.part_rows)
    texel = column * layout.run_texels + t * layout.texels + k
    assert texel < layout.width and row < layout.height
    return parts[part][0, row, texel]


CELLS = st.tuples(st.integers(1, 25), st.integers(1, 40), st.integers(1, 40))


def cells_or_skip(shape: tuple[int, ...], limits: Limits) -> CellLayout:
    try:
        layout = choose_cells(shape, limits)
    except LimitError:
        assume(False)
        raise
    assert layout.width <= limits.max_texture_size and layout.height <= limits.max_texture_size
    assert layout.parts <= limits.texture_units - 1
    return layout


@QUICK
@given(CELLS, limits(), st.data())
def test_matrix_cells_lie_where_the_shaders_look_for_them(
    shape: tuple[int, int, int], limits: Limits, data: st.DataObject
) -> None:
    layout, array = cells_or_skip(shape, limits), numbered(shape)
    parts = layout.pack(array)
    assert {p.shape for p in parts} == {(1, layout.height, layout.width, 4)}
    taps, inputs, outputs = shape
    padded = np.pad(array, ((0, 0), (0, -inputs % 4), (0, -outputs % 4)))
    for _ in range(8):
        t, g, q = (data.draw(st.integers(0, n - 1)) for n in (taps, layout.rows, layout.cols))
        wanted = padded[t, g * 4 : g * 4 + 4, q * 4 : q * 4 + 4]
        np.testing.assert_array_equal(seek_matrix(layout, parts, g, q, t), wanted)
        if layout.aligned:  # the short way: no division
            part, row = divmod(q, layout.part_rows)
            at = g * layout.run_texels + t * 4
            np.testing.assert_array_equal(parts[part][0, row, at : at + 4], wanted)


@QUICK
@given(st.tuples(st.integers(1, 25), st.integers(1, 60)), limits(), st.data())
def test_vector_cells_lie_where_the_shaders_look_for_them(
    shape: tuple[int, int], limits: Limits, data: st.DataObject
) -> None:
    layout, array = cells_or_skip(shape, limits), numbered(shape)
    parts = layout.pack(array)
    padded = np.pad(array, ((0, 0), (0, -shape[1] % 4)))
    for _ in range(8):
        t, g = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, layout.cols - 1))
        np.testing.assert_array_equal(_texel(layout, parts, g, t, 0), padded[t, g * 4 : g * 4 + 4])


def test_weights_that_do_not_fit_are_named() -> None:
    with pytest.raises(LimitError, match=r"conv/kernel: weights of shape \(9, 64, 64\) need \d+ textures of at most 8"):
        choose_cells((9, 64, 64), Limits(8, 1, 4), "conv/kernel")


def test_cells_hold_every_value_once() -> None:
    for array, cells in ((numbered((3, 5, 6)), matrix_cells), (numbered((3, 5)), vector_cells)):
        stored = cells(array).reshape(-1)
        np.testing.assert_array_equal(np.sort(stored[stored != 0]), array.reshape(-1))


# ---- codecs

ORDINARY = st.floats(-6e4, 6e4, width=32).filter(lambda v: v == 0 or abs(v) > 1e-3)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@given(st.lists(ORDINARY, min_size=1, max_size=40))
def test_a_codec_gives_back_what_it_was_given(codec, values: list[float]) -> None:
    given = np.array(values, np.float32)
    texels = codec.encode(given)
    assert texels.dtype == codec.dtype
    back = codec.decode(texels)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, given, rtol=codec.tolerance, atol=0)
    np.testing.assert_array_equal(codec.decode(codec.encode(back)), back)  # what is stored once stays


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_codec_keeps_what_is_no_number(codec) -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    np.testing.assert_array_equal(codec.decode(codec.encode(special)), special)


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
    """(slot, first draw that writes it, last draw that reads what it then holds, group) of each tensor part."""
    writes: dict[int, tuple[int, int]] = {s: (-1, -1) for t in plan.inputs for s in t.slots}
    reads: dict[int, int] = {}
    for i, draw in enumerate(plan.draws):
        for kind, number, _ in draw.textures:
            if kind == "slot":
                assert number in writes, f"draw {i} reads slot {number}, which nothing wrote"
                reads[number] = i
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
    for slot in plan.slots:
        assert max(slot.width, slot.height) <= plan.limits.max_texture_size
        assert slot.layers <= plan.limits.draw_buffers
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
        assert len(tensor.slots) == len(set(tensor.slots)) == tensor.layout.parts
        sizes = {plan.slots[s] for s in tensor.slots}
        assert len(sizes) == 1 and sizes.pop().width >= tensor.layout.width
    # Parts of one tensor are drawn one after another by one program: they differ in ROW0 alone.
    for before, after in zip(plan.draws, plan.draws[1:], strict=False):
        if after.ints[0] and before.textures == after.textures:
            assert plan.slots[before.target] == plan.slots[after.target] and before.target != after.target


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


def test_slots_of_every_case() -> None:
    for case in CASES[::3]:
        graph = layer_graph(case.layer, case.shapes, case.weights)
        shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes)}
        for limits in (Limits(16, texture_units=1000), Limits(64, 1, texture_units=1000, dialect="es100")):
            check_slots(make_plan(graph, shapes, limits))
