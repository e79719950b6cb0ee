"""What noise is measured on."""

from __future__ import annotations

import numpy as np

from glnn.measure.compare.noise import last_bits
from glnn.measure.compare.tally import ulps


def test_one_bit_and_nothing_that_is_whole() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 50)).astype(np.float32)
    made = last_bits(x, rng)
    np.testing.assert_array_equal(ulps(made, x), 1)
    assert np.all(made != x) and 0.4 < np.mean(made > x) < 0.6
    kept = np.array([0, -0.0, 1, -7, 2**30, np.inf, -np.inf, np.finfo(np.float32).min], np.float32)
    np.testing.assert_array_equal(last_bits(kept, rng), kept)
    assert np.isnan(last_bits(np.float32([np.nan]), rng)).all()


def test_the_noise_of_a_sum_that_cancels_is_that_of_its_terms() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4096)).astype(np.float32)
    x[:, 1::2] = -x[:, ::2]  # pairs that sum to nothing, exactly
    sums, terms = last_bits(x, rng).astype(np.float64).sum(1), np.sqrt(np.square(x, dtype=np.float64).sum(1))
    assert 0.5 < np.sqrt(np.mean(np.square(sums / terms))) * 2**24 < 2
