"""Layers that wrap another to change its kernel in training, or as they compute: what is left of them at inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from .keras1 import Adapter

WRAPPERS = ("SpectralNormalization", "WeightNormalization")
LEAST = 1e-12  # what the sum of a kernel's squares counts for at least, in tf.nn.l2_normalize


def wrapped(name: str, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The layer, as a config holds it, that computes for one of WRAPPERS; None for another."""
    inner = config.get("layer") if name in WRAPPERS else None
    return inner if isinstance(inner, Mapping) and isinstance(inner.get("config"), Mapping) else None


def unused(name: str) -> tuple[str, ...]:
    """The weights that a wrapper keeps for training beside those of its layer."""
    return ("vector_u",) if name == "SpectralNormalization" else ()


def adapter(name: str, config: Mapping[str, Any]) -> Adapter | None:
    """How what is stored for a WeightNormalization of TensorFlow Addons becomes the weights of its layer.

    It keeps g, the layer's own weights, whether these are initialized, and, with data_init, those of a copy.
    Raises UnsupportedError for a layer without a kernel.
    """
    inner = wrapped(name, config)
    if name != "WeightNormalization" or inner is None:
        return None
    kind = str(inner.get("class_name"))
    if not kind.startswith(("Dense", "Conv")) or kind.startswith("ConvLSTM"):
        raise UnsupportedError(name, [f"option layer={kind} (only Dense and convolutions, whose weight is a kernel)"])
    count = 1 + bool(inner["config"].get("use_bias", True))

    def convert(stored: Sequence[Any]) -> list[Any]:
        scale, kernel = (np.asarray(array, np.float64) for array in stored[:2])
        if not np.asarray(stored[1 + count]).all():
            raise UnsupportedError(name, ["weights that are not initialized: call the model once, and save it again"])
        squares = (kernel**2).sum(tuple(range(kernel.ndim - 1)))
        return [(kernel / np.sqrt(np.maximum(squares, LEAST)) * scale).astype(np.float32), *stored[2 : 1 + count]]

    return Adapter(convert, extra=2 + count * bool(config.get("data_init", True)))
