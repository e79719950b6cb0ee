"""Models that make pictures of a few numbers."""

from __future__ import annotations

from typing import Any

from .base import demo


@demo("acgan generator", {"latent": (11,), "class": (1,)}, suffix=".h5", below={"class": 10})
def acgan_generator(keras: Any) -> Any:
    """A class, embedded, times noise, grown by transposed convolutions to 28 x 28."""
    L = keras.layers
    grow = keras.Sequential(
        [
            keras.Input((11,)),
            L.Dense(3 * 3 * 24, activation="relu"),
            L.Reshape((3, 3, 24)),
            L.Conv2DTranspose(12, 5, strides=1, padding="valid", activation="relu"),
            L.BatchNormalization(),
            L.Conv2DTranspose(8, 5, strides=2, padding="same", activation="relu"),
            L.BatchNormalization(),
            L.Conv2DTranspose(1, 5, strides=2, padding="same", activation="tanh"),
        ],
        name="grow",
    )
    latent, kind = keras.Input((11,), name="latent"), keras.Input((1,), name="class", dtype="int32")
    own = L.Flatten()(L.Embedding(10, 11, embeddings_initializer="glorot_normal")(kind))
    return keras.Model([latent, kind], grow(L.Multiply()([latent, own])))


@demo("acgan discriminator", {"image": (28, 28, 1)})
def acgan_discriminator(keras: Any) -> Any:
    """Whether a picture is real, and of which class: two heads on one stack that is a layer."""
    L, layers = keras.layers, []
    for filters, strides in ((6, 2), (9, 1), (12, 2)):
        layers += [L.Conv2D(filters, 3, strides, padding="same"), L.LeakyReLU(0.2), L.Dropout(0.3)]
    stack = keras.Sequential([keras.Input((28, 28, 1)), *layers, L.Flatten()])
    image = keras.Input((28, 28, 1), name="image")
    features = stack(image)
    heads = [L.Dense(1, activation="sigmoid", name="real"), L.Dense(10, activation="softmax", name="auxiliary")]
    return keras.Model(image, [head(features) for head in heads])


def variational(keras: Any) -> Any:
    """Of 8 x 8 digits: `encoder` gives mean, logarithm of variance and a sample, of which `decoder` makes a digit."""
    L, ops = keras.layers, keras.ops

    @keras.saving.register_keras_serializable("demos")
    class Sampling(L.Layer):
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs: Any) -> Any:
            mean, log_variance = inputs
            off = ops.mean(ops.exp(log_variance) + ops.square(mean) - 1 - log_variance)
            self.add_loss(0.001 * off)
            noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_variance) * noise

    image = keras.Input((8, 8, 1), name="image")
    x = L.Conv2D(12, 3, strides=2, padding="same", activation="relu")(image)
    x = L.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = L.Dense(24, activation="relu")(L.Flatten()(x))
    both = [L.Dense(6, name="mean")(x), L.Dense(6, name="log_variance")(x)]
    encoder = keras.Model(image, [*both, Sampling(name="sample")(both)], name="encoder")
    code = keras.Input((6,), name="code")
    x = L.Reshape((2, 2, 16))(L.Dense(2 * 2 * 16, activation="relu")(code))
    for filters in (16, 12):
        x = L.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu")(x)
    picture = L.Conv2DTranspose(1, 3, padding="same", activation="sigmoid")(x)
    return keras.Model(image, keras.Model(code, picture, name="decoder")(encoder(image)[2]))
