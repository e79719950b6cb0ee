"""Makes models of Keras 1 with the layers that later ones do not have, and Keras' own answers to numbers.

`pip install keras==1.2.2 theano==1.0.5 numpy==1.16.6 h5py==2.10 pyyaml scipy` in a Python 3.6, then
`KERAS_BACKEND=theano THEANO_FLAGS=cxx= python make.py`; test_keras1_words.py reads what it writes.
"""

import os

import h5py
import numpy as np
from keras import layers as L
from keras.models import Model, Sequential

RNG = np.random.RandomState(3)
FOLDER = os.path.dirname(os.path.abspath(__file__))


def branches():
    """A Sequential that begins with a Merge of Sequentials, one of which begins so as well."""
    inner = [Sequential([L.Dense(3, input_dim=n, activation="relu")]) for n in (4, 2)]
    first = Sequential([L.Merge(inner, mode="mul"), L.Dropout(0.5)])
    second = Sequential([L.Dense(5, input_dim=3)])
    return Sequential([L.Merge([first, second], mode="concat", concat_axis=1), L.Dense(2)])


def merged():
    """Every mode of Merge, on vectors and on sequences."""
    a, b, c = L.Input((6,)), L.Input((6,)), L.Input((6,))
    s, t = L.Input((4, 5)), L.Input((4, 5))
    outputs = [L.merge([a, b, c], mode=mode) for mode in ("sum", "mul", "ave", "max", "concat")]
    outputs += [L.merge([a, b], mode="dot"), L.merge([s, t], mode="dot", dot_axes=2)]
    outputs += [L.merge([s, t], mode="dot", dot_axes=(1, 1)), L.merge([s, t], mode="concat", concat_axis=1)]
    outputs += [L.merge([a, b], mode="cos"), L.merge([s, t], mode="cos", dot_axes=2)]
    return Model([a, b, c, s, t], outputs)


def dense():
    """Layers on vectors."""
    x = L.Input((6,))
    outputs = [L.MaxoutDense(4, nb_feature=3)(x), L.MaxoutDense(5, bias=False)(x)]
    outputs += [L.Highway(activation="tanh")(x), L.Highway(bias=False)(x), L.BatchNormalization(mode=0)(x)]
    return Model(x, outputs)


def activations():
    """Learned activations, on vectors and on images."""
    x, image = L.Input((7,)), L.Input((3, 5, 2))
    kinds = (L.ParametricSoftplus, L.SReLU, L.PReLU)
    outputs = [kind()(tensor) for tensor in (x, image) for kind in kinds]
    outputs += [L.ThresholdedReLU(0.3)(x), L.ELU(0.7)(x), L.LeakyReLU(0.2)(x), L.Activation("hard_sigmoid")(x)]
    return Model([x, image], outputs)


for make in (branches, merged, dense, activations):
    model = make()
    values = [RNG.normal(size=w.shape).astype("float32") for w in model.get_weights()]
    if make is dense:  # a variance
        values[-1] = np.abs(values[-1]) + 0.5
    model.set_weights(values)
    path = os.path.join(FOLDER, make.__name__ + ".h5")
    model.save(path)
    with h5py.File(path, "a") as file:
        file.attrs["backend"] = b"theano"  # as Keras 2 writes
    x = [RNG.normal(size=(3,) + shape[1:]).astype("float32") for shape in (i._keras_shape for i in model.inputs)]
    y = model.predict(x)
    y = y if isinstance(y, list) else [y]
    arrays = {f"x{k}": array for k, array in enumerate(x)}
    arrays.update({f"y{k}": array for k, array in enumerate(y)})
    np.savez_compressed(os.path.join(FOLDER, make.__name__ + ".npz"), **arrays)
