"""Models of Keras with recurrent layers, masks and layers at each step, as files: glnn gives what Keras gives."""

from __future__ import annotations

import os

import numpy as np
import pytest
from support.shares import one_in

import glnn
from glnn.errors import GraphError, UnsupportedError

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
L = keras.layers

IDS = np.array([[1, 5, 0, 3, 0, 0], [0, 2, 2, 0, 4, 1], [7, 6, 5, 4, 3, 2]])
TRUE = np.array([[1, 1, 0, 1, 0, 0], [0, 1, 1, 0, 1, 1], [1, 1, 1, 1, 1, 1]], bool)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


SEQUENCE = numbers(3, 6, 4) * TRUE[..., None]


def sequential(*layers, shape=(6, 4), x=SEQUENCE, dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers]), x


def text(*layers):
    return sequential(L.Embedding(8, 3, mask_zero=True), *layers, shape=(6,), x=IDS, dtype="int32")


def seq2seq():
    """An encoder's states begin a decoder, whose words after the end are masked."""
    source, target = keras.Input((None, 4)), keras.Input((6,), dtype="int32")
    _, h, c = L.LSTM(5, return_state=True)(source)
    words = L.Embedding(8, 3, mask_zero=True)(target)
    made = L.LSTM(5, return_sequences=True)(words, initial_state=[h, c])
    ids = np.array([[1, 5, 3, 0, 0, 0], [2, 2, 0, 0, 0, 0], [7, 6, 5, 4, 3, 2]])
    return keras.Model([source, target], L.TimeDistributed(L.Dense(8, activation="softmax"))(made)), [SEQUENCE, ids]


def called_on_states(make, count):
    x, states = keras.Input((6, 4)), [keras.Input((5,)) for _ in range(count)]
    y = make(x, initial_state=states if count > 1 else states[0])
    return keras.Model([x, *states], y), [SEQUENCE, *(numbers(3, 5) for _ in states)]


def called_on_mask():
    x, mask = keras.Input((6, 4)), keras.Input((6,), dtype="bool")
    y = L.Bidirectional(L.GRU(3, return_sequences=True))(x, mask=mask)
    return keras.Model([x, mask], L.LSTM(3)(y)), [numbers(3, 6, 4), TRUE]


def all_outputs():
    x = keras.Input((6, 4))
    lstm = L.LSTM(3, return_sequences=True, return_state=True)(x)
    both = L.Bidirectional(L.GRU(3, return_state=True), merge_mode=None)(x)
    return keras.Model(x, [*lstm, *both]), SEQUENCE


def merged(merge, same=True):
    """Two ways from one mask, or from two, to a layer that takes one."""
    one, two = keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")
    words = L.Embedding(8, 3, mask_zero=True)
    a, b = words(one), words(one if same else two)
    y = L.LSTM(3)(merge([L.Dense(3)(a), L.Activation("tanh")(b)]))
    return keras.Model([one, two], y), [IDS, IDS[::-1]]


def twice():
    """A layer that two masks reach."""
    one, two, layer = keras.Input((6, 4)), keras.Input((6, 4)), L.LSTM(3)
    return keras.Model([one, two], [layer(L.Masking()(one)), layer(two)]), [SEQUENCE, SEQUENCE]


def nested():
    x = keras.Input((6, 4))
    inner = keras.Sequential([keras.Input((6, 4)), L.Dense(4), L.LSTM(3, return_sequences=True)])
    return keras.Model(x, L.GRU(2)(inner(L.Masking()(x)))), SEQUENCE


PAGES = np.array([[[1, 5, 0], [0, 3, 0], [0, 0, 0]], [[0, 2, 2], [0, 4, 1], [7, 1, 1]]])  # words of lines
LINES = numbers(2, 3, 4, 5) * (PAGES[..., None] != 0).repeat(2, 2)[:, :, :4]


