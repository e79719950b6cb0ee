"""All layers, by family; importing this package fills base.LAYERS."""

from . import activation, conv, core, embedding, merging, normalization, pooling, resizing
from .base import LAYERS

__all__ = ["LAYERS", "activation", "conv", "core", "embedding", "merging", "normalization", "pooling", "resizing"]
