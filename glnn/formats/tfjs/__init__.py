"""TensorFlow.js' files."""

from . import layers_model

__all__ = ["layers_model"]
