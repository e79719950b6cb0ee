"""Makes the files of tests/golden/kerasjs1 with the encoder of Keras.js 1.0, and what Keras.js computes with them.

    npm install keras-js
    pip install "tensorflow-cpu==2.13.*"
    python make_kerasjs1.py kerasjs1 node_modules

The encoder wants an h5py before 3, in a word that is replaced. The models are told in the words of Keras 2.1, which
Keras.js 1.0 reads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np

os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import h5py  # noqa: E402
import keras  # noqa: E402

RUN = """
const Model = require('keras-js').default.Model;
(async () => {
  const model = new Model({ filepath: process.argv[1], filesystem: true });
  await model.ready();
  const inputs = JSON.parse(process.argv[2]);
  for (const key in inputs) inputs[key] = new Float32Array(inputs[key]);
  const outputs = await model.predict(inputs);
  console.log(JSON.stringify(Object.values(outputs).map(values => Array.from(values))));
})();
"""
L = keras.layers
rng = np.random.default_rng(11)


def images() -> keras.Model:
    """Convolutions, normalization, a branch."""
    x = L.Input((9, 8, 3))
    y = L.Conv2D(6, 3, padding="same", activation="relu")(x)
    z = L.BatchNormalization()(L.Conv2D(6, 1)(y))
    y = L.MaxPooling2D()(L.Add()([y, z]))
    return keras.Model(x, L.Dense(5, activation="softmax")(L.Flatten()(y)), name="images")


def words() -> keras.Model:
    """An embedding and a recurrent layer."""
    x = L.Input((7,))
    return keras.Model(x, L.Dense(3)(L.LSTM(5)(L.Embedding(12, 6)(x))), name="words")


def old_words(path: Path) -> None:
    """The config of a file as Keras 2.1 would write it: what later versions added goes."""
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer.pop("build_config", None)
            for key in ("groups", "time_major", "ragged", "sparse", "dtype", "dilation_rate"):
                if not (key == "dilation_rate" and layer["class_name"].startswith("Conv")):
                    layer["config"].pop(key, None)
        config["class_name"] = "Model"
        for group in file["model_weights"].values():
            names = list(group.attrs["weight_names"])
            for name in names:
                if "/lstm_cell/" in name:
                    group.move(name, name.replace("/lstm_cell/", "/"))
            group.attrs["weight_names"] = [name.replace("/lstm_cell/", "/") for name in names]
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"], file.attrs["backend"] = "2.1.6", "tensorflow"


def encoder(modules: Path) -> types.ModuleType:
    """python/encoder.py of Keras.js."""
    place = modules / "keras-js" / "python"
    sys.path.insert(0, str(place))
    module = types.ModuleType("encoder")
    exec((place / "encoder.py").read_text().replace("g[weight_name].value", "g[weight_name][()]"), vars(module))
    return module


def main() -> None:
    folder, modules = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    for make in (images, words):
        model = make()
        for variable in model.weights:
            values = rng.normal(size=variable.shape)
            variable.assign(np.abs(values) + 0.5 if "var" in variable.name else values * 0.4)
        path = folder / f"{make.__name__}.h5"
        model.save(path, include_optimizer=False)
        old_words(path)
        shape = model.input_shape[1:]
        x = rng.integers(0, 12, shape) if make is words else rng.normal(size=shape)
        for name, quantize in ((make.__name__, False), (f"{make.__name__}-8bit", True)):
            made = encoder(modules).Encoder(str(path), name, quantize)
            made.serialize()
            made.save()
            data = json.dumps({model.layers[0].name: x.ravel().tolist()})
            command = ["node", "-e", RUN, str(folder / f"{name}.bin"), data]
            told = subprocess.run(command, capture_output=True, text=True, cwd=modules.parent, check=True).stdout
            np.savez(folder / f"{name}.npz", x=x[None].astype(np.float32), y=np.float32(json.loads(told)[0])[None])
        path.unlink()


main()
