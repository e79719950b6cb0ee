"""The judges of every kernel test judge rightly: they refuse a wrong value, a NaN, a wrong shape, a dirty lane."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.layers.conv import Conv2D
from glnn.layers.core import Identity
from glnn.layout.limits import Limits
from glnn.layout.tiles import choose_layout
from glnn.plan import make_plan
from glnn.testing import as_stored, assert_close, decoded, layer_graph, made_by_draws

EXPECTED = np.array([[1.0, -2.0, 3.0], [0.0, 1e-3, 100.0]])


def refused(
    got: np.ndarray, expected: np.ndarray = EXPECTED, tolerance: float = 1e-5, match: str | None = None
) -> None:
    with pytest.raises(AssertionError, match=match):
        assert_close(got, expected, tolerance, "Layer")


def changed(place: tuple[int, int], value: float) -> np.ndarray:
    got = EXPECTED.astype(np.float32)
    got[place] = value
    return got


def test_what_is_right_passes() -> None:
    assert_close(EXPECTED.astype(np.float32), EXPECTED, 1e-5)
    assert_close(changed((0, 0), 1 + 5e-4), EXPECTED, 1e-5)  # relative to the largest value
    assert_close(np.zeros((0, 3), np.float32), np.zeros((0, 3)), 1e-5)


def test_a_wrong_value_is_refused() -> None:
    refused(changed((0, 0), 1.01), match="Layer")
    refused(changed((1, 0), 1.1e-3))
    refused(changed((0, 1), 2.0))
    refused(-EXPECTED)
    refused(np.zeros_like(EXPECTED))


def test_a_value_out_of_tolerance_among_very_many_is_refused() -> None:
    expected = np.ones((1000, 100))
    got = expected.copy()
    got[777, 77] = 1.0001
    refused(got, expected)
    assert_close(got, expected, 1e-3)


def test_nan_and_infinities_are_refused_where_none_belong() -> None:
    refused(changed((0, 0), np.nan), match="NaN in other places")
    for value in (np.inf, -np.inf):
        refused(changed((0, 0), value))
    refused(np.full_like(EXPECTED, np.nan))


def test_nan_and_infinities_are_wanted_where_they_belong() -> None:
    expected = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert_close(expected.astype(np.float32), expected, 1e-5)
    for wrong in (
        [0.0, np.inf, -np.inf, 1.0],
        [np.nan, 3.4e38, -np.inf, 1.0],
        [np.nan, -np.inf, np.inf, 1.0],
        [np.nan, np.nan, -np.inf, 1.0],
        [np.inf, np.nan, -np.inf, 1.0],
        [np.nan, np.inf, -np.inf, 1.1],
        [np.nan, np.inf, -np.inf, np.nan],
        [np.nan, np.inf, -np.inf, np.inf],
    ):
        refused(np.array(wrong), expected)


def test_a_wrong_shape_is_refused_even_if_it_would_broadcast() -> None:
    for wrong in (EXPECTED[0], EXPECTED[None], EXPECTED.T, EXPECTED[:, :2], EXPECTED.reshape(3, 2)):
        refused(wrong, match="shape")
    refused(np.ones((1, 3)), np.ones((2, 3)), match=r"shape \(1, 3\), expected \(2, 3\)")


def test_a_tolerance_does_not_grow_with_what_came() -> None:
    refused(np.array([1e30, 1.0]), np.array([1.0, 1.0]), tolerance=0.5)


def test_values_are_judged_as_the_texture_holds_them() -> None:
    x = np.array([1.0, 1 + 2**-13, 70000.0, 1e-9], np.float32)
    np.testing.assert_array_equal(decoded(x, "float32"), x.astype(np.float64))
    np.testing.assert_array_equal(decoded(x, "float16"), [1.0, 1.0, np.inf, 0.0])
    np.testing.assert_array_equal(as_stored(np.array([70000.0, -1e39, 2.5]), "float16"), [np.inf, -np.inf, 2.5])
    np.testing.assert_array_equal(as_stored(np.array([70000.0, -1e39, 2.5]), "float32"), [70000.0, -np.inf, 2.5])
    assert decoded(x, "float16").dtype == as_stored(x.astype(float), "float16").dtype == np.float64


@pytest.mark.parametrize("shape", [(2, 5, 7, 5), (1, 3, 3, 1), (5, 3), (2, 3, 6)])
def test_a_dirty_lane_or_pixel_is_seen_wherever_it_is(shape: tuple[int, ...]) -> None:
    layout = choose_layout(shape, Limits(16))
    live = layout.pack(np.ones(shape))
    clean = layout.pack(np.ones(shape))
    assert not layout.dead(clean).any()
    empty = [(i, tuple(place)) for i, part in enumerate(live) for place in np.argwhere(part == 0)]
    seen = 0
    for part, place in empty:
        clean[part][place] = 1e-30
        seen += int(layout.dead(clean).any())
        clean[part][place] = 0.0
    assert seen == layout.dead(clean).size > 0


def test_an_output_that_no_draw_makes_is_not_judged_for_dead_lanes() -> None:
    kernel = {"kernel": np.ones((1, 1, 3, 5), np.float32), "bias": np.zeros(5, np.float32)}
    for layer, weights, made in ((Conv2D(5, (1, 1)), kernel, {"y0"}), (Identity(), {}, set())):
        plan = make_plan(layer_graph(layer, [(2, 3, 4, 3)], weights), {"x0": (2, 3, 4, 3)}, Limits())
        assert made_by_draws(plan) == made and bool(plan.draws) == bool(made)
