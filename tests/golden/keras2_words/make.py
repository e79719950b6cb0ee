"""Makes models of Keras 2 with its layers for images and classes and its activations, and Keras' own answers.

`pip install tensorflow-cpu tf-keras && TF_USE_LEGACY_KERAS=1 python make.py` (made with tf-keras 2.21);
test_keras2_words.py reads it.
"""

from pathlib import Path

import numpy as np
import tf_keras as keras

L = keras.layers
RNG = np.random.default_rng(5)
FOLDER = Path(__file__).parent
INTERPOLATIONS = "nearest bilinear bicubic area lanczos3 lanczos5 gaussian mitchellcubic".split()
ACTIVATIONS = (
    "elu exponential gelu hard_sigmoid leaky_relu linear mish relu relu6 selu sigmoid silu softmax softplus softsign "
    "swish tanh"
).split()


def images():
    x = L.Input((5, 7, 3))
    sizes = [L.Resizing(*size, name) for name in INTERPOLATIONS for size in ((4, 3), (9, 8))]
    sizes += [L.Resizing(6, 8, crop_to_aspect_ratio=True), L.CenterCrop(3, 4), L.CenterCrop(10, 4), L.RandomCrop(4, 9)]
    same = [L.RandomFlip(), L.RandomRotation(0.2), L.RandomZoom(0.2), L.RandomTranslation(0.1, 0.1)]
    same += [L.RandomContrast(0.5), L.RandomBrightness(0.2), L.RandomHeight(0.2), L.RandomWidth(0.2)]
    same += [L.GaussianDropout(0.5), L.AlphaDropout(0.5), L.SpatialDropout2D(0.5), L.ActivityRegularization(0.1)]
    same += [L.Rescaling(2.0, -1.0), L.UnitNormalization(), L.GroupNormalization(3), L.LayerNormalization((1, 3))]
    same += [L.BatchNormalization(axis=[1, 3]), L.BatchNormalization(axis=2)]
    same += [L.SpectralNormalization(L.Conv2D(2, 3)), L.SpectralNormalization(L.Dense(2, use_bias=False))]
    return keras.Model(x, [layer(x) for layer in sizes + same])


def classes():
    x, words, one = L.Input((5,)), L.Input((6,), dtype="int64"), L.Input((1,), dtype="int64")
    bounds = [-1.0, 0.0, 0.5]
    outputs = [L.Discretization(bounds, output_mode=mode)(x) for mode in ("int", "multi_hot", "count")]
    outputs += [L.CategoryEncoding(8, output_mode=mode)(words) for mode in ("multi_hot", "count")]
    outputs += [L.CategoryEncoding(8, output_mode="one_hot")(one), L.Discretization(bounds, output_mode="one_hot")(one)]
    for options in ({}, dict(num_oov_indices=3), dict(mask_token=0), dict(output_mode="count"), dict(invert=True)):
        outputs.append(L.IntegerLookup(vocabulary=[7, 2, 5], **options)(words))
    return keras.Model([x, words, one], outputs)


def activations():
    x = L.Input((6,))
    layers = [L.Activation(name) for name in ACTIVATIONS]
    layers += [L.ReLU(1.5, 0.1, 0.2), L.LeakyReLU(0.2), L.ELU(0.7), L.ThresholdedReLU(0.4), L.PReLU(), L.Softmax()]
    layers += [L.Dense(3, activation=keras.layers.LeakyReLU(0.3)), L.Dense(3, activation="hard_sigmoid")]
    return keras.Model(x, [layer(x) for layer in layers])


for make in (images, classes, activations):
    model = make()
    for weight in model.weights:
        values = RNG.normal(size=weight.shape) * 0.3
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)
    model.save(FOLDER / f"{make.__name__}.h5", include_optimizer=False)
    inputs = [RNG.normal(size=(2, *x.shape[1:])) * 2 for x in model.inputs]
    inputs = [
        RNG.integers(0, 8, size=a.shape) if x.dtype == "int64" else a.astype("float32")
        for a, x in zip(inputs, model.inputs, strict=True)
    ]
    outputs = model.predict(inputs, verbose=0)
    arrays = {f"x{k}": a for k, a in enumerate(inputs)} | {f"y{k}": a for k, a in enumerate(outputs)}
    np.savez_compressed(FOLDER / f"{make.__name__}.npz", **arrays)
