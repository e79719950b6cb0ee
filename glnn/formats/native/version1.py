"""What version 1 of the file told as options of a layer: sums and functions that had been fused into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelFileError, UnsupportedError
from ...graph.graph import Node
from ...layers.activation import Activation
from ...layers.base import Layer
from ...layers.merging import Add
from ...primitives.functions import Function
from .container import AGAIN
from .values import decoded

FUSED = ("BatchNormalization", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def parted(name: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Layer, ...]]:
    """The options without those, and the layers that follow instead. Raises UnsupportedError."""
    left, ends = dict(config), list[Layer]()
    residual = left.pop("residual", False) if name == "Conv2D" else False
    if residual:
        ends.append(Add())
    if residual or name in FUSED:
        told = left.pop("activation", {"function": "linear"})
        try:
            function = decoded(told)
        except Exception as error:  # whatever a value of another type makes it stumble over
            raise UnsupportedError(name, [f"{name}: activation {told!r:.80}: {error}"]) from error
        if not isinstance(function, Function):
            raise UnsupportedError(name, [f"{name}: activation {told!r:.80}, which is none"])
        ends += [Activation(function)] if function.name != "linear" else []
    return left, tuple(ends)


def chained(node: Node, ends: tuple[Layer, ...], where: str) -> list[Node]:
    """The node and the layers that follow it, of which the last makes what the node did. Raises ModelFileError."""
    if not ends:
        return [node]
    count = len(node.inputs) - isinstance(ends[0], Add)
    if count < 1 or len(node.outputs) != 1:
        raise ModelFileError(f"{where}: it reads {len(node.inputs)} tensors and makes {len(node.outputs)}. {AGAIN}")
    made = [node.with_(inputs=node.inputs[:count], outputs=(f"{node.outputs[0]}~0",))]
    for k, layer in enumerate(ends, 1):
        reads = (*made[-1].outputs, *(node.inputs[count:] if isinstance(layer, Add) else ()))
        out = node.outputs[0] if k == len(ends) else f"{node.outputs[0]}~{k}"
        made.append(Node(f"{node.name}~{k}", layer, reads, (out,), {}, node.label))
    return made
