"""Makes keras/VERSION.tar.xz: a model of each family as one release of Keras saves it, and what that computes.

    pip install "tensorflow-cpu==2.13.*"                    # or 2.15: Keras 2 is their own
    pip install "tensorflow-cpu==2.19.*" "tf-keras==2.19.*"  # Keras 2 beside it
    pip install keras==3.6.0 jax                            # Keras 3, with KERAS_BACKEND=jax or another
    python make_keras.py keras [tf_keras]

The second argument is the package to take Keras from. Weights are multiples of 1/16, which pack well and are exact in
every type. Of each model there are FAMILY.keras, FAMILY.h5, FAMILY.json with FAMILY.weights.h5, and FAMILY.npz with
inputs x, outputs y and the SHA-256 of every weight.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
keras: Any = importlib.import_module(sys.argv[2] if len(sys.argv) > 2 else "keras")
L = keras.layers
rng = np.random.default_rng(17)


def dense() -> Any:
    x = L.Input((6,))
    y = L.Dense(5, activation="relu")(x)
    y = L.Concatenate()([L.Dense(4, activation="elu", use_bias=False)(y), L.LeakyReLU()(y), L.PReLU()(y)])
    return keras.Model(x, L.Dense(3, activation="softmax")(L.Dropout(0.5)(y)))


def images() -> Any:
    x = L.Input((9, 8, 3))
    y = L.BatchNormalization()(L.Conv2D(4, 3, strides=2, padding="same")(x))
    y = L.SeparableConv2D(4, 3, padding="same", activation="relu")(L.ReLU(max_value=6.0)(y))
    y = L.Conv2DTranspose(4, 3, strides=2, padding="same")(L.DepthwiseConv2D(3, padding="same")(y))
    y = L.MaxPooling2D()(L.UpSampling2D(2, interpolation="bilinear")(L.ZeroPadding2D(1)(y)))
    return keras.Model(x, [L.GlobalAveragePooling2D()(y), L.Flatten()(L.AveragePooling2D(4)(y))])


def lines() -> Any:
    x = L.Input((10, 3))
    y = L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh")(x)
    y = L.Cropping1D(1)(L.MaxPooling1D(2, 1)(y))
    return keras.Model(x, L.GlobalMaxPooling1D()(L.SeparableConv1D(4, 3)(L.ZeroPadding1D(2)(y))))


def volumes() -> Any:
    x = L.Input((5, 6, 4, 2))
    y = L.MaxPooling3D(2)(L.Conv3D(3, 3, padding="same", activation="relu")(x))
    return keras.Model(x, L.GlobalAveragePooling3D()(y))


def norms() -> Any:
    x = L.Input((4, 4, 6))
    y = L.LayerNormalization()(x)
    y = L.GroupNormalization(3)(y)
    return keras.Model(x, L.UnitNormalization()(L.BatchNormalization(scale=False)(y)))


def nested() -> Any:
    """Models in models, a layer that two of them share."""
    shared = L.Dense(4, activation="sigmoid", name="both")
    x = L.Input((4,))
    inner = keras.Model(x, L.BatchNormalization()(L.Dense(4, name="c")(x)), name="inner")
    deep = keras.Sequential([L.Input((4,)), L.Dense(4, name="a"), inner, L.Dense(4, name="b")], name="deep")
    x = L.Input((4,))
    y = L.Add()([deep(shared(x)), inner(x)])
    return keras.Model(x, L.Dense(3, name="out")(shared(y)))


def words() -> Any:
    x = L.Input((7,))
    y = L.Embedding(12, 5)(x)
    return keras.Model(x, L.GlobalAveragePooling1D()(y))


def lstm() -> Any:
    x = L.Input((6, 3))
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    return keras.Model(x, L.LSTM(4, go_backwards=True)(y))


def gru() -> Any:
    x = L.Input((6, 3))
    y = L.GRU(4, return_sequences=True)(x)
    y = L.Bidirectional(L.GRU(3, reset_after=False), merge_mode="sum")(y)
    return keras.Model(x, y)


def cells() -> Any:
    """Cells in a list, of classes that take turns; what one layer wraps."""
    x = L.Input((6, 3))
    y = L.RNN([L.LSTMCell(3), L.GRUCell(4), L.LSTMCell(2)], return_sequences=True)(x)
    y = L.TimeDistributed(L.Dense(4, activation="relu"))(L.SimpleRNN(3, return_sequences=True)(y))
    return keras.Model(x, y)


def attention() -> Any:
    x = L.Input((5, 6))
    y = L.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(x, L.LayerNormalization()(L.Add()([x, y])))


def dot_attention() -> Any:
    x, z = L.Input((5, 6), name="query"), L.Input((7, 6), name="value")
    return keras.Model([x, z], [L.Attention(use_scale=True)([x, z]), L.AdditiveAttention()([x, z])])


FAMILIES = [dense, images, lines, volumes, norms, nested, words, lstm, gru, cells, attention, dot_attention]


def filled(model: Any) -> Any:
    """Weights of few bits; variances above zero."""
    for variable in model.weights:
        values = rng.integers(-8, 9, variable.shape) / 16
        name = getattr(variable, "path", variable.name)
        variable.assign(np.abs(values) + 0.5 if "variance" in name or "gamma" in name else values)
    return model


def answers(path: Path, name: str, model: Any) -> None:
    given = [rng.integers(0, 12, (2, 7)) if name == "words" else rng.integers(-9, 10, (2, *x.shape[1:])) / 8
             for x in model.inputs]  # fmt: skip
    given = [x.astype(np.float32) for x in given]
    made = model.predict(given if len(given) > 1 else given[0], verbose=0)
    made = made if isinstance(made, list | tuple) else [made]
    data = {f"x{k}": x for k, x in enumerate(given)} | {f"y{k}": np.asarray(y) for k, y in enumerate(made)}
    weights = [np.ascontiguousarray(values, np.float32).tobytes() for values in model.get_weights()]
    data["sha256"] = np.array(sorted({hashlib.sha256(values).hexdigest() for values in weights}))
    np.savez_compressed(path, **data)


def save(folder: Path, make: Any) -> None:
    """One family in every form that this release writes."""
    keras.backend.clear_session()
    name = make.__name__
    model = filled(make())
    answers(folder / f"{name}.npz", name, model)
    model.save(folder / f"{name}.keras")
    try:
        model.save(folder / f"{name}.h5")
    except ValueError as error:  # Keras 3.0 calls weights of different layers alike, and then cannot
        print(f"{name}.h5 is not made:", str(error)[:80])
        (folder / f"{name}.h5").unlink()
    (folder / f"{name}.json").write_text(model.to_json())
    model.save_weights(folder / f"{name}.weights.h5")


def main() -> None:
    target = Path(sys.argv[1]) / f"{keras.__version__}.tar.xz"
    with tempfile.TemporaryDirectory() as place:
        for make in FAMILIES:
            save(Path(place), make)
        with tarfile.open(target, "w:xz", preset=9) as file:
            for path in sorted(Path(place).iterdir()):
                info = tarfile.TarInfo(path.name)
                info.size = path.stat().st_size
                file.addfile(info, io.BytesIO(path.read_bytes()))
    print(target, target.stat().st_size)


main()
