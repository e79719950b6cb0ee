"""The device without OpenGL: every case of the table on devices of many kinds, in float32 and float64."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from cases.keras import CASES
from support.shares import kept

import glnn
from glnn.device import Device
from glnn.errors import LimitError
from glnn.graph import ActivationCodec
from glnn.graph.graph import as_tuple
from glnn.layers.conv import Conv2D
from glnn.layers.core import Permute
from glnn.layout.codec import CODECS
from glnn.testing import (
    assert_close,
    between_copies,
    check_layer,
    coded_weights,
    decoded_activation,
    grid,
    run_layer,
)

PHONE = {"draw_buffers": 1, "texture_units": 8}
KINDS: dict[str, dict[str, Any]] = {
    "es300": {},
    "es300-64": {"max_texture_size": 64},
    "split": {"max_texture_size": 16},
    "gl330-4": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "split-es100": {"max_texture_size": 16, "dialect": "es100"},
    "half": {"float_targets": "float16"},
    "half-es100": {"float_targets": "float16", "dialect": "es100"} | PHONE,
    "bytes": {"float_targets": "rgba8"} | PHONE,
    "bytes-es100": {"float_targets": "rgba8", "dialect": "es100"} | PHONE,
}
CODECS_OF_WEIGHTS = ("float16", "uint16", "uint8", "uint4")
CODED = [case for case in CASES if any(w.ndim >= 2 for w in case.weights.values())]
SHARE, WIDE_SHARE, CODED_SHARE = 72, 54, 182  # one case in so many on a push; --whole runs all


def params(names: list[str], cases: list[Case], share: int) -> list[Any]:
    def marks(name: str, case: Case) -> list[Any]:
        return [] if zlib.crc32(f"{name}:{case.name}".encode()) % share == 0 else [pytest.mark.whole]

    # Values beyond half precision by design are judged in float32.
    pairs = [(n, case) for n in names for case in cases if case.kind == "normal" or not n.startswith("half")]
    return kept([pytest.param(n, case, id=f"{n}-{case.name}", marks=marks(n, case)) for n, case in pairs])


_devices: dict[str, Device] = {}


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    for device in _devices.values():
        device.close()
    _devices.clear()


def device_of(kind: str, **more: Any) -> Device:
    key = f"{kind}{more}"
    if key not in _devices:
        _devices[key] = Device("numpy", **{**KINDS[kind], **more})
    return _devices[key]


def check(device: Device, case: Case, weights: Mapping[str, Any]) -> None:
    """The case is right on the device, or refused where each of many parts would take a texture unit."""
    try:
        check_layer(device, case.layer, case.inputs, weights)
    except LimitError as error:
        assert device.limits.dialect == "es100" and device.limits.max_texture_size == 16 and "texture" in str(error)
        assert sum(x.size for x in (*case.inputs, *case.weights.values())) > 3000, f"{case.name} has room"


# ---- the table


@pytest.mark.parametrize(("kind", "case"), params(list(KINDS), CASES, SHARE))
def test_layer(kind: str, case: Case) -> None:
    """Within float32's usual tolerance, poisoned before, dead lanes zero."""
    check(device_of(kind), case, case.weights)


@pytest.mark.parametrize(("kind", "case"), params(["es300", "split"], CASES, WIDE_SHARE))
def test_layer_in_float64(kind: str, case: Case) -> None:
    """A kernel's own text in float64 gives the reference to 1e-12: it has no error of its own."""
    run = run_layer(device_of(kind, precision="float64"), case.layer, case.inputs, case.weights)
    wide = {name: np.asarray(w, np.float64) for name, w in case.weights.items()}
    with np.errstate(all="ignore"):
        expected = as_tuple(case.layer.reference([x.astype(np.float64) for x in case.inputs], wide))
    for got, want in zip(run.outputs, expected, strict=True):
        assert got.dtype == np.float64
        assert_close(got, want, 1e-12, case.name)
    for dead in run.dead:
        np.testing.assert_array_equal(dead, 0)


@pytest.mark.parametrize("codec", CODECS_OF_WEIGHTS)
@pytest.mark.parametrize(
    ("kind", "case"), params(["es300", "split", "es100", "bytes", "bytes-es100"], CODED, CODED_SHARE)
)
def test_coded_weights(kind: str, case: Case, codec: str) -> None:
    for per_channel in (True, False):
        weights = coded_weights(case.layer, case.shapes, case.weights, codec, per_channel)
        check(device_of(kind), case, weights)


@pytest.mark.parametrize("precision", ["highp", "float64"])
@pytest.mark.parametrize("codec", ["float16", "rgba8", "uint8"])
@pytest.mark.parametrize("kind", ["es300", "split", "es100", "bytes-es100"])
def test_coded_activations(kind: str, codec: str, precision: str) -> None:
    layer, shape = Conv2D(6, (3, 3), padding="same"), (1, 7, 9, 5)
    rng = np.random.default_rng(0)
    weights = {s.name: (rng.standard_normal(s.shape) / 4).astype(np.float32) for s in layer.weight_specs(shape)}
    x = rng.standard_normal(shape).astype(np.float32)
    wide = {name: w.astype(np.float64) for name, w in weights.items()}
    between = grid(codec, x)
    y = as_tuple(layer.reference([decoded_activation(x, between)], wide))[0]
    codecs = {"a0": between, "b0": grid(codec, y)}
    graph = between_copies(layer, [shape], weights, lambda name: codecs[name])
    with glnn.Model(graph, device_of(kind, precision=precision)) as model:
        got = np.asarray(model.predict({"x0": x}, verbose=0)["y0"])
    if codec == "uint8":
        steps = (got - decoded_activation(y, codecs["b0"])) / codecs["b0"].scale
        assert np.abs(steps).max() < 1.01 and (np.abs(steps) > 0.5).mean() < 0.02  # next to a border of two codes
    else:
        assert_close(got, y, CODECS[codec].tolerance)


CHAINS = {  # what is read are parts of several layers each, and loops over channels step from part to part
    "taps": (Conv2D(7, (3, 3), padding="same"), (1, 15, 29, 40)),
    "single taps": (Conv2D(5, 1), (1, 13, 22, 150)),
    "plain": (Permute((3, 1, 2)), (1, 15, 29, 40)),
}


@pytest.mark.parametrize("buffers", [8, 4, 1])
@pytest.mark.parametrize("name", CHAINS)
def test_blocked_tensors_in_parts_are_read_as_they_were_written(name: str, buffers: int) -> None:
    layer, shape = CHAINS[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    weights = {s.name: rng.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(shape)}
    graph = between_copies(layer, [shape], weights, lambda name: ActivationCodec("float32"))
    device = device_of("split", draw_buffers=buffers, precision="float64")
    with glnn.Model(graph, device) as model:
        got = model.predict({"x0": x}, verbose=0)["y0"]
        plan = model.session.plan({"x0": shape})
    assert max(draw.layers[0] for draw in plan.draws) > 0
    wide = {key: np.asarray(w, np.float64) for key, w in weights.items()}
    assert_close(np.asarray(got), as_tuple(layer.reference([x.astype(np.float64)], wide))[0], 1e-12, name)
