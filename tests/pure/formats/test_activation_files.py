"""Activations in every way in which files of Keras 3 say them: by name, as a function, as a layer; those of Addons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import dense, draw, layer, sequential, write_model

from glnn.errors import GraphError, UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
L = keras.layers

NO_FUNCTIONS = ("deserialize", "get", "serialize")
NAMES = [name for name in dir(keras.activations) if name[0] != "_" and name not in NO_FUNCTIONS]
# What Keras gets wrong, cannot call without its numbers, or does not know the shape of.
ALONE = ("sparsemax", "threshold", "glu")
LAYERS = {
    "relu": lambda: L.ReLU(1.5, 0.1, 0.2),
    "leaky": lambda: L.LeakyReLU(0.25),
    "elu": lambda: L.ELU(0.5),
    "softmax": lambda: L.Softmax(),
    "activation": lambda: L.Activation("celu"),
}


def compared(path: Path, *layers: Any) -> None:
    """A model of these layers, saved by Keras, gives what Keras gives."""
    model = keras.Sequential([keras.Input((6,)), *layers])
    if model.weights:
        model.set_weights([draw(*w.shape) for w in model.get_weights()])
    model.save(path)
    graph, x = load(path), 2 * draw(3, 6)
    (made,) = run(graph, {graph.inputs[0].name: x}).values()
    np.testing.assert_allclose(made, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ALONE])
def test_by_name_and_as_a_function(tmp_path: Path, name: str) -> None:
    function = getattr(keras.activations, name)
    compared(tmp_path / "m.h5", L.Activation(name), L.Dense(4, activation=function), L.Dense(4, activation=name))


@pytest.mark.parametrize("name", LAYERS)
def test_as_a_layer(tmp_path: Path, name: str) -> None:
    compared(tmp_path / "m.h5", L.Dense(5, activation=LAYERS[name]()), L.Activation(LAYERS[name]()), LAYERS[name]())


def test_what_keras_computes_wrongly_is_refused_by_its_name(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((6,)), L.Activation("sparsemax")]).save(tmp_path / "m.h5")
    with pytest.raises(UnsupportedError, match="sparsemax.*does not add up to 1"):
        load(tmp_path / "m.h5")


@pytest.mark.parametrize("first", [False, True])
def test_glu_needs_a_known_size(tmp_path: Path, first: bool) -> None:
    """Of images with the channels first it halves the width."""
    shape, order = ((4, None), "channels_first") if first else ((None, 4), "channels_last")
    made = L.Conv1D(4, 1, data_format=order, activation="glu", name="halved")
    keras.Sequential([keras.Input(shape), made]).save(tmp_path / "m.h5")
    if first:
        with pytest.raises(GraphError, match=r"'halved' \(Conv1D\).*glu halves the last axis.*must be known"):
            load(tmp_path / "m.h5")
    else:
        assert load(tmp_path / "m.h5").output_specs()[0].shape == (None, None, 2)


def test_every_function_of_keras_is_known() -> None:
    from glnn.layers.base import resolve

    for name in NAMES:
        assert resolve(name)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("gelu", lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
        ("hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0)),
        ("softshrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
        ("tanhshrink", lambda x: x - np.tanh(x)),
        ("mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    ],
)
def test_those_of_addons_by_name(tmp_path: Path, name: str, formula: Any) -> None:
    model = sequential(
        layer("Dense", "d", units=3, activation="linear", batch_input_shape=[None, 4]),
        layer("Activation", "a", activation=f"Addons>{name}"),
    )
    weights = dense("d", 4, 3)
    graph, x = load(write_model(tmp_path / "m.h5", model, {"d": weights, "a": {}}, "2.9.0")), draw(5, 4)
    kernel, bias = weights.values()
    np.testing.assert_allclose(run(graph, {"d_input": x})["a"], formula(x @ kernel + bias), rtol=1e-4, atol=1e-5)
