"""Makes recurrent2.json and recurrent2.npz: recurrent models of Keras 2, their weights, and what it computes with them.

pip install tensorflow-cpu tf_keras
python make_recurrent2.py .
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras
from tf_keras.src.saving.legacy.hdf5_format import preprocess_weights_for_loading

folder = Path(sys.argv[1])
rng = np.random.default_rng(5)
L = keras.layers
IDS = np.array([[1, 5, 0, 3, 0, 0], [0, 2, 2, 0, 4, 1], [7, 6, 5, 4, 3, 2]])
PAGES = np.array([[[1, 5, 0], [0, 3, 0], [0, 0, 0]], [[0, 2, 2], [0, 4, 1], [7, 1, 1]]])
TRUE = np.array([[1, 1, 0, 1, 0, 0], [0, 1, 1, 0, 1, 1], [1, 1, 1, 1, 1, 1]], bool)
X = (rng.normal(size=(3, 6, 4)) * TRUE[..., None]).astype(np.float32)


def sequential(*layers: Any, x: Any = X, **options: Any) -> tuple[Any, list[Any]]:
    return keras.Sequential([L.Input(x.shape[1:], **options), *layers]), [x]


def words(*layers: Any) -> tuple[Any, list[Any]]:
    return sequential(L.Embedding(8, 3, mask_zero=True), *layers, x=IDS)


def lines(*layers: Any) -> tuple[Any, list[Any]]:
    """Words of lines, of which some have none."""
    return sequential(L.Embedding(8, 4, mask_zero=True), *layers, x=PAGES)


def merged(merge: Any, masked: bool = True) -> tuple[Any, list[Any]]:
    one, two = L.Input((6,)), L.Input((6,))
    a, b = L.Embedding(8, 3, mask_zero=True)(one), L.Embedding(8, 3, mask_zero=masked)(two)
    return keras.Model([one, two], L.LSTM(3)(merge([a, b]))), [IDS, IDS[::-1]]


def started(make: Any, count: int) -> tuple[Any, list[Any]]:
    """States that are given, and a mask whose first steps are 0."""
    one, states = L.Input((6,)), [L.Input((3,)) for _ in range(count)]
    a = L.Embedding(8, 3, mask_zero=True)(one)
    return keras.Model([one, *states], make(a, initial_state=states)), [IDS, *(rng.normal(size=(3, 3)) for _ in states)]


def named_mask() -> tuple[Any, list[Any]]:
    x, mask = L.Input((6, 4)), L.Input((6,), dtype="bool")
    return keras.Model([x, mask], L.GRU(3, go_backwards=True, return_sequences=True)(x, mask=mask)), [X, TRUE]


def all_outputs() -> tuple[Any, list[Any]]:
    x = L.Input((None, 4))
    lstm = L.LSTM(3, return_sequences=True, return_state=True)(x)
    both = L.Bidirectional(L.GRU(3, return_state=True), merge_mode=None)(x)
    return keras.Model(x, [*lstm, *both]), [X]


images = rng.normal(size=(2, 3, 5, 4, 2)).astype(np.float32)
MODELS = {
    "lstm": sequential(L.LSTM(3, return_sequences=True), L.LSTM(2, recurrent_activation="hard_sigmoid")),
    "gru": sequential(L.GRU(3, return_sequences=True), L.GRU(2, reset_after=False, implementation=1)),
    "simple": sequential(L.SimpleRNN(3, return_sequences=True), L.SimpleRNN(2, activation="relu", use_bias=False)),
    "cells": sequential(L.RNN([L.LSTMCell(3), L.GRUCell(4), L.LSTMCell(2)])),
    "both": sequential(
        L.Masking(), L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), "sum")
    ),
    "steps": words(L.TimeDistributed(L.Dense(4, activation="hard_sigmoid")), L.Dropout(0.1), L.GRU(3)),
    "images": sequential(L.ConvLSTM2D(3, 3, padding="same", return_sequences=True), L.ConvLSTM2D(2, 2), x=images),
    "masked images": sequential(L.TimeDistributed(L.Conv2D(2, 2)), L.ConvLSTM2D(2, 2), x=images),
    "mean": merged(L.Average()),
    "channels": merged(L.Concatenate()),
    "one of two": merged(L.Add(), False),
    "channels of one": merged(L.Concatenate(), False),
    "in time": merged(L.Concatenate(axis=1)),
    "started lstm": started(L.LSTM(3, return_sequences=True), 2),
    "started gru": started(L.GRU(3), 1),
    "named mask": named_mask(),
    "outputs": all_outputs(),
    "CuDNNLSTM": sequential(L.LSTM(3, return_sequences=True)),
    "CuDNNGRU": sequential(L.Bidirectional(L.GRU(3))),
    "lines": lines(L.TimeDistributed(L.LSTM(3)), L.GRU(2)),
    "words of lines": lines(
        L.TimeDistributed(L.GRU(4, return_sequences=True)), L.TimeDistributed(L.Dense(3)), L.TimeDistributed(L.GRU(2)),
        L.LSTM(2),
    ),
    "model of lines": lines(
        L.TimeDistributed(keras.Sequential([L.Input((3, 4)), L.GRU(3, return_sequences=True), L.LSTM(2)])), L.GRU(2)
    ),
}  # fmt: skip


def cudnn(model: Any, name: str) -> tuple[Any, list[Any]]:
    """The config as with a CuDNN layer, and weights as one has them, which Keras has put into the model."""
    config, layer, stored = json.loads(model.to_json()), model.layers[0], []
    wraps = hasattr(layer, "forward_layer")
    for part in (layer.forward_layer, layer.backward_layer) if wraps else (layer,):
        gates = 4 if name == "CuDNNLSTM" else 3
        own = [rng.normal(size=size) * 0.7 for size in ((4, gates * 3), (3, gates * 3), (2 * gates * 3,))]
        part.set_weights(preprocess_weights_for_loading(part, own, "2"))
        stored += own
    item = config["config"]["layers"][1]
    item = item["config"]["layer"] if wraps else item
    item["class_name"] = name
    for key in ("activation", "recurrent_activation", "reset_after", "use_bias", "unroll", "implementation", "dropout"):
        item["config"].pop(key, None)
    return config, stored


def bare(value: Any) -> Any:
    """A config without what training alone sees."""
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    ends = ("initializer", "regularizer", "constraint", "dropout", "registered_name", "build_config")
    return {key: bare(item) for key, item in value.items() if not key.endswith(ends)}


told, arrays = {}, {}
for name, (model, inputs) in MODELS.items():
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape) * 0.7)
    config, groups = json.loads(model.to_json()), {}
    for layer in model.layers:
        groups[layer.name] = [w.name for w in layer.weights]
        arrays |= {f"{name}|{layer.name}|{k}": w.numpy() for k, w in enumerate(layer.weights)}
    if name.startswith("CuDNN"):
        config, stored = cudnn(model, name)
        arrays |= {f"{name}|{model.layers[0].name}|{k}": w.astype(np.float32) for k, w in enumerate(stored)}
    made = model(inputs if len(inputs) > 1 else inputs[0])
    made = made if isinstance(made, list) else [made]
    arrays |= {f"{name}>{k}": np.asarray(x) for k, x in enumerate(inputs)}
    arrays |= {f"{name}<{k}": np.asarray(y) for k, y in enumerate(made)}
    told[name] = {"config": bare(config), "groups": groups}
(folder / "recurrent2.json").write_text(json.dumps({"keras_version": keras.__version__, "models": told}))
np.savez_compressed(folder / "recurrent2.npz", **arrays)
