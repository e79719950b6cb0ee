"""Recurrent layers: the NumPy references, shapes and configs against Keras."""

from __future__ import annotations

import dataclasses
import json
import os

import numpy as np
import pytest
from cases.keras import CASES

from glnn.errors import UnsupportedError
from glnn.graph.graph import as_tuple
from glnn.layers.base import LAYERS, Layer
from glnn.layers.cells import Cell
from glnn.layers.pooling import GlobalAveragePooling1D
from glnn.layers.recurrent import GRU, LSTM, RNN, Bidirectional, Recurrent, SimpleRNN
from glnn.layers.wrappers import Fold, Unfold
from glnn.primitives.functions import Function

os.environ.setdefault("KERAS_BACKEND", "jax")

OWN = ("masked", "zero_start", "time_major")
LAYERED = [case for case in CASES if isinstance(case.layer, Layer)]
MINE = [case for case in LAYERED if isinstance(case.layer, Recurrent | Bidirectional)]
# Keras compiles for every case: each push compares one in three.
SOME = [pytest.param(case, marks=[pytest.mark.whole] if i % 3 else [], id=case.name) for i, case in enumerate(MINE)]


def twin_of(layer):
    """Keras' layer or cell of the same options."""
    import keras

    options = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer) if f.name not in OWN}
    options = {k: v.name if isinstance(v, Function) else v for k, v in options.items()}
    if hasattr(layer, "filters") and layer.masked:
        options["unroll"] = True  # else Keras on JAX cannot broadcast the mask
    for key, value in options.items():
        if isinstance(value, Cell | Recurrent):
            options[key] = twin_of(value)
        elif key == "cells":
            options[key] = [twin_of(cell) for cell in value]
    return getattr(keras.layers, type(layer).__name__)(**options)


def nested(states, layer):
    """Initial states as Keras takes them: those of a cell of a stack in a list."""
    cells = getattr(getattr(layer, "cell", None), "cells", None)
    if not states or cells is None:
        return list(states) or None
    states = iter(states)
    return [[next(states) for _ in cell.states] for cell in cells]


def keras_answer(case):
    """(outputs, config) of Keras for a case."""
    import keras

    twin, inputs = twin_of(case.layer), list(case.inputs)
    mask = inputs.pop().astype(bool) if case.layer.masked else None
    twin.build(inputs[0].shape)
    twin.set_weights(list(case.weights.values()))
    made = twin(inputs[0], initial_state=nested(inputs[1:], case.layer), mask=mask)
    return [np.asarray(y) for y in keras.tree.flatten(made)], twin.get_config()


@pytest.mark.parametrize("case", SOME)
def test_reference_agrees_with_keras(case):
    pytest.importorskip("keras")
    expected, config = keras_answer(case)
    wide = {name: w.astype(np.float64) for name, w in case.weights.items()}
    result = as_tuple(case.layer.reference([x.astype(np.float64) for x in case.inputs], wide))
    narrow = as_tuple(case.layer.reference(case.inputs, case.weights))
    shapes = as_tuple(case.layer.output_shape(*case.shapes))
    assert [y.shape for y in expected] == [y.shape for y in result] == list(shapes)
    for want, one, other in zip(expected, result, narrow, strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-4, atol=2e-6)
        np.testing.assert_allclose(other, want, rtol=1e-4, atol=2e-6)
    # what Keras writes for it is read back as the same layer
    read = LAYERS[type(case.layer).__name__].from_config(json.loads(json.dumps(config)))
    assert plain(read) == plain(case.layer)


def plain(layer):
    """A layer as a file tells it: without what glnn sets, with Keras' own way to say defaults."""
    changes = {name: False for name in ("masked", "zero_output_for_mask") if hasattr(layer, name)}
    if hasattr(layer, "data_format"):
        changes["data_format"] = layer.data_format or "channels_last"
    for name in ("layer", "backward_layer"):
        if hasattr(layer, name):
            changes[name] = plain(getattr(layer, name))
    return dataclasses.replace(layer, **changes)


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_free_batch_and_time_stay_free(case):
    free = [(None, *shape[1:]) for shape in case.shapes]
    shapes = as_tuple(case.layer.output_shape(*case.shapes))
    assert [s[1:] for s in as_tuple(case.layer.output_shape(*free))] == [s[1:] for s in shapes]
    free[0] = (None, None, *free[0][2:])
    if case.layer.masked:
        free[-1] = (None, None)
    made = as_tuple(case.layer.output_shape(*free))[0]
    assert made == ((None, None, *shapes[0][2:]) if case.layer.return_sequences else (None, *shapes[0][1:]))


