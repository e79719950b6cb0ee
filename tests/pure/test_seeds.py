"""What a test draws follows from the test alone."""

from __future__ import annotations

import numpy as np
import pytest
from support.seeds import seeded

keras = pytest.importorskip("keras")

RNG = seeded(19)
FIRST = np.random.default_rng(19).normal(size=5)


@pytest.fixture(scope="module")
def shared() -> np.ndarray:
    return RNG.normal(size=5)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_whatever_ran_before(count: int) -> None:
    np.testing.assert_array_equal(RNG.normal(size=count), FIRST[:count])


@pytest.mark.parametrize("count", [2, 5])
def test_whoever_makes_what_is_shared(shared: np.ndarray, count: int) -> None:
    np.testing.assert_array_equal(shared, FIRST)
    np.testing.assert_array_equal(RNG.normal(size=count), FIRST[:count])


@pytest.mark.parametrize("turn", [0, 1])
def test_weights_of_keras(turn: int) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    keras.utils.set_random_seed(7)
    again = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    np.testing.assert_array_equal(*(m.get_weights()[0] for m in (model, again)))
