"""The operators of ONNX (https://onnx.ai/onnx/operators) and of com.microsoft; importing this fills the vocabulary."""

from importlib import import_module
from pkgutil import iter_modules

from ..table import vocabulary

NAME = "onnx"
onnx = vocabulary(NAME, {"": 28, "com.microsoft": 1})

for _module in iter_modules(__path__):  # each adds its operators
    import_module(f"{__name__}.{_module.name}")
