"""Train a small network that foretells tides, on tides that are computed, and save it as Keras HDF5.

    pip install -e '.[train]'
    python examples/train_tides.py

Writes examples/tides.h5: metres of water in each of 72 hours (N, 72, 1) -> in the 24 hours after them (N, 24, 1).
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np
from harbours import AHEAD, SEEN, tides

HERE = Path(__file__).parent
SEED = 5
WANTED = 0.05  # metres off, root mean square; tides are 0.5 off their mean


def main() -> None:
    """Train, check what is foretold of harbours that the training never saw, and save."""
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((SEEN, 1), name="seen"),
            layers.Conv1D(16, 13, strides=2, activation="relu", name="waves"),
            layers.Conv1D(16, 7, strides=2, activation="relu", name="turns"),
            layers.Flatten(name="flatten"),
            layers.Dense(48, activation="relu", name="hidden"),
            layers.Dense(AHEAD, name="hours"),
            layers.Reshape((AHEAD, 1), name="ahead"),
        ],
        name="tides",
    )
    rate = keras.optimizers.schedules.CosineDecay(3e-3, 30 * 20_000 // 128)
    model.compile(keras.optimizers.Adam(rate), "mse")
    model.fit(*tides(20_000, rng), batch_size=128, epochs=30, verbose=2)
    off = model.evaluate(*tides(2000, rng), verbose=0) ** 0.5
    print(f"{model.count_params()} weights: {off:.3f} m off")
    if off > WANTED:
        raise SystemExit(f"more than {WANTED} m: not saved")
    model.save(HERE / "tides.h5", include_optimizer=False)


if __name__ == "__main__":
    main()
