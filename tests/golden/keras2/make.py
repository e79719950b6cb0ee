"""Makes structures.json: models of Keras 2 with tensors in dicts, their weights and Keras' own answers.

`pip install tensorflow-cpu tf-keras && python make.py` (made with tf-keras 2.21); test_structures.py reads it.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

RNG = np.random.default_rng(5)


def sources(names):
    return [keras.layers.Input((2,), name=name) for name in names.split()]


def dense(units, tensor):
    return keras.layers.Dense(units)(tensor)


def joined(*tensors):
    return keras.layers.Concatenate()(list(tensors))


def on_a_dict():
    x, y = sources("x y")
    inner = keras.Model({"kz": x, "ka": y}, {"z": dense(2, x), "b": dense(3, y)}, name="inner")
    p, q = sources("p q")
    one, two = inner({"kz": p, "ka": q}), inner({"not used": p, "ka": p, "kz": q})
    return keras.Model({"second": p, "first": q}, {"z": one["z"], "b": joined(two["b"], two["z"], one["b"])})


def of_a_list_on_a_dict():
    x, y = sources("x y")
    inner = keras.Model([y, x], [dense(2, y), dense(3, x)], name="inner")
    p, q = sources("p q")
    return keras.Model([p, q], joined(*inner({"x": p, "not used": p, "y": q})))


def lists_in_dicts():
    i, j, k = sources("i j k")
    outputs = {"z": [dense(2, i), dense(3, j)], "b": {"w": dense(4, k), "c": dense(1, k)}}
    inner = keras.Model({"q": [i, j], "p": k}, outputs, name="inner")
    p, q, r = sources("p q r")
    o = inner({"q": [p, q], "p": r})
    outputs = {"z": [o["b"]["c"], o["z"][1]], "b": {"w": o["z"][0], "c": o["b"]["w"]}}
    return keras.Model({"l": {"m": p, "k": q}, "a": [r]}, outputs)


def told(model):
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape).round(2))
    x = [RNG.normal(size=(2, 2)).astype(np.float32).round(2) for _ in model.inputs]
    y = tf.nest.flatten(model(tf.nest.pack_sequence_as(model._nested_inputs, x)))
    groups = {layer.name: {w.name: w.numpy().round(2).tolist() for w in layer.weights} for layer in model.layers}
    numbers = {"inputs": [a.tolist() for a in x], "outputs": [a.numpy().tolist() for a in y]}
    return {"model": json.loads(model.to_json()), "weights": groups, **numbers}


made = {make.__name__: told(make()) for make in (on_a_dict, of_a_list_on_a_dict, lists_in_dicts)}
(Path(__file__).parent / "structures.json").write_text(json.dumps(made, separators=(",", ":")))
