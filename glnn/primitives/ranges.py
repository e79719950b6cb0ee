"""What is known of values before anything is computed: where they cannot be negative."""

from __future__ import annotations

from collections.abc import Mapping

from ..graph.graph import Node
from .base import Primitive, finish_of
from .concat import Concat
from .expr import Apply, Expr, In, Number
from .map import Map
from .move import Remap, Reshape
from .pool import Window

NEVER_NEGATIVE = frozenset(
    "relu relu6 sigmoid hard_sigmoid hard_sigmoid_keras2 sparse_plus sparse_sigmoid softplus exponential square sqrt "
    "abs".split()
)
KEPT = {"add": all, "multiply": all, "minimum": all, "maximum": any}  # where all of the arguments are so, or any
CARRIERS = (Concat, Remap, Reshape, Window)  # what they make is of values that they read, or 0
DEPTH = 8  # nodes that are asked one after the other


def nonnegative(name: str, makers: Mapping[str, Node], depth: int = DEPTH) -> bool:
    """Whether a tensor is known to hold but numbers from 0 on, and NaN; makers: the node that makes each tensor."""
    node = makers.get(name)
    if node is None or not depth or not isinstance(node.layer, Primitive):
        return False
    own = 0 if isinstance(node.layer, Map) else node.layer.own(len(node.inputs))

    def read(number: int) -> bool:
        if number or not own:
            return nonnegative(node.inputs[own + number - (own > 0)], makers, depth - 1)
        return isinstance(node.layer, CARRIERS) and all(nonnegative(x, makers, depth - 1) for x in node.inputs[:own])

    def known(expr: Expr) -> bool:
        if isinstance(expr, In):
            return read(expr.number)
        if isinstance(expr, Number):
            return expr.value >= 0
        if not isinstance(expr, Apply):
            return False
        function, settings = expr.function.name, dict(expr.function.constants)
        if function in ("relu_threshold", "relu_capped"):
            return not settings["negative_slope"] and min(settings["threshold"], settings.get("max_value", 0.0)) >= 0
        return function in NEVER_NEGATIVE or (function in KEPT and KEPT[function](map(known, expr.args)))

    return known(finish_of(node.layer))
