"""What layers are made of: about 20 operations with a shape rule, a NumPy reference and the ways to draw each."""

from .base import Builder, Epilogue, Primitive, Recipe, Value, Window
from .loop import Repeat
from .symbols import Sym
from .trace import Trace

__all__ = ["Builder", "Epilogue", "Primitive", "Recipe", "Repeat", "Sym", "Trace", "Value", "Window"]
