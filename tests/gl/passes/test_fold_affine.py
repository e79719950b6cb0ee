"""Normalisation folded into weights of every codec: integers stay, float64 in between, shared weights apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.passes import CONV, CONVS, NORM, SAME, agree, build, functions, label

import glnn
from glnn import passes
from glnn.graph import Graph, Node
from glnn.graph.quantized import BITS, Quantized
from glnn.layers.base import Layer
from glnn.passes import fold_affine
from glnn.primitives.conv import Conv
from glnn.primitives.conv_transpose import ConvTranspose
from glnn.primitives.expand import expand
from glnn.primitives.expr import RESULT
from glnn.primitives.fuse import fuse
from glnn.testing.layers import channel_axes


def stored_as(values: np.ndarray, codec: str, axes: tuple[int, ...] = ()) -> Any:
    """Values in a codec, per tensor or with one scale per channel along these axes."""
    if codec == "float16":
        return values.astype(np.float16)
    others = tuple(axis for axis in range(values.ndim) if axis not in axes)
    low, top = values.min(others, keepdims=True), values.max(others, keepdims=True)
    scale = np.where(top > low, (top - low) / (2 ** BITS[codec] - 1), 1)
    return Quantized.make(codec, np.round((values - low) / scale), scale, low)


def with_weights(graph: Graph, change: Callable[[Node, str, Any], Any]) -> Graph:
    """The graph with each weight replaced by what `change(node, name, values)` gives."""
    return graph.with_(
        nodes=tuple(n.with_(weights={k: change(n, k, w) for k, w in n.weights.items()}) for n in graph.nodes)
    )


def folded(graph: Graph) -> Graph:
    return fold_affine.run(fuse(expand(graph)))


def convolution(graph: Graph) -> Node:
    """The last one."""
    return [node for node in graph.nodes if isinstance(node.layer, Conv | ConvTranspose)][-1]


def kernel_of(layer: Layer) -> str:
    """The weight that a normalization scales."""
    names = ("pointwise_kernel", "depthwise_kernel", "kernel")
    specs = {spec.name for spec in layer.weight_specs((None, 9, 8, 3))}
    return next(name for name in names if name in specs)


QUANTIZED = [
    *((layer, codec, per_channel) for layer in CONVS for codec, per_channel in (("uint8", True), ("uint16", False))),
    (CONV, "uint4", True),
    (CONV, "uint4", False),
]


@pytest.mark.parametrize(("layer", "codec", "per_channel"), QUANTIZED, ids=lambda v: v if type(v) is str else label(v))
def test_folding_leaves_the_integers_of_a_kernel(
    device: glnn.Device, layer: Layer, codec: str, per_channel: bool
) -> None:
    name = kernel_of(layer)
    steps: Any = [("a", layer, "x", "t"), ("n", NORM, "t", "y")]
    plain = build(steps)
    axes = channel_axes(layer, [(1, 9, 8, 3)], plain.nodes[0].weights)[name]
    graph = with_weights(plain, lambda node, key, w: stored_as(w, codec, axes if per_channel and key == name else ()))
    before = graph.nodes[0].weights
    codes = {key: w.codes.copy() for key, w in before.items()}
    node = convolution(folded(graph))
    assert node.layer.finish == RESULT
    after = node.weights["kernel"]
    assert isinstance(after, Quantized) and after.codec == codec
    assert np.shares_memory(after.codes, before[name].codes)
    np.testing.assert_array_equal(np.sort(after.codes, None), np.sort(codes[name], None))
    channels = after.shape[-1]
    assert after.nbytes == (after.size * BITS[codec] + 7) // 8 + 8 * channels  # one scale, one low per channel
    assert node.weights["bias"].dtype == np.float32
    for key, w in before.items():  # the graph that came in is as it was
        assert w is graph.nodes[0].weights[key]
        np.testing.assert_array_equal(w.codes, codes[key])
    agree(graph, folded, device)


def test_folding_makes_halves_float32(device: glnn.Device) -> None:
    graph = with_weights(
        build([("a", CONV, "x", "t"), ("n", NORM, "t", "y")]), lambda node, key, w: stored_as(w, "float16")
    )
    (node,) = folded(graph).nodes
    assert {w.dtype for w in node.weights.values()} == {np.dtype(np.float32)}
    agree(graph, folded, device)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_scale_beyond_float32_is_not_folded(value: float) -> None:
    """A quantized kernel's scales stay finite: the normalisation stays, and computes what it says."""
    graph = build([("a", CONV, "x", "t"), ("n", NORM, "t", "y")])
    graph = with_weights(
        graph,
        lambda node, key, w: (
            stored_as(100 * w, "uint8") if node.name == "a" else np.full_like(w, value) if key == "gamma" else w
        ),
    )
    (node,) = folded(graph).nodes
    assert functions(node.layer.finish) == "add multiply subtract"
    assert node.weights["kernel"].codes is fuse(expand(graph)).nodes[0].weights["kernel"].codes


@pytest.mark.parametrize("codec", ["float32", "uint8"])
@pytest.mark.parametrize("axes", [(), (3,)], ids=["tensor", "channel"])
def test_weights_that_two_layers_share_are_folded_apart(device: glnn.Device, codec: str, axes: tuple[int, ...]) -> None:
    """One kernel under two normalisations: the same codes, of another worth in each."""
    shared = build([("a", SAME, "x", "t"), ("n", NORM, "t", "u"), ("b", SAME, "u", "v"), ("m", NORM, "v", "y")])
    nodes = list(shared.nodes)
    if codec != "float32":
        weights = {k: stored_as(w, codec, axes) if w.ndim > 1 else w for k, w in nodes[0].weights.items()}
        nodes[0] = nodes[0].with_(weights=weights)
    nodes[2] = nodes[2].with_(weights=nodes[0].weights)
    graph = shared.with_(nodes=tuple(nodes))
    before = {name: np.array(w) for name, w in nodes[0].weights.items()}
    first, second = (node.weights["kernel"] for node in passes.optimize(graph).nodes)
    assert not np.array_equal(np.asarray(first), np.asarray(second))
    if codec != "float32":
        assert np.shares_memory(first.codes, second.codes)
    agree(graph, passes.optimize, device)
    for name, values in before.items():  # the graph that came in is as it was
        np.testing.assert_array_equal(np.asarray(nodes[0].weights[name]), values)


def test_a_variance_near_zero_and_a_large_scale(device: glnn.Device) -> None:
    """Where folding loses digits if it is not done in float64."""
    graph = build([("a", CONV, "x", "t"), ("n", NORM, "t", "y")])
    weights = {"gamma": 50.0, "beta": -3.0, "moving_mean": 0.2, "moving_variance": 1e-6}
    norm = graph.nodes[1].with_(weights={k: np.full(6, v, np.float32) for k, v in weights.items()})
    agree(graph.with_(nodes=(graph.nodes[0], norm)), passes.optimize, device)
