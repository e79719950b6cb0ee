"""Keras 3's own files against Keras itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import draw
from support.networks import scattered

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run


def agree(model: Any, path: Path, *more: Any, as_dict: bool = False) -> Any:
    """Load the file and compare all outputs with Keras' own, batch 2; the graph."""
    graph = load(path, *more)
    arrays = [draw(2, *[size or 5 for size in spec.shape[1:]]) for spec in graph.inputs]
    given = dict(zip([spec.name for spec in graph.inputs], arrays, strict=True))
    wanted = model.predict(given if as_dict else arrays if len(arrays) > 1 else arrays[0], verbose=0)
    found = run(graph, given)
    if isinstance(wanted, dict):
        assert set(wanted) == set(found)
        pairs = [(found[key], wanted[key]) for key in wanted]
    else:
        pairs = list(zip(found.values(), wanted if isinstance(wanted, list) else [wanted], strict=True))
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    return graph


def small_cnn(keras: Any) -> Any:
    L = keras.layers
    return scattered(
        keras.Sequential(
            [
                L.Input((9, 7, 3), name="picture"),
                L.Conv2D(5, 3, strides=2, padding="same", activation="relu", name="conv"),
                L.BatchNormalization(name="norm"),
                L.DepthwiseConv2D(3, name="deep"),
                L.SeparableConv2D(4, 2, padding="same", activation="hard_sigmoid", name="apart"),
                L.Dropout(0.4, name="drop"),
                L.GlobalAveragePooling2D(name="mean"),
                L.Dense(3, activation="softmax", name="scores"),
            ],
            name="cnn",
        )
    )


def test_sequential_of_keras3_in_hdf5(keras: Any, tmp_path: Path) -> None:
    model = small_cnn(keras)
    model.save(tmp_path / "cnn.h5")
    graph = agree(model, tmp_path / "cnn.h5")
    assert graph.name == "cnn"
    assert [(spec.name, spec.shape) for spec in graph.inputs] == [("picture", (None, 9, 7, 3))]
    assert [node.name for node in graph.nodes] == ["conv", "norm", "deep", "apart", "drop", "mean", "scores"]
    assert graph.output_names == ("scores",)
    for node in graph.nodes:
        for array in node.weights.values():
            assert array.dtype == np.float32 and array.flags.c_contiguous


def test_json_with_keras3_weights_beside_it(keras: Any, tmp_path: Path) -> None:
    model = small_cnn(keras)
    (tmp_path / "cnn.json").write_text(model.to_json())
    model.save_weights(tmp_path / "cnn.weights.h5")
    agree(model, tmp_path / "cnn.json")
    (tmp_path / "cnn.weights.h5").rename(tmp_path / "other.h5")
    agree(model, tmp_path / "cnn.json", tmp_path / "other.h5")
    agree(model, tmp_path)  # the folder holds one model


def test_json_with_weights_of_a_whole_model(keras: Any, tmp_path: Path) -> None:
    model = small_cnn(keras)
    model.save(tmp_path / "whole.h5")
    (tmp_path / "cnn.json").write_text(model.to_json())
    agree(model, tmp_path / "cnn.json", tmp_path / "whole.h5")


def nested(keras: Any) -> Any:
    """Two inputs, three outputs as a dict, a shared layer, a nested model called twice that holds another."""
    L = keras.layers
    inner = keras.Sequential(
        [L.Input((8,)), L.Dense(3, name="first"), L.BatchNormalization(name="norm"), L.Dense(3, name="second")],
        name="inner",
    )
    source = L.Input((8,), name="source")
    block = keras.Model(source, [L.Dense(3, name="side")(source), inner(source)], name="block")
    a, b = L.Input((8,), name="a"), L.Input((8,), name="b")
    left, right = block(a)
    other, _ = block(b)
    shared = L.Dense(4, name="shared")
    added = L.Add(name="added")([left, right])
    joined = L.Concatenate(name="joined")([right, other])
    return scattered(keras.Model([a, b], [shared(added), shared(other), joined], name="outer"))


