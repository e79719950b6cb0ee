"""Train a small CNN that tells shapes in photographs, on pictures that shapes.py draws, and save it as Keras HDF5.

    pip install -e '.[train]'
    python examples/train_shapes.py

Writes examples/shapes.h5: (N, 48, 48, 3) in 0..1 -> six probabilities, of shapes.KINDS. Half of the shapes lie on crops
of the two photographs that scikit-learn has, the others on plain paper. It has seen no camera's pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from shapes import KINDS, SIZE, picture
from sklearn.datasets import load_sample_images

HERE = Path(__file__).parent
SEED = 5
COUNT, HELD_OUT = 24_000, 1_200  # pictures
EPOCHS = 8
WANTED = 0.9


def build() -> keras.Model:
    """Four convolutions, the mean of all pixels, a dense layer."""
    layers = keras.layers
    network: list[keras.layers.Layer] = [layers.Input((SIZE, SIZE, 3), name="picture")]
    for i, (filters, size, strides) in enumerate([(16, 5, 2), (32, 3, 2), (48, 3, 2), (64, 3, 1)], 1):
        network.append(layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=f"conv{i}"))
        network.append(layers.BatchNormalization(name=f"norm{i}"))
        network.append(layers.ReLU(name=f"relu{i}"))
    network += [layers.GlobalMaxPooling2D(name="most"), layers.Dropout(0.2, name="drop")]
    return keras.Sequential([*network, layers.Dense(len(KINDS), activation="softmax", name="shape")], name="shapes")


def pictures(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many pictures (N, SIZE, SIZE, 3) of 0..1, and the numbers of their kinds."""
    photos = [photo / np.float32(255) for photo in load_sample_images().images]

    def crop(rng: np.random.Generator) -> np.ndarray:
        photo, step = photos[rng.integers(len(photos))], rng.integers(1, 6)
        photo = photo[::step, ::step]
        i, j = rng.integers(photo.shape[0] - SIZE + 1), rng.integers(photo.shape[1] - SIZE + 1)
        return photo[i : i + SIZE, j : j + SIZE]

    kinds = rng.integers(len(KINDS), size=count)
    return np.stack([picture(rng, KINDS[kind], crop) for kind in kinds]).astype(np.float32) / 255, kinds


def main() -> None:
    """Train, check the accuracy on other pictures, and save."""
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, y = pictures(rng, COUNT)
    model = build()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * COUNT // 64)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=2)
    x_test, y_test = pictures(np.random.default_rng(SEED + 1), HELD_OUT)
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(f"{model.count_params()} weights, accuracy on {HELD_OUT} other pictures: {accuracy:.2%}")
    if accuracy < WANTED:
        raise SystemExit(f"below {WANTED:.0%}: not saved")
    model.save(HERE / "shapes.h5", include_optimizer=False)


if __name__ == "__main__":
    main()
