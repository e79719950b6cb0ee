"""What tables of primitives' cases are written with: expressions of inputs and numbers, and the form of an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glnn.primitives.expr import Apply, Expr, In, Number
from glnn.primitives.functions import FUNCTIONS
from glnn.primitives.operations import OPERATIONS

Answer = Callable[..., Any]  # of the inputs, and of the weights by name
X, Y, Z = In(0), In(1), In(2)


def f(name: str, *args: Expr | float) -> Expr:
    """A function of the tables, of expressions and numbers."""
    leaves = (Number(float(arg)) if isinstance(arg, int | float) else arg for arg in args)
    return Apply(OPERATIONS.get(name) or FUNCTIONS[name], tuple(leaves))
