"""In a turn, a dense layer and what is computed of parts of its channels becomes one draw: `Gates`."""

from __future__ import annotations

from dataclasses import field

from ..graph.graph import Graph, Node
from ..graph.shapes import Dims
from ..records import dataclass
from .base import finish_of
from .conv import Conv
from .expr import (
    MOST_INPUTS,
    MOST_STEPS,
    RESULT,
    Constant,
    Expr,
    In,
    Index,
    constants,
    has_long,
    leaves,
    replaced,
    size,
)
from .fuse import with_finish
from .gates import Gates
from .map import Map
from .move import Along, Remap
from .pick import Pick

MOST_PARTS = 6  # each is four channels at once that an invocation keeps
MOST_RESULTS = 4


def fuse_gates(graph: Graph) -> Graph:
    """Each dense layer (N, C) whose equal parts alone are read, with maps that follow: one draw.

    Parts are of whole groups of four channels.
    Tensors whose codec the graph states stay. It is for turns, where a draw more costs more than what it computes.
    """
    for node in graph.nodes:
        made = _Found(graph, node).graph() if isinstance(node.layer, Conv) else None
        if made is not None:
            return fuse_gates(made)
    return graph


def part_of(node: Node, channels: int) -> tuple[int, int] | None:
    """(which of how many) equal parts of a tensor of so many channels, of whole groups, a node takes; None: none."""
    remap = node.layer
    if not isinstance(remap, Remap) or node.inputs[0] in node.inputs[1:]:
        return None
    *others, last = remap.axes
    units = last.size or 0
    plain = last == Along(len(others), units, add=last.add) and others == [Along(k) for k in range(len(others))]
    if not plain or units % 4 or not units or channels % units or last.add % units or units == channels:
        return None
    return last.add // units, channels // units


def _short(expr: Expr) -> bool:
    """Whether an expression may stand in a text for several pixels, and does not ask where it stands."""
    return not has_long(expr) and not any(isinstance(leaf, Index) for leaf in leaves(expr))


