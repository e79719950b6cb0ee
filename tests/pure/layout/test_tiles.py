"""Layouts of tensors as pure arithmetic: nothing is lost, overlaps or is out of bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.layouts import BUFFERS, QUICK, SHAPES, check_counts, layout_or_skip, limits, numbered

from glnn.errors import LimitError
from glnn.graph.shapes import canonical
from glnn.layout.blocks import best_block
from glnn.layout.codec import storage
from glnn.layout.limits import MAX_TILES, Limits
from glnn.layout.tiles import choose_layout
from glnn.tensor import texels as texels_of


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
    """The accessors' arithmetic (read_tensors.tensor_text), value by value."""
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
        empty = [(p == 0) & layout._tile_mask(i) for i, p in enumerate(layout.pack(np.ones(shape)))]
        inside = [(i, place) for i, there in enumerate(empty) for place in np.argwhere(there)]
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
