"""Operators by name, for formats whose models are made of them; importing this fills the table."""

from . import elementwise, images, indexing, products, reductions, repeating, shaping, slicing  # noqa: F401
from .table import OPERATORS, Free, Operator

__all__ = ["OPERATORS", "Free", "Operator"]
