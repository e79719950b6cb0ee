"""Cells of weights as pure arithmetic: nothing is lost, overlaps or is out of bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.layouts import QUICK, check_counts, limits, numbered

from glnn.errors import LimitError
from glnn.layout.cells import CellLayout, choose_cells, matrix_cells, vector_cells
from glnn.layout.codec import storage
from glnn.layout.limits import Limits
from glnn.tensor import texels as texels_of


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
    for most, few in ((3, Limits(8, 1, 4, dialect="es100")), (20, Limits(8, 1, 4, array_layers=20))):
        with pytest.raises(LimitError, match=message.format(most)):
            choose_cells((9, 64, 64), few, "conv/kernel")
    assert choose_cells((9, 64, 64), Limits(8, 1, 4), "conv/kernel").depth > 20


def test_cells_of_integers_take_fewer_texels() -> None:
    plain, bytes_ = (choose_cells((9, 64, 64), Limits(), lanes=lanes) for lanes in (4, 16))
    assert plain.width == 4 * bytes_.width and plain.height == bytes_.height


def test_cells_hold_every_value_once() -> None:
    for array, cells in ((numbered((3, 5, 6)), matrix_cells), (numbered((3, 5)), vector_cells)):
        stored = cells(array).reshape(-1)
        np.testing.assert_array_equal(np.sort(stored[stored != 0]), array.reshape(-1))
