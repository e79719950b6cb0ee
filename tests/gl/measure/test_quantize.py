"""Model.quantize and Model.range_report: results against Keras and NumPy, the search, reports, what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn import passes, quant
from glnn.errors import InputError, QuantizationError
from glnn.graph import Graph, Node, TensorSpec, reference
from glnn.graph.quantized import Quantized
from glnn.layers.activation import ReLU, Softmax
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.merging import Add
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import GlobalAveragePooling2D
from glnn.measure import ranges as calibrate
from glnn.measure import search
from glnn.measure.ranges import watched
from glnn.model import Model


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device() as made:
        yield made
        assert made.error() == "GL_NO_ERROR"


@pytest.fixture(scope="module")
def digits(root: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        return (data["images"] / 16).astype(np.float32)[..., None], data["labels"]


@pytest.fixture(scope="module")
def model(root: Path, device: glnn.Device) -> Iterator[Model]:
    with Model.load(root / "examples" / "digits.h5", device=device) as made:
        yield made


def block(seed: int = 0) -> Graph:
    """x (?, 6, 5, 3) -> conv, norm, relu -> conv -> sum -> mean -> dense -> scores (?, 4) and the sum's map."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) / np.sqrt(max(1, np.prod(shape[:-1])))).astype(np.float32)

    norm = {n: np.full(6, v, np.float32) for n, v in (("gamma", 2), ("beta", 0.1), ("moving_mean", 0.2))}
    nodes = (
        Node("a", Conv2D(6, 3, padding="same"), ("x",), ("1",), {"kernel": draw(3, 3, 3, 6), "bias": draw(6)}),
        Node("n", BatchNormalization(), ("1",), ("2",), norm | {"moving_variance": np.full(6, 0.7, np.float32)}),
        Node("r", ReLU(), ("2",), ("3",)),
        Node("b", Conv2D(6, 3, padding="same"), ("3",), ("4",), {"kernel": draw(3, 3, 6, 6), "bias": draw(6)}),
        Node("s", Add(), ("3", "4"), ("map",)),
        Node("m", GlobalAveragePooling2D(), ("map",), ("5",)),
        Node("d", Dense(4), ("5",), ("y",), {"kernel": draw(6, 4), "bias": draw(4)}),
    )
    return Graph("block", (TensorSpec("x", (None, 6, 5, 3)),), nodes, ("y", "map"), ("scores", "map"))


def images(count: int = 6, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 6, 5, 3)).astype(np.float32)


def rms(got: np.ndarray, expected: np.ndarray) -> float:
    wide = expected.astype(np.float64)
    return float(np.sqrt(np.square(got - wide).sum() / np.square(wide).sum()))


# ---- results


@pytest.mark.parametrize(("codec", "agreement"), [("float16", 1.0), ("uint16", 1.0), ("uint8", 0.995), ("uint4", 0.97)])
def test_digits_in_every_codec(model: Model, digits: tuple, codec: str, agreement: float) -> None:
    x, labels = digits
    expected = model.predict(x)
    with model.quantize(codec, calibrate=x, verbose=0) as small:
        got = small.predict(x)
        report = small.report
    same = float(np.mean(got.argmax(1) == expected.argmax(1)))
    assert same >= agreement and np.mean(got.argmax(1) == labels) >= 0.96
    assert report is not None and report.top1 == same and model.report is None
    assert report.drift == pytest.approx(rms(got, expected), rel=1e-6) and report.drift > 0
    sizes = {"float16": 0.51, "uint16": 0.52, "uint8": 0.27, "uint4": 0.14}
    assert report.ratio is not None and report.ratio < sizes[codec]
    assert report.bytes_after == sum(row.bytes_after for row in report.layers)


