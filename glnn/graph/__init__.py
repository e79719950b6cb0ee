"""What a model is, as pure data."""

from .graph import ACTIVATION_CODECS, ActivationCodec, Graph, Node, TensorSpec, as_tuple, validate
from .protocols import Op
from .quantized import Quantized
from .shapes import Dims, Shape

__all__ = [
    "ACTIVATION_CODECS", "ActivationCodec", "Dims", "Graph", "Node", "Op", "Quantized", "Shape", "TensorSpec",
    "as_tuple", "validate",
]  # fmt: skip
