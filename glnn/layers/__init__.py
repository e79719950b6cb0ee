"""All layers, by family; importing this package fills LAYERS. A layer of your own: docs/kernels.md."""

from . import activation, conv, core, embedding, local, merging, normalization, pooling, preprocessing, resizing
from .base import LAYERS, Activated, Layer, WeightSpec, register

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "register",
    "activation", "conv", "core", "embedding", "local", "merging", "normalization", "pooling", "preprocessing",
    "resizing",
]  # fmt: skip
