"""The values of a section, cut out of an array of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.layout.sections import run, section


@pytest.mark.parametrize(
    ("shape", "axis", "at"), [((3, 4, 5, 6), 0, 2), ((3, 4, 5, 6), 2, 3), ((4, 5, 6), 1, 4), ((2, 3), 0, 1)]
)
def test_a_slice_is_numpys(shape: tuple[int, ...], axis: int, at: int) -> None:
    whole = np.arange(np.prod(shape)).reshape(shape)
    made = section(shape, axis)
    assert made is not None
    one, place, step = made
    got = one.starting(place, at * step, one.shape).cut(whole)
    np.testing.assert_array_equal(got, whole.take(at, axis))


@pytest.mark.parametrize(
    ("shape", "axis", "start", "size"), [((5, 2, 3, 4), 0, 1, 3), ((2, 3, 12), 2, 4, 8), ((9, 10), 1, 8, 2)]
)
def test_a_run_is_numpys(shape: tuple[int, ...], axis: int, start: int, size: int) -> None:
    whole = np.arange(np.prod(shape)).reshape(shape)
    made = run(shape, axis, start, size)
    assert made is not None
    np.testing.assert_array_equal(made.cut(whole), whole.take(range(start, start + size), axis))
