"""The search for the cheapest codecs within a drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.blocks import block, images, rms

import glnn
from glnn import quant
from glnn.errors import QuantizationError
from glnn.graph import Node
from glnn.layers.core import Dense
from glnn.measure.quantize import search
from glnn.model import Model


def test_the_search_keeps_to_the_drift_and_to_fewest_bytes(model: Model, digits: tuple) -> None:
    x = digits[0][:24]
    expected, sizes = model.predict(x), []
    for allowed in (0.0001, 0.005, 0.03, 0.5):
        with model.quantize("auto", calibrate=x, max_drift=allowed, verbose=0) as small:
            assert small.report is not None and small.report.max_drift == allowed
            assert small.report.drift == pytest.approx(rms(small.predict(x), expected), rel=1e-6)
            assert small.report.drift <= allowed
            sizes.append(small.report.bytes_after)
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[1] > sizes[-1]
    with model.quantize("uint4") as least:
        assert least.report is not None and sizes[-1] == least.report.bytes_after


def test_the_search_leaves_out_what_is_skipped_and_knows_activations(device: glnn.Device) -> None:
    x = images(8)
    with Model(block(), device) as full:
        with full.quantize("auto", calibrate=x, max_drift=0.05, skip=["b"], activations="uint8", verbose=0) as small:
            assert quant.codec_of(small.get_layer("b").weights["kernel"]) == "float32"
            assert quant.codec_of(small.get_layer("a").weights["kernel"]) != "float32"
            assert small.report is not None and small.report.drift <= 0.05
        with pytest.raises(QuantizationError, match="activations alone drift"):
            full.quantize("auto", calibrate=x, max_drift=1e-6, activations="uint8", verbose=0)


def test_the_search_takes_the_only_batch_that_there_is(device: glnn.Device) -> None:
    graph, x = block(), images(8)
    fixed = graph.with_(inputs=(replace(graph.inputs[0], shape=(8, 6, 5, 3)),))
    found = []
    for one in (graph, fixed):
        with Model(one, device) as full, full.quantize("auto", calibrate=x, max_drift=0.05, verbose=0) as small:
            assert small.report is not None and small.report.drift <= 0.05
            found.append([quant.codec_of(node.weights["kernel"]) for node in small.layers if "kernel" in node.weights])
    assert len(found[0]) == 3 and "float32" not in found[1]


def layers(*costs: tuple[float, float]) -> list[search.Layer]:
    """Layers of 1000 bytes with these drifts in uint8 and uint4."""
    made = []
    for eight, four in costs:
        sizes = {"float32": (1000, 0.0), "uint16": (500, (eight / 257) ** 2)}
        made.append(search.Layer([], sizes | {"uint8": (250, eight**2), "uint4": (125, four**2)}))
    return made


def test_a_plan_takes_what_saves_most_per_drift() -> None:
    table = layers((0.001, 0.004), (0.001, 0.1), (0.002, 0.003))
    search.plan(table, 0.0055**2)
    assert [layer.codec for layer in table] == ["uint4", "uint8", "uint4"]
    search.plan(table, 0.0)
    assert [layer.codec for layer in table] == ["float32"] * 3


def test_a_plan_begins_where_the_most_is_saved() -> None:
    """Both drift alike and only one fits: the larger one, whichever comes first."""
    small = search.Layer([], {"float32": (100, 0.0), "uint8": (25, 1e-6)})
    for table in ([small, layers((0.001, 1.0))[0]], [layers((0.001, 1.0))[0], small]):
        search.plan(table, 1.1e-6)
        assert {layer.costs["float32"][0]: layer.codec for layer in table} == {100: "float32", 1000: "uint8"}


@pytest.mark.parametrize("truth", [0.3, 1.0, 5.0, 60.0])
def test_a_plan_whose_drift_is_other_than_thought_is_mended(truth: float) -> None:
    """The whole drifts `truth` times as far as its layers' squares say."""
    table = layers(*[(0.001 * (i + 1), 0.017 * (i + 1)) for i in range(12)])
    for i, layer in enumerate(table):
        layer.nodes = [Node(str(i), Dense(1), (), ())]

    def measure(plan: Any) -> float:
        return truth * float(np.sqrt(sum(table[int(n)].costs[c][1] for n, c in plan.items()))) / 0.05

    found = search.settle(table, 0.05**2, measure)
    assert measure(found) <= 1
    naive = 12 * 1000
    assert sum(table[i].costs[found.get(str(i), "float32")][0] for i in range(12)) < naive * 0.6


def test_where_no_plan_holds_the_worst_layers_are_raised() -> None:
    table = layers((0.001, 0.01), (0.002, 0.02), (0.003, 0.03))
    for i, layer in enumerate(table):
        layer.nodes = [Node(str(i), Dense(1), (), ())]
    search.plan(table, 1.0)
    mended = search.back_off(table, lambda plan: 2.0 if plan["2"] == "uint4" else 0.5)
    assert mended == {"0": "uint4", "1": "uint4", "2": "uint8"}
    assert search.back_off(table, lambda plan: 2.0 if plan else 0.0) == {}
    assert search.settle(table, 1.0, lambda plan: np.inf if plan else 0.0) == {}
