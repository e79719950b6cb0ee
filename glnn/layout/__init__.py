"""Where the values of tensors and weights lie in textures."""

from .limits import Limits
from .tiles import Layout, choose_layout

__all__ = ["Layout", "Limits", "choose_layout"]
