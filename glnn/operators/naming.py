"""The nodes of a walk under the names that the model has for what they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph.graph import Node


def renamed(nodes: Sequence[Node], names: dict[str, str], taken: Mapping[str, Any]) -> list[Node]:
    """Nodes whose tensors have the names that the model has for them, each once."""
    used = set(taken)
    for stored, name in list(names.items()):
        if name in used:
            del names[stored]
        used.add(name)

    def told(tensors: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(tensor, tensor) for tensor in tensors)

    return [node.with_(inputs=told(node.inputs), outputs=told(node.outputs)) for node in nodes]
