"""Reshapes and changes of the order of axes in one draw: the results of NumPy bit by bit, texels whole or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.passes import execute

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.passes import fuse_moves
from glnn.primitives.expr import Apply, Constant, In
from glnn.primitives.move import Along, Remap, Reshape
from glnn.primitives.operations import OPERATIONS
from glnn.primitives.rearrange import Merge, Split

PLUS = Apply(OPERATIONS["add"], (In(0), Constant("w0", (4,))))
CASES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    # a shape, the one in which axes change places, their order
    ((2, 5, 12), (2, 5, 3, 4), (0, 2, 1, 3)),
    ((2, 5, 12), (2, 5, 3, 4), (0, 2, 3, 1)),
    ((1, 7, 8), (1, 7, 2, 4), (0, 2, 1, 3)),
    ((3, 8), (1, 3, 1, 2, 1, 4), (3, 0, 1, 5, 2, 4)),
    ((2, 12), (1, 1, 2, 3, 1, 1, 4), (2, 1, 0, 3, 6, 5, 4)),
    ((6, 3, 4), (2, 3, 3, 4), (1, 0, 2, 3)),
]


def ran(layers: list[Any], x: np.ndarray, weights: dict[str, np.ndarray], device: glnn.Device) -> np.ndarray:
    """What two nodes give of x as one, the first with these weights."""
    names = ["x", "t", "y"]
    nodes = tuple(
        Node(name, layer, (read,), (name,), own, name, {key: f"{name}/{key}" for key in own})
        for layer, read, name, own in zip(layers, names[:2], names[1:], ({} | weights, {}), strict=True)
    )
    graph = fuse_moves.run(Graph("moves", (TensorSpec("x", x.shape),), nodes, ("y",), ("y",)))
    (node,) = graph.nodes
    assert isinstance(node.layer, Split | Merge)
    made = execute(graph, device, {"x": x})["y"]
    np.testing.assert_array_equal(made, node.layer.reference([x], node.weights))
    return made


@pytest.mark.parametrize("case", CASES, ids=str)
def test_split_and_merge_are_bit_equal_to_numpy(device: glnn.Device, case: tuple) -> None:
    whole, parts, order = case
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=whole).astype(np.float32), rng.normal(size=4).astype(np.float32)
    turn = Remap(tuple(Along(axis) for axis in order))
    split = ran([Reshape(parts), turn], x, {}, device)
    np.testing.assert_array_equal(split, x.reshape(parts).transpose(order))
    if parts[-1] == len(w):
        split = ran([Reshape(parts, PLUS), turn], x, {"w0": w}, device)
        np.testing.assert_array_equal(split, (x.reshape(parts) + w).transpose(order))
    back = tuple(order.index(axis) for axis in range(len(order)))
    y = x.reshape(parts).transpose(order).copy()
    merged = ran([Remap(tuple(Along(axis) for axis in back)), Reshape(whole)], y, {}, device)
    np.testing.assert_array_equal(merged, x)