def test_nested_shared_several_inputs_and_outputs(keras: Any, tmp_path: Path) -> None:
    model = nested(keras)
    model.save(tmp_path / "m.h5")
    graph = agree(model, tmp_path / "m.h5")
    by_name = {node.name: node for node in graph.nodes}
    assert by_name["block/inner/first"].label == by_name["block/inner/first:1"].label == "block/inner/first"
    assert by_name["shared"].weights["kernel"] is by_name["shared:1"].weights["kernel"]
    assert by_name["block/side"].weights["bias"] is by_name["block/side:1"].weights["bias"]
    assert graph.output_names == ("shared", "shared:1", "joined")


def test_nested_in_keras3_json(keras: Any, tmp_path: Path) -> None:
    model = nested(keras)
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    agree(model, tmp_path / "m.json")


def test_inputs_and_outputs_as_dicts(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
    model = scattered(keras.Model({"a": a, "b": b}, {"sum": L.Add()([a, b]), "one": L.Dense(2)(b)}))
    model.save(tmp_path / "m.h5")
    assert set(agree(model, tmp_path / "m.h5", as_dict=True).output_names) == {"sum", "one"}


@pytest.mark.parametrize("frozen", ["norm", "first", "all"])
def test_weights_of_a_nested_model_with_frozen_layers(keras: Any, tmp_path: Path, frozen: str) -> None:
    """Keras keeps the trainable weights of a nested model before the rest, so freezing changes their order."""
    L = keras.layers
    inner = keras.Sequential(
        [L.Input((5,)), L.Dense(5, name="first"), L.BatchNormalization(name="norm"), L.Dense(5, name="second")],
        name="inner",
    )
    model = scattered(keras.Sequential([L.Input((5,)), inner, L.Dense(2, name="top")]))
    (inner if frozen == "all" else inner.get_layer(frozen)).trainable = False
    model.save(tmp_path / "m.h5")
    agree(model, tmp_path / "m.h5")


def test_operators_between_tensors_and_what_is_refused(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    x = L.Input((6,), name="x")
    model = keras.Model(x, L.Dense(2)(x) * L.Dense(2)(x))
    model.save(tmp_path / "times.h5")
    agree(model, tmp_path / "times.h5")
    keras.Model(x, keras.ops.i0(x + 1.0) + keras.ops.bitwise_not(keras.ops.cast(x, "int32"))).save(tmp_path / "no.h5")
    with pytest.raises(UnsupportedError) as caught:
        load(tmp_path / "no.h5")
    assert "i0: operation keras.ops.i0" in str(caught.value) and "keras.ops.bitwise_not" in str(caught.value)
    numbers = keras.Model(x, L.Concatenate()([(x + 3.0) * 0.5, 2.0 - x, 1.0 / keras.ops.maximum(x, 0.1), x / 3.0]))
    numbers.save(tmp_path / "numbers.h5")
    agree(numbers, tmp_path / "numbers.h5")


@pytest.mark.parametrize("name, nodes", [("MobileNetV2", 150), pytest.param("ResNet50", 170, marks=pytest.mark.whole)])
def test_large_models_of_keras_applications_load(keras: Any, tmp_path: Path, name: str, nodes: int) -> None:
    model = getattr(keras.applications, name)(weights=None)
    model.save(tmp_path / "m.h5")
    graph = load(tmp_path / "m.h5")
    (tmp_path / "m.h5").unlink()
    specs = graph.specs()
    assert len(graph.nodes) == len(model.layers) - 1 > nodes
    for found in model.layers[1:]:
        assert specs[found.name].shape == tuple(found.output.shape), found.name
    assert sum(array.size for node in graph.nodes for array in node.weights.values()) == model.count_params()


@pytest.mark.parametrize("picture", ["paper", "scissors"])
def test_rock_paper_scissors(models: Path, picture: str) -> None:
    folder = models / "rps"
    graph = load(folder)
    x = np.load(folder / picture / "inputs.npz")["input_0"]
    wanted = np.load(folder / picture / "expected.npz")["output_0"]
    np.testing.assert_allclose(run(graph, {"input_1": x})["loss"], wanted, atol=1e-4)
