"""Weights and their layers in the files that Keras 2 and 3 write, against what Keras computed.

A file whose weights lie in the wrong layers loads as well as any other, so every answer is compared.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.named_files import draw, refused
from support.networks import scattered

from glnn.errors import ModelFileError, WeightsMismatchError
from glnn.formats import load
from glnn.graph.reference import run

GOLDEN = Path(__file__).parents[2] / "golden" / "keras2"


# What Keras 2 wrote (tests/golden/make_keras2.py tells what is in the files)


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.h5")))
def test_files_of_keras2(name: str) -> None:
    stem = name.split(".")[0]
    whole = not name.endswith(".weights.h5")
    graph = load(GOLDEN / name) if whole else load(GOLDEN / f"{stem}.json", weights=GOLDEN / name)
    with np.load(GOLDEN / f"{stem}.npz") as told:
        (found,) = run(graph, {graph.inputs[0].name: told["x"]}).values()
        assert np.std(told["y"]) > 0.5
        np.testing.assert_allclose(found, told["y"], rtol=1e-4, atol=1e-4)


def test_statistics_of_renormalization_are_not_those_of_the_layer() -> None:
    (norm,) = (node for node in load(GOLDEN / "renorm-213.h5").nodes if node.label == "inner/batch_normalization")
    with h5py.File(GOLDEN / "renorm-213.h5") as file:
        group = file["model_weights/inner/batch_normalization"]
        assert "renorm_mean:0" in group and set(norm.weights) == {"gamma", "beta", "moving_mean", "moving_variance"}
        for key, values in norm.weights.items():
            np.testing.assert_array_equal(values, group[f"{key}:0"])


# What Keras 3 writes


def agree(model: Any, path: Path, *more: Path) -> None:
    graph = load(path, *more)
    x = draw(3, *model.input_shape[1:])
    (found,) = run(graph, {graph.inputs[0].name: x}).values()
    wanted = model.predict(x, verbose=0)
    assert np.std(wanted) > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def save_all(model: Any, folder: Path) -> list[tuple[Path, ...]]:
    """A model as Keras 3 saves it: whole, and as JSON with its weights; what to give to load."""
    model.save(folder / "m.h5")
    (folder / "m.json").write_text(model.to_json())
    model.save_weights(folder / "w.weights.h5")
    return [(folder / "m.h5",), (folder / "m.json", folder / "w.weights.h5"), (folder / "m.json", folder / "m.h5")]


@pytest.mark.parametrize("state", ["trained", "frozen", "thawed", "inner frozen", "first frozen"])
def test_nested_models_of_keras3_whose_layers_are_alike(keras: Any, tmp_path: Path, state: str) -> None:
    """Two layers of one name, one inside of a model inside: their paths tell them apart, whatever trains."""
    L = keras.layers
    deep = keras.Sequential([L.Dense(4, name="a"), L.BatchNormalization(name="n"), L.Dense(4, name="b")], name="deep")
    x = L.Input((4,))
    block = keras.Model(x, L.Dense(4, name="c")(L.Dense(4, name="a")(deep(x))), name="block")
    y = L.Input((4,))
    model = scattered(keras.Model(y, L.Dense(4, name="a")(L.Dropout(0.5)(block(y)))))
    if state in ("frozen", "thawed"):
        block.trainable = False
    if state == "thawed":
        deep.layers[-1].trainable = block.layers[-1].trainable = True
    if state == "inner frozen":
        deep.trainable = False
    if state == "first frozen":
        deep.layers[0].trainable = False
    for paths in save_all(model, tmp_path):
        agree(model, *paths)


def test_a_shared_layer_and_a_nested_model_called_twice(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    inner = keras.Sequential([L.Dense(4), L.Dense(4)], name="inner")
    shared = L.Dense(4)
    x = L.Input((4,))
    model = scattered(keras.Model(x, shared(inner(L.Dense(4)(inner(shared(x)))))))
    inner.layers[0].trainable = False
    for paths in save_all(model, tmp_path):
        agree(model, *paths)


def test_a_trained_model_with_what_only_training_needs(keras: Any, tmp_path: Path) -> None:
    """The states of the optimizer, of metrics and of random numbers lie beside the weights."""
    L = keras.layers
    model = keras.Sequential([L.Input((4,)), L.Dense(4), L.GaussianNoise(0.1), L.Dropout(0.5), L.Dense(4)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(draw(4, 4), draw(4, 4), verbose=0)
    for paths in save_all(scattered(model), tmp_path):
        agree(model, *paths)
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.uint32)
    agree(model, tmp_path / "m.json", tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        file["layers/dense/something/vars/0"] = np.zeros(2)
    refused(tmp_path / "m.json", "'something'", weights=tmp_path / "w.weights.h5", error=ModelFileError)


def test_trees_name_their_layers(keras: Any, tmp_path: Path) -> None:
    """Keras 3 numbers layers by class and tells their names beside: names count where the order differs."""
    L = keras.layers
    model = scattered(keras.Sequential([L.Input((4,)), *(L.Dense(4, name=n) for n in ("a", "d_1", "d_2"))]))
    model.save_weights(tmp_path / "w.weights.h5")
    config = json.loads(model.to_json())
    layers = config["config"]["layers"]
    layers[-2:] = reversed(layers[-2:])
    (tmp_path / "m.json").write_text(json.dumps(config))
    graph = load(tmp_path / "m.json", weights=tmp_path / "w.weights.h5")
    x = draw(2, 4)
    (found,) = run(graph, {graph.inputs[0].name: x}).values()
    wanted = model.get_layer("d_1")(model.get_layer("d_2")(model.get_layer("a")(x)))
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=1e-4, atol=1e-5)
    (tmp_path / "m.json").write_text(model.to_json())
    for names, fine in (
        (("x", "y", "z"), True), (("a", "x", "d_2"), True), (("a_4", "d", "d_1"), True),  # in Keras' order
        (("d_1", "x", "y"), False), (("a", "d_2", "d_2"), False), (("a_4", "d_3", "d_1"), False),
    ):  # fmt: skip
        with h5py.File(tmp_path / "w.weights.h5", "a") as file:
            for group, name in zip(("dense", "dense_1", "dense_2"), names, strict=True):
                file[f"layers/{group}/vars"].attrs["name"] = name
        if fine:
            agree(model, tmp_path / "m.json", tmp_path / "w.weights.h5")
        else:
            with pytest.raises(WeightsMismatchError, match=rf"w\.weights\.h5: which weights .*{', '.join(names)}"):
                load(tmp_path / "m.json", weights=tmp_path / "w.weights.h5")
