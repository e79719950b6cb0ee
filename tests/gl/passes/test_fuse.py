"""Sums fused into the draw before them: activations after them, their order, sizes that are free, room for textures."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.passes import CONV, NORM, SAME, Step, agree, build, functions, labels

import glnn
from glnn import passes
from glnn.graph import ActivationCodec, Graph
from glnn.layers.activation import ReLU, Softmax
from glnn.layers.conv import Conv2D
from glnn.layers.merging import Add, Multiply, Subtract
from glnn.primitives.expand import expand
from glnn.primitives.expr import Apply, In
from glnn.primitives.fuse import MOST_INPUTS, fuse
from glnn.primitives.map import Map


def fused(graph: Graph) -> Graph:
    return fuse(expand(graph))


def test_a_residual_takes_the_activation_of_its_sum(device: glnn.Device) -> None:
    graph = build([("a", SAME, "x", "t"), ("s", Add(), ("t", "x"), "u"), ("r", ReLU(), "u", "y")])
    (node,) = passes.optimize(graph).nodes
    assert functions(node.layer.finish) == "relu add" and node.inputs == ("x", "x")
    agree(graph, passes.optimize, device)


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_of_operands_stays(device: glnn.Device, turned: bool) -> None:
    """Subtraction tells one side from the other."""
    reads = ("x", "t") if turned else ("t", "x")
    graph = build([("a", SAME, "x", "t"), ("s", Subtract(), reads, "y")])
    (node,) = fused(graph).nodes
    assert isinstance(node.layer.finish, Apply) and node.layer.finish.args == (
        (In(1), In(0)) if turned else (In(0), In(1))
    )
    agree(graph, fused, device)


def test_a_residual_with_an_activation_after_it(device: glnn.Device) -> None:
    """ResNet's block: two convolutions with normalisation, a sum with what came in, ReLU."""
    graph = build(
        [
            ("a", CONV, "x", "1"), ("an", NORM, "1", "2"), ("ar", ReLU(), "2", "3"),
            ("b", CONV, "3", "4"), ("bn", NORM, "4", "5"),
            ("c", Conv2D(6, 1), "x", "6"), ("cn", NORM, "6", "7"),
            ("s", Add(), ("7", "5"), "8"), ("r", ReLU(), "8", "y"),
        ]
    )  # fmt: skip
    after = passes.optimize(graph)
    assert [functions(node.layer.finish) for node in after.nodes] == ["relu", "", "relu add"]
    assert labels(after) == ["a", "b", "c"]  # the later of the two branches has the sum
    assert all(sorted(node.weights) == ["bias", "kernel"] for node in after.nodes)
    agree(graph, passes.optimize, device)


def test_a_finish_reads_no_more_than_textures_allow(device: glnn.Device) -> None:
    """Sums of many branches go into as many draws as are needed."""
    count = 2 * MOST_INPUTS + 3
    steps: list[Step] = [(f"a{k}", SAME, "x", f"t{k}") for k in range(count)]
    graph = build([*steps, ("s", Add(), tuple(f"t{k}" for k in range(count)), "y")])
    after = fused(graph)
    assert all(len(node.inputs) <= 1 + MOST_INPUTS for node in after.nodes if not isinstance(node.layer, Map))
    agree(graph, fused, device)
    with glnn.Device(texture_units=8) as phone:
        agree(graph, fused, phone)


def test_a_tensor_whose_codec_is_stated_stays(device: glnn.Device) -> None:
    graph = build([("a", SAME, "x", "t"), ("r", ReLU(), "t", "u"), ("s", Add(), ("u", "x"), "y")])
    after = passes.optimize(graph.with_(activations={"u": ActivationCodec("float16")}))
    assert [node.outputs for node in after.nodes] == [("u",), ("y",)]
    assert [functions(node.layer.finish) for node in after.nodes] == ["relu", "add"]


def test_a_residual_that_is_made_after_the_convolution_waits(device: glnn.Device) -> None:
    """The other summand comes from behind the convolution, and through it: nothing may be read before it is made."""
    graph = build(
        [
            ("a", SAME, "x", "t"),
            ("m", Multiply(), ("x", "x"), "u"),
            ("s", Add(), ("t", "u"), "y"),
            ("b", SAME, "y", "v"),
            ("z", Add(), ("v", "y"), "w"),
        ],
        "w",
    )
    agree(graph, fused, device)
    agree(graph, passes.optimize, device)


FREE: dict[str, list[Step]] = {  # sums of what has free sizes only: the pass sees one shape, run time may not
    "two inputs": [("a", SAME, "x", "t"), ("s", Add(), ("t", "z"), "u"), ("r", ReLU(), "u", "y")],
    "the other first": [("a", SAME, "x", "t"), ("s", Add(), ("z", "t"), "u"), ("r", Softmax(), "u", "y")],
    "fewer pixels": [("a", replace(SAME, strides=(7, 6)), "x", "t"), ("s", Add(), ("t", "x"), "y")],
    "grouped": [
        ("a", Conv2D(8, 1), "x", "t"), ("g", Conv2D(6, 3, padding="same", groups=2), "t", "u"), ("c", CONV, "z", "v"),
        ("s", Add(), ("v", "u"), "w"), ("n", NORM, "w", "n"), ("r", ReLU(), "n", "y"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("steps", FREE.values(), ids=FREE)
@pytest.mark.parametrize("other", [(7, 6), (1, 1), (1, 6), (7, 1)], ids=str)
@pytest.mark.parametrize("mine", [(7, 6), (1, 1)], ids=str)
def test_free_sizes_that_are_not_equal_at_run_time(
    device: glnn.Device, steps: list[Step], other: tuple[int, int], mine: tuple[int, int]
) -> None:
    """None equals None, and 1 does not equal 7: what a pass fused must still repeat, as Add does."""
    graph = build(steps, x=(None, None, 3), z=(None, None, 3))
    assert len(passes.optimize(graph).nodes) < len(graph.nodes)
    agree(graph, passes.optimize, device, x=mine, z=other)
    agree(graph, fused, device, x=mine, z=other)
