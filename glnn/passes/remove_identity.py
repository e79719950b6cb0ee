"""Removes layers that do nothing at inference: dropout and its like, linear activations."""

from __future__ import annotations

from ..graph.graph import Graph
from ..layers.activation import Activation
from ..layers.core import Identity


def run(graph: Graph) -> Graph:
    """Readers of an identity layer's output read its input instead."""
    renamed: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        node = node.with_(inputs=tuple(renamed.get(name, name) for name in node.inputs))
        layer = node.layer
        if isinstance(layer, Identity) or (isinstance(layer, Activation) and layer.activation.name == "linear"):
            renamed[node.outputs[0]] = node.inputs[0]
        else:
            nodes.append(node)
    names = graph.output_names or graph.outputs
    return graph.with_(
        nodes=tuple(nodes), outputs=tuple(renamed.get(o, o) for o in graph.outputs), output_names=tuple(names)
    )
