"""Model.compare on devices of half floats: quiet on what is sound there, and faults are found as elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases.keras import CASES
from support.faulty import FAULTS, SHAPE, Fault, network, plant
from support.seeds import seeded

import glnn
from glnn.layers.activation import Activation, Softmax
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.merging import Dot
from glnn.layers.normalization import LayerNormalization, UnitNormalization
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling1D, GlobalAveragePooling2D
from glnn.model import Model
from glnn.show.reports.comparison import CompareReport
from glnn.testing.layers import layer_graph

RNG = seeded(3)
X = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
# What a device of half floats cannot show: less than its rounding, a text that is another there, what overflows anyway.
UNSEEN = {"wrong epsilon of variance", "wrong stride", "float16 overflow"}


def many(*shape: int, mean: float = 0.0, spread: float = 1.0) -> np.ndarray:
    return RNG.normal(mean, spread, shape).astype(np.float32)


def ones(units: int, terms: int) -> dict[str, np.ndarray]:
    return {"kernel": np.full((terms, units), 0.01, np.float32)}


NORM = {"gamma": np.ones(1500, np.float32), "beta": np.zeros(1500, np.float32)}
# Layer, inputs, weights, and whether half floats alone are beyond the tolerance of a layer.
LONG: dict[str, tuple[Layer, list[np.ndarray], dict[str, np.ndarray], bool]] = {
    "mean of equal values": (GlobalAveragePooling2D(), [np.full((1, 60, 50, 3), 1000.3, np.float32)], {}, False),
    "mean of others": (GlobalAveragePooling2D(), [many(1, 60, 50, 3, mean=3)], {}, False),
    "mean of a sequence": (GlobalAveragePooling1D(), [many(1, 3000, 4, mean=3)], {}, False),
    "large window": (AveragePooling2D((40, 40)), [np.full((1, 40, 40, 3), 77.7, np.float32)], {}, True),
    "sum": (Dense(3, use_bias=False), [np.ones((1, 2000), np.float32)], ones(3, 2000), True),
    "sum that overflows": (Dense(3, use_bias=False), [np.full((1, 2000), 900, np.float32)], ones(3, 2000), True),
    "product of matrices": (Dot(axes=(2, 1)), [many(1, 4, 2000), many(1, 2000, 5)], {}, False),
    "variance about a large mean": (LayerNormalization(), [many(2, 1500, mean=300)], NORM, True),
    "squares below halves": (UnitNormalization(), [many(2, 1500, spread=1e-4)], {}, True),
    "long softmax": (Softmax(), [np.zeros((1, 8000), np.float32)], {}, False),
    "softmax along rows": (Softmax(axis=1), [many(1, 2500, 3)], {}, False),
    "beyond halves": (Activation("exponential"), [np.linspace(-20, 20, 99, dtype=np.float32)[None]], {}, True),
}  # fmt: skip


ELSEWHERE = [pytest.param(name, marks=pytest.mark.whole) for name in ("es100", "numpy")]


@pytest.fixture(scope="module", params=["gl", *ELSEWHERE])
def phone(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    options: dict[str, dict[str, Any]] = {"es100": {"dialect": "es100"}, "numpy": {"index": "numpy"}}
    with glnn.Device(**options.get(request.param, {}), precision="mediump") as device:
        yield device


def compared(device: glnn.Device, layer: Layer, inputs: list[np.ndarray], weights: Any, **options: Any) -> Any:
    graph = layer_graph(layer, [x.shape for x in inputs], weights)
    with Model(graph, device) as model:
        return model.compare(dict(zip([s.name for s in graph.inputs], inputs, strict=True)), verbose=0, **options)


@pytest.mark.parametrize("name", LONG)
def test_what_half_floats_lose_is_no_fault(phone: glnn.Device, name: str) -> None:
    layer, inputs, weights, beyond = LONG[name]
    report = compared(phone, layer, inputs, weights)
    assert report.guilty == (), report
    assert [bool(row.halves) for row in report.layers] == [beyond]
    (row,) = report.layers
    assert row.own.rms <= row.tolerance < 1.5
    assert ("half floats come to that in NumPy too" in str(report)) == beyond
    assert CompareReport.from_json(report.to_json()) == report


@pytest.mark.parametrize("name", ["sum", "sum that overflows", "variance about a large mean"])
def test_a_fault_is_found_below_what_half_floats_lose(
    phone: glnn.Device, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A sum of 2,000 equal terms is off by far more than the 3 % by which its weights are."""
    layer, inputs, weights, _ = LONG[name]
    share = 1.03 if name == "sum" else 0.5
    worse = Fault("", "layer", node=lambda n: n.with_(weights={k: w * np.float32(share) for k, w in n.weights.items()}))
    with monkeypatch.context() as patch:
        plant(patch, worse)
        assert compared(phone, layer, inputs, weights).guilty == ("layer",)


