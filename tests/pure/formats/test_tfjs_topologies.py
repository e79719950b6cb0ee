"""Topologies of TensorFlow.js models, and which weights belong to which of their layers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import called, functional, layer, sequential
from support.networks import scattered
from support.tfjs_files import (
    agree,
    check_stored,
    converted,
    decoded,
    dense_group,
    draw,
    two_layers,
    write_tfjs,
)

from glnn.formats import load
from glnn.graph.reference import run


def expected(weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    first, offset, second, end = weights.values()
    return np.maximum(x @ first + offset, 0) @ second + end


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("version", ["2.15.0", "tfjs-layers 4.22.0", None])
def test_sequential_whose_config_is_a_bare_list(tmp_path: Path, version: str | None, wrapped: bool) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    told = {"keras_version": version, "backend": "tensor_flow.js"} if version else {}
    topology = {"model_config": two_layers(), **told} if wrapped else {**two_layers(), **told}
    path = write_tfjs(tmp_path, topology, [weights], "uint8")
    x = draw(5, 4)
    wanted = expected({name: decoded(values, "uint8") for name, values in weights.items()}, x)
    for where in (path, tmp_path, str(path)):
        np.testing.assert_allclose(run(load(where), {"first_input": x})["second"], wanted, rtol=1e-5, atol=1e-6)


def test_nested_models(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    inner = keras.Sequential([L.Input((8,)), L.Dense(3, name="first"), L.BatchNormalization(name="norm")], name="inner")
    source = L.Input((8,), name="source")
    block = keras.Model(source, [L.Dense(3, name="side")(source), inner(source)], name="block")
    a, b = L.Input((8,), name="a"), L.Input((8,), name="b")
    left, right = block(a)
    other, _ = block(b)
    model = keras.Model([a, b], [L.Dense(4, name="out")(L.Add(name="sum")([left, right])), other], name="outer")
    scattered(model)
    plain = [variable.path.rsplit("/", 2)[-2:] for variable in model.weights]
    for prefix in ("", "block/", "outer/"):  # layers' names alone, as Keras 2 has them; all with a model before them
        names = [prefix + "/".join(name) for name in plain]
        weights = dict(zip(names, map(np.asarray, model.weights), strict=True))
        write_tfjs(tmp_path, converted(model), [weights], None, 50)
        agree(model, load(tmp_path))
    own = {"side": "block/side", "first": "block/inner/first", "norm": "block/inner/norm", "out": "out"}
    weights = {f"{own[n]}/{w}": np.asarray(v) for (n, w), v in zip(plain, model.weights, strict=True)}
    write_tfjs(tmp_path, converted(model), [weights], "uint8", 50)
    graph = load(tmp_path)
    check_stored(graph.with_(nodes=tuple({node.label: node for node in graph.nodes}.values())), weights, "uint8")


def test_a_layer_of_one_name_in_the_model_and_in_a_nested_one(tmp_path: Path) -> None:
    inner = functional(
        "inner", ["i"], ["d"],
        [called("InputLayer", "i", batch_input_shape=[None, 4]), called("Dense", "d", ("i", 0, 0), units=4)],
    )  # fmt: skip
    inner |= {"name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]}
    layers = [
        called("InputLayer", "x", batch_input_shape=[None, 4]), inner, called("Dense", "d", ("inner", 1, 0), units=4)
    ]  # fmt: skip
    weights = {**dense_group("d", 4, 4), **dense_group("inner/d", 4, 4)}
    graph = load(write_tfjs(tmp_path, functional("m", ["x"], ["d"], layers), [weights]))
    found = {node.label: node.weights["kernel"] for node in graph.nodes}
    np.testing.assert_array_equal(found["d"], weights["d/kernel"])
    np.testing.assert_array_equal(found["inner/d"], weights["inner/d/kernel"])


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"sequential_1/{name}",  # a model's name before all
        lambda name: f"{name}:0",
        lambda name: name.replace("/", "/cell/"),  # as TensorFlow 2.2 does for what a layer wraps
        lambda name: name.split("/")[1],  # twice the same: the order tells
        lambda name: name.replace("/", "_"),  # no layer's name at all: the order tells
    ],
    ids=["prefix", "colon", "cell", "same", "flat"],
)
def test_names_of_weights(tmp_path: Path, rename: Callable[[str], str]) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights])
    content = json.loads(path.read_text())
    for item in content["weightsManifest"][0]["weights"]:
        item["name"] = rename(item["name"])
    path.write_text(json.dumps(content))
    x = draw(3, 4)
    np.testing.assert_allclose(
        run(load(path), {"first_input": x})["second"], expected(weights, x), rtol=1e-5, atol=1e-6
    )


def test_names_that_differ_in_counters_alone(tmp_path: Path) -> None:
    names = ["dense_1", "dense_2"]
    model = sequential(*[layer("Dense", n, units=4, activation="linear", batch_input_shape=[None, 4]) for n in names])
    weights = {**dense_group("dense_2", 4, 4), **dense_group("dense_3", 4, 4)}
    graph = load(write_tfjs(tmp_path, model, [weights]))
    for node, name in zip(graph.nodes, ["dense_2", "dense_3"], strict=True):
        np.testing.assert_array_equal(node.weights["kernel"], weights[f"{name}/kernel"])


def test_weights_in_another_order_than_the_layer_takes_them(tmp_path: Path) -> None:
    model = sequential(layer("BatchNormalization", "n", axis=[1], batch_input_shape=[None, 4]))
    weights = {f"n/{name}": draw(4) for name in ("moving_variance", "beta", "moving_mean", "gamma")}
    graph = load(write_tfjs(tmp_path, model, [weights]))
    for name, values in weights.items():
        np.testing.assert_array_equal(graph.nodes[0].weights[name[2:]], values)


def test_weights_of_an_optimizer_are_passed_over(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), "Adam/m": draw(7), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights])
    content = json.loads(path.read_text())
    content["weightsManifest"][0]["weights"][2]["group"] = "optimizer"
    path.write_text(json.dumps(content))
    del weights["Adam/m"]
    check_stored(load(path), weights, None)


def test_a_model_without_weights(tmp_path: Path) -> None:
    model = sequential(layer("Flatten", "flat", batch_input_shape=[None, 4, 2]))
    assert len(load(write_tfjs(tmp_path, model, [])).nodes) == 1
    assert len(load(write_tfjs(tmp_path, model, [{}])).nodes) == 1
