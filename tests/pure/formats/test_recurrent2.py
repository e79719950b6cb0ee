"""Recurrent models of Keras 1 and 2: what Keras 2 computed with them (tests/golden/make_recurrent2.py)."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.keras_files import draw, layer, sequential, write_model

import glnn
from glnn.errors import UnsupportedError

GOLDEN = "lstm|gru|simple|cells|both|steps|images|masked images|mean|channels|one of two|channels of one|in time"
GOLDEN += "|started lstm|started gru|named mask|outputs|CuDNNLSTM|CuDNNGRU|lines|words of lines|model of lines"


def golden(root, name, path):
    """(a file of the model, its inputs, what Keras gives)."""
    folder = root / "tests" / "golden"
    data, arrays = json.loads((folder / "recurrent2.json").read_text()), np.load(folder / "recurrent2.npz")
    told = data["models"][name]
    groups = {
        layer: {weight: arrays[f"{name}|{layer}|{k}"] for k, weight in enumerate(weights)}
        for layer, weights in told["groups"].items()
    }
    write_model(path, told["config"], groups, data["keras_version"], backend="tensorflow")
    given, made = ([arrays[key] for key in arrays.files if key.startswith(f"{name}{way}")] for way in "><")
    return path, given, made


def test_all_golden_models_are_compared(root):
    data = json.loads((root / "tests" / "golden" / "recurrent2.json").read_text())
    assert [*data["models"]] == GOLDEN.split("|")


@pytest.mark.parametrize("name", GOLDEN.split("|"))
def test_keras_2(root, name, tmp_path):
    path, given, expected = golden(root, name, tmp_path / "model.h5")
    with glnn.Model.load(path) as model:
        made = model.reference(given)
    for ours, theirs in zip(made if isinstance(made, list) else [made], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=3e-6)


def apart(kernel, recurrent, bias, name, gates, order):
    """The weights of a layer of Keras 2, gate by gate as Keras 1 names and sorts them."""
    parts = [np.split(array, gates, -1) for array in (kernel, recurrent, bias)]
    words = {"LSTM": "ifco", "GRU": "zrh"}[name]
    return {f"{name.lower()}_1_{w}_{words[k]}": part[k] for k in order for w, part in zip("WUb", parts, strict=True)}


@pytest.mark.parametrize(("name", "gates", "order"), [("LSTM", 4, (0, 2, 1, 3)), ("GRU", 3, (0, 1, 2))])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("gpu", [False, True])
def test_keras_1(name, gates, order, both, gpu, tmp_path):
    """The same numbers with gates apart, in an order of their own, and together as Keras 2 has them."""
    units = {"units": 3, "recurrent_activation": "hard_sigmoid", "activation": "tanh"}
    old = {"output_dim": 3, "inner_activation": "hard_sigmoid", "activation": "tanh", "input_dim": 4,
           "consume_less": "gpu" if gpu else "cpu", "inner_init": "orthogonal", "forget_bias_init": "one",
           "dropout_W": 0.0, "U_regularizer": None, "input_length": None, "stateful": False}  # fmt: skip
    arrays = [[draw(4, gates * 3), draw(3, gates * 3), draw(gates * 3)] for _ in range(1 + both)]
    new_weights, old_weights = {}, {}
    for way, weights in zip(("forward", "backward"), arrays, strict=False):
        new_weights |= {f"{way}/{n}:0": w for n, w in zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True)}
        parts = dict(zip("WUb", weights, strict=True)) if gpu else apart(*weights, name, gates, order)
        old_weights |= {f"{way}_{n}": w for n, w in parts.items()}
    shape = {"batch_input_shape": [None, 5, 4]}
    one, other = layer(name, "l", **units), layer(name, "l", **old)
    if both:
        one, other = (layer("Bidirectional", "l", layer=item, merge_mode="concat") for item in (one, other))
    for item in (one, other):
        item["config"] |= shape
    x = draw(2, 5, 4)
    files = (
        (tmp_path / "new.h5", one, {"l": new_weights}, "2.1.6"),
        (tmp_path / "old.h5", other, {"l": old_weights}, "1.2.2"),
    )
    results = [
        glnn.Model.load(write_model(path, sequential(item), groups, version)).reference(x)
        for path, item, groups, version in files
    ]
    np.testing.assert_array_equal(*results)


def test_simple_rnn_of_keras_1(tmp_path):
    config = {"output_dim": 3, "inner_init": "orthogonal", "activation": "tanh", "batch_input_shape": [None, 5, 4]}
    w, u, b = draw(4, 3), draw(3, 3), draw(3)
    groups = {"simplernn_1": {"simplernn_1_W": w, "simplernn_1_U": u, "simplernn_1_b": b}}
    item, x = layer("SimpleRNN", "simplernn_1", **config), draw(2, 5, 4)
    h = np.zeros((2, 3))
    for t in range(5):
        h = np.tanh(x[:, t] @ w + h @ u + b)
    model = glnn.Model.load(write_model(tmp_path / "m.h5", sequential(item), groups, "1.2.2"))
    np.testing.assert_allclose(model.reference(x), h, atol=1e-6)


def test_layers_of_different_kinds_in_keras_1_are_refused(tmp_path):
    parts = [layer(n, n.lower(), output_dim=3, inner_activation="sigmoid") for n in ("LSTM", "GRU")]
    item = layer("Bidirectional", "l", layer=parts[0], backward_layer=parts[1], batch_input_shape=[None, 5, 4])
    with pytest.raises(UnsupportedError, match="weights lie differently"):
        glnn.Model.load(write_model(tmp_path / "m.h5", sequential(item), {"l": {}}, "1.2.2"))
