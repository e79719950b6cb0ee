"""Makes the files of tests/golden/keras2 with Keras 2 itself, and what it computes with them.

    pip install "tensorflow-cpu==2.13.*"
    python make_keras2.py keras2
    python make_keras2.py keras2 graph

    python make_keras2.py keras2 local

The second line writes what TensorFlow 1 would: models in one graph; the third, with Keras 2.15, locally connected
layers. Weights files were made with Keras 2.14 and 2.15 as well, whose trees are numbered otherwise
(`tensorflow-cpu==2.15.*`; for 2.14 with `pip download --no-deps keras==2.14.0` unpacked in PYTHONPATH); whole models
of the others with 2.13 alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

if sys.argv[2:] == ["graph"]:
    tf.compat.v1.disable_v2_behavior()

folder = Path(sys.argv[1])
version = "".join(keras.__version__.split(".")[:2])
rng = np.random.default_rng(3)
L = keras.layers


def scatter(model: Any) -> Any:
    """Weights that no two layers share; variances above zero."""
    for variable in model.weights:
        values = rng.normal(size=variable.shape)
        variable.assign(np.abs(values) + 0.5 if "var" in variable.name or "std" in variable.name else values)
    return model


def answers(name: str, model: Any) -> None:
    x = rng.normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    np.savez(folder / f"{name}.npz", x=x, y=model.predict(x, verbose=0))


def thawed(*more: Any) -> Any:
    """Nested models whose layers are alike, frozen as wholes and then in part not: Keras keeps these first."""
    deep = keras.Sequential([L.Dense(4), L.Dense(4), *more], name="deep")
    source = L.Input((4,))
    block = keras.Model(source, L.Dense(4)(deep(L.Dense(4)(source))), name="block")
    x = L.Input((4,))
    model = keras.Model(x, L.Dense(4)(L.Dropout(0.5)(L.Dense(4)(block(x)))), name="outer")
    block.trainable = False
    deep.layers[1].trainable = True
    block.layers[-1].trainable = True
    model.compile("adam", "mse")
    model.fit(rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), verbose=0)  # the optimizer has weights now
    return scatter(model)


def thawed_norm() -> Any:
    """The same with normalization, whose statistics Keras keeps behind all that trains."""
    return thawed(L.BatchNormalization())


def renorm() -> Any:
    """BatchNormalization that keeps seven weights, in the model and in one inside of it."""
    inner = keras.Sequential([L.Dense(4), L.BatchNormalization(renorm=True), L.Dense(4)], name="inner")
    x = L.Input((4,))
    return scatter(keras.Model(x, L.BatchNormalization(renorm=True, scale=False)(inner(x)), name="outer"))


def renamed() -> Any:
    """A layer inside a nested model that got another name after its weights were made."""
    inner = keras.Sequential([L.Dense(4, name="one"), L.Dense(4, name="two"), L.Dense(4, name="three")], name="inner")
    x = L.Input((4,))
    model = keras.Model(x, L.Dense(4, name="out")(inner(x)), name="outer")
    inner.layers[0]._name = "first"
    inner.layers[1].trainable = False
    return scatter(model)


def second() -> Any:
    """The second model of one graph: TensorFlow puts counters behind the names that the first has taken."""
    inner = keras.Sequential([L.Input((4,)), L.Dense(4), L.Dense(4), L.BatchNormalization()], name="inner")
    x = L.Input((4,))
    first = keras.Model(x, L.Dense(4)(inner(x)), name="outer")
    return keras.models.model_from_json(first.to_json())


def frozen() -> Any:
    """The same, its first layer frozen: the layers' order in the file is not theirs in the model."""
    model = second()
    model.get_layer("inner").layers[0].trainable = False
    return model


def local() -> Any:
    """Locally connected layers of all their options side by side, on images and sequences."""
    x = L.Input((5, 6, 2))
    row = L.Reshape((12, 5))(x)
    made = []
    for implementation, padding in ((1, "valid"), (2, "valid"), (2, "same"), (3, "valid"), (3, "same")):
        for order in ("channels_last", "channels_first"):
            options = dict(padding=padding, data_format=order, implementation=implementation)
            made.append(L.LocallyConnected2D(3, (3, 2), strides=(1, 2), activation="tanh", **options)(x))
            made.append(L.LocallyConnected1D(4, 4, strides=3 if order == "channels_last" else 1, **options)(row))
    return scatter(keras.Model(x, L.Concatenate()([L.Flatten()(y) for y in made]), name="local"))


if sys.argv[2:] == ["local"]:
    model = local()
    model.save(folder / f"local-{version}.h5", include_optimizer=False)
    answers(f"local-{version}", model)
    sys.exit()

if sys.argv[2:] == ["graph"]:
    for make in (second, frozen):
        keras.backend.clear_session()
        model = make()
        model.set_weights([np.abs(rng.normal(size=values.shape)) + 0.2 for values in model.get_weights()])
        model.save(folder / f"graph-{make.__name__}.h5", include_optimizer=False)
        answers(f"graph-{make.__name__}", model)
    sys.exit()

for make in (thawed, thawed_norm, renorm, renamed) if version == "213" else (thawed_norm,):
    keras.backend.clear_session()
    model = make()
    name = f"{make.__name__}-{version}".replace("_", "-")
    if version == "213":
        model.save(folder / f"{name}.h5", include_optimizer=False)
    if make not in (renamed, thawed):
        (folder / f"{name}.json").write_text(model.to_json())
        model.save_weights(folder / f"{name}.weights.h5")
    answers(name, model)
