"""Merges zero padding into the convolution that follows: its taps outside the image are zero anyway."""

from __future__ import annotations

from dataclasses import replace

from ..graph.graph import Graph, Node
from ..layers.conv import Conv2D, DepthwiseConv2D, SeparableConv2D
from ..layers.resizing import ZeroPadding2D
from .rewrite import fuse_pairs


def run(graph: Graph) -> Graph:
    """ZeroPadding2D -> convolution of padding "valid" (or explicit) becomes one convolution of explicit padding."""
    return fuse_pairs(graph, _merge)


def _merge(pad: Node, conv: Node) -> Node | None:
    layer = conv.layer
    if not isinstance(pad.layer, ZeroPadding2D) or not isinstance(layer, Conv2D | DepthwiseConv2D | SeparableConv2D):
        return None
    if conv.inputs != pad.outputs or layer.padding == "same":
        return None
    own = ((0, 0), (0, 0)) if isinstance(layer.padding, str) else layer.padding
    rows, columns = ((a + c, b + d) for (a, b), (c, d) in zip(pad.layer.padding, own, strict=True))
    return conv.with_(layer=replace(layer, padding=(rows, columns)), inputs=pad.inputs)
