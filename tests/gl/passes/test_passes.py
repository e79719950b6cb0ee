"""Passes: where they fire and where they must not, and that a graph gives the same before and after each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases.passes import FIRES, LEAVES, UNFOLDED, fused
from support.passes import CONV, DROPOUT, NORM, SAME, Step, agree, build, functions, label, labels, names

import glnn
from glnn import passes
from glnn.graph import Graph, validate
from glnn.layers.activation import Activation, PReLU, ReLU
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense
from glnn.layers.merging import Add, Maximum, Multiply
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import MaxPooling2D
from glnn.layers.resizing import ZeroPadding2D
from glnn.passes import fold_affine
from glnn.primitives.base import Primitive, finish_of
from glnn.primitives.conv import Conv
from glnn.primitives.expand import expand
from glnn.primitives.expr import RESULT
from glnn.primitives.functions import FUNCTIONS


def identify(entries: list[tuple]) -> list[str]:
    return [f"{e[0].__name__}-{'-'.join(label(s[1]) for s in e[1])}-{e[2]}" for e in entries]


def told(graph: Graph) -> list[tuple[str, str]]:
    """Of each node the layer that it began with, and the functions at its end."""
    return [(node.label, functions(finish_of(node.layer))) for node in graph.nodes]


@pytest.mark.parametrize("entry", FIRES, ids=identify(FIRES))
def test_a_pass_fires(device: glnn.Device, entry: tuple) -> None:
    run, steps, outputs, left = entry
    graph = build(steps, outputs)
    assert told(run(graph)) == left
    agree(graph, run, device)


@pytest.mark.parametrize("entry", LEAVES, ids=identify(LEAVES))
def test_a_pass_does_not_fire(device: glnn.Device, entry: tuple) -> None:
    run, steps, outputs, kept = entry
    graph = build(steps, outputs)
    plain, after = expand(graph), run(graph)
    before, node = (next(n for n in g.nodes if n.label == kept) for g in (plain, after))
    assert node.layer == before.layer and node.outputs == before.outputs
    assert all(np.array_equal(w, before.weights[name]) for name, w in node.weights.items())
    assert after.outputs == plain.outputs
    agree(graph, passes.optimize, device)  # the others may do what they like


@pytest.mark.parametrize("steps", [steps for _, steps in UNFOLDED], ids=[name for name, _ in UNFOLDED])
def test_what_is_no_affine_function_by_channel_stays_out_of_the_weights(device: glnn.Device, steps: list[Step]) -> None:
    graph = build(steps)
    before = fused(graph)
    after = fold_affine.run(before)
    assert [node.layer for node in after.nodes] == [node.layer for node in before.nodes]
    for node, old in zip(after.nodes, before.nodes, strict=True):
        assert all(w is old.weights[name] for name, w in node.weights.items())
    assert any(finish_of(node.layer) != RESULT for node in after.nodes)
    agree(graph, passes.optimize, device)


@pytest.mark.parametrize("entry", FIRES, ids=identify(FIRES))
def test_a_pass_fires_on_free_sizes(device: glnn.Device, entry: tuple) -> None:
    run, steps, outputs, left = entry
    graph = build(steps, outputs, x=(None, None, 3))
    assert told(run(graph)) == left
    agree(graph, run, device, x=(6, 5))


@pytest.mark.parametrize("entry", LEAVES, ids=identify(LEAVES))
def test_a_pass_does_not_fire_on_free_sizes(device: glnn.Device, entry: tuple) -> None:
    run, steps, outputs, kept = entry
    graph = build(steps, outputs, x=(None, None, 3))
    if steps[0][1] == Conv2D(3, 3, (9, 8), "same"):
        pytest.skip("its shape is as free as that of what it is added to")
    after, before = (next(n for n in g.nodes if n.label == kept) for g in (run(graph), expand(graph)))
    assert after.layer == before.layer
    agree(graph, passes.optimize, device, x=(6, 5))


@pytest.mark.parametrize("function", [f for f in FUNCTIONS.values() if f.pointwise], ids=lambda f: f.name)
def test_every_pointwise_function_fuses(device: glnn.Device, function: Any) -> None:
    graph = build([("a", CONV, "x", "t"), ("r", Activation(function), "t", "y")])
    assert told(fused(graph)) == [("a", function.name if function.name != "linear" else "")]
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
    assert isinstance(node.layer, Conv) and node.layer.padding == ((0, 1), (0, 1))
    assert functions(node.layer.finish) == "relu6" and sorted(node.weights) == ["bias", "kernel"]
    agree(graph, passes.optimize, device)


def test_an_input_that_is_an_output_after_removal(device: glnn.Device) -> None:
    graph = build([("d", DROPOUT, "x", "y"), ("a", CONV, "y", "z")], "y z x")
    assert passes.optimize(graph).outputs == ("x", "z", "x")
    agree(graph, passes.optimize, device)


def chain(*between: Layer) -> list[Step]:
    """A convolution, these layers, a convolution."""
    steps: list[Step] = [("a", SAME, "x", "t0")]
    for k, layer in enumerate(between):
        read: Any = (f"t{k}", "x") if isinstance(layer, Add | Multiply | Maximum) else f"t{k}"
        steps.append((f"e{k}", layer, read, f"t{k + 1}"))
    return [*steps, ("b", SAME, f"t{len(between)}", "y")]


TEN = [
    ReLU(),
    NORM,
    Activation("tanh"),
    Add(),
    PReLU((1, 2)),
    Multiply(),
    Activation("elu"),
    Maximum(),
    NORM,
    ReLU(6.0),
]


def test_ten_elementwise_layers_between_two_convolutions_add_no_draw(device: glnn.Device) -> None:
    graph = build(chain(*TEN))
    assert len(graph.nodes) == 12 and labels(passes.optimize(graph)) == ["a", "b"]
    with glnn.Model(graph, device) as model, glnn.Model(build(chain()), device) as plain:
        draws, bare = (m.plan({"x": (2, 9, 8, 3)}).draws for m in (model, plain))
        assert [draw.kernel for draw in draws] == [draw.kernel for draw in bare] == ["conv", "conv"]
    agree(graph, passes.optimize, device)


BRANCHES: list[Step] = [
    ("p", ZeroPadding2D(1), "x", "1"), ("a", Conv2D(6, 3), "1", "2"), ("n", NORM, "2", "3"), ("r", ReLU(), "3", "4"),
    ("d", DROPOUT, "4", "5"), ("s", SeparableConv2D(6, 3, padding="same"), "5", "6"), ("c", Conv2D(6, 1), "x", "7"),
    ("t", Add(), ("6", "7"), "8"), ("q", PReLU((1, 2)), "8", "9"), ("m", MaxPooling2D(2), "9", "10"),
    ("e", Dense(5, activation="softmax"), "10", "11"), ("o", BatchNormalization(axis=1), "11", "y"),
]  # fmt: skip


def test_nodes_keep_the_labels_of_the_users_layers() -> None:
    """What was a layer is found, skipped and reported by its label, whichever passes ran."""
    graph = build(BRANCHES)
    own = {node.label for node in graph.nodes}
    for run in passes.PASSES:
        before = labels(graph)
        graph = validate(run(graph))
        assert set(labels(graph)) <= own, run
        assert all(isinstance(node.layer, Primitive) for node in graph.nodes)
        assert [x for x in labels(graph) if x in ("a", "s", "c", "m", "e")] == [
            x for x in before if x in ("a", "s", "c", "m", "e")
        ] or run is expand  # whatever has weights or a kernel of its own keeps its label; others join it
    assert {"a", "s", "c", "m", "e"} <= set(labels(graph))
    assert len(set(names(graph))) == len(graph.nodes)
    again = passes.optimize(graph)
    assert [(n.name, n.layer, n.inputs) for n in again.nodes] == [(n.name, n.layer, n.inputs) for n in graph.nodes]


def test_shapes_are_inferred_once_for_each_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that changes nothing asks for no shapes again; one that does asks each node of the new graph once."""
    graph = build(chain(*TEN, *TEN, *TEN))
    asked: list[Any] = []
    for kind in {type(node.layer) for node in (*graph.nodes, *passes.optimize(graph).nodes)}:
        original = kind.output_shape

        def counted(self: Any, *shapes: Any, original: Any = original) -> Any:
            asked.append(self)
            return original(self, *shapes)

        monkeypatch.setattr(kind, "output_shape", counted)
    made = passes.optimize(graph.with_())
    budget = (1 + len(passes.PASSES)) * max(len(graph.nodes), len(expand(graph).nodes)) + 40
    assert len(asked) <= budget
    asked.clear()
    passes.optimize(made)
    assert len(asked) <= 2 * len(passes.PASSES) * len(made.nodes)
    asked.clear()
    made.specs(), made.specs(), validate(made)
    assert not asked  # they are known
