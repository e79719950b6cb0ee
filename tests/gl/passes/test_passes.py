"""Passes: where they fire and where they must not, and that a graph gives the same before and after each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.passes import CONV, CONVS, DROPOUT, NORM, SAME, agree, build, label, names

import glnn
from glnn import passes
from glnn.layers.activation import Activation, PReLU, ReLU, Softmax
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense, Flatten, Identity
from glnn.layers.merging import Add, Concatenate, Multiply
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import AveragePooling2D, MaxPooling2D
from glnn.layers.resizing import ZeroPadding2D
from glnn.passes import fold_batchnorm, fuse_activation, fuse_residual, merge_padding, remove_identity
from glnn.primitives.functions import FUNCTIONS

# (pass, steps, outputs, names of the layers that stay): first where it fires, then where it must not
FIRES: list[tuple] = [
    *((fold_batchnorm, [("a", layer, "x", "t"), ("n", NORM, "t", "y")], "y", ["a"]) for layer in CONVS),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", BatchNormalization(axis=3), "t", "y")], "y", ["a"]),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", BatchNormalization(scale=False), "t", "y")], "y", ["a"]),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("m", NORM, "u", "y")], "y", ["a"]),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "y"), ("b", SAME, "x", "z")], "y z", ["a", "b"]),
    *((fuse_activation, [("a", layer, "x", "t"), ("r", ReLU(), "t", "y")], "y", ["a"]) for layer in CONVS),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", ReLU(6.0), "t", "y")], "y", ["a"]),
    (fuse_activation, [("a", NORM, "x", "t"), ("r", ReLU(), "t", "y")], "y", ["a"]),
    (fuse_activation, [("a", Add(), ("x", "x"), "t"), ("r", ReLU(), "t", "y")], "y", ["a"]),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", ["a"]),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("x", "t"), "y")], "y", ["a"]),
    (fuse_residual, [("a", SAME, "x", "t"), ("b", SAME, "x", "u"), ("s", Add(), ("t", "u"), "y")], "y", ["a", "b"]),
    (merge_padding, [("p", ZeroPadding2D(((1, 2), (0, 3))), "x", "t"), ("a", Conv2D(4, 3), "t", "y")], "y", ["a"]),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", DepthwiseConv2D(3, 2), "t", "y")], "y", ["a"]),
    (merge_padding, [("p", ZeroPadding2D(2), "x", "t"), ("a", SeparableConv2D(4, 3), "t", "y")], "y", ["a"]),
    (
        merge_padding,
        [("p", ZeroPadding2D(1), "x", "t"), ("q", ZeroPadding2D(2), "t", "u"), ("a", Conv2D(4, 3), "u", "y")],
        "y",
        ["a"],
    ),
    (remove_identity, [("d", DROPOUT, "x", "t"), ("a", CONV, "t", "y")], "y", ["a"]),
    (remove_identity, [("a", CONV, "x", "t"), ("d", Identity(), "t", "y"), ("r", ReLU(), "y", "z")], "y z", ["a", "r"]),
    (remove_identity, [("d", DROPOUT, "x", "t"), ("e", DROPOUT, "t", "y")], "y", []),
]
LEAVES: list[tuple] = [
    # two readers
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("s", Multiply(), ("t", "u"), "y")], "y"),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "u"), ("s", Multiply(), ("t", "u"), "y")], "y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "u"), ("m", Multiply(), ("t", "u"), "y")], "y"),
    (
        merge_padding,
        [
            ("p", ZeroPadding2D(1), "x", "t"),
            ("a", Conv2D(4, 3), "t", "u"),
            ("m", MaxPooling2D(3, 1), "t", "v"),
            ("s", Concatenate(), ("u", "v"), "y"),
        ],
        "y",
    ),
    # what lies between is an output of the graph
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", NORM, "t", "y")], "y t"),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "y")], "t y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y")], "t y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2D(4, 3), "t", "y")], "y t"),
    # an activation in between
    (fold_batchnorm, [("a", Conv2D(6, 3, activation="relu"), "x", "t"), ("n", NORM, "t", "y")], "y"),
    (fold_batchnorm, [("a", Dense(6, activation="softmax"), "x", "t"), ("n", NORM, "t", "y")], "y"),
    (fuse_residual, [("a", replace(SAME, activation="relu"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y"),
    (fuse_activation, [("a", Conv2D(6, 3, activation="tanh"), "x", "t"), ("r", ReLU(), "t", "y")], "y"),
    # not pointwise, or with weights of its own
    (fuse_activation, [("a", CONV, "x", "t"), ("r", Softmax(), "t", "y")], "y"),
    (fuse_activation, [("a", CONV, "x", "t"), ("r", PReLU(), "t", "y")], "y"),
    # normalisation along another axis, or of what is no convolution's output
    (fold_batchnorm, [("a", CONV, "x", "t"), ("n", BatchNormalization(axis=1), "t", "y")], "y"),
    (fold_batchnorm, [("a", MaxPooling2D(2), "x", "t"), ("n", NORM, "t", "y")], "y"),
    (fold_batchnorm, [("a", CONV, "x", "t"), ("f", Flatten(), "t", "u"), ("n", NORM, "u", "y")], "y"),
    (fold_batchnorm, [("n", NORM, "x", "t"), ("a", CONV, "t", "y")], "y"),
    # padding before what pads by itself, or where zeros would count
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", CONV, "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", DepthwiseConv2D(3, 2, "same"), "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("m", MaxPooling2D(2), "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("m", AveragePooling2D(2), "t", "y")], "y"),
    (merge_padding, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2DTranspose(4, 3), "t", "y")], "y"),
    # sums that are not of two tensors of one shape
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x", "x"), "y")], "y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Add(), ("t", "t"), "y")], "y"),
    (fuse_residual, [("a", Conv2D(1, 3, padding="same"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y"),
    (fuse_residual, [("a", SAME, "x", "t"), ("s", Multiply(), ("t", "x"), "y")], "y"),
    (fuse_residual, [("a", Dense(3), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y"),
    # what does something
    (remove_identity, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "y")], "y"),
]


def identify(entries: list[tuple]) -> list[str]:
    return [f"{e[0].__name__.rpartition('.')[2]}-{'-'.join(label(s[1]) for s in e[1])}-{e[2]}" for e in entries]


@pytest.mark.parametrize("entry", FIRES, ids=identify(FIRES))
def test_a_pass_fires(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs, left = entry
    graph = build(steps, outputs)
    assert names(module.run(graph)) == left
    agree(graph, module.run, device)


@pytest.mark.parametrize("entry", LEAVES, ids=identify(LEAVES))
def test_a_pass_does_not_fire(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs = entry
    graph = build(steps, outputs)
    after = module.run(graph)
    assert names(after) == names(graph)
    assert [n.layer for n in after.nodes] == [n.layer for n in graph.nodes] and after.outputs == graph.outputs
    agree(graph, passes.optimize, device)  # the others may do what they like


@pytest.mark.parametrize("entry", FIRES, ids=identify(FIRES))
def test_a_pass_fires_on_free_sizes(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs, left = entry
    graph = build(steps, outputs, x=(None, None, 3))
    assert names(module.run(graph)) == left
    agree(graph, module.run, device, x=(6, 5))


SIZED = (PReLU(), Flatten(), BatchNormalization(axis=1))  # layers that take no free sizes
ANY_SIZE = [entry for entry in LEAVES if not any(step[1] in SIZED for step in entry[1])]


@pytest.mark.parametrize("entry", ANY_SIZE, ids=identify(ANY_SIZE))
def test_a_pass_does_not_fire_on_free_sizes(device: glnn.Device, entry: tuple) -> None:
    module, steps, outputs = entry
    graph = build(steps, outputs, x=(None, None, 3))
    assert names(module.run(graph)) == names(graph)
    agree(graph, passes.optimize, device, x=(6, 5))


@pytest.mark.parametrize("function", [f for f in FUNCTIONS.values() if f.pointwise], ids=lambda f: f.name)
def test_every_pointwise_function_fuses(device: glnn.Device, function: Any) -> None:
    graph = build([("a", CONV, "x", "t"), ("r", Activation(function), "t", "y")])
    assert names(fuse_activation.run(graph)) == ["a"]
    agree(graph, passes.optimize, device)


def test_padding_then_convolution_then_all_the_rest(device: glnn.Device) -> None:
    """MobileNet's block: padding, strided depthwise convolution, normalisation, ReLU6."""
    graph = build(
        [
            ("p", ZeroPadding2D(((0, 1), (0, 1))), "x", "1"),
            ("d", DepthwiseConv2D(3, 2, use_bias=False), "1", "2"),
            ("n", NORM, "2", "3"),
            ("r", ReLU(6.0), "3", "4"),
            ("o", DROPOUT, "4", "y"),
        ]
    )
    (node,) = passes.optimize(graph).nodes
    assert node.layer.activation.name.startswith("relu") and node.layer.padding == ((0, 1), (0, 1))
    agree(graph, passes.optimize, device)


def test_an_input_that_is_an_output_after_removal(device: glnn.Device) -> None:
    graph = build([("d", DROPOUT, "x", "y"), ("a", CONV, "y", "z")], "y z x")
    assert passes.optimize(graph).outputs == ("x", "z", "x")
    agree(graph, passes.optimize, device)
