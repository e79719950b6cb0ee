"""Train a small network on scikit-learn's wines (13 measurements, three cultivars) and save it as Keras HDF5.

    pip install -e '.[train]'
    python examples/train_wine.py

Writes examples/wine.h5: float32 (N, 13), in the units of the data -> three probabilities.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SEED = 7
WANTED = 0.94


def main() -> None:
    """Train, check the accuracy on wines that the training never saw, and save."""
    keras.utils.set_random_seed(SEED)
    wines, cultivars = load_wine(return_X_y=True)
    wines = wines.astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        wines, cultivars, test_size=0.3, stratify=cultivars, random_state=SEED
    )
    layers = keras.layers
    scale = layers.Normalization(name="scale")
    scale.adapt(x_train)
    model = keras.Sequential(
        [
            layers.Input((13,), name="measured"),
            scale,
            layers.GaussianNoise(0.3, name="noise"),
            layers.Dense(16, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax", name="cultivar"),
        ],
        name="wine",
    )
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=16, epochs=60, verbose=2)
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(f"accuracy on {len(y_test)} held-out wines: {accuracy:.2%}")
    if accuracy < WANTED:
        raise SystemExit(f"below {WANTED:.0%}: not saved")
    model.save(HERE / "wine.h5", include_optimizer=False)


if __name__ == "__main__":
    main()