@pytest.mark.parametrize(
    "case", [c for c in LAYERED if isinstance(c.layer, GlobalAveragePooling1D) and c.layer.masked], ids=lambda c: c.name
)
def test_masked_means(case):
    keras = pytest.importorskip("keras")
    x, mask = case.inputs
    twin = keras.layers.GlobalAveragePooling1D(case.layer.data_format, keepdims=case.layer.keepdims)
    np.testing.assert_allclose(case.layer.reference([x, mask], {}), twin(x, mask=mask.astype(bool)), atol=1e-6)
    assert case.layer.output_shape(*case.shapes) == twin(x).shape


@pytest.mark.parametrize("case", [c for c in LAYERED if isinstance(c.layer, Fold | Unfold)], ids=lambda case: case.name)
def test_steps_as_a_batch(case):
    x, like = case.inputs[0], case.inputs[-1]
    shape = (
        (like.shape[0] * like.shape[1], *like.shape[2:]) if len(case.inputs) == 1 else (*like.shape[:2], *x.shape[1:])
    )
    np.testing.assert_array_equal(case.layer.reference(case.inputs, {}), x.reshape(shape))


@pytest.mark.parametrize(
    ("name", "config", "word"),
    [
        ("LSTM", {"units": 3, "time_major": True}, "time_major"),
        ("LSTM", {"units": 0}, "units is 0"),
        ("GRU", {"units": 3, "bogus": 1}, "bogus"),
        ("RNN", {"cell": {"class_name": "mine>Cell", "config": {}}}, "mine>Cell"),
        ("RNN", {"cell": {"class_name": "LSTM", "config": {"units": 3}}}, "cell LSTM"),
        ("RNN", {"cell": None}, "cell None"),
        ("RNN", {"units": 3, "cell": {"class_name": "LSTMCell", "config": {"units": 4}}}, "units=3"),
        ("RNN", {"cells": [], "cell": {"class_name": "LSTMCell", "config": {"units": 4}}}, "cells"),
        ("Bidirectional", {"layer": {"class_name": "Dense", "config": {"units": 3}}}, "Dense"),
        ("Bidirectional", {"layer": {"class_name": "LSTM", "config": {"units": 3}}, "merge_mode": "dot"}, "merge_mode"),
    ],
)
def test_bad_options_are_refused(name, config, word):
    with pytest.raises(UnsupportedError, match=word):
        LAYERS[name].from_config(config, "a layer")


def test_what_does_not_tell_reset_after_is_older_than_it():
    assert GRU.from_config({"units": 3}) == GRU(3, reset_after=False)


def test_a_cell_s_options_may_be_said_twice():
    """As TensorFlow.js does, which joins the config of the cell and that of the layer."""
    inner = {"name": "lstm_cell", "units": 3, "activation": "relu", "use_bias": False, "dropout": 0}
    cell = {"class_name": "LSTMCell", "config": inner}
    config = {**inner, "name": "rnn", "return_state": True, "cell": cell}
    assert RNN.from_config(config) == RNN(cell=LSTM(3, activation="relu", use_bias=False).cell, return_state=True)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (LSTM(3), [(2, 5)]),
        (LSTM(3), [(2, 5, None)]),
        (LSTM(3), [(2, 5, 4), (2, 3)]),
        (SimpleRNN(3), [(2, 5, 4), (2, 4)]),
        (RNN(cell=LSTM(3).cell), [(2, 5, 4, 4)]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shapes):
    with pytest.raises(ValueError):
        layer.weight_specs(*shapes)
        layer.output_shape(*shapes)
