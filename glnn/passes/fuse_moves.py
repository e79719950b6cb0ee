"""Merges a reshape with a change of the order of axes after it or before it: two moves of all values become one."""

from __future__ import annotations

from ..graph.graph import Graph, Node
from ..primitives.expr import RESULT, In, Index, leaves
from ..primitives.move import Remap, Reshape
from ..primitives.rearrange import Merge, Split


def run(graph: Graph) -> Graph:
    """Reshape -> Remap that puts axes into another order becomes Split, and the other way round Merge.

    What is computed between them goes along where it is of weights alone.
    """
    readers = graph.consumers()
    kept = {*graph.outputs, *graph.activations}
    made: dict[str, Node] = {}  # by the name of what it makes
    gone: set[str] = set()
    nodes: list[Node] = []
    for node in graph.nodes:
        before = made.get(node.inputs[0]) if node.inputs else None
        if before is not None and before.outputs[0] not in kept and len(readers[before.outputs[0]]) == 1:
            both = _both(before, node)
            if both is not None:
                gone.add(before.name)
                node = both
        made[node.outputs[0]] = node
        nodes.append(node)
    return graph.with_(nodes=tuple(node for node in nodes if node.name not in gone)) if gone else graph


def _both(before: Node, node: Node) -> Node | None:
    """Two nodes as one; None where they are no such pair."""
    first, second = before.layer, node.layer
    if before.outputs[0] in node.inputs[1:]:
        return None
    if isinstance(first, Reshape) and isinstance(second, Remap) and second.order:
        if any(isinstance(leaf, Index) or (isinstance(leaf, In) and leaf != RESULT) for leaf in leaves(first.finish)):
            return None
        if before.weights.keys() & node.weights.keys():
            return None
        whole: Split | Merge = Split(first.target, second.order, first.finish, second.finish)
    elif isinstance(first, Remap) and first.order and first.finish == RESULT and isinstance(second, Reshape):
        whole = Merge(first.order, second.target, second.finish)
    else:
        return None
    return node.with_(
        layer=whole, inputs=(*before.inputs, *node.inputs[1:]), weights={**before.weights, **node.weights},
        origins={**before.origins, **node.origins},
    )  # fmt: skip
