"""Models whose files hold a graph of operators: their vocabularies, and what makes Graphs of primitives of them."""

from . import onnx  # noqa: F401  (fills its vocabulary)
from .build import as_graph
from .custom import register_op
from .program import Body, Call, Operators
from .table import VOCABULARIES

__all__ = ["VOCABULARIES", "Body", "Call", "Operators", "as_graph", "register_op"]
