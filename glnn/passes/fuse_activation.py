"""Fuses a pointwise activation into the layer before it, which then applies it to what it writes."""

from __future__ import annotations

from dataclasses import replace

from ..graph.graph import Graph, Node
from ..layers.activation import Functional
from ..layers.base import Activated
from .rewrite import fuse_pairs


def run(graph: Graph) -> Graph:
    """Layer with a linear `activation` -> pointwise activation layer becomes the first with that activation."""
    return fuse_pairs(graph, _fuse)


def _fuse(node: Node, act: Node) -> Node | None:
    if not isinstance(act.layer, Functional) or not isinstance(node.layer, Activated) or act.inputs != node.outputs:
        return None
    if node.layer.activation.name != "linear" or not act.layer.function.pointwise:
        return None
    layer = replace(node.layer, activation=act.layer.function)  # type: ignore[type-var]
    return node.with_(outputs=act.outputs, layer=layer)
