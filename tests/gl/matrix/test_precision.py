"""precision="mediump": arithmetic in half floats, as numpy.float16 has it, overflow included."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from cases.case import NORMAL, Case
from cases.keras import CASES

import glnn
from glnn.graph import as_tuple
from glnn.layers.activation import Activation
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.former import Cosine
from glnn.layers.pooling import GlobalAveragePooling2D
from glnn.primitives.functions import FUNCTIONS
from glnn.testing import Copy, as_stored, assert_close, decoded, run_layer

DIALECTS = ("es300", "es100", "gl330")
# Some dozens of roundings of 4.9e-4, each of a partial sum that may be several times the result.
TOLERANCE = 3e-2
SHARE = 200  # one case in so many, where not all run


@pytest.fixture(scope="module", params=DIALECTS)
def phone(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    """A device with float32 textures that computes in half floats."""
    with glnn.Device(dialect=request.param, precision="mediump") as device:
        yield device


def run(device: glnn.Device, layer: Layer, x: np.ndarray, **weights: np.ndarray) -> np.ndarray:
    return run_layer(device, layer, [x], weights).outputs[0]


def test_rounding_is_that_of_numpy(phone: glnn.Device) -> None:
    rng = np.random.default_rng(0)
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)  # every half from 0 up
    between = (halves[:-1].astype(np.float64) + halves[1:]) / 2  # ties
    around = [np.nextafter(between.astype(np.float32), np.float32(end)) for end in (0, np.inf)]
    wide = rng.standard_normal(5000) * 2.0 ** rng.integers(-26, 17, 5000)
    edges = [65504, 65519.99, 65520, 65536, 1e5, 1e38, 2**-24, 2**-25, 2**-25 * 1.001, 2**-26, np.inf, -np.inf]
    values = np.concatenate([halves, between, *around, wide, edges]).astype(np.float32)
    values = np.concatenate([values, -values])
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(run(phone, Copy(), values[None]), expected[None])


def test_a_sum_that_overflows_on_the_way_is_infinite(phone: glnn.Device) -> None:
    x = np.full((1, 132), 1000, np.float32)  # a sum of 132000
    assert np.isinf(run(phone, Dense(2, use_bias=False), x, kernel=np.ones((132, 2), np.float32))).all()
    kernel = np.array([[300.0], [-300.0]], np.float32).repeat(2, 0)  # 90000 before the other half is subtracted
    pairs = np.array([[300, 300, 300, 300]] * 2, np.float32).repeat(8, 1)
    many = np.repeat(kernel, 8, 0)
    assert not np.isfinite(run(phone, Dense(1, use_bias=False), pairs, kernel=many)).any()


def test_a_mean_does_not_overflow_on_the_way(phone: glnn.Device) -> None:
    x = np.full((1, 12, 11, 3), 1000, np.float32)
    np.testing.assert_allclose(run(phone, GlobalAveragePooling2D(), x), 1000, rtol=TOLERANCE)


def test_highp_does_not_overflow_there() -> None:
    with glnn.Device() as device:
        x = np.full((1, 132), 1000, np.float32)
        got = run(device, Dense(2, use_bias=False), x, kernel=np.ones((132, 2), np.float32))
        np.testing.assert_allclose(got, 132000)


def test_no_activation_overflows_on_the_way() -> None:
    """Where a result is less than 65504, no exp or square of the formula stands in its way."""
    powers = 2.0 ** np.arange(-24, 16)
    x = np.concatenate([np.linspace(-30, 30, 242), powers, -powers, [65504, -65504]]).astype(np.float32)[None]
    with glnn.Device(precision="mediump") as device:
        for name in FUNCTIONS:
            got = run(device, Activation(name), x)
            want = np.asarray(Activation(name).reference([x.astype(np.float64)], {}))
            there = np.abs(want) <= 65504
            np.testing.assert_allclose(got[there], want[there], rtol=0.02, atol=2e-5, err_msg=name)


def test_a_cosine_with_zeros_is_zero(phone: glnn.Device) -> None:
    """Keras 1's least root, 1e-7, is a half; its square is none, and 0 / 0 would be no number."""
    x = np.ones((1, 3, 4), np.float32)
    x[0, 1] = 0
    got = run_layer(phone, Cosine(), [x, x]).outputs[0]
    np.testing.assert_array_equal(got, [[[[1, 0, 1], [0, 0, 0], [1, 0, 1]]]])


def chosen(case: Case) -> bool:
    return zlib.crc32(f"mediump {case.name}".encode()) % SHARE == 0


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if chosen(case) else [pytest.mark.whole])
        for case in CASES
        if case.kind == NORMAL
    ],
)
def test_layers_lose_digits_but_stay_right(phone: glnn.Device, case: Case) -> None:
    got = run_layer(phone, case.layer, case.inputs, case.weights)
    weights = {name: decoded(w, "float16") for name, w in case.weights.items()}
    for have, want in zip(got.outputs, as_tuple(case.layer.reference(inputs(case), weights)), strict=True):
        assert_close(have, as_stored(want, "float16"), TOLERANCE, case.name)  # beyond 65504 is infinity
    for dead in got.dead:
        np.testing.assert_array_equal(dead, 0)


def inputs(case: Case) -> list[np.ndarray]:
    """What a device of half floats reads of the inputs; indices are whole numbers below 2048 in the cases."""
    return [decoded(x, "float16") for x in case.inputs]
