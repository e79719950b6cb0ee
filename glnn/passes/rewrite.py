"""What passes share: who alone reads a tensor, and replacing a pair of nodes by one."""

from __future__ import annotations

from collections.abc import Callable

from ..graph.graph import Graph, Node


def sole_reader(graph: Graph) -> Callable[[Node], Node | None]:
    """A function that gives the one node that reads a node's output and nobody else does, or None."""
    readers = graph.consumers()

    def find(node: Node) -> Node | None:
        name = node.outputs[0]
        nodes = readers.get(name, [])
        return nodes[0] if len(nodes) == 1 and len(node.outputs) == 1 and name not in graph.outputs else None

    return find


def fuse_pairs(graph: Graph, fuse: Callable[[Node, Node], Node | None]) -> Graph:
    """Replaces each node and its sole reader by what `fuse(node, reader)` gives, until it gives None for all.

    The new node stands in the reader's place, so that everything it reads has been made.
    """
    changed = True
    while changed:
        changed = False
        find = sole_reader(graph)
        replaced: dict[str, Node | None] = {}
        for node in graph.nodes:
            reader = find(node)
            if reader is None or node.name in replaced or reader.name in replaced:
                continue
            new = fuse(node, reader)
            if new is not None:
                replaced |= {node.name: None, reader.name: new}
        if replaced:
            nodes = (replaced.get(n.name, n) for n in graph.nodes)
            graph, changed = graph.with_(nodes=tuple(n for n in nodes if n is not None)), True
    return graph
