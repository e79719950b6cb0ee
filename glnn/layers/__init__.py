"""All layers, by family; importing this package fills LAYERS. A layer of your own: docs/kernels.md."""

from . import (
    activation,
    attention,
    conv,
    core,
    einsum_dense,
    embedding,
    merging,
    multi_head_attention,
    normalization,
    operation,
    pooling,
    preprocessing,
    resizing,
)
from .base import LAYERS, Activated, Layer, WeightSpec, register

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "register",
    "activation", "attention", "conv", "core", "einsum_dense", "embedding", "merging", "multi_head_attention",
    "normalization", "operation", "pooling", "preprocessing", "resizing",
]  # fmt: skip
