"""Models whose files hold a graph of operators: their vocabularies, and what makes Graphs of primitives of them."""

from .build import as_graph
from .program import Body, Call, Operators

__all__ = ["Body", "Call", "Operators", "as_graph"]
