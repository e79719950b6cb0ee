"""All layers, by family; importing this package fills LAYERS. A layer of your own: docs/kernels.md."""

from . import activation, applications, conv, core, embedding, merging, normalization, pooling, preprocessing, resizing
from .base import LAYERS, Activated, Layer, WeightSpec, layer_of, register
from .custom import custom_objects

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "custom_objects", "layer_of", "register",
    "activation", "applications", "conv", "core", "embedding", "merging", "normalization", "pooling", "preprocessing",
    "resizing",
]  # fmt: skip
