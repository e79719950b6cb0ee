"""All layers, by family; importing this package fills LAYERS. A layer of your own: docs/kernels.md."""

from . import (
    activation,
    attention,
    cells,
    conv,
    conv_recurrent,
    core,
    einsum_dense,
    embedding,
    merging,
    multi_head_attention,
    normalization,
    operation,
    pooling,
    preprocessing,
    recurrent,
    resizing,
    wrappers,
)
from .base import LAYERS, Activated, Layer, WeightSpec, register

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "register",
    "activation", "attention", "cells", "conv", "conv_recurrent", "core", "einsum_dense", "embedding", "merging",
    "multi_head_attention", "normalization", "operation", "pooling", "preprocessing", "recurrent", "resizing",
    "wrappers",
]  # fmt: skip
