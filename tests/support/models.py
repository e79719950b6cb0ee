"""Small graphs for tests of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.seeds import seeded

from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import ReLU, Softmax
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layers.merging import Add
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D

RNG = seeded(5)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def conv_net(name: str = "net", size: int | None = 9, filters: int = 6) -> Graph:
    """x (?, size, 7, 3) -> convolution, ReLU, pooling, Dense, softmax -> y (?, 5)."""
    kernel = {"kernel": draw(3, 3, 3, filters) / 5, "bias": draw(filters)}
    nodes = (
        Node("conv", Conv2D(filters, (3, 3), padding="same"), ("x",), ("c",), kernel),
        Node("relu", ReLU(), ("c",), ("r",)),
        Node("pool", MaxPooling2D(2), ("r",), ("p",)),
        Node("mean", GlobalAveragePooling2D(), ("p",), ("m",)),
        Node("dense", Dense(5), ("m",), ("d",), {"kernel": draw(filters, 5), "bias": draw(5)}),
        Node("softmax", Softmax(), ("d",), ("y",)),
    )
    return Graph(name, (TensorSpec("x", (None, size, 7, 3)),), nodes, ("y",))


def forked() -> Graph:
    """a (?, 4), b (?, 4) -> sum (?, 4), scores (?, 3)."""
    nodes = (
        Node("add", Add(), ("a", "b"), ("s",)),
        Node("dense", Dense(3), ("s",), ("d",), {"kernel": draw(4, 3), "bias": draw(3)}),
    )
    specs = (TensorSpec("a", (None, 4)), TensorSpec("b", (None, 4)))
    return Graph("forked", specs, nodes, ("s", "d"), ("sum", "scores"))


def one(layer: Any, *shapes: tuple, **weights: np.ndarray) -> Graph:
    """A graph of a single layer called 'layer', its inputs x0, x1, ..."""
    specs = tuple(TensorSpec(f"x{i}", (None, *shape)) for i, shape in enumerate(shapes))
    return Graph("one", specs, (Node("layer", layer, tuple(s.name for s in specs), ("y",), weights),), ("y",))
