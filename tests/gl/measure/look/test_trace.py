"""Every layer's tensor is what Keras and the reference make of it, whatever the device, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fragments import static
from support.models import conv_net, draw, one
from support.networks import randomise

import glnn
from glnn.errors import ClosedError, InputError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import ReLU
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense, Dropout
from glnn.layers.pooling import MaxPooling2D
from glnn.layers.recurrent import LSTM
from glnn.measure.look import trace as tracing
from glnn.model import Model

LIMITS: list[dict[str, Any]] = [
    {}, {"dialect": "es100"}, {"draw_buffers": 1, "max_texture_size": 16},
    {"float_targets": "rgba8", "dialect": "es100"},
]  # fmt: skip


@pytest.fixture(scope="module", params=LIMITS, ids=str)
def any_device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**request.param) as made:
        yield made


def references(graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """What each layer makes of x, in float64."""
    values = {graph.inputs[0].name: x.astype(np.float64)}
    for node in graph.nodes:
        made = node.layer.reference([values[name] for name in node.inputs], node.weights)
        values |= zip(node.outputs, made if isinstance(made, list) else [made], strict=True)
    return {node.label: values[node.outputs[0]] for node in graph.nodes}


def aliases() -> Graph:
    """Layers that make nothing anew, one whose tensor is read by nobody, and one layer called twice."""
    shared = {"kernel": draw(4, 4), "bias": draw(4)}
    nodes = (
        Node("a", Dense(4), ("x",), ("a",), shared, "twice"),
        Node("off", Dropout(), ("a",), ("off",)),
        Node("a_1", Dense(4), ("off",), ("b",), shared, "twice"),
        Node("unread", ReLU(), ("b",), ("u",)),
        Node("end", ReLU(), ("b",), ("y",)),
    )
    return Graph("aliases", (TensorSpec("x", (None, 4)),), nodes, ("y",))


@pytest.mark.parametrize("batch", [1, 3])
def test_each_layer_is_its_reference(any_device: glnn.Device, batch: int) -> None:
    graph = conv_net()
    x = np.random.default_rng(1).normal(size=(batch, 9, 7, 3)).astype(np.float32)
    with Model(graph, any_device) as model:
        trace = model.trace(x)
        assert list(trace) == ["x", "conv", "relu", "pool", "mean", "dense", "softmax"] and trace.inside == {}
        np.testing.assert_array_equal(trace["x"], x)
        for label, expected in references(graph, x).items():
            np.testing.assert_allclose(trace[label], expected, rtol=1e-4, atol=1e-5, err_msg=label)
        fused = model.trace(x, fused=True)
        assert fused.inside == {"conv": "relu"} and "conv" not in fused
        for label in fused:
            np.testing.assert_allclose(fused[label], trace[label], rtol=1e-4, atol=1e-5)


def test_keras_makes_the_same(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    inputs = keras.Input((10, 8, 3))
    a = keras.layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="first")(inputs)
    b = keras.layers.BatchNormalization(name="norm")(a)
    c = keras.layers.DepthwiseConv2D(3, padding="same", name="deep")(b)
    d = keras.layers.Add(name="both")([keras.layers.ReLU(name="relu")(c), b])
    e = keras.layers.Reshape((5, 24), name="rows")(d)
    f = keras.layers.LSTM(5, return_sequences=True, name="lstm")(e)
    network = randomise(keras.Model(inputs, keras.layers.Dense(2, name="end")(keras.layers.Flatten(name="flat")(f))))
    network.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).normal(size=(2, 10, 8, 3)).astype(np.float32)
    names = ["first", "norm", "deep", "relu", "both", "rows", "lstm", "flat", "end"]
    expected = keras.Model(inputs, [network.get_layer(name).output for name in names]).predict(x, verbose=0)
    with Model.load(tmp_path / "net.keras") as model:
        trace = model.trace(x)
        assert [item.label for item in trace.layers if not item.turns][1:] == names
        for name, values in zip(names, expected, strict=True):
            np.testing.assert_allclose(trace[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
        states = keras.layers.LSTM(5, return_state=True)
        states(rows := expected[names.index("rows")])
        states.set_weights(network.get_layer("lstm").get_weights())
        for turn in range(5):
            _, h, c = states(rows[:, : turn + 1])
            np.testing.assert_allclose(trace["lstm/h"][turn], h, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(trace["lstm/c"][turn], c, rtol=1e-4, atol=1e-5)


def test_layers_that_make_nothing_anew(any_device: glnn.Device) -> None:
    graph, x = aliases(), np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    w = graph.nodes[0].weights
    with Model(graph, any_device) as model:
        trace = model.trace(x)
        a = x @ w["kernel"] + w["bias"]
        b = a @ w["kernel"] + w["bias"]
        assert list(trace) == ["x", "a", "off", "a_1", "unread", "end"]  # by name where a label is not one layer's
        for label, expected in {"a": a, "off": a, "a_1": b, "unread": b.clip(0), "end": b.clip(0)}.items():
            np.testing.assert_allclose(trace[label], expected, rtol=1e-4, atol=1e-4, err_msg=label)


@pytest.mark.parametrize("fused", [False, True])
def test_channels_first_comes_in_its_own_order(any_device: glnn.Device, fused: bool) -> None:
    weights = {"kernel": draw(3, 3, 3, 5) / 5, "bias": draw(5)}
    first = {"data_format": "channels_first"}
    nodes = (
        Node("conv", Conv2D(5, (3, 3), **first), ("x",), ("c",), weights),
        Node("pool", MaxPooling2D(2, **first), ("c",), ("p",)),
        Node("relu", ReLU(), ("p",), ("y",)),
    )
    graph = Graph("first", (TensorSpec("x", (None, 3, 8, 10)),), nodes, ("y",))
    x = draw(2, 3, 8, 10)
    with Model(graph, any_device) as model:
        trace = model.trace(x, fused=fused)
        for label, expected in references(graph, x).items():
            if label in trace:
                np.testing.assert_allclose(trace[label], expected, rtol=1e-4, atol=1e-5, err_msg=label)
        assert fused or list(trace) == ["x", "conv", "pool", "relu"]


def test_several_outputs_are_a_list_and_states_stay(device: glnn.Device) -> None:
    weights = {"kernel": draw(3, 16) / 3, "recurrent_kernel": draw(4, 16) / 4, "bias": draw(16)}
    node = Node("lstm", LSTM(4, return_sequences=True, return_state=True), ("x",), ("y", "h", "c"), weights)
    graph = Graph("r", (TensorSpec("x", (None, 6, 3)),), (node,), ("y",))
    x = draw(2, 6, 3)
    with Model(graph, device) as model:
        y, h, c = model.trace(x)["lstm"]
        assert y.shape == (2, 6, 4) and c.shape == (2, 4)
        np.testing.assert_allclose(y[:, -1], h, rtol=1e-6)
        np.testing.assert_allclose(y, model.predict(x), rtol=1e-5, atol=1e-6)


def test_chosen_layers_and_unknown_ones(device: glnn.Device) -> None:
    x = np.zeros((1, 9, 7, 3), np.float32)
    with Model(conv_net(), device) as model:
        assert list(model.trace(x, ["pool", "conv"])) == ["conv", "pool"]
        with pytest.raises(InputError, match="no layer 'poll' was traced; there are 'pool'"):
            model.trace(x, ["poll"])
        with pytest.raises(InputError, match="'conv' has no tensor of its own, it ends in the draw of 'relu'"):
            model.trace(x, ["conv"], fused=True)
        with pytest.raises(InputError, match="no layer 'x1' was traced"):
            model.trace(x)["x1"]
        with pytest.raises(InputError, match="no sample"):
            model.trace(x[:0])
        with pytest.raises(InputError):
            model.trace(np.zeros((1, 3), np.float32))
    with pytest.raises(ClosedError):
        model.trace(x)


def test_large_traces_are_read_when_asked(device: glnn.Device, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(3, 9, 7, 3)).astype(np.float32)
    with Model(conv_net(), device) as model:
        model.predict(x)
        before = device.counts()
        whole = model.trace(x)
        assert device.counts() == before  # nothing of it stays
        monkeypatch.setattr(tracing, "KEPT_BYTES", 100)
        monkeypatch.setattr("glnn.measure.quantize.ranges.BATCH_BYTES", 1)  # each sample is a batch of its own
        runs = []
        monkeypatch.setattr(tracing.Trace, "_run", _counted(tracing.Trace._run, runs))
        with model.trace(x) as lazy:
            assert runs == []
            for label in whole:
                np.testing.assert_allclose(lazy[label], whole[label], rtol=1e-5, atol=1e-6)
            assert len(runs) == 3 * len(whole)
            static(lazy._repr_html_())
            assert device.counts()["textures"] > before["textures"]
        assert device.counts() == before


def _counted(run: Any, runs: list[int]) -> Any:
    def counted(self: Any, *args: Any) -> Any:
        runs.append(1)
        return run(self, *args)

    return counted


@pytest.mark.parametrize("codec", ["uint8", "float16", "rgba8"])
def test_tensors_in_codecs_are_decoded(device: glnn.Device, codec: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 9, 7, 3)).astype(np.float32)
    with Model(conv_net(), device) as model, model.quantize("float32", activations=codec, calibrate=x) as small:
        exact, coded, runs = model.trace(x), small.trace(x), small.trace(x, fused=True)
        for trace in (coded, runs):
            assert "pool" in trace
            for label in trace:
                if label in exact:
                    expected = exact["relu" if label == "conv" else label]  # what was quantized had been fused before
                    room = 0.03 * np.abs(expected).max() if codec == "uint8" else 4e-3
                    np.testing.assert_allclose(trace[label], expected, atol=room, err_msg=label)
        static(runs.show("pool", raw=True)._repr_html_())


def test_raw_texels_are_those_of_the_device(any_device: glnn.Device) -> None:
    x = np.random.default_rng(0).normal(size=(1, 9, 7, 3)).astype(np.float32)
    with Model(conv_net(), any_device) as model:
        before = any_device.counts()
        trace = model.trace(x)
        texels = trace.raw("relu")
        components = np.concatenate([t.ravel() for t in texels])
        if texels[0].dtype == np.float32:
            assert np.isin(trace["relu"], components).all()
        view = trace.show("relu", raw=True)._repr_html_()
        assert "are not 0" not in view and "texels" in view
        static(view)
        if model.session.closed is False and not model.session._executors:
            assert any_device.counts() == before


def test_nan_is_seen_where_it_begins(device: glnn.Device) -> None:
    x = np.ones((1, 9, 7, 3), np.float32)
    x[0, 4, 4, 1] = np.nan
    with Model(conv_net(), device) as model:
        trace = model.trace(x)
        assert np.isnan(trace["conv"]).sum() == 9 * 6
        assert "NaN or infinite" in trace._repr_html_() and "NaN: 9" in trace.show("conv", tiles=1).to_html()


def test_pictures_in_files(device: glnn.Device, tmp_path: Path) -> None:
    with Model(conv_net(), device) as model:
        files = model.trace(np.ones((2, 9, 7, 3), np.float32)).save(tmp_path / "new", sample=1)
    assert [file.name for file in files][:2] == ["000-x.png", "001-conv.png"]
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in files)


def test_on_the_numpy_device() -> None:
    graph = one(Dense(3), (4,), kernel=draw(4, 3), bias=draw(3))
    x = draw(2, 4)
    with glnn.Device("numpy") as numpy_device, Model(graph, numpy_device) as model:
        np.testing.assert_allclose(model.trace(x)["layer"], model.predict(x), rtol=1e-6)
