"""Operators by name, for formats whose models are made of them; importing this fills the table."""

from . import elementwise, images, indexing, products, reductions, shaping
from .table import OPERATORS, Free, Operator

__all__ = ["OPERATORS", "Free", "Operator", "elementwise", "images", "indexing", "products", "reductions", "shaping"]
