"""What a model is, as pure data."""

from .graph import ACTIVATION_CODECS, ActivationCodec, Graph, Node, Op, TensorSpec, as_tuple, validate

__all__ = ["ACTIVATION_CODECS", "ActivationCodec", "Graph", "Node", "Op", "TensorSpec", "as_tuple", "validate"]
