"""What an export keeps of a draw: enough to tell equal bits, rounding and faults apart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from glnn.web.golden import FLOORS, judge, record, sample_places, tolerances, values_of, watched


def values(count: int = 900, lanes: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, lanes)).astype(np.float32)


def golden(x: np.ndarray, codec: str = "float32", noise: Any = None) -> dict[str, Any]:
    made = {**record(x), "tolerance": tolerances(x, codec, noise)}
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    return made


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 17, 900])
@pytest.mark.parametrize("lanes", [1, 4])
def test_a_record_is_of_all_values(count: int, lanes: int) -> None:
    x = values(count, lanes)
    made = record(x)
    assert made["texels"] == count and len(made["bands"]) == min(4, count) * lanes
    assert made["at"] == sorted(set(made["at"])) and made["at"][0] == 0 and made["at"][-1] == count - 1
    assert np.array_equal(np.array(made["samples"], np.float32), x[made["at"]])
    bands = np.array(made["bands"]).reshape(-1, lanes, 4)
    numbers = np.arange(count) * len(bands) // count  # the band of each texel
    signs = np.array([-1 if (i * 2654435761 % 2**32) >> 13 & 1 else 1 for i in range(count)])
    for band in range(len(bands)):
        part, sign = x[numbers == band].astype(float), signs[numbers == band, None]
        expected = [part.mean(0), (part * sign).mean(0), part.min(0), part.max(0)]
        np.testing.assert_allclose(bands[band].T, expected, rtol=1e-6, atol=1e-9)


def test_places_are_spread_and_keep_no_period() -> None:
    for count in (17, 100, 4096, 401_408):
        at = np.array(sample_places(count))
        assert 14 <= len(at) <= 16 and np.diff(at).max() <= 3 * count / 16
        if count >= 4096:
            assert len(set(at % 64)) > 8


def test_turns_that_are_watched() -> None:
    assert [t for t in range(100) if watched(t, 100)] == [0, 1, 2, 4, 8, 16, 32, 64, 99]
    assert watched(0, 1)


def test_the_same_bits_are_equal() -> None:
    x = values()
    x[3, 2], x[5, 1] = np.nan, np.inf
    other = x.copy()
    other[3, 2] = np.array([0x7FC12345], np.uint32).view(np.float32)[0]  # another NaN
    assert judge(golden(x), record(x)).state == judge(golden(x), record(other)).state == "equal"


@pytest.mark.parametrize("codec", FLOORS)
def test_rounding_is_within_tolerance(codec: str) -> None:
    x = values() if codec != "uint8" else np.random.default_rng(1).integers(0, 256, (900, 4)).astype(np.float32)
    rounding = {"float32": 2e-7, "rgba8": 2e-7, "float16": 4.9e-4, "uint8": 0}[codec]
    noise = np.random.default_rng(2).uniform(-1, 1, x.shape) * rounding
    other = (x * (1 + noise)).astype(np.float32)
    if codec == "uint8":
        other[::50, 1] += 1  # a rounding that went the other way
    assert judge(golden(x, codec), record(other)).state == "within"


def test_measured_noise_widens_the_tolerance() -> None:
    x = values()
    other = x + np.float32(1e-3)
    assert judge(golden(x), record(other)).state == "wrong"
    assert judge(golden(x, noise=np.full(x.shape, 5e-4)), record(other)).state == "within"


def swapped(x: np.ndarray) -> np.ndarray:
    x[1::2], x[::2] = x[::2].copy(), x[1::2].copy()
    return x


FAULTS = {
    "scaled by 1 + 1e-4": lambda x: x * np.float32(1.0001),
    "two lanes exchanged": lambda x: x[:, [1, 0, 2, 3]],
    "neighbours exchanged": swapped,
    "one band shifted by a texel": lambda x: np.concatenate([x[:450], np.roll(x[450:], 1, 0)]),
    "a value beyond all others": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 1777, 6, x),
    "a row of zeros": lambda x: np.where(np.arange(len(x))[:, None] // 30 == 7, 0, x),
    "a dead lane that is alive": lambda x: x + np.array([0, 0, 0, 1e-3]),
    "a NaN": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 1777, np.nan, x),
    "an infinity": lambda x: np.where(np.arange(x.size).reshape(x.shape) == 1777, np.inf, x),
    "nothing drawn": lambda x: x * 0,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_wrong(fault: str) -> None:
    x = values()
    found = judge(golden(x), record(FAULTS[fault](x.copy()).astype(np.float32)))
    assert found.state == "wrong" and found.error > 5 and found.what
    assert found.here != found.there


def test_not_finite_values_are_compared_by_kind() -> None:
    x = values()
    x[0] = [np.nan, np.inf, -np.inf, 0]
    other = x.copy()
    other[0, 3] = 1e-7
    assert judge(golden(x), record(other)).state == "within"
    other[0, 1] = -np.inf
    assert judge(golden(x), record(other))[:2] == ("wrong", np.inf)


def test_values_are_those_of_texels() -> None:
    texels = np.arange(2 * 3 * 5 * 4, dtype=np.uint8).reshape(2, 3, 5, 4)
    assert values_of(texels, "uint8").shape == (30, 4) and values_of(texels, "uint8")[7, 1] == 29
    assert np.array_equal(values_of(texels, "rgba8")[:, 0], texels.reshape(-1, 4).view("<f4")[:, 0])
    half = np.full((1, 1, 2, 4), 1.5, np.float16)
    assert values_of(half, "float16").dtype == np.float32
