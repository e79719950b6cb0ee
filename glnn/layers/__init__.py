"""All layers, by family; importing this package fills LAYERS. A layer of your own: docs/kernels.md."""

from . import (
    activation,
    augmentation,
    conv,
    core,
    embedding,
    encoding,
    former,
    image_size,
    merging,
    normalization,
    pooling,
    preprocessing,
    resizing,
)
from .base import LAYERS, Activated, Layer, WeightSpec, register

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "register",
    "activation", "augmentation", "conv", "core", "embedding", "encoding", "former", "image_size", "merging",
    "normalization", "pooling", "preprocessing", "resizing",
]  # fmt: skip
