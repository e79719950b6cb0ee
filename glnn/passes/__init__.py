"""Graph -> Graph: optimisations that leave the results as they are. One file each, in this order."""

from __future__ import annotations

from collections.abc import Callable

from ..graph.graph import Graph, validate
from . import fold_batchnorm, fuse_activation, fuse_residual, merge_padding, remove_identity

__all__ = ["PASSES", "optimize"]

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    remove_identity.run,
    merge_padding.run,
    fold_batchnorm.run,
    fuse_residual.run,
    fuse_activation.run,
)


def optimize(graph: Graph) -> Graph:
    """The graph after all passes, validated after each."""
    for run in PASSES:
        graph = validate(run(graph))
    return graph
