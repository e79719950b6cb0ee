"""From the words of a format to primitives: each node that says `build` is replaced by what it builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..graph.graph import Graph, Node, as_tuple
from ..graph.shapes import Dims
from ..graph.weight import Weight, WeightSpec
from .symbols import Order, Sym
from .trace import Trace

Stored = tuple[str, Dims, Order]  # the tensor that holds another, its shape there, and where its axes lie


def expand(graph: Graph) -> Graph:
    """The graph in primitives (itself, if it is so); tensors keep their names where they are stored as they were.

    A tensor of axes in another order is put into its own only where somebody asks for that: a primitive, a node without
    `build`, an output.
    """
    return expanded(graph)[0]


def expanded(graph: Graph) -> tuple[Graph, dict[str, tuple[Stored, ...]]]:
    """What `expand` makes, and what holds each tensor of the graph: as it was made, then in the order of its axes."""
    specs = graph.specs()
    known: dict[str, Stored] = {s.name: (s.name, s.shape, tuple(range(len(s.shape)))) for s in graph.inputs}
    if not any(hasattr(node.layer, "build") for node in graph.nodes):
        return graph, {name: ((name, spec.shape, tuple(range(len(spec.shape)))),) for name, spec in specs.items()}
    holders: dict[str, tuple[Stored, ...]] = {name: (stored,) for name, stored in known.items()}
    nodes: list[Node] = []
    shapes: dict[str, Dims] = {}  # of what the nodes make

    def plain(name: str, label: str) -> str:
        """The name of a tensor that holds this one in the order of its axes, drawn now if none does."""
        stored, shape, order = known[name]
        if order != tuple(range(len(order))):
            trace = Trace(f"{name}~order", label)
            sym = trace.plain(trace.tensor(stored, shape, order))
            nodes.extend(_named(trace, [(sym, name)]))
            shapes.update(trace.tensors)
            known[name] = name, sym.shape, sym.order
            holders[name] = *holders[name], known[name]
        return known[name][0]

    for node in graph.nodes:
        if not hasattr(node.layer, "build"):
            nodes.append(node.with_(inputs=tuple(plain(name, node.label) for name in node.inputs)))
            known |= {n: (n, specs[n].shape, tuple(range(len(specs[n].shape)))) for n in node.outputs}
            holders |= {n: (known[n],) for n in node.outputs}
            shapes.update((n, specs[n].shape) for n in node.outputs)
            continue
        trace = Trace(node.name, node.label, node.kind)
        xs = [trace.tensor(*known[name]) for name in node.inputs]
        weights = {name: Weight.root(node.origins[name], w) for name, w in node.weights.items()}
        made = built(node.layer, trace, xs, weights)
        nodes.extend(_named(trace, list(zip(made, node.outputs, strict=True))))
        shapes.update(trace.tensors)
        for sym, name in zip(made, node.outputs, strict=True):
            known[name] = trace.stored(sym)
            holders[name] = (known[name],)
    label = {name: node.label for node in graph.nodes for name in node.outputs}
    outputs = tuple(plain(name, label.get(name, name)) for name in graph.outputs)
    codecs = {known[name][0]: codec for name, codec in graph.activations.items()}
    names = graph.output_names or graph.outputs
    changes = {"nodes": tuple(nodes), "outputs": outputs, "output_names": names, "activations": codecs}
    return graph.with_(**changes).of_shapes(shapes), holders


def built(layer: Any, trace: Trace, xs: Sequence[Sym], weights: Mapping[str, Any]) -> tuple[Sym, ...]:
    """What a layer builds of symbols and weights by name."""
    trace.roots = {weight.name: weight.shape for weight in weights.values()}
    return as_tuple(layer.build(trace, *xs, w={name: trace.weight(weight) for name, weight in weights.items()}))


def _named(trace: Trace, made: Sequence[tuple[Sym, str]]) -> list[Node]:
    """The nodes of a trace, with what they make under the names that others know it by.

    The node that makes the last of it has the name of the trace.
    """
    held = [(*trace.stored(sym), name) for sym, name in made]
    own = {output for node in trace.nodes for output in node.outputs}
    names: dict[str, str] = {}
    for stored, _, order, name in held:
        if stored in own and order == tuple(range(len(order))):
            names.setdefault(stored, name)
    trace.tensors[:] = [(names.get(name, name), shape) for name, shape in trace.tensors]
    nodes = []
    for node in trace.nodes:
        name = trace.name if node is trace.nodes[-1] else node.name
        inputs, outputs = (tuple(names.get(n, n) for n in given) for given in (node.inputs, node.outputs))
        nodes.append(node.with_(name=name, inputs=inputs, outputs=outputs))
    return nodes


def traced(
    layer: Any, shapes: Sequence[Dims], weights: Mapping[str, Any] | None = None
) -> tuple[Trace, tuple[Sym, ...]]:
    """The primitives of a layer alone, for inputs of these shapes; without weights, of zeros."""
    trace = Trace(type(layer).__name__)
    trace.shapes_only = weights is None
    xs = [trace.tensor(f"x{k}", shape) for k, shape in enumerate(shapes)]
    given = _zeros(layer, shapes) if weights is None else {n: Weight.root(n, w) for n, w in weights.items()}
    return trace, built(layer, trace, xs, given)


def _zeros(layer: Any, shapes: Sequence[Dims]) -> Mapping[str, Weight]:
    """Zeros for the weights of a layer; one alone for each where their shapes are not known."""
    try:
        specs = layer.weight_specs(*shapes)
    except ValueError as unknown:
        try:
            specs = layer.weight_specs(*(tuple(1 if size is None else size for size in shape) for shape in shapes))
        except ValueError:
            raise unknown from None
        specs = [WeightSpec(spec.name, ()) for spec in specs]
    return {s.name: Weight.root(s.name, np.broadcast_to(np.zeros((), np.float32), s.shape)) for s in specs}


@lru_cache(4096)
def shapes_of(layer: Any, shapes: tuple[Dims, ...]) -> tuple[Dims, ...]:
    """The shapes that come out of a layer that says `build`."""
    return tuple(sym.shape for sym in traced(layer, shapes)[1])


def computed(layer: Any, inputs: Sequence[np.ndarray], weights: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    """What comes out of a layer that says `build`, by the references of its primitives, in the type of the inputs."""
    trace, made = traced(layer, [x.shape for x in inputs], weights)
    return evaluated(trace, made, {f"x{k}": x for k, x in enumerate(inputs)})


def evaluated(trace: Trace, made: Sequence[Sym], values: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """The elements of symbols by the references of a trace's primitives, for those of the tensors that it reads."""
    stored = [trace.stored(sym) for sym in made]
    for node in trace.nodes:
        arrays = as_tuple(node.layer.reference([values[name] for name in node.inputs], node.weights))
        values |= zip(node.outputs, arrays, strict=True)
    return tuple(values[name].transpose(order) for name, _, order in stored)