@pytest.mark.parametrize("codec", ["uint8", "uint4", "float16"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_keras_with_the_decoded_weights_gives_the_same(
    root: Path, model: Model, digits: tuple, codec: str, per_channel: bool
) -> None:
    keras = pytest.importorskip("keras")
    network = keras.saving.load_model(root / "examples" / "digits.h5", compile=False)
    with model.quantize(codec, per_channel=per_channel) as small:
        for node in small.layers:
            if node.weights:
                kernel, bias = (np.asarray(node.weights[name], np.float32) for name in ("kernel", "bias"))
                layer = network.get_layer(node.label)
                layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
                if not layer.use_bias:  # its bias came from the normalisation that is folded into it
                    norm = network.layers[network.layers.index(layer) + 1]
                    one = np.ones_like(bias)
                    norm.set_weights([one, bias, 0 * one, one - np.float32(norm.epsilon)])
        got = small.predict(digits[0])
    np.testing.assert_allclose(got, network.predict(digits[0], verbose=0), rtol=0, atol=1e-5)


def test_soft_float_activations_are_float32(model: Model, digits: tuple) -> None:
    with model.quantize("float32", activations="rgba8", calibrate=digits[0]) as soft:
        assert len(soft.graph.activations) >= 3 and soft.report is not None and soft.report.top1 == 1
        np.testing.assert_allclose(soft.predict(digits[0]), model.predict(digits[0]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("codec", ["uint8", "uint4"])
def test_rock_paper_scissors(models: Path, device: glnn.Device, codec: str) -> None:
    """Two pictures only, and the softmax is sure of both: what weights lose shows in the layer before it."""
    folder = models / "rps"
    if not (folder / "rps.json").is_file():
        pytest.skip("the rock-paper-scissors model is not in the folder of models")
    pictures = []
    for name in ("scissors", "paper"):
        with np.load(folder / name / "inputs.npz") as file:
            pictures.append(next(iter(file.values())).reshape(1, 227, 227, 3))
    x = np.concatenate(pictures).astype(np.float32)
    with Model.load(folder, device=device) as full:
        expected = full.predict(x)
        with full.quantize(codec, calibrate=x) as small:
            got = small.predict(x)
            report = small.report
    assert report is not None and report.ratio is not None and report.top1 == 1
    assert report.ratio < {"uint8": 0.265, "uint4": 0.14}[codec]
    last = report.layers[-1].drift
    assert report.layers[-1].name == "conv10-final" and last is not None
    assert {"uint8": 0.01, "uint4": 0.1}[codec] < last < {"uint8": 0.04, "uint4": 0.45}[codec]
    np.testing.assert_array_equal(got.argmax(1), expected.argmax(1))
    np.testing.assert_allclose(got, expected, rtol=0, atol={"uint8": 1e-6, "uint4": 1e-3}[codec])


def test_batch_normalisation_is_folded_before_weights_are_coded(device: glnn.Device) -> None:
    with Model(block(), device) as full, full.quantize("uint8") as small:
        names = [node.name for node in small.layers]
        assert "n" not in names and [n.name for n in passes.optimize(small.graph).nodes] == names
        folded = next(n for n in full.optimized.nodes if n.name == "a").weights["kernel"]
        coded = small.get_layer("a").weights["kernel"]
        assert isinstance(coded, Quantized)
        assert (np.abs(np.asarray(coded) - folded) <= coded.scale * 0.5001).all()
        x = images()
        for got, expected in zip(small.predict(x), reference.run(small.graph, {"x": x}).values(), strict=True):
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_optimized_graph_stays_through_more_passes(device: glnn.Device) -> None:
    graph = passes.optimize(block())
    again = passes.optimize(graph)
    for before, after in zip(graph.nodes, again.nodes, strict=True):
        assert (before.name, before.layer, before.inputs, before.outputs) == (
            after.name, after.layer, after.inputs, after.outputs,
        )  # fmt: skip
        assert all(after.weights[name] is array for name, array in before.weights.items())
    assert again.outputs == graph.outputs and again.output_names == graph.output_names
    seen, _ = watched(graph)
    assert [n.name for n in passes.optimize(seen).nodes] == [n.name for n in seen.nodes]


def test_choices_per_layer_and_outputs_keep_their_names(device: glnn.Device) -> None:
    x = images()
    with Model(block(), device) as full:
        with full.quantize({"a": "uint4", "*": "uint16"}, skip="d") as small:
            kinds = [quant.codec_of(n.weights["kernel"]) for n in small.layers if n.weights]
            assert kinds == ["uint4", "uint16", "float32"]
            assert list(small.predict({"x": x})) == ["scores", "map"]
        with full.quantize(lambda node: "uint8" if isinstance(node.layer, Dense) else None) as small:
            assert [quant.codec_of(n.weights["kernel"]) for n in small.layers if n.weights] == ["float32"] * 2 + [
                "uint8"
            ]
        with full.quantize("float32", calibrate=x) as same:
            assert same.report is not None and same.report.ratio == 1 and same.report.drift == 0
            assert all(row.sqnr_db is None and row.drift == 0 for row in same.report.layers)


def test_without_calibration_no_opengl_is_touched_and_nothing_is_invented() -> None:
    small = Model(block()).quantize("uint8")
    assert small._device is None and small.report is not None
    assert small.report.drift is None and small.report.top1 is None and small.report.outputs == ()
    assert all(row.drift is None for row in small.report.layers)
    assert "Drift of the output: - (not measured" in str(small.report) and "Top-1" not in str(small.report)


def test_quantizing_twice_is_told(device: glnn.Device) -> None:
    with Model(block(), device) as full, full.quantize("uint8") as once:
        with once.quantize("uint8", calibrate=images()) as same, once.quantize("uint4") as twice:
            assert same.report is not None and twice.report is not None
            assert same.report.drift == 0 and same.report.layers[0].note == "as it was"
            assert same.get_layer("a").weights["kernel"] is once.get_layer("a").weights["kernel"]
            assert "quantized again, from uint8" in twice.report.layers[0].note
            assert "quantized again" in str(twice.report)


# ---- drift and ranges, against NumPy


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


# ---- the search


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


# ---- reports


class Cells(HTMLParser):
    """The texts of a table's cells, and every tag that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def test_text_html_and_json_tell_the_same(device: glnn.Device) -> None:
    graph = block()
    evil = "<script>alert(1)</script>&"
    graph = graph.with_(nodes=tuple(n.with_(label=evil) if n.name == "a" else n for n in graph.nodes), name=evil)
    with Model(graph, device) as full, full.quantize("uint8", calibrate=images()) as small:
        report = small.report
        assert report is not None
        cells = Cells()
        cells.feed(report._repr_html_())
        lines = str(report).splitlines()
        ranges = small.range_report(images())
        parsed = Cells()
        parsed.feed(ranges.to_html())
    assert "script" not in cells.tags and "script" not in parsed.tags and cells.rows[1][0] == evil
    totals = report.totals()
    assert lines[1 : 1 + len(totals)] == totals and report._repr_html_().index(totals[0][:8]) < min(
        report._repr_html_().index(tag) for tag in ("<table", "<thead")
    )
    rows = lines[3 + len(totals) :]
    assert len(rows) == len(cells.rows) - 1
    for row, line in zip(cells.rows[1:], rows, strict=True):
        assert line.split()[:2] == row[:2] and all(cell in line for cell in row)
    data = json.loads(report.to_json())
    assert data["layers"][0]["name"] == evil and data["layers"][0]["codec"] == "uint8"
    assert data["bytes_after"] == report.bytes_after and data["drift"] == report.drift
    assert len(parsed.rows) == len(ranges.rows) + 1


def test_what_is_not_a_number_is_valid_json(device: glnn.Device) -> None:
    weights = {"kernel": np.full((3, 3, 3, 6), 0.25, np.float32)}
    graph = block()
    graph = graph.with_(
        nodes=tuple(n.with_(weights=weights | {"bias": n.weights["bias"]}) if n.name == "a" else n for n in graph.nodes)
    )
    with Model(graph, device) as full, full.quantize({"a": "float16"}) as small:
        assert small.report is not None
        assert json.loads(small.report.to_json())["layers"][0]["sqnr_db"] is not None


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"weights": "int8"}, InputError, r"weights='int8'; allowed are float32.*and auto"),
        ({"weights": {"zz": "uint8"}}, InputError, "'zz' matches no layer of 'block'"),
        ({"skip": ["nope"]}, InputError, "skip: 'nope' matches no layer"),
        ({"activations": "int8"}, InputError, "activations='int8'; allowed are float32, float16, rgba8, uint8"),
        ({"activations": "uint8"}, QuantizationError, "needs calibrate=inputs"),
        ({"weights": "auto"}, QuantizationError, "give calibrate=inputs"),
        ({"max_drift": 0.1}, InputError, "max_drift=0.1"),
        ({"weights": "auto", "max_drift": -1, "calibrate": images()}, InputError, "max_drift=-1: a number above 0"),
        ({"calibrate": images()[..., :2]}, InputError, r"calibrate: input 'x': .*\(6, 6, 5, 2\).*expected"),
        ({"calibrate": images()[:0]}, InputError, "calibrate: input 'x' holds no sample"),
        ({"calibrate": np.full((1, 6, 5, 3), "a")}, InputError, "calibrate: input 'x': dtype"),
        ({"calibrate": {"z": images()}}, InputError, "calibrate: inputs by name: unknown"),
        ({"calibrate": 0 * images() + np.nan}, QuantizationError, r"input 'x', 540 of 540 .*\[0, 0, 0, 0\]: nan"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(device: glnn.Device, arguments: Any, error: type, words: str) -> None:
    with Model(block(), device) as full, pytest.raises(error, match=words):
        full.quantize(**arguments)


def with_kernel(name: str, change: Any) -> Graph:
    graph = block()
    nodes = [
        n.with_(weights={**n.weights, "kernel": change(n.weights["kernel"].copy())}) if n.name == name else n
        for n in graph.nodes
    ]
    return graph.with_(nodes=tuple(nodes))


def test_bad_weights_and_ranges_are_named(device: glnn.Device) -> None:
    def infinite(kernel: np.ndarray) -> np.ndarray:
        kernel[0, 0, 0, 1] = np.inf
        return kernel

    with Model(with_kernel("b", infinite), device) as full:
        with pytest.raises(QuantizationError, match=r"layer 'b', weight 'kernel': 1 of 324"):
            full.quantize("uint8")
        full.quantize("uint8", skip=["b"]).close()
        with pytest.raises(QuantizationError, match="layer 'b', weight 'kernel': 1 of 324"):
            full.quantize("auto", calibrate=images(), verbose=0)
        with pytest.raises(QuantizationError, match="output 'scores' holds NaN or infinity"):
            full.quantize("auto", calibrate=images(), skip=["b"], verbose=0)
        with pytest.raises(QuantizationError, match="layer 'm': its output holds NaN or infinity.*range_report"):
            full.quantize("float32", activations="uint8", calibrate=images())
    silent = with_kernel("a", lambda k: 0 * k)
    dead = {"bias": np.full(6, -1, np.float32), "kernel": np.zeros((3, 3, 3, 6), np.float32)}
    silent = silent.with_(nodes=tuple(n.with_(weights=dead) if n.name == "a" else n for n in silent.nodes))
    with Model(silent, device) as full:
        with pytest.raises(QuantizationError, match="layer 'a': its output is 0 on all.*zero width.*skip=\\['a'\\]"):
            full.quantize("float32", activations="uint8", calibrate=images())
        full.quantize("float32", activations="uint8", calibrate=images(), skip=["a"]).close()
    with Model(block(), device) as full, pytest.raises(InputError, match="range_report: input 'x'"):
        full.range_report(images()[0])


def test_nothing_stays_on_the_device(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a run fails half way."""
    opened: list[Model] = []
    original = Model.__init__

    def remember(self: Model, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        opened.append(self)

    with Model(block(), device) as full:
        monkeypatch.setattr(Model, "__init__", remember)
        small = full.quantize("auto", activations="uint8", calibrate=images(), max_drift=0.05, verbose=0)
        full.range_report(images())
        assert [m for m in opened if not m._closed] == [small]
        small.close()
        calls = []

        def fail(self: Model, *args: Any, **kwargs: Any) -> Any:
            calls.append(self)
            raise RuntimeError("the device is gone")

        monkeypatch.setattr(Model, "predict", fail)
        for action in (
            lambda: full.range_report(images()),
            lambda: full.quantize(activations="uint8", calibrate=images()),
        ):
            with pytest.raises(RuntimeError, match="gone"):
                action()
        assert calls and all(m._closed for m in opened)


def test_large_inputs_go_in_batches(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    x = images(7)
    with Model(block(), device) as full:
        whole = full.range_report(x)
        monkeypatch.setattr(calibrate, "BATCH_BYTES", 6000)
        sizes = [len(part["x"]) for part in calibrate.batches(full.optimized, {"x": x})]
        assert sum(sizes) == 7 and 1 < len(sizes)
        parted = full.range_report(x)
    for a, b in zip(whole.rows, parted.rows, strict=True):
        assert (a.layer, a.overflow, a.nans) == (b.layer, b.overflow, b.nans)
        assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-5)


def test_weights_that_layers_share_count_once() -> None:
    kernel = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
    nodes = tuple(
        Node(f"d{i}", Dense(40, use_bias=False), (f"t{i}",), (f"t{i + 1}",), {"kernel": kernel}) for i in range(3)
    )
    report = Model(Graph("loop", (TensorSpec("t0", (None, 40)),), nodes, ("t3",))).quantize("uint8").report
    assert report is not None and len(report.layers) == 3
    assert (report.bytes_before, report.bytes_after) == (6400, 1600 + 320)
    assert all(row.bytes_after == 1920 for row in report.layers)


def test_two_inputs_and_a_flat_graph(device: glnn.Device) -> None:
    kernel = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    nodes = (
        Node("add", Add(), ("p", "q"), ("s",)),
        Node("flat", Flatten(), ("s",), ("f",)),
        Node("dense", Dense(3, use_bias=False), ("f",), ("y",), {"kernel": kernel}),
    )
    graph = Graph("two", (TensorSpec("p", (None, 3, 4)), TensorSpec("q", (None, 3, 4))), nodes, ("y",))
    p, q = np.random.default_rng(1).normal(size=(2, 5, 3, 4)).astype(np.float32)
    with Model(graph, device) as full:
        for given in ([p, q], {"q": q, "p": p}):
            with full.quantize("uint8", calibrate=given, activations="uint8") as small:
                assert small.report is not None and small.report.samples == 5 and 0 < small.report.drift < 0.03
        with pytest.raises(InputError, match="calibrate: one array was given; this model has 2 inputs"):
            full.quantize(calibrate=p)
