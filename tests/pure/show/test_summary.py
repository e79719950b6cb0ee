"""The summary of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.shapes import Dims, shape_text
from glnn.layers.base import Layer
from glnn.show.summary import summary
from glnn.show.tables import table


@dataclass(frozen=True)
class Twice(Layer):
    """Two channels for each one."""

    def output_shape(self, *inputs: Dims) -> Any:
        return (*inputs[0][:-1], 2 * (inputs[0][-1] or 0))


def test_summary_counts_shared_weights_once() -> None:
    weights = {"kernel": np.zeros((3, 6), np.float32)}
    nodes = (
        Node("a", Twice(), ("x",), ("t",), weights, label="block/a"),
        Node("a_1", Twice(), ("x",), ("u",), weights, label="block/a"),
    )
    graph = Graph("net", (TensorSpec("x", (None, 3)),), nodes, ("t", "u"), ("left", "right"))
    lines = summary(graph).splitlines()
    assert lines[0] == "Model: net"
    assert lines[3].split() == ["x", "Input", "(?,", "3)", "0"]
    assert lines[4].split() == ["block/a", "Twice", "(?,", "6)", "18", "x"]
    assert lines[-2] == "Outputs: left (?, 6), right (?, 6)"
    assert lines[-1].startswith("Parameters: 18 ")


def test_table_aligns_columns() -> None:
    assert table(("a", "n"), [("long", "1"), ("b", "200")], right=(1,)) == (
        "a       n\n----  ---\nlong    1\nb     200"
    )


def test_shape_text() -> None:
    assert [shape_text(s) for s in [(), (None,), (1, 2)]] == ["()", "(?,)", "(1, 2)"]
