"""Sections of tensors by their coordinates, and stacks whose sections are runs of rows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from glnn.errors import LimitError
from glnn.graph.shapes import canonical
from glnn.layout.limits import Limits
from glnn.layout.sections import Section, choose_stack, section

SHAPES = [(5,), (2, 5), (3, 1), (3, 2, 5), (2, 3, 4, 5), (2, 1, 3, 4, 5), (2, 3, 2, 2, 3, 5)]


def seen(whole: np.ndarray, part: Section) -> np.ndarray:
    """What a section shows of a whole, coordinate by coordinate."""
    full, sizes = whole.reshape(canonical(whole.shape)), canonical(part.shape)
    out = np.empty(sizes, whole.dtype)
    for n, h, w in itertools.product(*map(range, sizes[:3])):
        names = {"n": n, "h": h, "w": w, "N0": part.starts[0], "H0": part.starts[1], "W0": part.starts[2]}
        at = tuple(eval(text, {}, names) for text in part.at(("N0", "H0", "W0")))
        out[n, h, w] = full[at]
    return out.reshape(part.shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_sections_show_what_numpy_takes(shape: tuple[int, ...]) -> None:
    whole, found = np.arange(math.prod(shape)).reshape(shape), 0
    for axis in range(len(shape)):
        cut = section(shape, axis)
        assert (cut is None) == (axis == len(shape) - 1 or (len(shape) > 4 and axis > 0))
        if cut is None:
            continue
        part, place, step = cut
        for k in range(shape[axis]):
            there = part.starting(place, k * step, part.shape)
            np.testing.assert_array_equal(seen(whole, there), np.take(whole, k, axis))
            again = section(part.shape, 0) if len(part.shape) > 1 else None
            if again is None:
                continue
            inner, own, inner_step = again
            for i in range(part.shape[0]):
                both, became = inner.starting(own, i * inner_step, inner.shape).of(there)
                np.testing.assert_array_equal(seen(whole, both), np.take(whole, k, axis)[i])
                found += 1
                assert both.starts[became[own]] is not None
    assert found or len(shape) < 3


LIMITS = [
    Limits(4096), Limits(64), Limits(16), Limits(16, 1), Limits(16, dialect="es100", texture_units=1000),
    Limits(64, dialect="es100", texture_units=1000),
]  # fmt: skip


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("texels", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 3, 7, 40])
@pytest.mark.parametrize(
    "shape", [(3,), (9,), (70,), (3, 6), (1, 30), (17, 9), (2, 5, 7), (2, 6, 9, 5), (2, 2, 3, 4, 5), (1, 20, 20, 3)]
)
def test_a_section_is_a_run_of_rows(shape: tuple[int, ...], count: int, texels: int, limits: Limits) -> None:
    """Where each value of a section lies in the stack: where a draw of the section alone puts it, moved."""
    try:
        stack = choose_stack(count, shape, limits, texels=texels)
    except LimitError:
        assert limits.max_texture_size == 16 and limits.dialect == "es300"
        return
    turn, whole = stack.turn, stack.whole
    assert whole.shape == (count, *shape) and max(*whole.size, *turn.size) <= limits.max_texture_size
    values = np.arange(1.0, count * math.prod(shape) + 1).reshape(whole.shape)
    expected = whole.packed(values, whole.size)
    made = np.zeros_like(expected)
    for s in range(count):
        for part, rows in enumerate(turn.packed(values[s], (turn.width, turn.height))):
            place, at = s // stack.per * turn.parts + part, s % stack.per * stack.texel_rows
            height = turn.part_height(part)
            made[place, :, at : at + height, : turn.width] += rows[:, :height]
            assert height <= stack.texel_rows or stack.per == 1
    np.testing.assert_array_equal(made, expected)
    assert stack.texel_rows * stack.per <= whole.size[1] or stack.per > count


def test_the_fewest_parts_are_taken() -> None:
    stack = choose_stack(1000, (32, 128), Limits())
    assert stack.whole.parts == 1 and stack.per == 1000 and not stack.whole.flat
    assert choose_stack(5000, (32, 128), Limits()).whole.parts < 20


def test_stacks_beyond_a_device_are_refused() -> None:
    with pytest.raises(LimitError, match=r"200 turns of shape \(4, 40\), stacked, need \d+ textures.*Take fewer turns"):
        choose_stack(200, (4, 40), Limits(16, dialect="es100"))
    with pytest.raises(LimitError, match="need \\d+ layers"):
        choose_stack(200, (1, 16, 16, 40), Limits(16, array_layers=16))
    with pytest.raises(LimitError, match="tiles of texels; at most"):
        choose_stack(1 << 24, (8,), Limits(16384))
