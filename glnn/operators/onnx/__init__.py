"""The operators of ONNX (https://onnx.ai/onnx/operators) and of com.microsoft; importing this fills the vocabulary."""

from ..table import vocabulary

NAME = "onnx"
onnx = vocabulary(NAME, {"": 28, "com.microsoft": 1})

from . import elementwise, math, moving, picking, shapes  # noqa: E402, F401
