"""Which tensors of a graph hold whole numbers that are looked up by: no codec may round them."""

from __future__ import annotations

from collections.abc import Iterable

from .graph import Graph


def whole_numbers(graph: Graph, also: Iterable[str] = ()) -> set[str]:
    """The tensors, by name, that become whole numbers to look up by, or that become one of `also`."""
    found: set[str] = set(also)
    for node in reversed(graph.nodes):
        found |= {node.inputs[i] for i in node.layer.exact_inputs}
        if found & set(node.outputs):
            found |= set(node.inputs)
    return found
