"""What version 1 of the file told as options of a layer: sums and functions that had been fused into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...graph.graph import Node
from ...layers.activation import Activation
from ...layers.base import Layer
from ...layers.merging import Add
from .values import decoded

FUSED = ("BatchNormalization", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def parted(name: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Layer, ...]]:
    """The options without those, and the layers that follow instead."""
    left, ends = dict(config), list[Layer]()
    residual = left.pop("residual", False) if name == "Conv2D" else False
    if residual:
        ends.append(Add())
    if residual or name in FUSED:
        function = decoded(left.pop("activation", {"function": "linear"}))
        ends += [Activation(function)] if function.name != "linear" else []
    return left, tuple(ends)


def chained(node: Node, ends: tuple[Layer, ...]) -> list[Node]:
    """The node and the layers that follow it, of which the last makes what the node did."""
    if not ends:
        return [node]
    count = len(node.inputs) - isinstance(ends[0], Add)
    made = [node.with_(inputs=node.inputs[:count], outputs=(f"{node.outputs[0]}~0",))]
    for k, layer in enumerate(ends, 1):
        reads = (*made[-1].outputs, *(node.inputs[count:] if isinstance(layer, Add) else ()))
        out = node.outputs[0] if k == len(ends) else f"{node.outputs[0]}~{k}"
        made.append(Node(f"{node.name}~{k}", layer, reads, (out,), {}, node.label))
    return made
