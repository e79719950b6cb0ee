"""All layers, by family; importing this package fills LAYERS. A layer of your own: docs/kernels.md."""

from . import (
    activation,
    cells,
    conv,
    conv_recurrent,
    core,
    embedding,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    resizing,
    wrappers,
)
from .base import LAYERS, Activated, Layer, WeightSpec, register

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "register",
    "activation", "cells", "conv", "conv_recurrent", "core", "embedding", "merging", "normalization", "pooling",
    "preprocessing", "recurrent", "resizing", "wrappers",
]  # fmt: skip
