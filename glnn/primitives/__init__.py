"""The primitive operations that layers are built of."""

from .base import Activation, Builder, Value, Window
from .functions import FUNCTIONS, Function

__all__ = ["FUNCTIONS", "Activation", "Builder", "Function", "Value", "Window"]
