"""Which of the user's layers each measured tensor covers, and what they make of given tensors in NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...graph.graph import Graph, Node, as_tuple
from ...plan.plan import Made, Plan
from ...primitives.expand import expanded
from ...primitives.symbols import Order


@dataclass(frozen=True)
class Segment:
    """A tensor of the user's graph that lies in textures when its draw is done.

    nodes: the layers that it is computed by from other such tensors, `reads`; the last one makes it
    order: which stored axis each of its axes is
    """

    name: str
    nodes: tuple[Node, ...]
    reads: tuple[str, ...]
    made: Made
    order: Order

    @property
    def label(self) -> str:
        """The layer whose name the draw bears: the first that is in it."""
        return self.nodes[0].label

    @property
    def labels(self) -> tuple[str, ...]:
        """The layers that are in the draw, each once."""
        return tuple(dict.fromkeys(node.label for node in self.nodes))

    def plain(self, stored: np.ndarray) -> np.ndarray:
        """A tensor as it is stored -> with its axes in their order."""
        return stored.transpose(self.order)

    def stored(self, plain: np.ndarray) -> np.ndarray:
        """The way back."""
        return plain.transpose(np.argsort(self.order))


def segments(graph: Graph, plan: Plan) -> list[Segment]:
    """A Segment for each tensor of the user's graph that a plan of it has in textures, in the order of its draws.

    A tensor that no draw makes, since its layer does nothing or was fused away, has none.
    """
    made = {tensor.name: tensor for tensor in plan.drawn}
    places: list[tuple[str, Made, Order]] = []
    measured = {spec.name for spec in graph.inputs}
    taken: set[str] = set(measured)
    holders = expanded(graph)[1]
    for node in graph.nodes:
        for name in node.outputs:
            for stored, _, order in holders[name]:
                if stored in made and stored not in taken:
                    places.append((name, made[stored], order))
                    taken.add(stored)
                    measured.add(name)
    maker = makers(graph)
    found = [Segment(name, *covered(name, maker, measured), tensor, order) for name, tensor, order in places]
    return sorted(found, key=lambda segment: segment.made.steps)


def makers(graph: Graph) -> dict[str, Node]:
    """The node that makes each tensor."""
    return {name: node for node in graph.nodes for name in node.outputs}


def covered(name: str, maker: Mapping[str, Node], known: set[str]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The nodes that compute a tensor from known ones, in the order in which they run, and the known ones they read."""
    nodes: dict[str, Node] = {}
    reads: dict[str, None] = {}
    pending = [(maker[name], False)]
    while pending:
        node, done = pending.pop()
        if done:
            nodes.setdefault(node.name, node)
            continue
        pending.append((node, True))
        for read in reversed(node.inputs):
            if read in known or read not in maker:
                reads[read] = None
            elif maker[read].name not in nodes:
                pending.append((maker[read], False))
    return tuple(nodes.values()), tuple(reads)


class Chain:
    """A graph in NumPy, computed tensor by tensor as it is asked for, in floats of one type.

    `values` are the tensors known by name; whoever knows better puts others there.
    """

    def __init__(self, graph: Graph, dtype: Any, values: Mapping[str, np.ndarray]):
        self.graph, self.dtype, self.values = graph, dtype, dict(values)
        self._maker = makers(graph)

    def value(self, name: str) -> np.ndarray:
        """A tensor, in the chain's type. Raises UnsupportedError for a layer that has no reference."""
        if name not in self.values:
            for node in covered(name, self._maker, set(self.values))[0]:
                made = self.run(node, [self.values[read] for read in node.inputs])
                for output, array in zip(node.outputs, made, strict=True):
                    self.values.setdefault(output, array)
        return np.asarray(self.values[name], self.dtype)

    def run(self, node: Node, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """What a layer makes of inputs, in the chain's type."""
        with np.errstate(all="ignore"):
            weights = {name: array.astype(self.dtype) for name, array in node.weights.items()}
            try:
                return as_tuple(node.layer.reference([np.asarray(x, self.dtype) for x in inputs], weights))
            except NotImplementedError as error:
                raise UnsupportedError(self.graph.name, [f"layer {node.label!r}: {error}"]) from None

    def drop(self, names: set[str]) -> None:
        """Forgets tensors."""
        for name in names & set(self.values):
            del self.values[name]
