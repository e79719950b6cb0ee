"""The texts of shaders: kernels, what reads tensors and weights for them, and what stands around them."""

from .files import add_folder

__all__ = ["add_folder"]
