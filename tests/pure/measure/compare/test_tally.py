"""Tallies of differences, and what is judged by them: against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from glnn.measure.compare.tally import Tally, ulps
from glnn.measure.compare.verdict import ROUNDED, tolerance, verdict

X = np.random.default_rng(0).normal(size=1000)


def tally(got: np.ndarray, expected: np.ndarray, dead: int = 0) -> Tally:
    made = Tally()
    made.add(np.asarray(got, np.float64), np.asarray(expected, np.float64), dead)
    return made


def test_errors_by_hand() -> None:
    errors = tally(np.array([3.0, 4.0]), np.array([3.0, 5.0])).errors
    assert errors.nmse == pytest.approx(1 / 34) and errors.rms == pytest.approx(34**-0.5) and errors.largest == 1
    assert errors.cosine == pytest.approx((9 + 20) / (5 * 34**0.5))
    assert tally(X, X).errors.rms == 0 and tally(X, X).errors.cosine == pytest.approx(1)
    assert tally(np.ones(2), np.zeros(2)).errors.nmse == math.inf and tally(np.zeros(2), np.zeros(2)).errors.cosine == 1


def test_ulps_also_over_zero() -> None:
    one = np.float32(1)
    assert ulps(np.array([np.nextafter(one, np.float32(2))]), np.array([one])) == 1
    tiny = np.float32(1e-45)
    assert ulps(np.array([-tiny]), np.array([tiny])) == 2 and ulps(np.array([-0.0]), np.array([0.0])) == 0


def test_pieces_are_one_tally() -> None:
    parts = Tally()
    for k in range(0, 1000, 300):
        parts.add(X[k : k + 300] * 1.01, X[k : k + 300])
    assert parts.errors.nmse == pytest.approx(tally(X * 1.01, X).errors.nmse)


def test_values_that_are_not_finite() -> None:
    nan, inf = math.nan, math.inf
    errors = tally(np.array([nan, inf, 1, nan, -inf, 2]), np.array([nan, inf, 1, 1, inf, nan])).errors
    assert (errors.nans, errors.infs, errors.expected_nans, errors.expected_infs) == (2, 2, 2, 2)
    assert errors.apart == 3 and errors.nmse == 0
    assert tally(np.array([inf, 1]), np.array([1e39, 1])).errors.apart == 0  # float32 holds no 1e39
    assert tally(np.array([1e38, 1]), np.array([1e39, 1])).errors.apart == 1


def test_masked_scores_hide_no_others() -> None:
    least = float(np.finfo(np.float32).min)
    expected = np.where(np.arange(1000) % 3 == 0, least, X)
    off = tally(np.where(expected == least, least, X * 1.01), expected).errors
    assert 0.001 < off.rms < 0.01 and off.largest == pytest.approx(0.01 * np.abs(X[expected != least]).max(), rel=1e-6)
    assert tally(np.where(expected == least, least * (1 - 1e-7), X), expected).errors.rms < 1e-6
    assert tally(np.where(expected == least, 0, X), expected).errors.rms > 0.5  # a mask that is lost
    assert tally(np.array([0, least]), np.array([0, least])).errors.rms == 0


def test_the_tolerance_follows_the_noise() -> None:
    small, large = tally(X * (1 + 1e-8), X), tally(X * (1 + 1e-4), X)
    assert tolerance(small, "float32") == pytest.approx(16e-8 + ROUNDED)
    off = tally(X * (1 + 1e-5), X)
    assert "relative RMS error 1.0e-05" in verdict(off, small, "float32") and verdict(off, large, "float32") == ""
    assert verdict(off, small, "float16") == ""


def test_one_value_in_many_is_seen() -> None:
    many = np.ones(10_000_000, np.float32)
    got = many.copy()
    got[7] += 1e-3
    assert tally(got, many).errors.rms < ROUNDED
    assert "largest difference 0.001" in verdict(tally(got, many), tally(many, many), "float32")


def test_what_is_guilty_whatever_the_error() -> None:
    right = tally(X, X)
    assert verdict(right, right, "float32") == ""
    assert "3 values in dead lanes" in verdict(tally(X, X, dead=3), right, "float32")
    bad = np.where(X > 2, np.nan, X)
    assert f"{int((X > 2).sum())} NaN" in verdict(tally(bad, X), right, "float32")
    assert verdict(tally(np.full(9, 1e-40), np.zeros(9)), tally(np.zeros(9), np.zeros(9)), "float32") == ""
