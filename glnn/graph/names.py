"""How the weights of a graph come by their names.

Two weights are the same where their names are, whatever memory holds their values. A name is given once, when a graph
is made; from then on it goes with the node.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .quantized import Quantized

if TYPE_CHECKING:
    from .graph import Node


def named(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes, each with a name for each of its weights (`origins`); equal names are equal values.

    A weight without a name is called after the first node that holds it, "node/weight": what several nodes are handed
    is one weight. Where a name has come to stand for two values, the later ones have a number behind it.
    """
    held: dict[str, Any] = {}  # name -> weight
    names: dict[int, str] = {}  # of the weights in `held`, by which of these objects it is
    made = []
    for node in nodes:
        origins = {}
        for name, weight in node.weights.items():
            wanted = node.origins.get(name) or names.get(id(weight)) or f"{node.name}/{name}"
            origin, count = wanted, 0
            while origin in held and not same(held[origin], weight):
                count += 1
                origin = f"{wanted}~{count}"
            origins[name] = origin
            held.setdefault(origin, weight)
            names.setdefault(id(weight), origin)
        made.append(node if origins == node.origins else node.with_(origins=origins))
    return tuple(made)


def same(one: Any, other: Any) -> bool:
    """Whether two weights hold the same, bit by bit."""
    if one is other:
        return True
    if isinstance(one, Quantized) and isinstance(other, Quantized):
        parts = ((getattr(one, part), getattr(other, part)) for part in ("codes", "scale", "low"))
        return one.codec == other.codec and all(same(a, b) for a, b in parts)
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return False
    return (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()