def test_an_overflow_is_no_excuse_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Infinite is what half floats make of large weights, but the weights are none of the model's."""
    worse = Fault("", "layer", node=lambda n: n.with_(weights={"kernel": n.weights["kernel"] * np.float32(1e6)}))
    with monkeypatch.context() as patch, glnn.Device(precision="mediump") as device:
        plant(patch, worse)
        report = compared(device, Dense(3, use_bias=False), [np.ones((2, 40), np.float32)], ones(3, 40))
    assert report.guilty == ("layer",) and "6 infinities where the reference has 0 and 0" in str(report)


def test_every_layer_of_the_table_is_quiet(phone: glnn.Device, request: pytest.FixtureRequest) -> None:
    layers = [case for case in CASES if isinstance(case.layer, Layer) and len({len(x) for x in case.inputs}) == 1]
    loud = []
    whole = request.config.getoption("--whole") and phone.limits.dialect != "es100"  # where NumPy takes an hour
    for case in layers if whole else layers[::80]:
        report = compared(phone, case.layer, list(case.inputs), case.weights)
        loud += [(case.name, row.why) for row in report.layers if row.guilty]
    assert loud == []


def test_faults_are_found(phone: glnn.Device, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    seen = [fault for fault in FAULTS if fault.name not in UNSEEN]
    seen = [fault for fault in seen if not (fault.text and phone.limits.dialect == "es100")]  # other texts there
    found = {}
    for fault in seen if request.config.getoption("--whole") else seen[::9]:
        with monkeypatch.context() as patch:
            plant(patch, fault)
            with Model(network(), phone) as model:
                found[fault.layer] = model.compare(X, verbose=0).guilty
    assert found == {layer: (layer,) for layer in found} and len(found) >= 3


def test_against_another_device_of_half_floats(phone: glnn.Device) -> None:
    with glnn.Device("numpy", precision="mediump") as other:
        for name in ("mean of equal values", "sum that overflows"):
            layer, inputs, weights, _ = LONG[name]
            report = compared(phone, layer, inputs, weights, reference=other)
            assert report and report.layers[0].own.rms < 1e-3 and not report.layers[0].halves


def test_samples_in_pieces(phone: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, inputs, weights, _ = LONG["sum"]
    monkeypatch.setattr("glnn.measure.quantize.ranges.BATCH_BYTES", 1)
    report = compared(phone, layer, [np.concatenate([many(1, 2000), *inputs])], weights)
    assert report and report.samples == 2 and report.layers[0].halves


def test_highp_is_judged_as_before() -> None:
    """Where floats are whole, nothing of this goes."""
    layer, inputs, weights, _ = LONG["sum that overflows"]
    with glnn.Device("numpy") as device:
        row = compared(device, layer, inputs, weights).layers[0]
    assert not row.guilty and not row.halves and row.own.infs == 0 and row.own.rms < row.tolerance < 2e-3
