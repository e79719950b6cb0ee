"""Passes: where they fire and where they must not, and that a graph gives the same before and after each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.passes import CONV, CONVS, DROPOUT, NORM, SAME, Step, agree, build, functions, label, labels, names

import glnn
from glnn import passes
from glnn.graph import Graph, validate
from glnn.layers.activation import Activation, PReLU, ReLU, Softmax
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense, Flatten, Identity
from glnn.layers.merging import Add, Concatenate, Maximum, Multiply
from glnn.layers.normalization import BatchNormalization
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D
from glnn.layers.resizing import UpSampling2D, ZeroPadding2D
from glnn.passes import fold_affine, fuse_pad
from glnn.primitives.base import Primitive, finish_of
from glnn.primitives.conv import Conv
from glnn.primitives.expand import expand
from glnn.primitives.expr import RESULT
from glnn.primitives.functions import FUNCTIONS
from glnn.primitives.fuse import fuse


def folded(graph: Graph) -> Graph:
    """After the pass that folds into weights and those before it."""
    return fold_affine.run(fuse(expand(graph)))


def fused(graph: Graph) -> Graph:
    return fuse(expand(graph))


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
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("m", AveragePooling2D(2), "t", "y")], "y", "p"),
    (padded, [("p", ZeroPadding2D(1), "x", "t"), ("a", Conv2DTranspose(4, 3), "t", "y")], "y", "p"),
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
    assert next(n for n in run(graph).nodes if n.label == kept).layer == expand(graph).nodes[0].layer
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
