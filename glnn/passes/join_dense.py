"""Joins dense layers of one input to one, whose channels each of their readers then finds where they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.quantized import Quantized, codec_of
from ..primitives.conv import Conv
from ..primitives.move import Along, Remap


def run(graph: Graph) -> Graph:
    """Dense primitives of one layer that read the same tensor (query, key and value) become one, and parts of it."""
    kept = {*graph.outputs, *graph.activations}
    found: dict[tuple[Any, ...], list[Node]] = {}
    for node in graph.nodes:
        if (sort := _sort(node)) is not None and node.outputs[0] not in kept:
            found.setdefault((*sort, node.inputs[0], node.label), []).append(node)
    ranks = {name: len(spec.shape) for name, spec in graph.specs().items()} if found else {}
    changed: dict[str, list[Node]] = {}
    for nodes in found.values():
        if len(nodes) > 1:
            changed |= {node.name: [] for node in nodes}
            changed[nodes[0].name] = _joined(nodes, ranks[nodes[0].inputs[0]])
    if not changed:
        return graph
    return graph.with_(nodes=tuple(n for node in graph.nodes for n in changed.get(node.name, [node])))


def _sort(node: Node) -> tuple[Any, ...] | None:
    """What dense layers that can be one have in common; None for what is none, or whose channels would be copied."""
    layer = node.layer
    if not isinstance(layer, Conv) or layer != Conv(layer.filters, use_bias=layer.use_bias) or layer.filters % 4:
        return None
    kernel = node.weights["kernel"]
    return codec_of(kernel), getattr(kernel, "dtype", None)


def _joined(nodes: Sequence[Node], rank: int) -> list[Node]:
    first = nodes[0]
    kernels = [node.weights["kernel"] for node in nodes]
    weights, filters = {"kernel": concatenated(kernels)}, sum(kernel.shape[-1] for kernel in kernels)
    if any("bias" in node.weights for node in nodes):
        none = (np.zeros(kernel.shape[-1], np.float32) for kernel in kernels)
        weights["bias"] = concatenated([node.weights.get("bias", zero) for node, zero in zip(nodes, none, strict=True)])
    of = [name for node in nodes for name in node.origins.values()]
    by = hashlib.sha256(" ".join(of).encode()).hexdigest()[:8]
    origins = {
        name: f"{first.origins.get('kernel', first.name)}+{by}{'' if name == 'kernel' else f'/{name}'}"
        for name in weights
    }
    whole = f"{first.outputs[0]}+"
    layer = Conv(filters, use_bias="bias" in weights)
    made = [first.with_(name=whole, layer=layer, outputs=(whole,), weights=weights, origins=origins)]
    start = 0
    for node in nodes:
        filters = node.layer.filters  # type: ignore[attr-defined]
        axes = (*map(Along, range(rank - 1)), Along(rank - 1, filters, add=start))
        made.append(node.with_(layer=Remap(axes), inputs=(whole,), weights={}, origins={}))
        start += filters
    return made


def concatenated(arrays: Sequence[Any]) -> Any:
    """Weights one after another along their last axis; quantized ones of one codec keep their codes."""
    if not isinstance(arrays[0], Quantized):
        return np.concatenate([np.asarray(array) for array in arrays], -1)
    pairs = [[np.broadcast_to(a, array.shape) for a in (array.scale, array.low)] for array in arrays]
    scale, low = (np.concatenate(values, -1)[(0,) * (arrays[0].ndim - 1)] for values in zip(*pairs, strict=True))
    return Quantized.make(arrays[0].codec, np.concatenate([array.codes for array in arrays], -1), scale, low)
