"""Train a small CNN on scikit-learn's 8x8 digits and save it as Keras HDF5, with the held-out digits beside it.

    pip install -e '.[train]'
    python examples/train_digits.py

Writes examples/digits.h5 (the model) and examples/digits_heldout.npz (images: uint8 (N, 8, 8) in 0..16, labels: (N,)).
The model takes float32 images (N, 8, 8, 1) in 0..1 and gives ten probabilities.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SEED = 7
WANTED = 0.97


def build() -> keras.Model:
    """The network: two convolution blocks and a dense layer, 8x8x1 -> 10 probabilities."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv1"),
            layers.BatchNormalization(name="norm1"),
            layers.ReLU(name="relu1"),
            layers.Conv2D(24, 3, padding="same", use_bias=False, name="conv2"),
            layers.BatchNormalization(name="norm2"),
            layers.ReLU(name="relu2"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Dropout(0.25, name="drop1"),
            layers.Flatten(name="flatten"),
            layers.Dense(48, activation="relu", name="hidden"),
            layers.Dropout(0.25, name="drop2"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def main() -> None:
    """Train, check the accuracy on digits that the training never saw, and save."""
    keras.utils.set_random_seed(SEED)
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, test_size=0.2, stratify=labels, random_state=SEED
    )
    model = build()
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit((x_train / 16).astype("float32"), y_train, batch_size=64, epochs=30, verbose=2)
    accuracy = model.evaluate((x_test / 16).astype("float32"), y_test, verbose=0)[1]
    print(f"accuracy on {len(y_test)} held-out digits: {accuracy:.2%}")
    if accuracy < WANTED:
        raise SystemExit(f"below {WANTED:.0%}: not saved")
    model.save(HERE / "digits.h5", include_optimizer=False)
    np.savez_compressed(
        HERE / "digits_heldout.npz", images=x_test[..., 0].astype(np.uint8), labels=y_test.astype(np.uint8)
    )


if __name__ == "__main__":
    main()
