"""Nodes of all of ONNX' operators."""

from . import onnx_moves, onnx_products, onnx_sequences

CASES = [*onnx_moves.CASES, *onnx_products.CASES, *onnx_sequences.CASES]
