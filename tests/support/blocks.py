"""A small residual network with two outputs, and images for it."""

from __future__ import annotations

import numpy as np

from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import ReLU
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layers.merging import Add
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import GlobalAveragePooling2D


def block(seed: int = 0) -> Graph:
    """x (?, 6, 5, 3) -> conv, norm, relu -> conv -> sum -> mean -> dense -> scores (?, 4) and the sum's map."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) / np.sqrt(max(1, np.prod(shape[:-1])))).astype(np.float32)

    norm = {n: np.full(6, v, np.float32) for n, v in (("gamma", 2), ("beta", 0.1), ("moving_mean", 0.2))}
    nodes = (
        Node("a", Conv2D(6, 3, padding="same"), ("x",), ("1",), {"kernel": draw(3, 3, 3, 6), "bias": draw(6)}),
        Node("n", BatchNormalization(), ("1",), ("2",), norm | {"moving_variance": np.full(6, 0.7, np.float32)}),
        Node("r", ReLU(), ("2",), ("3",)),
        Node("b", Conv2D(6, 3, padding="same"), ("3",), ("4",), {"kernel": draw(3, 3, 6, 6), "bias": draw(6)}),
        Node("s", Add(), ("3", "4"), ("map",)),
        Node("m", GlobalAveragePooling2D(), ("map",), ("5",)),
        Node("d", Dense(4), ("5",), ("y",), {"kernel": draw(6, 4), "bias": draw(4)}),
    )
    return Graph("block", (TensorSpec("x", (None, 6, 5, 3)),), nodes, ("y", "map"), ("scores", "map"))


def images(count: int = 6, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 6, 5, 3)).astype(np.float32)


def rms(got: np.ndarray, expected: np.ndarray) -> float:
    wide = expected.astype(np.float64)
    return float(np.sqrt(np.square(got - wide).sum() / np.square(wide).sum()))
