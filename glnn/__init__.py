"""Neural networks as GLSL kernels that run anywhere OpenGL runs, with or without a GPU.

    with glnn.Model.load("model.h5") as model:
        y = model.predict(x)

Nothing is imported before it is used: `import glnn` needs no OpenGL and no NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors

if TYPE_CHECKING:
    from . import image
    from .custom import Tensor, kernel, program, repeat, steps
    from .device.device import Device
    from .layers.base import register as register_layer
    from .model import Model
    from .operators import register_op
    from .predictor import Predictor

__version__ = "0.1.0"
__all__ = [
    "Device",
    "Model",
    "Predictor",
    "Tensor",
    "__version__",
    "errors",
    "image",
    "kernel",
    "program",
    "register_layer",
    "register_op",
    "repeat",
    "steps",
]

_LAZY = {
    "Device": ".device:Device", "Model": ".model:Model", "Predictor": ".predictor:Predictor",
    "Tensor": ".custom:Tensor", "image": ".image",
    "kernel": ".custom:kernel", "program": ".custom:program", "repeat": ".custom:repeat",
    "register_layer": ".layers:register", "register_op": ".operators:register_op",
    "steps": ".custom:steps",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'glnn' has no attribute {name!r}")
    place, _, attribute = _LAZY[name].partition(":")
    module = importlib.import_module(place, __name__)
    value = getattr(module, attribute) if attribute else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
