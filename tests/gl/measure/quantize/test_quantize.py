"""Model.quantize: results against Keras and NumPy, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.blocks import block, images, rms

import glnn
from glnn import passes, quant
from glnn.errors import InputError, QuantizationError
from glnn.graph import Graph, Node, TensorSpec, reference
from glnn.graph.quantized import Quantized
from glnn.layers.core import Dense, Flatten
from glnn.layers.merging import Add
from glnn.measure.quantize import ranges as calibrate
from glnn.measure.quantize.ranges import watched
from glnn.model import Model
from glnn.run.session import Session

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
    types = [(row.name, row.type) for row in report.layers]  # the user's layers, not the primitives that they become
    assert types == [("conv1", "Conv2D"), ("conv2", "Conv2D"), ("hidden", "Dense"), ("digit", "Dense")]


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

    def chosen(node: Node) -> str | None:
        """The one dense layer's."""
        return "uint8" if node.kind == "Dense" else None

    with Model(block(), device) as full:
        with full.quantize({"a": "uint4", "*": "uint16"}, skip="d") as small:
            kinds = [quant.codec_of(n.weights["kernel"]) for n in small.layers if n.weights]
            assert kinds == ["uint4", "uint16", "float32"]
            assert list(small.predict({"x": x})) == ["scores", "map"]
        with full.quantize(chosen) as small:
            assert [quant.codec_of(n.weights["kernel"]) for n in small.layers if n.weights] == ["float32"] * 2 + [
                "uint8"
            ]
        with full.quantize("float32", calibrate=x) as same:
            assert same.report is not None and same.report.ratio == 1 and same.report.drift == 0
            assert all(row.sqnr_db is None and row.drift == 0 for row in same.report.layers)


def test_without_calibration_no_opengl_is_touched_and_nothing_is_invented() -> None:
    small = Model(block()).quantize("uint8")
    assert small.session._device is None and small.report is not None
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
    opened: list[Session] = []
    original = Session.__init__

    def remember(self: Session, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        opened.append(self)

    with Model(block(), device) as full:
        monkeypatch.setattr(Session, "__init__", remember)
        small = full.quantize("auto", activations="uint8", calibrate=images(), max_drift=0.05, verbose=0)
        full.range_report(images())
        assert [m for m in opened if not m.closed] == [small.session]
        small.close()
        calls = []

        def fail(self: Session, *args: Any, **kwargs: Any) -> Any:
            calls.append(self)
            raise RuntimeError("the device is gone")

        monkeypatch.setattr(Session, "run", fail)
        for action in (
            lambda: full.range_report(images()),
            lambda: full.quantize(activations="uint8", calibrate=images()),
        ):
            with pytest.raises(RuntimeError, match="gone"):
                action()
        assert calls and all(m.closed for m in opened)


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
