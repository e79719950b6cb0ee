"""Ranges and drift of every tensor, against NumPy."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.blocks import block, images, rms

import glnn
from glnn.graph import Graph, Node, TensorSpec, reference
from glnn.layers.activation import Softmax
from glnn.layers.core import Dense
from glnn.measure.quantize import ranges as calibrate
from glnn.model import Model


def tensors(graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor that a layer makes, through the references."""
    names = tuple(name for node in graph.nodes for name in node.outputs)
    return reference.run(graph.with_(outputs=names, output_names=names), {"x": x})


def test_drift_of_each_layer_is_that_of_its_output(device: glnn.Device) -> None:
    x = images(9)
    with Model(block(), device) as full, full.quantize("uint4", calibrate=x) as small:
        before, after = tensors(full.optimized, x), tensors(small.graph, x)
        assert small.report is not None and small.report.samples == 9
        for row, node in zip(small.report.layers, [n for n in small.layers if n.weights], strict=True):
            assert row.name == node.name
            assert row.drift == pytest.approx(rms(after[node.outputs[0]], before[node.outputs[0]]), rel=1e-3)
        by_name = {row.name: row for row in small.report.outputs}
        assert by_name["map"].top1 is None and by_name["scores"].top1 is not None
        assert by_name["map"].drift == pytest.approx(rms(after["map"], before["map"]), rel=1e-3)
        assert small.report.drift == max(row.drift for row in small.report.outputs)


def test_ranges_of_uint8_activations_are_what_the_layers_make(device: glnn.Device) -> None:
    x = images(7)
    with Model(block(), device) as full, full.quantize("float32", activations="uint8", calibrate=x) as small:
        coded = small.graph.activations
        values = tensors(full.optimized, x)
        assert set(coded) == set(values) - {"y", "map"} and all(c.codec == "uint8" for c in coded.values())
        for name, c in coded.items():
            low, high = min(0, values[name].min()), max(0, values[name].max())
            step = (high - low) / 255
            assert abs(c.low - low) <= step * 0.51 and abs(c.high - high) <= step * 0.51
            code = -c.low / ((c.high - c.low) / 255)
            assert code == round(code) and 0 <= code <= 255  # zero has a code of its own
        assert small.report is not None and 0 < small.report.drift < 0.02
        assert [row.activation for row in small.report.layers if row.activation] == ["uint8"] * len(coded)
        report = small.range_report(10 * x)
        row = next(r for r in report.rows if r.tensor == "3")
        step = (coded["3"].high - coded["3"].low) / 255
        wide = tensors(full.optimized, 10 * x)["3"]
        expected = np.mean((wide > coded["3"].high + step / 2) | (wide < coded["3"].low - step / 2))
        assert row.leaves and row.clipped == pytest.approx(expected, abs=2e-3) and expected > 0.1
        assert [r.leaves for r in report.rows] == sorted((r.leaves for r in report.rows), reverse=True)
        assert not small.range_report(x).leaving


def test_drift_of_a_layer_holds_what_its_stored_output_loses(device: glnn.Device) -> None:
    """Weights stay float32, so the first layer's drift is that of its output's codes alone."""
    x = images(5)
    with Model(block(), device) as full:
        with full.quantize("float32", activations={"a": "uint8"}, calibrate=x) as small:
            (first, *_), (node, *_) = small.report.layers if small.report else (), small.layers
            wide, coded = tensors(full.optimized, x)["3"], small.graph.activations["3"]
        step = (coded.high - coded.low) / 255
        stored = np.rint(np.clip(wide, coded.low, coded.high) / step) * step
        assert (
            node.outputs == ("3",) and first.drift == pytest.approx(rms(stored, wide), rel=0.02) and first.drift > 1e-4
        )


def test_ranges_span_all_batches(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    x = images(6) * np.array([0.1, 3, 0.5, 0.1, 0.2, 0.3], np.float32).reshape(6, 1, 1, 1)
    with Model(block(), device) as full:
        with full.quantize("float32", activations="uint8", calibrate=x) as whole:
            pass
        monkeypatch.setattr(calibrate, "BATCH_BYTES", 3000)
        assert len(list(calibrate.batches(full.optimized, {"x": x}))) > 2
        with full.quantize("float32", activations="uint8", calibrate=x) as parted:
            pass
    for name, codec in whole.graph.activations.items():
        assert (codec.low, codec.high) == pytest.approx(
            (parted.graph.activations[name].low, parted.graph.activations[name].high), rel=1e-4
        )


@pytest.mark.parametrize("codec", ["float16", "rgba8"])
def test_activations_without_a_range_need_no_calibration(device: glnn.Device, codec: str) -> None:
    with Model(block(), device) as full:
        with full.quantize("float32", activations={"*": codec}, skip=["b"]) as small:
            assert {c.codec for c in small.graph.activations.values()} == {codec}
            assert set(small.graph.activations) == {"3", "5"}
        if codec == "rgba8":
            with full.quantize("float32", activations=codec, calibrate=images()) as soft:
                assert soft.report is not None and soft.report.drift < 1e-5


def test_range_report_counts_what_float16_cannot_hold(device: glnn.Device) -> None:
    weights = np.diag([1.0, 1e5, 1e-6, 1e-9]).astype(np.float32)
    nodes = (
        Node("scale", Dense(4, use_bias=False), ("x",), ("s",), {"kernel": weights}),
        Node("out", Softmax(), ("s",), ("y",)),
    )
    graph = Graph("scales", (TensorSpec("x", (None, 4)),), nodes, ("y",))
    x = np.array([[1, 1, 1, 1], [2, 0.5, 3, 0], [0.3, -1, 1, 1], [1, 0, 0, 0]], np.float32)
    with Model(graph, device) as full:
        report = full.range_report(x)
        first = report.rows[0]
        assert (first.layer, first.leaves, len(report.rows)) == ("scale", True, 3)
        s = x @ weights
        assert first.overflow == np.mean(np.abs(s) > 65504) == 2 / 16
        assert first.subnormal == pytest.approx(np.mean(np.abs(s[s != 0]) < 6.1e-5))
        assert first.flushed == pytest.approx(np.mean(np.abs(s[s != 0]) < 5.96e-8))
        assert (first.low, first.high, first.largest) == pytest.approx((-1e5, 1e5, 1e5))
        x[0, 0], x[1, 1] = np.nan, np.inf
        row = full.range_report(x).rows[0]
        assert row.nans + row.infs > 0 and row.leaves
        assert {r.layer: (r.nans, r.infs) for r in full.range_report(x).rows}["x"] == (1, 1)
        text = json.loads(full.range_report(x).to_json())
        assert text["leaving"][0] == row.layer and text["samples"] == 4
