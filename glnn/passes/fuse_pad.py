"""Merges zero padding into a convolution after it, which reads zeros there anyway, or a maximum that they never win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..graph.graph import Graph, Node
from ..primitives.conv import Conv
from ..primitives.expr import RESULT
from ..primitives.move import Along, Remap
from ..primitives.pool import Window
from ..primitives.ranges import nonnegative
from ..primitives.window import Margins


def run(graph: Graph) -> Graph:
    """Zeros around images -> convolution of padding "valid" (or explicit) becomes one of explicit padding.

    So does a maximum where no pixel is negative: what it adds around the image does not count, and no zero would win.
    """
    readers = graph.consumers()
    makers = {name: node for node in graph.nodes for name in node.outputs}
    kept = {*graph.outputs, *graph.activations}
    merged: dict[str, Node | None] = {}
    for node in graph.nodes:
        while isinstance(node.layer, Conv | Window) and node.layer.padding != "same":
            name = node.inputs[0]
            before = makers.get(name)
            if before is None or len(readers[name]) > 1 or node.inputs.count(name) > 1 or name in kept:
                break
            margins, padding = zeros(before), node.layer.padding
            if margins is None:
                break
            own = ((0, 0),) * len(margins) if isinstance(padding, str) else padding
            both = tuple((a + c, b + d) for (a, b), (c, d) in zip(margins, own, strict=True))
            if not _alike(node.layer, both, before.inputs[0], makers):
                break
            inputs = (before.inputs[0], *node.inputs[1:])
            node = node.with_(layer=replace(node.layer, padding=both), inputs=inputs)
            merged |= {before.name: None, node.name: node}
    nodes = (merged.get(node.name, node) for node in graph.nodes)
    return graph.with_(nodes=tuple(node for node in nodes if node is not None)) if merged else graph


def _alike(layer: Conv | Window, padding: Margins, name: str, makers: Mapping[str, Node]) -> bool:
    """Whether it makes of a tensor with this padding of its own what it would of zeros there."""
    if isinstance(layer, Conv):
        return bool(layer.kernel_size)
    meets = all(max(sides) < size for sides, size in zip(padding, layer.size, strict=True))  # each window a pixel
    return layer.kind == "max" and meets and nonnegative(name, makers)


def zeros(node: Node) -> Margins | None:
    """The zeros that a node puts around images, before and after along each spatial axis; None where it does else."""
    layer = node.layer
    if not isinstance(layer, Remap) or layer.finish != RESULT or len(layer.axes) < 3:
        return None
    first, *axes, last = layer.axes
    if first != Along(0) or last != Along(len(axes) + 1):
        return None
    margins = []
    for k, along in enumerate(axes, 1):
        before, after = -along.add, along.extra + along.add
        if along != Along(k, add=-before, extra=before + after, edge=along.edge) or min(before, after) < 0:
            return None
        if along.edge != "zero" and (before or after):
            return None
        margins.append((before, after))
    return tuple(margins)
