"""Every case of the table through the shaders, on devices of many kinds: dialects, draw buffers, sizes, codecs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from cases import CASES, Case

import glnn
from glnn.blocks import ceil_div
from glnn.errors import LimitError
from glnn.layers.conv import Conv2D
from glnn.layout import Limits
from glnn.testing import assert_close, check_layer, decoded, layer_graph, run_layer

# name -> limits of the device. The first two run every case on each push, the others a share; --whole runs all.
WHOLE = ("es300-8-4096", "es100-1-64")
CONFIGS: dict[str, dict] = {
    f"{dialect}-{buffers}-{size}": {"dialect": dialect, "draw_buffers": buffers, "max_texture_size": size}
    for dialect, counts in (("es300", (8, 4, 1)), ("gl330", (8, 4, 1)), ("es100", (1,)))
    for buffers in counts
    for size in (4096, 64)
}
CONFIGS["split"] = {"max_texture_size": 16}  # nearly every tensor in several textures
CONFIGS["split-es100"] = {"max_texture_size": 16, "dialect": "es100"}
CONFIGS["half"] = {"float_targets": ["float16"]}
CONFIGS["bytes"] = {"float_targets": ["rgba8"]}  # soft float, with bit operations
CONFIGS["bytes-es100"] = {"float_targets": ["rgba8"], "dialect": "es100", "texture_units": 8}
SHARE = 6  # one case in so many, where not all run


def chosen(config: str, case: Case) -> bool:
    """Whether a push runs this case on this device: a share that differs from device to device."""
    return config in WHOLE or zlib.crc32(f"{config} {case.name}".encode()) % SHARE == 0


PARAMS = [
    pytest.param(config, case, id=f"{config}-{case.name}", marks=[] if chosen(config, case) else [pytest.mark.whole])
    for config in CONFIGS
    for case in CASES
]
_devices: dict[str, glnn.Device] = {}


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[dict[str, glnn.Device]]:
    """A device for each kind of limits, made when first asked for."""
    yield _devices
    for device in _devices.values():
        device.close()
    _devices.clear()


def device_for(config: str) -> glnn.Device:
    if config not in _devices:
        for other in _devices.values():
            other.close()
        _devices.clear()
        _devices[config] = glnn.Device(**CONFIGS[config])
    return _devices[config]


@pytest.mark.parametrize(("config", "case"), PARAMS)
def test_layer(config: str, case: Case) -> None:
    device = device_for(config)
    assert device.error() == "GL_NO_ERROR"
    if device.limits.float_target == "float16" and case.kind != "normal":
        pytest.skip("the values of this case are beyond half precision by design; float32 judges them")
    if config.startswith("split") and needs(case, device.limits) > 1:
        with pytest.raises(LimitError, match=r"texture"):
            check_layer(device, case.layer, case.inputs, case.weights)
        return
    check_layer(device, case.layer, case.inputs, case.weights)


def needs(case: Case, limits: Limits) -> float:
    """The largest tensor of a case, as a share of what the device can read at once."""
    room = (limits.texture_units - 1) * limits.max_texture_size**2
    specs = layer_graph(case.layer, case.shapes, case.weights).specs()
    return max(ceil_div(s.shape[-1], 4) * _pixels(s.shape) for s in specs.values()) / room


def _pixels(shape: tuple) -> int:
    count = 1
    for size in shape[:-1]:
        count *= size
    return count


def test_splitting_changes_nothing() -> None:
    """The same convolution over one texture and over many gives the same values but for the order of its sums."""
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((1, 29, 27, 5)), rng.standard_normal((3, 3, 5, 20))
    layer, weights = Conv2D(20, (3, 3), padding="same", use_bias=False), {"kernel": kernel.astype(np.float32)}
    whole = run_layer(device_for("es300-1-4096"), layer, [x], weights)
    split = run_layer(device_for("split"), layer, [x], weights)
    assert min(len(t.slots) for t in (*split.plan.inputs, *split.plan.outputs)) > 1
    assert_close(split.outputs[0], whole.outputs[0].astype(float), 3e-7)


def test_half_differs_from_float() -> None:
    """The float16 run really stores half precision: it misses float32's tolerance."""
    case = next(c for c in CASES if c.name.startswith("Conv2D") and c.kind == "normal")
    run = run_layer(device_for("half"), case.layer, case.inputs, case.weights)
    exact = case.layer.reference([decoded(x, "float16") for x in case.inputs], case.weights)
    with pytest.raises(AssertionError):
        assert_close(run.outputs[0], exact, 1e-5)
