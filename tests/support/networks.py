"""Keras networks with seeded weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def randomise(model: Any, seed: int = 0) -> Any:
    """Seeded weights for a Keras model: kernels that keep the scale of values, normalisation that does something."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        name, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
        if name in ("gamma", "moving_variance", "variance"):
            values = rng.uniform(0.5, 1.5, shape)
        elif name == "count":
            continue
        elif name in ("beta", "moving_mean", "mean", "bias"):
            values = rng.normal(0, 0.2, shape)
        else:
            fan = shape[0] * shape[1] if "depthwise" in weight.path else np.prod(shape[:-1])
            values = rng.normal(0, np.sqrt(2 / fan), shape)
        weight.assign(values.astype(np.float32))
    return model


def scattered(model: Any) -> Any:
    """A Keras model with seeded weights of one spread, variances positive: enough where values are told apart only."""
    rng = np.random.default_rng(3)
    for variable in model.weights:
        values = rng.normal(size=variable.shape) * 0.3
        variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)
    return model


def save_mobilenet(path: Path, size: int, alpha: float) -> Path:
    """Keras' MobileNetV2 for size x size images, logits at the end, as an HDF5 file at path."""
    import keras

    network = keras.applications.MobileNetV2((size, size, 3), alpha, weights=None, classifier_activation=None)
    randomise(network).save(path)
    return path
