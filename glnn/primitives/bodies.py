"""What passes need to go into the bodies of repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..graph.graph import Graph, Node, TensorSpec
from ..graph.shapes import Dims
from .loop import Repeat, lifted

Pass = Callable[[Graph], Graph]


def throughout(run: Pass, graph: Graph) -> Graph:
    """The graph after a pass, which goes through it and then through the bodies of its repeats, and theirs.

    It is the graph itself where the pass leaves all of them as they are.
    """
    graph = run(graph)
    if not any(isinstance(node.layer, Repeat) for node in graph.nodes):
        return graph
    specs = graph.specs()
    nodes = tuple(_changed(run, node, [specs[name].shape for name in node.inputs]) for node in graph.nodes)
    return graph.with_(nodes=nodes) if any(a is not b for a, b in zip(nodes, graph.nodes, strict=True)) else graph


def _changed(run: Pass, node: Node, shapes: Sequence[Dims]) -> Node:
    if not isinstance(node.layer, Repeat):
        return node
    body = with_weights(node, shapes)
    made = throughout(run, body)
    if made is body:
        return node
    bare, weights = lifted(made)
    return node.with_(layer=replace(node.layer, body=bare), weights=weights, origins={name: name for name in weights})


def with_weights(node: Node, shapes: Sequence[Dims]) -> Graph:
    """The body of a node that repeats it as a graph of its own: with the node's weights, under the graph's names.

    shapes: of the node's inputs, from which the body's take what those leave free
    """
    loop = node.layer
    assert isinstance(loop, Repeat)
    inner = []
    for one in loop.body.nodes:
        weights = loop.weights_of(one, node.weights)
        inner.append(one.with_(weights=weights, origins={n: node.origins[one.origins[n]] for n in weights}))
    seen = loop.seen(*shapes)
    specs = tuple(TensorSpec(spec.name, seen[spec.name], spec.dtype) for spec in loop.body.inputs)
    return loop.body.with_(inputs=specs, nodes=tuple(inner))
