"""Makes a model of TensorFlow Addons' layers, and its own answers: addons.h5 and addons.npz.

`pip install "tensorflow-cpu==2.15.*" tensorflow-addons==0.23.0 && python make_addons.py`
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

L = tf.keras.layers
RNG = np.random.default_rng(5)
FOLDER = Path(__file__).parent

x = L.Input((5, 7, 6))
outputs = [tfa.layers.InstanceNormalization()(x), tfa.layers.InstanceNormalization(axis=1, center=False)(x)]
outputs += [tfa.layers.GroupNormalization(3)(x), tfa.layers.GroupNormalization(5, axis=1, epsilon=0.1)(x)]
outputs += [tfa.layers.SpectralNormalization(L.Conv2D(2, 3))(x), tfa.layers.GELU()(x), tfa.layers.GELU(False)(x)]
outputs += [
    tfa.layers.WeightNormalization(L.Conv2D(4, 3, activation="relu"), data_init=data)(x) for data in (False, True)
]
outputs += [tfa.layers.WeightNormalization(L.Dense(3, use_bias=False), data_init=False)(x)]
outputs += [L.Activation(name)(x) for name in (tfa.activations.mish, tfa.activations.sparsemax)]
model = tf.keras.Model(x, outputs)
for weight in model.weights:
    if weight.dtype == "bool":
        weight.assign(True)
    else:
        weight.assign(RNG.normal(size=weight.shape))
values = RNG.normal(size=(2, 5, 7, 6)).astype("float32")
answers = model.predict(values, verbose=0)
model.save(FOLDER / "addons.h5", include_optimizer=False)
np.savez_compressed(FOLDER / "addons.npz", x0=values, **{f"y{k}": y for k, y in enumerate(answers)})
