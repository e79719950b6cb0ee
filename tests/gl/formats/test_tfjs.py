"""TensorFlow.js layers-models through the shaders: their own integers, Keras' answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.networks import randomise
from support.tfjs_files import Codecs, converted, named, through, write_tfjs

import glnn
from glnn.graph.quantized import Quantized

DIALECTS: dict[str, dict[str, Any]] = {"default": {}, "es100": {"dialect": "es100"}}


@pytest.fixture(scope="module", params=list(DIALECTS))
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DIALECTS[request.param]) as made:
        yield made
        assert made.error() == "GL_NO_ERROR"


def test_face_landmarks(models: Path, device: glnn.Device) -> None:
    """A trained model in uint8: within 1e-4 of TensorFlow.js' answer, its integers in the file's own bytes."""
    folder = models / "face_landmark68_tiny"
    if not folder.is_dir():
        pytest.skip("the face landmark model is not in the folder of models")
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as told:
        (x,), (expected,) = [list(file.values()) for file in (given, told)]
    with glnn.Model.load(folder, device=device) as model:
        np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-4)
        data = (folder / "group1-shard1of1.bin").read_bytes()
        for graph in (model.graph, model.optimized):
            weights = [w for node in graph.nodes for w in node.weights.values()]
            assert all(isinstance(w, Quantized) and w.codec == "uint8" for w in weights)
            assert b"".join(w.codes.tobytes() for w in weights) == data
        # All codes of the file, and no others, lie in the textures (0 fills what is no weight).
        plan, kept = model.plan({"image": x.shape}), model.session._resident
        textures = [(w.storage, t) for w in plan.weights if w.codec == "uint8" for t in kept.textures(w)]
        held = sum(np.bincount(stored.decode(t.read()).reshape(-1), minlength=256) for stored, t in textures)
        np.testing.assert_array_equal(held[1:], np.bincount(np.frombuffer(data, np.uint8), minlength=256)[1:])
        assert {w.codec for w in plan.weights if w.key[0] != "~"} == {"uint8"}  # "~": computed, no weight of the file


@pytest.fixture(scope="module")
def network() -> Any:
    keras = pytest.importorskip("keras")
    L = keras.layers
    x = y = L.Input((12, 10, 3), name="picture")
    y = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv")(y)
    y = L.ReLU()(L.BatchNormalization(name="norm")(y))
    y = L.SeparableConv2D(9, 3, padding="same", name="apart")(y)
    y = L.BatchNormalization(name="norm2")(y)
    y = L.PReLU(shared_axes=[1, 2], name="prelu")(L.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(y))
    y = L.Conv2DTranspose(5, 3, strides=2, activation="tanh", name="up")(y)
    y = L.Dense(3, activation="softmax", name="scores")(L.GlobalAveragePooling2D()(y))
    return randomise(keras.Model(x, y, name="cnn"))


MIXED = {"conv/kernel": "uint8", "apart/depthwise_kernel": "float16", "up/kernel": "uint16", "norm/gamma": "uint8"}


@pytest.mark.parametrize("codecs", [None, "float16", "uint8", "uint16", pytest.param(MIXED, id="mixed")])
def test_a_network_gives_what_keras_gives(network: Any, device: glnn.Device, tmp_path: Path, codecs: Codecs) -> None:
    weights = [np.asarray(variable) for variable in network.weights]
    write_tfjs(tmp_path, converted(network), [named(network)], codecs, 333)
    x = np.random.default_rng(2).normal(size=(2, 12, 10, 3)).astype(np.float32)
    try:
        through(network, codecs)
        expected = network.predict(x, verbose=0)
    finally:
        network.set_weights(weights)
    with glnn.Model.load(tmp_path, device=device) as model:
        np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(model.predict(x), model.reference(x), rtol=0, atol=1e-5)
