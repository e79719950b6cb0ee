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
    from .device.device import Device
    from .model import Model

__version__ = "0.1.0"
__all__ = ["Device", "Model", "__version__", "errors", "image"]

_LAZY = {"Device": ".device", "Model": ".model", "image": ""}  # "": the module of that name


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'glnn' has no attribute {name!r}")
    module = importlib.import_module(_LAZY[name] or f".{name}", __name__)
    value = getattr(module, name) if _LAZY[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
