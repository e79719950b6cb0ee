"""What is computed element by element goes into the draw before it: a Map becomes the end of what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..graph.graph import Graph, Node
from ..graph.shapes import Dims
from .base import Primitive, finish_of
from .expr import MOST_INPUTS, MOST_STEPS, Constant, Expr, In, constants, has_long, inputs, replaced, size
from .map import Map


def fuse(graph: Graph) -> Graph:
    """Each Map goes into the one primitive before it that it alone reads, where the shape stays and room is left.

    Of several that it could go into it takes the last one, so that all else that it reads is made before. Tensors whose
    codec the graph states stay.
    """
    shapes = {name: spec.shape for name, spec in graph.specs().items()}  # those that stay keep them
    while True:
        made = _once(graph, shapes)
        if made is graph:
            return graph
        graph = made


def _once(graph: Graph, shapes: Mapping[str, Dims]) -> Graph:
    place = {name: i for i, node in enumerate(graph.nodes) for name in node.outputs}
    readers = graph.consumers()
    kept = {*graph.outputs, *graph.activations}
    changed: dict[str, Node | None] = {}
    for node in graph.nodes:
        if not isinstance(node.layer, Map) or node.name in changed:
            continue
        for name in sorted(set(node.inputs), key=lambda name: -place.get(name, -1)):
            before = graph.nodes[place[name]] if name in place else None
            if before is None or before.name in changed or name in kept or len(readers[name]) > 1:
                continue
            others = [other for other in node.inputs if other != name]
            late = any(place.get(other, -1) > place[name] for other in others)
            new = None if late else _joined(before, node, name, shapes)
            if new is not None:
                changed |= {before.name: None, node.name: new}
                break
    if not changed:
        return graph
    nodes = (changed.get(node.name, node) for node in graph.nodes)
    return graph.with_(nodes=tuple(node for node in nodes if node is not None)).of_shapes(shapes)


def _joined(before: Node, node: Node, name: str, shapes: Mapping[str, Dims]) -> Node | None:
    """`before` with the expression of a Map that reads its output `name`; None where it cannot have it."""
    primitive = before.layer
    if not isinstance(primitive, Primitive) or not hasattr(primitive, "finish") or len(before.outputs) > 1:
        return None
    if shapes[node.outputs[0]] != shapes[name]:
        return None
    is_map = isinstance(primitive, Map)
    if not is_map and has_long(node.layer.finish):  # type: ignore[attr-defined]
        return None
    first = 0 if is_map else primitive.own(len(before.inputs)) - 1  # the input that is In(0) of the finish, or would be
    reads = list(before.inputs)
    numbers: dict[str, int] = {}
    for k, other in enumerate(reads):
        if k > first or is_map:
            numbers.setdefault(other, k - first)
    weights, origins, names = dict(before.weights), dict(before.origins), dict[str, str]()
    for constant in constants(node.layer.finish):  # type: ignore[attr-defined]
        names[constant] = next(new for k in range(len(weights) + 1) if (new := f"w{k}") not in weights)
        weights[names[constant]] = node.weights[constant]
        origins[names[constant]] = node.origins[constant]

    def change(leaf: Expr) -> Expr | None:
        if isinstance(leaf, Constant):
            return Constant(names[leaf.name], leaf.shape)
        if not isinstance(leaf, In):
            return None
        other = node.inputs[leaf.number]
        if other == name:
            return finish_of(primitive)
        if other not in numbers:
            numbers[other] = len(reads) - first
            reads.append(other)
        return In(numbers[other])

    finish = replaced(node.layer.finish, change)  # type: ignore[attr-defined]
    if len(inputs(finish)) > MOST_INPUTS + 1 or size(finish) > MOST_STEPS:
        return None
    return before.with_(
        name=node.name if node.label == before.label else before.name, outputs=node.outputs,
        layer=with_finish(primitive, finish), inputs=tuple(reads), weights=weights, origins=origins,
    )  # fmt: skip


def with_finish(primitive: Primitive, finish: Expr) -> Primitive:
    """The same with another finish."""
    return replace(primitive, finish=finish)  # type: ignore[type-var]
