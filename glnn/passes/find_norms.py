"""Finds what less its mean is over the root of its variance, however a graph spells it: that becomes Standardize."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..graph.graph import Graph, Node, without_unread
from ..primitives.expr import RESULT, Apply, Expr, In, Number, constants, inputs, replaced, with_leaves
from ..primitives.map import Map
from ..primitives.reduce import Reduce
from ..primitives.standardize import Standardize


class Spread(NamedTuple):
    """What a variance is of: a tensor, what is computed of others where that is not stored, the mean, the axes."""

    source: str
    centred: Expr
    axes: tuple[int, ...]


class Names:
    """Tensors as numbers of In, so that expressions of different nodes can be compared; and who makes them."""

    def __init__(self, graph: Graph):
        self.numbers: dict[str, int] = {}
        self.made = {name: node for node in graph.nodes for name in node.outputs}

    def of(self, name: str) -> In:
        """The tensor of this name."""
        return In(self.numbers.setdefault(name, len(self.numbers)))

    def told(self, expr: Expr, node: Node) -> Expr:
        """An expression of a node's inputs as one of tensors by name."""
        return with_leaves(expr, {In(k): self.of(name) for k, name in enumerate(node.inputs)})

    def computed(self, node: Node) -> Expr | None:
        """What a mean is of: where it reads what is computed element by element of tensors alone, that."""
        layer = node.layer
        if not isinstance(layer, Reduce) or constants(layer.of):
            return None
        before = self.made.get(node.inputs[0])
        if layer.of == RESULT and before and isinstance(before.layer, Map) and not constants(before.layer.finish):
            return self.told(before.layer.finish, before)
        return self.told(layer.of, node)


def run(graph: Graph) -> Graph:
    """(x - mean) / sqrt(variance + epsilon) in a Map, or times 1 over that root, becomes Standardize; see PASSES."""
    means = [n for n in graph.nodes if isinstance(n.layer, Reduce) and n.layer.kind == "mean" and n.layer.keepdims]
    if len(means) < 2:
        return graph
    names = Names(graph)
    found = {names.of(node.outputs[0]): spread for node in means if (spread := _spread(node, names))}
    nodes: list[Node] = []
    for node in graph.nodes:
        reads = {names.of(name) for name in node.inputs}
        nodes += _said(node, {v: s for v, s in found.items() if v in reads}, names) if found else [node]
    if len(nodes) == len(graph.nodes):
        return graph
    return without_unread(graph.with_(nodes=tuple(nodes)), (Reduce, Map), graph.activations)


def _spread(node: Node, names: Names) -> Spread | None:
    """What a mean of squares is the variance of, if it is one."""
    squares = names.computed(node)
    centred = _squared(squares) if squares is not None else None
    if centred is None or not isinstance(centred, Apply) or centred.function.name != "subtract":
        return None
    x, mean = centred.args
    maker = next((n for name, n in names.made.items() if mean == names.of(name)), None)
    first, second = (n.layer if n else None for n in (maker, node))
    if maker is None or not isinstance(first, Reduce) or not isinstance(second, Reduce):
        return None
    alike = first.kind == "mean" and first.keepdims and first.axes == second.axes
    if not alike or RESULT != first.finish or RESULT != second.finish:
        return None
    if first.of == RESULT and x in (names.of(maker.inputs[0]), names.computed(maker)):
        return Spread(maker.inputs[0], centred, first.axes)
    return None


def _squared(expr: Expr) -> Expr | None:
    if not isinstance(expr, Apply):
        return None
    if expr.function.name == "square" or (expr.function.name == "multiply" and expr.args[0] == expr.args[1]):
        return expr.args[0]
    return None


def _said(node: Node, found: Mapping[In, Spread], names: Names) -> list[Node]:
    """A node, with one before it for each quotient that it computes."""
    if not isinstance(node.layer, Map) or not found:
        return [node]
    made: list[Node] = []

    def change(part: Expr) -> Expr | None:
        quotient = _quotient(part)
        spread = found.get(quotient[1]) if quotient else None
        if quotient is None or spread is None or quotient[0] != spread.centred:
            return None
        name = f"{node.name}~norm{len(made)}"
        made.append(node.with_(
            name=name, layer=Standardize(spread.axes, quotient[2]), inputs=(spread.source,), outputs=(name,),
            weights={}, origins={},
        ))  # fmt: skip
        return names.of(name)

    finish = replaced(names.told(node.layer.finish, node), change)
    if not made:
        return [node]
    by = {names.of(name).number: name for name in (*node.inputs, *(n.outputs[0] for n in made))}
    reads = inputs(finish)
    own = with_leaves(finish, {In(number): In(k) for k, number in enumerate(reads)})
    return [*made, node.with_(layer=Map(own), inputs=tuple(by[number] for number in reads))]


def _quotient(part: Expr) -> tuple[Expr, In, float] | None:
    """(centred, variance, epsilon) of an expression that divides by a root, or multiplies with 1 over it."""
    if not isinstance(part, Apply) or part.function.name not in ("divide", "multiply"):
        return None
    for centred, root in (part.args, part.args[::-1]) if part.function.name == "multiply" else (part.args,):
        under = _under(root, part.function.name == "multiply")
        if isinstance(under, Apply) and under.function.name == "add":
            for variance, epsilon in (under.args, under.args[::-1]):
                if isinstance(variance, In) and isinstance(epsilon, Number):
                    return centred, variance, epsilon.value
    return None


def _under(root: Expr, inverse: bool) -> Expr | None:
    """What a root is of; inverse: of 1 over the root."""
    if not isinstance(root, Apply):
        return None
    if not inverse:
        return root.args[0] if root.function.name == "sqrt" else None
    if root.function.name == "rsqrt":
        return root.args[0]
    one = root.function.name == "divide" and root.args[0] == Number(1.0)
    return _under(root.args[1], False) if one else None
