"""TensorFlow.js layers-models against Keras on the same, dequantized weights, and against TensorFlow.js itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden import loaded
from support.networks import scattered
from support.tfjs_files import (
    Codecs,
    agree,
    check_stored,
    converted,
    named,
    refused,
    write_tfjs,
)

from glnn import passes
from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.quantized import Quantized
from glnn.graph.reference import run
from glnn.show.summary import summary


@pytest.fixture
def cnn(keras: Any) -> Any:
    L = keras.layers
    x = y = L.Input((9, 7, 3), name="picture")
    y = L.Conv2D(5, 3, strides=2, padding="same", use_bias=False, name="conv")(y)
    y = L.ReLU(name="relu")(L.BatchNormalization(name="norm")(y))
    y = L.SeparableConv2D(6, 2, padding="same", name="apart")(y)
    y = L.BatchNormalization(name="norm2")(y)
    y = L.Conv2DTranspose(4, 3, strides=2, activation="tanh", name="up")(y)
    y = L.Dense(3, activation="softmax", name="scores")(L.GlobalAveragePooling2D(name="mean")(y))
    return scattered(keras.Model(x, y, name="cnn"))


MIXED = {
    "conv/kernel": "uint8", "norm/gamma": "uint16", "norm/moving_mean": "float16", "apart/depthwise_kernel": "uint16",
    "apart/pointwise_kernel": "uint8", "apart/bias": "uint8", "up/kernel": "float16", "scores/kernel": "uint8",
}  # fmt: skip


@pytest.mark.parametrize("shard", [1, 101, 4 << 20])
@pytest.mark.parametrize("codecs", [None, "float16", "uint8", "uint16", pytest.param(MIXED, id="mixed")])
def test_every_codec_in_shards_of_any_size(cnn: Any, tmp_path: Path, codecs: Codecs, shard: int) -> None:
    """Shards of 101 bytes: the kernels span several, at odd places; of one byte: every value does."""
    weights = named(cnn)
    path = write_tfjs(tmp_path, converted(cnn), [weights], codecs, shard)
    graph = load(path)
    assert graph.name == "cnn" and [spec.shape for spec in graph.inputs] == [(None, 9, 7, 3)]
    check_stored(graph, weights, codecs)
    if shard != 1:
        agree(cnn, graph, codecs)


def test_a_weight_over_three_shards(cnn: Any, tmp_path: Path) -> None:
    weights = named(cnn)
    write_tfjs(tmp_path, converted(cnn), [weights], None, weights["conv/kernel"].nbytes // 2 - 3)
    check_stored(load(tmp_path), weights, None)


def test_several_groups_each_over_several_shards(cnn: Any, tmp_path: Path) -> None:
    weights = named(cnn)
    names = list(weights)
    groups = [{n: weights[n] for n in names[k::3]} for k in range(3)]  # and the layers' weights in different groups
    write_tfjs(tmp_path, converted(cnn), groups, MIXED, 77)
    graph = load(tmp_path)
    check_stored(graph, weights, MIXED)
    agree(cnn, graph, MIXED)


def test_integers_stay_the_same_through_the_passes(cnn: Any, tmp_path: Path) -> None:
    """Folding a normalisation gives a quantized kernel one scale per output channel, and leaves its codes."""
    graph = load(write_tfjs(tmp_path, converted(cnn), [named(cnn)], "uint8"))
    after = passes.optimize(graph).nodes
    stored = {
        node.origins[name]: w for node in graph.nodes for name, w in node.weights.items() if name.endswith("kernel")
    }
    found = {origin: w for node in after for name, w in node.weights.items() if (origin := node.origins[name])}
    folded = 0
    for origin, kernel in stored.items():
        (same,) = [w for name, w in found.items() if name.startswith(origin)]
        assert np.shares_memory(same.codes, kernel.codes) and same.codec == kernel.codec
        np.testing.assert_array_equal(np.sort(same.codes, None), np.sort(kernel.codes, None))
        folded += not same.per_tensor
    assert folded == 2  # of the convolution, and of the 1 x 1 half of the separable one


def test_the_integers_outlive_their_files(cnn: Any, tmp_path: Path) -> None:
    weights = named(cnn)
    graph = load(write_tfjs(tmp_path, converted(cnn), [weights], "uint16"))
    for file in tmp_path.glob("*.bin"):
        file.write_bytes(b"")
    check_stored(graph, weights, "uint16")


# What TensorFlow.js itself saved


@pytest.mark.parametrize("name", ["images", "shared", "trained", "deeper", "words", "steps", "lines"])
def test_models_that_tensorflow_js_saved(root: Path, name: str) -> None:
    """Its layers in its own words; two inputs, nested models and a shared layer; an optimizer's weights."""
    folder = root / "tests" / "data" / "tfjs_saved" / name
    graph = loaded(folder)
    answers = json.loads((folder / "answers.json").read_text())
    given, wanted = (
        [np.reshape(item["values"], item["shape"]) for item in answers[key]] for key in ("inputs", "outputs")
    )
    x = {spec.name: array for spec, array in zip(graph.inputs, given, strict=True)}
    for each in (graph, passes.optimize(graph)):
        for ours, theirs in zip(run(each, x).values(), wanted, strict=True):
            assert np.std(theirs) > 0.05
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_what_tensorflow_js_leaves_out_is_refused(root: Path) -> None:
    path = root / "tests" / "data" / "tfjs_saved" / "dilated" / "model.json"
    refused(path, "DepthwiseConv2D", "dilation_rate=[2, 2]", "TensorFlow.js does not", error=UnsupportedError)


# A real model


def test_face_landmarks_keep_their_integers(models: Path) -> None:
    folder = models / "face_landmark68_tiny"
    if not folder.is_dir():
        pytest.skip("the face landmark model is not in the folder of models")
    graph = load(folder)
    items = json.loads((folder / "model.json").read_text())["weightsManifest"][0]["weights"]
    data = (folder / "group1-shard1of1.bin").read_bytes()
    stored: dict[str, list[bytes]] = {}
    start = 0
    for item in items:
        end = start + int(np.prod(item["shape"]))
        stored.setdefault(item["name"].split("/")[0], []).append(data[start:end])
        start = end
    for each in (graph, passes.optimize(graph)):  # by layer: primitives have names of their own for a layer's weights
        kept: dict[str, list[bytes]] = {}
        for node in each.nodes:
            for weight in node.weights.values():
                assert isinstance(weight, Quantized) and weight.codec == "uint8"
                kept.setdefault(node.label, []).append(weight.codes.tobytes())
        assert {k: sorted(v) for k, v in kept.items()} == {k: sorted(v) for k, v in stored.items()}
    assert "77,224 (0.08 MB stored; 0.31 MB as float32)" in summary(graph)
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as told:
        (x,), (wanted,) = [list(file.values()) for file in (given, told)]
    np.testing.assert_allclose(run(graph, {"image": x})["fc"], wanted, rtol=0, atol=1e-4)
