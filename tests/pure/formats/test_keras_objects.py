"""Models of Keras as they are in memory: no file, the weights bit for bit, the same as what Keras computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import draw
from support.networks import scattered

import glnn
from glnn.errors import ModelFileError, UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run


def small(keras: Any) -> Any:
    """A nested model used twice, a shared layer, statistics, two inputs, two outputs."""
    L = keras.layers
    inner = keras.Sequential(
        [keras.Input((6, 5, 3)), L.Conv2D(4, 3, padding="same"), L.BatchNormalization(), L.ReLU()], name="inner"
    )
    a, b = keras.Input((6, 5, 3), name="a"), keras.Input((6, 5, 3), name="b")
    shared = L.Dense(3, name="shared")
    x = L.Add()([inner(a), inner(b)])
    return scattered(keras.Model([a, b], [shared(x), L.GlobalAveragePooling2D(name="mean")(inner(b))], name="two"))


def test_a_functional_model(keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(keras)
    monkeypatch.chdir(tmp_path)
    graph = load(model)
    assert not list(tmp_path.iterdir()) and graph.name == "two" and [s.name for s in graph.inputs] == ["a", "b"]
    a, b = draw(3, 6, 5, 3), draw(3, 6, 5, 3)
    for ours, theirs in zip(run(graph, {"a": a, "b": b}).values(), model.predict([a, b], verbose=0), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_weights_are_the_same_bit_for_bit_as_through_a_file(keras: Any, tmp_path: Path) -> None:
    model = small(keras)
    model.save(tmp_path / "m.h5")
    ours, theirs = load(model).weights(), load(tmp_path / "m.h5").weights()
    assert ours.keys() == theirs.keys() and len(ours) == 8
    for name, weight in ours.items():
        assert weight.dtype == theirs[name].dtype and weight.tobytes() == theirs[name].tobytes()
    values = {w.tobytes() for w in ours.values()}
    assert values == {np.asarray(w).tobytes() for w in model.get_weights()}


def test_later_training_does_not_reach_the_copy(keras: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    graph = load(model)
    before = {name: w.copy() for name, w in graph.weights().items()}
    model.set_weights([w + 1 for w in model.get_weights()])
    assert all(np.array_equal(w, before[name]) for name, w in graph.weights().items())


def test_half_floats_stay_what_they_are(keras: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype="float16")])
    assert {w.dtype for w in load(model).weights().values()} == {np.dtype(np.float16)}


def test_sequential_without_an_input_is_refused_until_it_is_built(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Lambda(lambda x: x, name="same")])
    with pytest.raises(ModelFileError, match="Sequential.*shape of input"):
        load(model, custom_objects={"Lambda": lambda t, x: x})
    model(np.zeros((1, 4), np.float32))
    with pytest.raises(UnsupportedError, match="Sequential .*\n.*\n.*\n.*load\\(keras_model, .*\n.*Lambda:same"):
        load(model)
    assert load(model, custom_objects={"Lambda": lambda t, x: x}).inputs[0].shape == (None, 4)


def test_trainable_flags_and_layers_of_one_name(keras: Any) -> None:
    L = keras.layers
    inner = [keras.Sequential([keras.Input((4,)), L.Dense(4, name="d"), L.BatchNormalization(name="n")]) for _ in "ab"]
    inner[1].trainable = False
    model = scattered(keras.Sequential([keras.Input((4,)), *inner, L.Dense(2, name="d")]))
    model.layers[0].layers[1].trainable = False
    x = draw(3, 4)
    (y,) = run(load(model), {load(model).inputs[0].name: x}).values()
    np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def test_what_is_no_sequential_or_functional_model(keras: Any) -> None:
    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    class OwnFunctional(keras.Model):
        pass

    x = keras.Input((3,))
    for model in (Own(), OwnFunctional(x, keras.layers.Dense(2)(x))):
        with pytest.raises(ModelFileError, match=r"(?s)test_keras_objects\.Own.* class of its own.*keras\.Model"):
            load(model)
    with pytest.raises(ModelFileError, match="this is a layer of Keras"):
        load(keras.layers.Dense(3))
    with pytest.raises(ModelFileError, match="leave weights= out"):
        load(keras.Sequential([x, keras.layers.Dense(3)]), weights="w.h5")
    with pytest.raises(ModelFileError, match="path must be a path"):
        load(3)


def test_keras_is_not_imported_for_a_file(root: Path) -> None:
    code = (
        "import sys, glnn; glnn.Model.load('examples/digits.h5'); assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


def test_the_facade_takes_one(keras: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with glnn.Model.load(model, device=glnn.Device("numpy")) as ours:
        x = draw(2, 3)
        np.testing.assert_allclose(ours.predict(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
