"""Fuses the Add of a residual branch into the convolution that makes one of its summands."""

from __future__ import annotations

from dataclasses import replace

from ..graph.graph import Graph, Node
from ..layers.conv import Conv2D
from ..layers.merging import Add
from .rewrite import fuse_pairs


def run(graph: Graph) -> Graph:
    """Linear Conv2D -> Add of two tensors of one shape becomes a Conv2D with a residual input.

    Free sizes that are equal here need not be when the model runs; the layer adds with repetition then, as Add does.
    """
    shapes = {name: spec.shape for name, spec in graph.specs().items()}
    place = {name: i for i, node in enumerate(graph.nodes) for name in node.outputs}

    def fuse(conv: Node, add: Node) -> Node | None:
        if (
            not isinstance(conv.layer, Conv2D)
            or not isinstance(add.layer, Add)
            or len(set(add.inputs)) != 2
            or len(add.inputs) != 2
        ):
            return None
        if (
            conv.layer.activation.name != "linear"
            or conv.layer.residual
            or shapes[add.inputs[0]] != shapes[add.inputs[1]]
        ):
            return None
        other = next(name for name in add.inputs if name not in conv.outputs)
        # Of two convolutions the later one takes the sum: the other tensor is made before it.
        if place.get(other, -1) > place[conv.outputs[0]]:
            return None
        layer = replace(conv.layer, residual=True, activation=add.layer.activation)
        return conv.with_(inputs=(*conv.inputs, other), outputs=add.outputs, layer=layer)

    return fuse_pairs(graph, fuse)
