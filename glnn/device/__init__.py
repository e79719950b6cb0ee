"""OpenGL: making a context, what lives in it, what it can do. The modules load when they are asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .default import default_device
    from .device import Device
    from .objects import Target, Texture
    from .program import Program

_PLACES = {
    "Device": "device",
    "default_device": "default",
    "Program": "program",
    "Target": "objects",
    "Texture": "objects",
}
__all__ = ["Device", "Program", "Target", "Texture", "default_device"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
