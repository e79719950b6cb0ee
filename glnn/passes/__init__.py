"""Graph -> Graph: from the words of a format to primitives, then optimisations that leave the results as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..graph.garbage import building
from ..graph.graph import Graph, Node, validate
from ..primitives.bodies import throughout
from ..primitives.expand import expand
from ..primitives.fuse import fuse
from . import find_norms, fold_affine, fuse_heads, fuse_moves, fuse_pad, join_dense

__all__ = ["PASSES", "optimize"]


def narrow(graph: Graph) -> Graph:
    """Weights that were computed in float64 as the float32 that is drawn with."""

    def rounded(node: Node) -> Node:
        wide = {name for name, w in node.weights.items() if getattr(w, "dtype", None) == np.float64}
        with np.errstate(over="ignore"):
            weights = {name: w.astype(np.float32) if name in wide else w for name, w in node.weights.items()}
        return node.with_(weights=weights) if wide else node

    nodes = tuple(map(rounded, graph.nodes))
    return graph.with_(nodes=nodes) if any(a is not b for a, b in zip(nodes, graph.nodes, strict=True)) else graph


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    expand, find_norms.run, fuse_pad.run, fuse, fuse_moves.run, fuse_heads.run, fold_affine.run, join_dense.run, narrow,
)  # fmt: skip


@building()
def optimize(graph: Graph) -> Graph:
    """The graph in primitives after all passes, validated after each; they go into the bodies of repeats as well."""
    for run in PASSES:
        graph = validate(throughout(run, graph))
    return graph
