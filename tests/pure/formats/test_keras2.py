"""Files made by hand in the layouts of Keras 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_files import (
    called,
    dense,
    draw,
    functional,
    layer,
    sequential,
    write_model,
    write_weights,
)

from glnn.errors import ModelFileError
from glnn.formats import load
from glnn.graph.reference import run


def test_sequential_as_a_bare_list(tmp_path: Path) -> None:
    model = sequential(
        layer("Dense", "d", units=3, activation="relu", use_bias=True, batch_input_shape=[None, 4]),
        layer("Dropout", "drop", rate=0.5),
        layer("Activation", "soft", activation="hard_sigmoid"),
    )
    weights = dense("d", 4, 3)
    path = write_model(tmp_path / "m.h5", model, {"d": weights, "drop": {}, "soft": {}}, "2.0.8")
    graph = load(path)
    assert graph.inputs[0].name == "d_input" and graph.inputs[0].shape == (None, 4)
    x = draw(2, 4)
    kernel, bias = weights.values()
    wanted = np.clip(np.maximum(x @ kernel + bias, 0) * 0.2 + 0.5, 0, 1)  # hard_sigmoid as Keras 2 means it
    np.testing.assert_allclose(run(graph, {"d_input": x})["soft"], wanted, rtol=1e-5)


def test_names_in_pieces_and_halves_and_doubles(tmp_path: Path) -> None:
    names = [f"d{i}" for i in range(5)]
    layers = [layer("Dense", n, units=4, activation="linear", batch_input_shape=[None, 4]) for n in names]
    types = [np.float16, np.float64, np.float32, ">f4", ">f8"]
    groups = {n: {k: v.astype(t) for k, v in dense(n, 4, 4).items()} for n, t in zip(names, types, strict=True)}
    graph = load(write_model(tmp_path / "m.h5", sequential(*layers), groups, pieces=2))
    for node in graph.nodes:
        stored = groups[node.name][f"{node.name}/kernel:0"]
        kept = np.float16 if stored.dtype == np.float16 else np.float32
        assert node.weights["kernel"].dtype == kept and node.weights["kernel"].dtype.isnative
        np.testing.assert_array_equal(node.weights["kernel"], stored.astype(np.float32))


def test_input_shape_from_the_first_weights(tmp_path: Path) -> None:
    model = sequential(layer("Dense", "d", units=3, activation="linear"))
    assert load(write_model(tmp_path / "m.h5", model, {"d": dense("d", 6, 3)})).inputs[0].shape == (None, 6)
    with pytest.raises(ModelFileError, match="shape of input 'flat_input' is not in the file"):
        model = sequential(layer("Flatten", "flat"), layer("Dense", "d", units=3, activation="linear"))
        load(write_model(tmp_path / "n.h5", model, {"flat": {}, "d": dense("d", 6, 3)}))


def test_nested_model_of_keras2_whose_calls_count_from_one(tmp_path: Path) -> None:
    inner = functional(
        "inner", ["i"], ["e"],
        [
            called("InputLayer", "i", batch_input_shape=[None, 4]),
            called("Dense", "e", ("i", 0, 0), units=4, activation="linear"),
        ],
    )  # fmt: skip
    nodes = [[["x", 0, 0, {}]], [["y", 0, 0, {}]]]
    model = functional(
        "outer", ["x", "y"], ["sub"],
        [
            called("InputLayer", "x", batch_input_shape=[None, 4]),
            called("InputLayer", "y", batch_input_shape=[None, 4]),
            {**inner, "name": "inner", "inbound_nodes": nodes},
            called("Subtract", "sub", ("inner", 1, 0), ("inner", 2, 0)),
        ],
    )  # fmt: skip
    weights = dense("e", 4, 4)
    groups = {"x": {}, "y": {}, "inner": weights, "sub": {}}
    graph = load(write_model(tmp_path / "m.h5", model, groups))
    x, y = draw(3, 4), draw(3, 4)
    np.testing.assert_allclose(
        run(graph, {"x": x, "y": y})["sub"], (x - y) @ weights["e/kernel:0"], rtol=1e-4, atol=1e-6
    )


def test_counters_in_names_may_differ_by_session(tmp_path: Path) -> None:
    model = sequential(
        layer("Dense", "dense_1", units=5, activation="linear", batch_input_shape=[None, 4]),
        layer("Dense", "dense_2", units=2, activation="linear"),
    )
    (tmp_path / "model.json").write_text(json.dumps({**model, "keras_version": "2.2.4"}))
    groups = {"dense_2": dense("dense_2", 4, 5), "dense_3": dense("dense_3", 5, 2)}
    with h5py.File(tmp_path / "model_weights.h5", "w") as file:
        write_weights(file, groups)
    graph = load(tmp_path / "model.json")
    np.testing.assert_array_equal(graph.nodes[0].weights["kernel"], groups["dense_2"]["dense_2/kernel:0"])


def test_kernels_of_the_theano_backend_are_turned_around(tmp_path: Path) -> None:
    config: dict[str, Any] = dict(filters=2, kernel_size=[3, 3], strides=[1, 1], padding="valid", activation="linear")
    model = sequential(layer("Conv2D", "c", data_format="channels_last", batch_input_shape=[None, 6, 6, 1], **config))
    groups = {"c": {"c/kernel:0": draw(3, 3, 1, 2), "c/bias:0": draw(2)}}
    graph = load(write_model(tmp_path / "m.h5", model, groups, "2.1.0", backend="theano"))
    np.testing.assert_array_equal(graph.nodes[0].weights["kernel"], groups["c"]["c/kernel:0"][::-1, ::-1])
