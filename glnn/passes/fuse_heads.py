"""Merges what splits channels into heads, and puts them together again, into the products between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.shapes import Dims
from ..primitives.conv import Conv
from ..primitives.expr import RESULT, Constant, Expr, Index, constants, inputs, leaves, with_leaves
from ..primitives.heads import HeadMix, HeadScores
from ..primitives.matmul import Matmul
from ..primitives.move import Size
from ..primitives.rearrange import Merge, Split


def run(graph: Graph) -> Graph:
    """Split, Split -> Matmul becomes HeadScores, and Matmul of a Split -> Merge becomes HeadMix.

    What is computed of a dense layer's outputs when they have been split, of weights alone, is computed before.
    """
    if not any(isinstance(node.layer, Split) for node in graph.nodes):
        return graph
    graph = _computed_before(graph)
    shapes = {name: spec.shape for name, spec in graph.specs().items()}
    readers, kept = graph.consumers(), {*graph.outputs, *graph.activations}
    made = {name: node for node in graph.nodes for name in node.outputs}
    gone: set[str] = set()
    nodes: list[Node] = []
    for node in graph.nodes:
        new = _scores(node, made, shapes) if isinstance(node.layer, Matmul) else None
        if isinstance(node.layer, Merge):
            before = made.get(node.inputs[0])
            if before and before.outputs[0] not in kept and len(readers[before.outputs[0]]) == 1:
                new = _mixed(before, node, made, shapes)
                gone |= {before.name} if new else set()
        nodes.append(new or node)
    nodes = [node for node in nodes if node.name not in gone]
    read = {name for node in nodes for name in node.inputs} | kept
    return graph.with_(
        nodes=tuple(node for node in nodes if not isinstance(node.layer, Split) or node.outputs[0] in read)
    )


def _heads(node: Node | None, shapes: Mapping[str, Dims], *orders: tuple[int, ...]) -> int:
    """How many heads a node makes of the channels of a sequence, with axes in one of these orders; 0: it does else."""
    layer = node.layer if node else None
    if node is None or not isinstance(layer, Split) or layer.order not in orders or layer.finish != RESULT:
        return 0
    whole, target = shapes[node.inputs[0]], layer.target
    if layer.of != RESULT or len(whole) != 3 or target[0] not in (Size(0), whole[0]) or len(target) != 4:
        return 0
    heads, width = target[2:]
    known = isinstance(heads, int) and isinstance(width, int) and heads * width == whole[-1]
    return int(heads) if known and heads > 0 else 0  # type: ignore[operator,arg-type]


def _scores(node: Node, made: Mapping[str, Node], shapes: Mapping[str, Dims]) -> Node | None:
    layer = node.layer
    if not isinstance(layer, Matmul) or layer.transpose_a:
        return None
    first, second = (made.get(name) for name in node.inputs[:2])
    turned = (0, 2, 1, 3) if layer.transpose_b else (0, 2, 3, 1)
    heads = _heads(first, shapes, (0, 2, 1, 3))
    if first is None or second is None or not heads or heads != _heads(second, shapes, turned):
        return None
    return node.with_(
        layer=HeadScores(heads, layer.finish), inputs=(first.inputs[0], second.inputs[0], *node.inputs[2:])
    )


def _mixed(before: Node, node: Node, made: Mapping[str, Node], shapes: Mapping[str, Dims]) -> Node | None:
    product, layer = before.layer, node.layer
    if not isinstance(product, Matmul) or product != Matmul() or not isinstance(layer, Merge):
        return None
    values = made.get(before.inputs[1])
    heads = _heads(values, shapes, (0, 2, 1, 3))
    if values is None or not heads or shapes[before.inputs[0]][1:2] != (heads,) or layer.order != (0, 2, 1, 3):
        return None
    if shapes[before.inputs[0]][0] != shapes[values.inputs[0]][0] or len(shapes[before.inputs[0]]) != 4:
        return None
    whole = shapes[node.outputs[0]]
    if len(whole) != 3 or whole[-1] != shapes[values.inputs[0]][-1]:
        return None
    if layer.target[0] not in (Size(0), shapes[values.inputs[0]][0]):
        return None
    return node.with_(layer=HeadMix(layer.finish), inputs=(before.inputs[0], values.inputs[0], *node.inputs[1:]))


# ---- what is computed of heads


def _computed_before(graph: Graph) -> Graph:
    readers, kept = graph.consumers(), {*graph.outputs, *graph.activations}
    changed: dict[str, Node] = {}
    made = {name: node for node in graph.nodes for name in node.outputs}
    for node in graph.nodes:
        before = made.get(node.inputs[0]) if node.inputs else None
        if isinstance(node.layer, Split) and before is not None and before.outputs[0] not in kept:
            if len(readers[before.outputs[0]]) == 1 and (both := _exchanged(before, node)) is not None:
                changed |= {one.name: one for one in both}
    return graph.with_(nodes=tuple(changed.get(node.name, node) for node in graph.nodes)) if changed else graph


def _exchanged(before: Node, node: Node) -> tuple[Node, Node] | None:
    """A dense layer that ends with what a Split computes, and the Split alone; None where that is not possible."""
    dense, split = before.layer, node.layer
    if not isinstance(dense, Conv) or not isinstance(split, Split) or split.of == RESULT or dense.finish != RESULT:
        return None
    heads, width = split.target[-2:]
    if dense.kernel_size or not isinstance(heads, int) or not isinstance(width, int) or min(heads, width) < 1:
        return None
    if heads * width != dense.filters or any(isinstance(leaf, Index) for leaf in leaves(split.of)):
        return None
    given = constants(split.of)
    if inputs(split.of) not in ((), (0,)) or any(len(shape) > 2 for shape in given.values()):
        return None
    names: dict[Expr, Expr] = {}
    weights, origins = dict(before.weights), dict(before.origins)
    for name, shape in given.items():
        new = next(n for k in range(len(weights) + 1) if (n := f"w{k}") not in weights)
        array = np.asarray(node.weights[name])
        weights[new] = np.broadcast_to(array, (heads, width)).reshape(-1)
        origins[new] = f"{node.origins[name]}*{heads}x{width}"
        names[Constant(name, shape)] = Constant(new, (dense.filters,))
    layer = replace(dense, finish=with_leaves(split.of, names))
    rest = {name: value for name, value in node.weights.items() if name not in given}
    left = {name: value for name, value in node.origins.items() if name not in given}
    return (
        before.with_(layer=layer, weights=weights, origins=origins),
        node.with_(layer=replace(split, of=RESULT), weights=rest, origins=left),
    )
