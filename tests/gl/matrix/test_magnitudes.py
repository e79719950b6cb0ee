"""Every layer at every magnitude of float32: its shaders give the exact result, rounded (support/rounding.py)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from cases.keras import Case
from support.magnitudes import JUDGED, Magnitudes, on_examples
from support.rounding import allowed, assert_right, exact

import glnn
from glnn.testing import run_layer

DEVICES: dict[str, dict] = {
    "es300": {},
    "gl330": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "bytes": {"float_targets": ["rgba8"], "draw_buffers": 1},
    "bytes-es100": {"float_targets": ["rgba8"], "dialect": "es100"},
}
FIRST = list({(type(c.layer), getattr(c.layer, "activation", None)): c for c in reversed(JUDGED)}.values())
SHARE = 30  # one case in so many runs on each push
_devices: dict[str, glnn.Device] = {}


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    while _devices:
        _devices.popitem()[1].close()


def device_for(name: str) -> glnn.Device:
    if name not in _devices:
        while _devices:
            _devices.popitem()[1].close()
        _devices[name] = glnn.Device(**DEVICES[name])
    return _devices[name]


def chosen(name: str, case: Case) -> bool:
    """Whether a push runs this case on this device: a share, and on the first device one of each layer and function."""
    if name == "es300" and case in FIRST:
        return True
    return zlib.crc32(f"magnitudes {name} {case.name}".encode()) % SHARE == 0


PARAMS = [
    pytest.param(name, case, id=f"{name}-{case.name}", marks=[] if chosen(name, case) else [pytest.mark.whole])
    for name in DEVICES
    for case in JUDGED
]


@pytest.mark.parametrize(("name", "case"), PARAMS)
def test_a_layer_at_every_magnitude(name: str, case: Case, request: pytest.FixtureRequest) -> None:
    device = device_for(name)

    on_examples(lambda example: judge(device, case, example), request)


def judge(device: glnn.Device, case: Case, example: Magnitudes) -> None:
    inputs, weights = example.inputs(case), example.weights(case)
    want = exact(case, inputs, weights)
    run = run_layer(device, case.layer, inputs, weights)
    assert_right(run.outputs[0], want, allowed(case, inputs, weights, want), case.name)
    for dead in run.dead:
        np.testing.assert_array_equal(dead, 0)
