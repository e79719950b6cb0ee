"""The Hypothesis strategies: what they draw lies at the limits, and tests that use them find what is wrong there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from glnn.errors import InputError
from glnn.testing import strategies


@given(strategies.shapes(limit=16, min_dims=2, max_dims=4, elements=500))
def test_shapes_keep_to_their_bounds(shape: tuple[int, ...]) -> None:
    assert 2 <= len(shape) <= 4 and math.prod(shape) <= 500 and min(shape) >= 1


@pytest.mark.parametrize("size", [1, 3, 5, 15, 16, 17, 33, 64, 65])
def test_sizes_at_the_limit_are_drawn(size: int) -> None:
    find(strategies.shapes(limit=16), lambda shape: size in shape, settings=settings(max_examples=2000))


def test_the_batch_may_be_given() -> None:
    shape = find(strategies.shapes(min_dims=3, batch=3), lambda shape: len(shape) == 4)
    assert shape[0] == 3


@pytest.mark.parametrize(
    "wanted",
    [math.isnan, lambda v: v == math.inf, lambda v: v == 65504, lambda v: 0 < v < 2.0**-126, lambda v: v == 65520],
)
def test_values_at_the_ends_are_drawn(wanted) -> None:
    find(strategies.values(), wanted, settings=settings(max_examples=2000))


@given(strategies.values(nan=False, infinity=False, denormal=False, largest=65504))
def test_values_keep_to_what_is_asked(value: float) -> None:
    assert abs(value) <= 65504 and (value == 0 or abs(value) >= 2.0**-126) and np.float32(value) == value


@given(strategies.arrays(strategies.shapes(elements=40)))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_arrays_are_float32(x: np.ndarray) -> None:
    assert x.dtype == np.float32 and 1 <= x.size <= 40


def test_arrays_of_a_shape_and_elements() -> None:
    @given(strategies.arrays((2, 3), st.floats(0, 1, width=32)))
    @settings(phases=[Phase.generate], max_examples=20)
    def held(x: np.ndarray) -> None:
        assert x.shape == (2, 3) and ((x >= -3) & (x <= 1)).all()

    held()


def test_wrong_bounds_are_refused() -> None:
    for options in ({"limit": 1}, {"min_dims": 3, "max_dims": 2}, {"elements": 0}):
        with pytest.raises(InputError, match="shapes: limit="):
            strategies.shapes(**options)
