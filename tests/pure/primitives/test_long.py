"""Functions of long texts: no draw that makes blocks of pixels is written with one."""

from __future__ import annotations

import numpy as np
import pytest

from glnn.graph.graph import Graph, TensorSpec
from glnn.primitives import Trace
from glnn.primitives.fuse import fuse


@pytest.mark.parametrize(("function", "nodes"), [("power", 2), ("maximum", 1)])
def test_a_long_function_stays_out_of_blocks(function: str, nodes: int) -> None:
    t = Trace("net")
    x = t.tensor("x", (None, 8, 8, 3))
    dense = t.dense(x, t.weight(np.ones((3, 5), np.float32)))
    name = t.stored(t.apply(function, dense, 2.7))[0]
    graph = Graph("net", (TensorSpec("x", (None, 8, 8, 3)),), tuple(t.nodes), (name,))
    assert len(fuse(graph).nodes) == nodes


@pytest.mark.parametrize(("function", "looped"), [("power", True), ("maximum", False)])
def test_a_long_function_is_drawn_pixel_by_pixel(function: str, looped: bool) -> None:
    told: list[bool] = []

    class Recorder:
        def draw(self, kernel: str, shape: tuple[int, ...], inputs: object, **options: object) -> None:
            told.append(bool(options.get("looped")))

    t = Trace("net")
    t.stored(t.apply(function, t.tensor("x", (1, 4)), 2.7))

    class Value:
        shape = (1, 4)

    t.nodes[0].layer.recipes([Value()], {})[0].draw(Recorder(), None)  # type: ignore[list-item, arg-type]
    assert told == [looped]