def pages(*layers, full=False):
    """What a mask of each line's words is handed to, line by line."""
    x = np.maximum(PAGES, 1) if full else PAGES
    return sequential(L.Embedding(8, 4, mask_zero=True), *layers, shape=(3, 3), x=x, dtype="int32")


def encoder():
    return keras.Sequential([L.Input((3, 4)), L.Dense(4), L.Bidirectional(L.GRU(3, return_sequences=True)), L.LSTM(2)])


def called_with_mask_of_lines():
    x, mask = keras.Input((3, 4, 5)), keras.Input((3, 4), dtype="bool")
    return keras.Model([x, mask], L.LSTM(3)(L.TimeDistributed(L.GRU(4))(x, mask=mask))), [
        numbers(2, 3, 4, 5), numbers(2, 3, 4) > 0,
    ]  # fmt: skip


MODELS = {
    "words of lines": lambda: pages(L.TimeDistributed(L.LSTM(3))),
    "words, then lines": lambda: pages(L.TimeDistributed(L.Bidirectional(L.LSTM(3))), L.GRU(2, return_sequences=True)),
    "words twice": lambda: pages(
        L.TimeDistributed(L.GRU(4, return_sequences=True)), L.TimeDistributed(L.Dense(3)), L.TimeDistributed(L.GRU(2))
    ),
    "model of words": lambda: pages(L.TimeDistributed(encoder()), L.GRU(2)),
    "lines of pages": lambda: pages(L.TimeDistributed(L.TimeDistributed(L.Dense(3))), L.TimeDistributed(L.LSTM(2))),
    "means of words": lambda: pages(L.TimeDistributed(L.GlobalAveragePooling1D()), full=True),
    "vectors of lines": lambda: sequential(L.Masking(), L.TimeDistributed(L.LSTM(3)), L.LSTM(2), shape=(3, 4, 5),
                                           x=LINES),
    "mask of lines": called_with_mask_of_lines,
    "lstm": lambda: sequential(L.LSTM(3)),
    "gru": lambda: sequential(L.GRU(3, return_sequences=True), L.GRU(2, go_backwards=True)),
    "gru before": lambda: sequential(L.GRU(3, reset_after=False, recurrent_activation="hard_sigmoid")),
    "simple": lambda: sequential(L.SimpleRNN(3, activation="relu", use_bias=False)),
    "cells": lambda: sequential(L.RNN([L.LSTMCell(3), L.GRUCell(4), L.LSTMCell(2), L.SimpleRNNCell(3)])),
    "one cell": lambda: sequential(L.RNN(L.GRUCell(3), return_sequences=True)),
    "both ways": lambda: sequential(L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2))),
    "two layers": lambda: sequential(
        L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(2, go_backwards=True), merge_mode="concat")
    ),
    "both ways of cells": lambda: sequential(L.Bidirectional(L.RNN([L.LSTMCell(3), L.GRUCell(4)]))),
    "free time": lambda: sequential(L.Bidirectional(L.LSTM(3, return_sequences=True)), shape=(None, 4)),
    "at each step": lambda: sequential(L.TimeDistributed(L.Dense(3, activation="softmax"))),
    "images at each step": lambda: sequential(
        L.TimeDistributed(L.Conv2D(3, 2)),
        L.TimeDistributed(L.Flatten()),
        L.LSTM(3),
        shape=(None, 4, 5, 2),
        x=numbers(2, 3, 4, 5, 2),
    ),
    "model at each step": lambda: sequential(
        L.TimeDistributed(keras.Sequential([L.Input((4, 5, 2)), L.Conv2D(3, 2), L.GlobalMaxPooling2D(), L.Dense(2)])),
        L.TimeDistributed(L.BatchNormalization()),
        L.LSTM(3),
        shape=(3, 4, 5, 2),
        x=numbers(2, 3, 4, 5, 2),
    ),
    "images": lambda: sequential(
        L.ConvLSTM2D(3, 3, padding="same", return_sequences=True), L.ConvLSTM2D(2, 3), shape=(3, 6, 5, 2),
        x=numbers(2, 3, 6, 5, 2),
    ),
    "rows of pixels": lambda: sequential(L.Bidirectional(L.ConvLSTM1D(3, 3)), shape=(3, 6, 2), x=numbers(2, 3, 6, 2)),
    "masked": lambda: sequential(L.Masking(), L.LSTM(3, return_sequences=True), L.GRU(2)),
    "masked both ways": lambda: sequential(
        L.Masking(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="ave")
    ),
    "words": lambda: text(L.Dropout(0.5), L.LSTM(3, go_backwards=True, return_sequences=True), L.SimpleRNN(3)),
    "passed on": lambda: text(
        L.Dense(3), L.LayerNormalization(), L.BatchNormalization(), L.ReLU(), L.TimeDistributed(L.Dense(4)), L.GRU(3)
    ),
    "not passed on": lambda: text(L.Reshape((3, 6)), L.LSTM(3)),
    "nobody takes it": lambda: text(L.Flatten(), L.Dense(2)),
    "mean of words": lambda: text(L.GlobalAveragePooling1D()),
    "steps of steps": lambda: sequential(L.Masking(), L.TimeDistributed(L.Conv1D(2, 2)), L.Reshape((6, 6)), L.GRU(2),
                                        shape=(6, 4, 2), x=numbers(3, 6, 4, 2)),
    "seq2seq": seq2seq,
    "states": lambda: called_on_states(L.LSTM(5), 2),
    "state": lambda: called_on_states(L.GRU(5, return_sequences=True), 1),
    "states both ways": lambda: called_on_states(L.Bidirectional(L.GRU(5)), 2),
    "mask": called_on_mask,
    "all outputs": all_outputs,
    "sum of one mask": lambda: merged(L.Add()),
    "channels of one mask": lambda: merged(L.Concatenate()),
    "steps of two masks": lambda: merged(L.Concatenate(axis=1), same=False),
    "channels of two masks": lambda: merged(L.Concatenate(), same=False),
    "twice": twice,
    "nested": nested,
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(2, MODELS))  # Keras compiles each anew
def test_files_of_keras(name, tmp_path):
    model, x = MODELS[name]()
    rng = np.random.default_rng(1)
    model.set_weights([np.abs(w) + 0.2 if w.ndim == 1 else rng.normal(size=w.shape) * 0.7 for w in model.get_weights()])
    expected = [np.asarray(y) for y in keras.tree.flatten(model(x))]
    model.save(tmp_path / "whole.h5")
    model.save(tmp_path / "whole.keras")
    model.save_weights(tmp_path / "apart.weights.h5")
    (tmp_path / "apart.json").write_text(model.to_json())
    for files in (["whole.h5"], ["whole.keras"], ["apart.json", "apart.weights.h5"]):
        with glnn.Model.load(*(tmp_path / file for file in files)) as loaded:
            made = loaded.reference(x)
            for ours, theirs in zip(made if isinstance(made, list) else [made], expected, strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=3e-6)


def test_a_mask_of_steps_alone_is_none_for_the_layer_in_each(tmp_path):
    """What Keras computes of it depends on the batch."""
    x, mask = keras.Input((3, 4, 5)), keras.Input((3,), dtype="bool")
    keras.Model([x, mask], L.TimeDistributed(L.GRU(4), name="each")(x, mask=mask)).save(tmp_path / "m.h5")
    with pytest.raises(GraphError, match="each.*a layer at each step would take its mask of"):
        glnn.Model.load(tmp_path / "m.h5")


def test_an_option_of_a_wrapper_is_refused(tmp_path):
    model, _ = sequential(L.TimeDistributed(L.Dense(3)))
    (tmp_path / "m.json").write_text(model.to_json().replace('"layer": {', '"bogus": 1, "layer": {'))
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(UnsupportedError, match="bogus=1"):
        glnn.Model.load(tmp_path / "m.json", tmp_path / "m.weights.h5")
