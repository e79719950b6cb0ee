"""Train a small network that paints pictures in strokes, on scikit-learn's two sample photographs, and save it.

    pip install -e '.[train]'
    python examples/train_style.py

Writes examples/style.h5: (N, height, width, 3) in 0..1 -> the same; height and width are multiples of four, above 16.

As in Johnson, Alahi and Fei-Fei 2016 (arXiv:1603.08155), a network learns to make in one go what has the content of a
photograph and the style of one picture. Style is the Gram matrices of features. Theirs are those of a large trained
network; here they are those of random filters at three scales, which do for textures (Ustyuzhaninov and others 2016,
arXiv:1606.00021), need no one's weights and train in minutes. Content is brightness, coarsely.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from drawn import strokes
from keras import ops
from sklearn.datasets import load_sample_images

HERE = Path(__file__).parent
SEED = 3
PATCH, BATCH = 80, 4
MARGIN = 16  # pixels around a photograph, its own mirrored, so that zeros beyond the edge leave no frame
FILTERS, WIDTH = 48, 7  # random ones, and how wide they are
SCALES = (1, 2, 4)
STYLE, CONTENT = 1.0, 0.3  # what each part of the loss counts


def build() -> keras.Model:
    """Convolutions down to a quarter of the size, two residual blocks, and up again."""
    layers = keras.layers

    def block(x: Any, name: str, filters: int, size: int = 3, strides: int = 1, relu: bool = True) -> Any:
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = layers.GroupNormalization(-1, epsilon=1e-4, name=f"{name}_norm")(x)  # each image and channel by itself
        return layers.ReLU(name=f"{name}_relu")(x) if relu else x

    photo = keras.Input((None, None, 3), name="photo")
    x = ops.pad(photo, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="reflect")
    x = block(x, "in", 12, 5)
    x = block(x, "down1", 24, strides=2)
    x = block(x, "down2", 28, strides=2)
    for k in (1, 2):
        y = block(block(x, f"rest{k}a", 28), f"rest{k}b", 28, relu=False)
        x = layers.Add(name=f"rest{k}")([x, y])
    for k, filters in ((1, 24), (2, 12)):
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"up{k}")(x)
        x = block(x, f"up{k}", filters)
    x = layers.Conv2D(3, 5, padding="same", activation="sigmoid", name="paint")(x)
    return keras.Model(photo, layers.Cropping2D(MARGIN, name="crop")(x), name="style")


def grams(images: Any, filters: Any) -> list[Any]:
    """Of each scale the Gram matrix of every image's features, (N, FILTERS, FILTERS)."""
    found = []
    for scale in SCALES:
        x = ops.average_pool(images, scale, scale) if scale > 1 else images
        x = ops.relu(ops.conv(x - 0.5, filters, padding="valid"))
        x = ops.reshape(x, (-1, x.shape[1] * x.shape[2], FILTERS))
        found.append(ops.matmul(ops.transpose(x, (0, 2, 1)), x) / x.shape[1])
    return found


def brightness(images: Any) -> Any:
    """Means of 2 x 2 pixels, each image with mean 0 and variance 1."""
    x = ops.average_pool(ops.mean(images, -1, keepdims=True), 2, 2)
    x = x - ops.mean(x, (1, 2), keepdims=True)
    return x / ops.sqrt(ops.mean(x * x, (1, 2), keepdims=True) + 1e-3)


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600, help="batches to train on")
    count = parser.parse_args().steps
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    filters = rng.normal(size=(WIDTH, WIDTH, 3, FILTERS)).astype("float32")
    filters[..., : FILTERS * 3 // 4] -= filters[..., : FILTERS * 3 // 4].mean((0, 1))  # a quarter sees plain colour
    filters /= np.sqrt((filters**2).sum((0, 1, 2)))
    wanted = [np.asarray(gram) for gram in grams(strokes()[None], filters)]

    def loss(photos: Any, painted: Any) -> Any:
        made = grams(painted, filters)
        style = sum(ops.mean((a - b) ** 2) / np.mean(b**2) for a, b in zip(made, wanted, strict=True))
        return STYLE * style + CONTENT * ops.mean((brightness(photos) - brightness(painted)) ** 2)

    photos = [photo / np.float32(255) for photo in load_sample_images().images]
    patches = np.empty((count * BATCH, PATCH, PATCH, 3), np.float32)
    for patch in patches:
        photo = photos[rng.integers(len(photos))][:: rng.integers(1, 4)]
        photo = photo[:, :: max(1, round(427 / len(photo)))]  # both sides by the same step
        i, j = rng.integers(photo.shape[0] - PATCH + 1), rng.integers(photo.shape[1] - PATCH + 1)
        patch[:] = photo[i : i + PATCH, j : j + PATCH]
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(1e-4, count, warmup_target=4e-3, warmup_steps=count // 20)
    model.compile(keras.optimizers.Adam(rate), loss)
    history = model.fit(patches, patches, batch_size=BATCH, epochs=1, verbose=2)
    print(f"{model.count_params()} weights, loss {history.history['loss'][-1]:.3f} on average")
    model.save(HERE / "style.h5", include_optimizer=False)


if __name__ == "__main__":
    main()
