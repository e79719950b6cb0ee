"""Symbols for tensors and weights while a layer is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.shapes import Dims
from ..records import dataclass
from .expr import Expr, inputs

if TYPE_CHECKING:
    from .trace_nodes import Nodes

Order = tuple[int, ...]  # which stored axis each axis is


@dataclass(frozen=True, eq=False)
class Sym:
    """A tensor or a weight while a layer is built: its shape, and how its elements come of what is stored.

    `expr` is over what the trace has stored, whose axes lie in another `order` where that is cheaper: axis k is stored
    axis order[k]. Arithmetic with other symbols and numbers broadcasts as in NumPy; nothing is drawn for it before
    something else needs the result.
    """

    trace: Nodes
    expr: Expr
    shape: Dims
    order: Order

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def constant(self) -> bool:
        """Whether it is known: made of weights alone."""
        return not inputs(self.expr)

    def __add__(self, other: Operand) -> Sym:
        return self.trace.apply("add", self, other)

    def __radd__(self, other: Operand) -> Sym:
        return self.trace.apply("add", other, self)

    def __sub__(self, other: Operand) -> Sym:
        return self.trace.apply("subtract", self, other)

    def __rsub__(self, other: Operand) -> Sym:
        return self.trace.apply("subtract", other, self)

    def __mul__(self, other: Operand) -> Sym:
        return self.trace.apply("multiply", self, other)

    def __rmul__(self, other: Operand) -> Sym:
        return self.trace.apply("multiply", other, self)

    def __truediv__(self, other: Operand) -> Sym:
        return self.trace.apply("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Sym:
        return self.trace.apply("divide", other, self)

    def __neg__(self) -> Sym:
        return self.trace.apply("negative", self)

    def __abs__(self) -> Sym:
        return self.trace.apply("abs", self)

    def __lt__(self, other: Operand) -> Sym:
        return self.trace.apply("less", self, other)

    def __gt__(self, other: Operand) -> Sym:
        return self.trace.apply("less", other, self)


Operand = Sym | float | int