@dataclass(eq=False)
class _Found:
    """What follows from a dense layer: expressions by tensor over its parts, then over `others`, in that order."""

    whole: Graph
    product: Node
    exprs: dict[str, Expr] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    taken: dict[str, Node] = field(default_factory=dict)  # the nodes that become one, by name
    slices: list[Node] = field(default_factory=list)  # of what is read beside it
    weights: dict[str, tuple[object, str]] = field(default_factory=dict)  # values and origin by their new names

    def graph(self) -> Graph | None:
        """The graph with what was found as one node; None where nothing was."""
        graph, count = self.whole, self._parts()
        if not count:
            return None
        behind = self._follow(count)
        readers = graph.consumers()
        results = [
            name
            for name in self.exprs
            if name in graph.outputs or any(node.name not in self.taken for node in readers.get(name, ()))
        ]
        exprs = tuple(self.exprs[name] for name in results)
        if not 0 < len(results) <= MOST_RESULTS or len(self.others) > MOST_INPUTS + 1:
            return None
        if not self.exprs.keys().isdisjoint(graph.activations) or any(size(one) > MOST_STEPS for one in exprs):
            return None
        return self._with(results, exprs, count, behind)

    def _parts(self) -> int:
        """How many equal parts of the channels are read alone; 0: the node is no dense layer of which only they are."""
        graph, product = self.whole, self.product
        layer, out, specs = product.layer, product.outputs[0], graph.specs()
        if not isinstance(layer, Conv) or layer.kernel_size or len(specs[out].shape) != 2:
            return 0
        if out in {*graph.outputs, *graph.activations} or not _short(layer.finish):
            return 0
        readers = graph.consumers().get(out, ())
        counts = {(part_of(node, layer.filters) or (0, 0))[1] if node.inputs[0] == out else 0 for node in readers}
        count, runs = max(counts, default=0), layer.groups * layer.rounds
        if len(counts) != 1 or count > MOST_PARTS or (runs > 1 and layer.rounds != count):
            return 0
        channels = specs[product.inputs[0]].shape[-1] or 0
        whole = runs == 1 or not (layer.filters // runs % 4 or channels // layer.groups % 4)
        return count if whole else 0

    def _follow(self, count: int) -> set[str]:
        """Takes up what follows from the parts -> what follows from the layer in other ways."""
        graph, product = self.whole, self.product
        out, specs = product.outputs[0], graph.specs()
        units = (specs[out].shape[0], (specs[out].shape[1] or 0) // count)
        behind: set[str] = set()
        self.weights = {name: (w, product.origins[name]) for name, w in product.weights.items()}
        for node in graph.nodes:
            reads = {*node.inputs}
            follows = out in reads or not reads.isdisjoint(self.exprs)
            if behind.isdisjoint(reads) and follows and self._take(node, count, units, specs[node.outputs[0]].shape):
                continue
            if follows or not behind.isdisjoint(reads):
                behind.update(node.outputs)
        return behind

    def _take(self, node: Node, count: int, units: Dims, shape: Dims) -> bool:
        """Whether a node that reads parts, or what is computed of them, was taken up: its expression is known now."""
        layer = node.layer
        if shape != units or not isinstance(layer, Remap | Map):
            return False
        finish, reads = finish_of(layer), list(node.inputs)
        first: Expr | None = None
        if not _short(finish):
            return False
        others, weights, slices = list(self.others), dict(self.weights), list(self.slices)
        if isinstance(layer, Remap):
            part = part_of(node, self.whole.specs()[reads[0]].shape[-1] or 0)
            if part is None or reads[0] in self.exprs:
                return False
            if reads[0] == self.product.outputs[0]:
                first = In(part[0])
            else:  # a part of something else, to which parts of the product come
                name = f"{node.outputs[0]}~part"
                plain = {"layer": with_finish(layer, RESULT), "inputs": (reads[0],), "outputs": (name,)}
                slices.append(node.with_(name=f"{node.name}~part", weights={}, origins={}, **plain))
                first = In(count + len(others))
                others.append(name)
        names: dict[str, str] = {}
        for constant in constants(finish):
            names[constant] = new = f"g{len(weights)}"
            weights[new] = node.weights[constant], node.origins[constant]

        def change(leaf: Expr) -> Expr | None:
            if isinstance(leaf, Constant):
                return Constant(names[leaf.name], leaf.shape)
            if not isinstance(leaf, In):
                return None
            if first is not None and not leaf.number:
                return first
            name = reads[leaf.number]
            if name in self.exprs:
                return self.exprs[name]
            if name not in others:
                others.append(name)
            return In(count + others.index(name))

        self.exprs[node.outputs[0]] = replaced(finish, change)
        self.others, self.weights, self.slices, self.taken[node.name] = others, weights, slices, node
        return True

    def _with(self, results: list[str], exprs: tuple[Expr, ...], count: int, behind: set[str]) -> Graph:
        graph, product = self.whole, self.product
        several = len(results) > 1
        whole = f"{product.outputs[0]}~gates" if several else results[0]
        made = product.with_(
            layer=Gates(product.layer, count, exprs),  # type: ignore[arg-type]
            inputs=(*product.inputs, *self.others), outputs=(whole,),
            weights={name: w for name, (w, _) in self.weights.items()},
            origins={name: origin for name, (_, origin) in self.weights.items()},
        )  # fmt: skip
        picks = [
            Node(f"{name}~pick", Pick(k), (whole,), (name,), label=self._maker(name).label, kind=product.kind)
            for k, name in enumerate(results if several else ())
        ]
        rest = [node for node in graph.nodes if node is not product and node.name not in self.taken]
        after = [*self.exprs, *behind]
        late = [node for node in rest if {*node.outputs} & {*after}]
        early = [node for node in rest if node not in late]
        return graph.with_(nodes=(*early, *self.slices, made, *picks, *late))

    def _maker(self, name: str) -> Node:
        return next(node for node in self.taken.values() if name in node.outputs)
