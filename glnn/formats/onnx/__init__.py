"""ONNX files, with their external data."""
