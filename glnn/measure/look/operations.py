"""How many multiplications and additions a graph's nodes stand for."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from ...graph.graph import Graph, Node
from ...graph.shapes import Dims
from ...plan.lowering import path
from ...primitives.base import Primitive, finish_of
from ...primitives.bodies import throughout, with_weights
from ...primitives.conv import Conv
from ...primitives.conv_transpose import ConvTranspose
from ...primitives.expand import expand
from ...primitives.expr import size
from ...primitives.fuse import fuse
from ...primitives.heads import HeadMix, HeadScores
from ...primitives.loop import Repeat
from ...primitives.map import Map
from ...primitives.matmul import Matmul
from ...primitives.pool import Window
from ...primitives.reduce import Reduce, Softmax
from ...primitives.standardize import Standardize


def by_label(graph: Graph, shapes: Mapping[str, Dims]) -> dict[str, float]:
    """Floating-point operations of each layer, by label, for inputs of these shapes (batch first).

    A multiplication or an addition is one, so is a function of elements. Counted is what the mathematics of products,
    windows, sums and functions of elements asks for, not what edges save nor what a kernel does twice; what moves
    values, looks them up or resizes images counts as none.
    """
    counts: dict[str, float] = defaultdict(float)
    _add(counts, throughout(fuse, throughout(expand, graph)), shapes, 1)
    return dict(counts)


def _add(
    counts: dict[str, float], graph: Graph, shapes: Mapping[str, Dims], turns: int, outer: Node | None = None
) -> None:
    specs = graph.specs(shapes)
    for node in graph.nodes:
        label = path(outer, node) if outer else node.label
        inputs = [specs[name].shape for name in node.inputs]
        if isinstance(node.layer, Repeat):
            body = with_weights(node, inputs)
            seen = {spec.name: spec.shape for spec in body.inputs}
            count = node.layer.turns(*inputs) or 0
            _add(counts, body, seen, turns * count, node.with_(label=label))
        else:
            counts[label] += turns * of(node, inputs, specs[node.outputs[0]].shape)


def of(node: Node, inputs: list[Dims], output: Dims) -> float:
    """Floating-point operations of a primitive with inputs and output of these shapes (see `by_label`)."""
    op, made = node.layer, math.prod(d or 1 for d in output)
    read = math.prod(d or 1 for d in inputs[0]) if inputs else 0
    finish = size(finish_of(op)) if isinstance(op, Primitive) and hasattr(op, "finish") else 0
    ends = float(made * finish)
    if isinstance(op, Map):
        return ends
    if isinstance(op, Conv):
        return 2.0 * math.prod(d or 1 for d in output[:-1]) * node.weights["kernel"].size + ends
    if isinstance(op, ConvTranspose):
        return 2.0 * math.prod(d or 1 for d in inputs[0][:-1]) * node.weights["kernel"].size + ends
    if isinstance(op, Matmul):
        a = inputs[0]
        return 2.0 * made * ((a[-2] if op.transpose_a and len(a) > 1 else a[-1]) or 1) + ends
    if isinstance(op, HeadScores | HeadMix):
        return 2.0 * made * ((inputs[0][-1] or 1) // getattr(op, "heads", 1)) + ends
    if isinstance(op, Window):
        return float(made * math.prod(op.size)) + ends
    if isinstance(op, Reduce):
        return float(read) * (1 + size(op.of)) + ends
    if isinstance(op, Standardize):
        return 6.0 * read + ends  # two sums, the difference twice, its square, the quotient
    if isinstance(op, Softmax):
        return 4.0 * read + ends  # the largest, the difference and its exponential, their sum, the quotient
    return ends
