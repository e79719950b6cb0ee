"""Where passes fire and where they must not: steps of a graph, and what is left of them."""

from __future__ import annotations

from support.passes import CONV, CONVS, DROPOUT, NORM, SAME, Step

from glnn.graph import Graph
from glnn.layers.activation import Activation, PReLU, ReLU, Softmax
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense, Flatten, Identity, Permute, Reshape
from glnn.layers.merging import Add, Concatenate, Multiply
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import UpSampling2D, ZeroPadding2D
from glnn.passes import fold_affine, fuse_moves, fuse_pad
from glnn.primitives.expand import expand
from glnn.primitives.fuse import fuse


def folded(graph: Graph) -> Graph:
    """After the pass that folds into weights and those before it."""
    return fold_affine.run(fuse(expand(graph)))


def fused(graph: Graph) -> Graph:
    return fuse(expand(graph))


def moved(graph: Graph) -> Graph:
    return fuse_moves.run(fuse(expand(graph)))


def padded(graph: Graph) -> Graph:
    return fuse_pad.run(expand(graph))


TWICE: Layer = SeparableConv2D(5, (3, 3), depth_multiplier=2)  # two primitives
ALONE = [layer for layer in CONVS if layer != TWICE]

# (pass, steps, outputs, what the nodes that stay compute at the end): first where it fires, then where it must not
FIRES: list[tuple] = [
    *((folded, [("a", layer, "x", "t"), ("n", NORM, "t", "y")], "y", [("a", "")]) for layer in ALONE),
    (folded, [("a", TWICE, "x", "t"), ("n", NORM, "t", "y")], "y", [("a", ""), ("a", "")]),
    (folded, [("a", CONV, "x", "t"), ("n", BatchNormalization(axis=3), "t", "y")], "y", [("a", "")]),
    (folded, [("a", CONV, "x", "t"), ("n", BatchNormalization(scale=False), "t", "y")], "y", [("a", "")]),
    (folded, [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("m", NORM, "u", "y")], "y", [("a", "")]),
    (folded, [("a", CONV, "x", "t"), ("n", NORM, "t", "y"), ("b", SAME, "x", "z")], "y z", [("a", ""), ("b", "")]),
    (folded, [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("r", ReLU(), "u", "y")], "y", [("a", "relu")]),
    *((fused, [("a", layer, "x", "t"), ("r", ReLU(), "t", "y")], "y", [("a", "relu")]) for layer in ALONE),
    (fused, [("a", TWICE, "x", "t"), ("r", ReLU(), "t", "y")], "y", [("a", ""), ("a", "relu")]),
    (fused, [("a", CONV, "x", "t"), ("r", ReLU(6.0), "t", "y")], "y", [("a", "relu6")]),
    (fused, [("a", Conv2D(6, 3, activation="tanh"), "x", "t"), ("r", ReLU(), "t", "y")], "y", [("a", "relu tanh")]),
    (fused, [("a", CONV, "x", "t"), ("r", PReLU((1, 2)), "t", "y")], "y", [("a", "where less multiply")]),
    (fused, [("a", NORM, "x", "t"), ("r", ReLU(), "t", "y")], "y", [("a", "relu add multiply subtract")]),
    (fused, [("a", Add(), ("x", "x"), "t"), ("r", ReLU(), "t", "y")], "y", [("a", "relu add")]),
    (fused, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", [("a", "add")]),
    (fused, [("a", SAME, "x", "t"), ("s", Add(), ("x", "t"), "y")], "y", [("a", "add")]),
    (fused, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x", "x"), "y")], "y", [("a", "add add")]),
    (fused, [("a", SAME, "x", "t"), ("s", Add(), ("t", "t"), "y")], "y", [("a", "add")]),
    (fused, [("a", SAME, "x", "t"), ("s", Multiply(), ("t", "x"), "y")], "y", [("a", "multiply")]),
    (fused, [("a", Dense(3), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", [("a", "add")]),
    (fused, [("a", Dense(3, activation="relu"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", [("a", "add relu")]),
    (
        fused,
        [("a", SAME, "x", "t"), ("b", SAME, "x", "u"), ("s", Add(), ("t", "u"), "y")],
        "y",
        [("a", ""), ("b", "add")],
    ),
    *(
        (fused, [("a", layer, "x", "t"), ("r", ReLU(), "t", "y")], "y", [("a", "relu")])
        for layer in (
            MaxPooling2D(2), AveragePooling2D(2), ZeroPadding2D(1), UpSampling2D(2), UpSampling2D(2, None, "bilinear"),
            Softmax(), Softmax(1), GlobalAveragePooling2D(),
        )
    ),
    (fused, [("a", MaxPooling2D(2), "x", "t"), ("n", NORM, "t", "y")], "y", [("a", "add multiply subtract")]),
    # readers that meet again
    (
        folded,
        [("a", CONV, "x", "t"), ("n", NORM, "t", "u"), ("s", Multiply(), ("t", "u"), "y")],
        "y",
        [("a", "multiply add multiply subtract")],
    ),
    (
        fused,
        [("a", CONV, "x", "t"), ("r", ReLU(), "t", "u"), ("s", Multiply(), ("t", "u"), "y")],
        "y",
        [("a", "multiply relu")],
    ),
    (
        fused,
        [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "u"), ("m", Multiply(), ("t", "u"), "y")],
        "y",
        [("a", "multiply add")],
    ),
    (padded, [("p", ZeroPadding2D(((1, 2), (0, 3))), "x", "t"), ("a", Conv2D(4, 3), "t", "y")], "y", [("a", "")]),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("a", DepthwiseConv2D(3, 2), "t", "y")], "y", [("a", "")]),
    (padded, [("p", ZeroPadding2D(2), "x", "t"), ("a", SeparableConv2D(4, 3), "t", "y")], "y", [("a", "")] * 2),
    (
        padded,
        [("p", ZeroPadding2D(1), "x", "t"), ("q", ZeroPadding2D(2), "t", "u"), ("a", Conv2D(4, 3), "u", "y")],
        "y",
        [("a", "")],
    ),
    *(
        (
            padded,
            [("r", layer, "x", "s"),
             ("p", ZeroPadding2D(((1, 2), (0, 2))), "s", "t"),
             ("m", MaxPooling2D(3, 2), "t", "y")],
            "y",
            [("r", name), ("m", "")],
        )
        for layer, name in (
            (ReLU(), "relu"), (ReLU(6.0), "relu6"), (Activation("sigmoid"), "sigmoid"),
            (ReLU(None, 0.0, 0.25), "relu_threshold"),
        )
    ),
    (
        padded,
        [("r", ReLU(), "x", "s"), ("q", Activation("sigmoid"), "x", "u"), ("a", Add(), ("s", "u"), "v"),
         ("m", MaxPooling2D(2), "v", "w"), ("p", ZeroPadding2D(1), "w", "t"), ("n", MaxPooling2D(2), "t", "y")],
        "y",
        [("r", "relu"), ("q", "sigmoid"), ("a", "add"), ("m", ""), ("n", "")],
    ),
    *(
        (moved, [("r", Reshape((*sizes, -1)), "x", "t"), ("p", Permute(order), "t", "y")], "y", [("p", "")])
        for sizes, order in (((3,), (2, 1)), ((2, 3), (3, 1, 2)), ((1, 6), (1, 3, 2)))
    ),
    (
        moved,
        [("r", Reshape((-1, 2, 3)), "x", "t"), ("n", NORM, "t", "u"), ("p", Permute((3, 2, 1)), "u", "y")],
        "y",
        [("p", "")],
    ),
    (moved, [("p", Permute((3, 1, 2)), "x", "t"), ("r", Flatten(), "t", "y")], "y", [("r", "")]),
    (
        moved,
        [("p", Permute((2, 1, 3)), "x", "t"), ("r", Reshape((6, -1)), "t", "u"), ("s", ReLU(), "u", "y")],
        "y",
        [("r", "relu")],
    ),
    (expand, [("d", DROPOUT, "x", "t"), ("a", CONV, "t", "y")], "y", [("a", "")]),
    (
        expand,
        [("a", CONV, "x", "t"), ("d", Identity(), "t", "y"), ("r", ReLU(), "y", "z")],
        "y z",
        [("a", ""), ("r", "relu")],
    ),
    (expand, [("d", DROPOUT, "x", "t"), ("e", DROPOUT, "t", "y")], "y", []),
]  # fmt: skip
LEAVES: list[tuple] = [
    # two readers
    (folded, [("a", CONV, "x", "t"), ("n", NORM, "t", "y"), ("b", MaxPooling2D(2), "t", "z")], "y z", "a"),
    (fused, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "y"), ("b", MaxPooling2D(2), "t", "z")], "y z", "a"),
    (fused, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y"), ("b", SAME, "t", "z")], "y z", "a"),
    (
        padded,
        [
            ("p", ZeroPadding2D(1), "x", "t"),
            ("a", Conv2D(4, 3), "t", "u"),
            ("m", MaxPooling2D(3, 1), "t", "v"),
            ("s", Concatenate(), ("u", "v"), "y"),
        ],
        "y",
        "p",
    ),
    # what lies between is an output of the graph
    (folded, [("a", CONV, "x", "t"), ("n", NORM, "t", "y")], "y t", "a"),
    (fused, [("a", CONV, "x", "t"), ("r", ReLU(), "t", "y")], "t y", "a"),
    (fused, [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "y")], "t y", "a"),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2D(4, 3), "t", "y")], "y t", "p"),
    # padding before what pads by itself, or where zeros would count
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("a", CONV, "t", "y")], "y", "p"),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("a", DepthwiseConv2D(3, 2, "same"), "t", "y")], "y", "p"),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("m", MaxPooling2D(2), "t", "y")], "y", "p"),
    *(
        (padded, [("r", layer, "x", "s"), ("p", ZeroPadding2D(pixels), "s", "t"), ("m", pool, "t", "y")], "y", "p")
        for layer, pixels, pool in (
            (PReLU((1, 2)), 1, MaxPooling2D(2)),
            (ReLU(None, 0.1), 1, MaxPooling2D(2)),
            (ReLU(), 1, AveragePooling2D(2)),
            (ReLU(), 2, MaxPooling2D(2)),  # windows of zeros alone
            (ReLU(), 1, MaxPooling2D(2, padding="same")),
        )
    ),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("m", AveragePooling2D(2), "t", "y")], "y", "p"),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2DTranspose(4, 3), "t", "y")], "y", "p"),
    # moves of which something else is read
    (moved, [("r", Reshape((3, -1)), "x", "t"), ("p", Permute((2, 1)), "t", "y")], "y t", "r"),
    (moved, [("r", Permute((2, 1, 3)), "x", "t"), ("p", Flatten(), "t", "y")], "y t", "r"),
    # what does not look at each element alone
    (fused, [("a", CONV, "x", "t"), ("r", Softmax(), "t", "y")], "y", "a"),
    (fused, [("a", CONV, "x", "t"), ("r", MaxPooling2D(2), "t", "y")], "y", "a"),
    # a sum that is larger than what the draw makes
    (fused, [("a", Conv2D(1, 3, padding="same"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", "a"),
    (fused, [("a", Conv2D(3, 3, (9, 8), "same"), "x", "t"), ("s", Add(), ("t", "x"), "y")], "y", "a"),
    # elementwise work before the draw
    (folded, [("n", NORM, "x", "t"), ("a", CONV, "t", "y")], "y", "n"),
]
# Affine functions of what the draw makes that are not those of its channels: they are computed at the end of it.
UNFOLDED: list[tuple[str, list[Step]]] = [
    ("after an activation", [("a", Conv2D(6, 3, activation="relu"), "x", "t"), ("n", NORM, "t", "y")]),
    ("along another axis", [("a", CONV, "x", "t"), ("n", BatchNormalization(axis=1), "t", "y")]),
    ("of no convolution", [("a", MaxPooling2D(2), "x", "t"), ("n", NORM, "t", "y")]),
    ("after a sum", [("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "u"), ("n", NORM, "u", "y")]),
    ("after a reshape", [("a", CONV, "x", "t"), ("f", Flatten(), "t", "u"), ("n", NORM, "u", "y")]),
    ("after a softmax", [("a", Dense(6, activation="softmax"), "x", "t"), ("n", NORM, "t", "y")]),
    ("before", [("n", NORM, "x", "t"), ("a", CONV, "t", "y")]),
]
