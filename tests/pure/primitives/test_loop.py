"""The primitive Repeat: shapes, NumPy by hand, whole numbers, weights by name, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.bodies import body, dense, draw, repeated
from support.loops import CASES as LOOPS
from support.repeats import ADD, CASES, TANH, rnn

from glnn import passes
from glnn.errors import GraphError, InputError
from glnn.graph import ActivationCodec, Graph, Node, Quantized, TensorSpec, reference, validate
from glnn.layers.conv import Conv2D
from glnn.layers.embedding import Embedding
from glnn.layers.normalization import BatchNormalization
from glnn.layers.resizing import ZeroPadding2D
from glnn.layout.limits import Limits
from glnn.plan import WeightStore, make_plan
from glnn.primitives.base import Primitive
from glnn.primitives.bodies import throughout
from glnn.primitives.conv import Conv
from glnn.primitives.expr import inputs
from glnn.primitives.loop import Repeat, Slices
from glnn.quant import Encoder
from glnn.testing import layer_graph


def spec(name: str, *shape: int | None) -> TensorSpec:
    return TensorSpec(name, shape)


def test_shapes() -> None:
    op = Repeat(rnn(), carried=1, sliced=(Slices(1),), stacked=(Slices(1),))
    assert op.output_shape((3, 6), (3, 7, 6)) == [(3, 6), (3, 7, 6)]
    assert op.output_shape((None, 6), (None, None, 6)) == [(None, 6), (None, None, 6)]
    assert Repeat(rnn(), carried=1, sliced=(Slices(),), stacked=(Slices(-1),)).output_shape((3, 6), (7, 3, 6)) == [
        (3, 6), (3, 6, 7)
    ]  # fmt: skip
    assert op.turns((3, 6), (3, None, 6)) is None and op.turns((3, 6), (3, 9, 6)) == 9


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        (((3, 6), (3, 8, 6)), "7 turns need as many slices of each sliced input: input 1 has 8 slices along axis 1"),
        (((3, 6),), "1 inputs; 2 are needed"),
        (((3, 6), (3,)), "axis 1 is not one of a tensor of rank 1"),
        (((3, 1), (3, 7, 6)), r"carried tensor 0 has shape \(3, 1\) before a turn and \(3, 6\) after it"),
        (((3, 6), (3, 7, 5)), "cannot take|do not fit"),
    ],
)
def test_inputs_that_do_not_fit(shapes: Any, told: str) -> None:
    op = Repeat(rnn(), 7, carried=1, sliced=(Slices(1),), stacked=(Slices(),))
    with pytest.raises((ValueError, GraphError), match=told):
        op.output_shape(*shapes)
    node = Node("again", op, tuple(f"i{k}" for k in range(len(shapes))), ("a", "b"), label="the user's")
    with pytest.raises(GraphError, match=told):  # and with the layer's name
        validate(Graph("g", tuple(spec(f"i{k}", *s) for k, s in enumerate(shapes)), (node,), ("a",)))


def test_slices_of_several_lengths_are_refused() -> None:
    what = body({"x": 1, "y": 1}, (Node("add", ADD, ("x", "y"), ("z",)),), ("z",))
    op = Repeat(what, sliced=(Slices(), Slices()), stacked=(Slices(),))
    assert op.output_shape((4, 3), (4, 3)) == [(4, 3)]
    with pytest.raises(ValueError, match="4 turns .*input 0 has 4 slices along axis 0, input 1 has 5 slices"):
        op.output_shape((4, 3), (5, 3))
    with pytest.raises(ValueError, match="0 turns make nothing"):
        op.output_shape((0, 3), (0, 3))


@pytest.mark.parametrize("count", [-1, 1.0, True, "2"])
def test_a_count_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(InputError, match=r"Repeat: count=.*: a whole number of turns is needed"):
        Repeat(rnn(), count, carried=1, sliced=(Slices(),), stacked=(Slices(),))


def test_bodies_of_other_inputs_and_outputs_are_refused() -> None:
    with pytest.raises(GraphError, match="body 'body' has 2 inputs; 2 carried and 1 sliced"):
        Repeat(rnn(), carried=2, sliced=(Slices(),))
    with pytest.raises(GraphError, match="body 'body' has 2 outputs; 1 carried tensors and 2 stacks"):
        Repeat(rnn(), carried=1, sliced=(Slices(),), stacked=(Slices(), Slices()))
    with pytest.raises(InputError, match="no input is sliced, so nothing says how many turns"):
        Repeat(rnn(), carried=2)


def test_the_reference_is_the_loop_by_hand() -> None:
    case = CASES["half reversed"]
    graph, given = case.graph(7), case.inputs(7)
    (node,) = graph.nodes
    h, w, b = given["h"].astype(np.float64), *(node.weights[k].astype(np.float64) for k in ("w/kernel", "w/bias"))
    made = []
    for x in given["x"][::-1]:
        h = np.tanh(h @ w + b + x)
        made.append(h)
    got = reference.run(graph, given)
    np.testing.assert_allclose(got["end"], h, rtol=1e-12)
    np.testing.assert_allclose(got["all"], np.stack(made), rtol=1e-12)


def test_stacks_in_reverse_lie_where_their_slices_did() -> None:
    case = CASES["reversed"]
    given = case.inputs(5)
    got, plain = (reference.run(CASES[name].graph(5), given)["all"] for name in ("reversed", "half reversed"))
    np.testing.assert_array_equal(got, plain[::-1])


def test_a_count_of_none_hands_on_what_came() -> None:
    graph, given = CASES["iterated"].graph(0), CASES["iterated"].inputs(0)
    np.testing.assert_array_equal(reference.run(graph, given)["end"], given["h"])
    plan = make_plan(graph, {"h": (2, 5)}, Limits())
    assert plan.steps == () and plan.outputs[0].slots == plan.inputs[0].slots


# ---- weights


def two() -> Graph:
    """A repeat whose body shares its weights with a layer beside it, and another repeat."""
    shared = dense("w", "h", "a", 6, 6)
    options = {"carried": 1, "sliced": (Slices(),), "stacked": (Slices(),)}
    names = {"w/kernel": "w/kernel", "w/bias": "w/bias"}
    first = repeated("first", rnn(), ("a", "x"), ("y", "ys"), origins=names, **options)
    other = rnn()
    more = dense("w", "h", "a", 6, 6, 30)
    again = repeated("again", other.with_(nodes=(more, *other.nodes[1:])), ("y", "x"), ("z", "zs"), **options)
    nodes = (shared, first, again)
    return Graph("two", (spec("h", 3, 6), spec("x", None, 3, 6)), nodes, ("z", "zs"))


def test_weights_of_bodies_are_named_and_shared_like_any() -> None:
    graph = two()
    assert list(graph.weights()) == ["w/kernel", "w/bias", "again/w/kernel", "again/w/bias"]
    store = WeightStore(graph)
    plan = make_plan(graph, {"h": (3, 6), "x": (4, 3, 6)}, Limits(), store)
    keys = [weight.key.split("[")[0] for weight in plan.weights]
    assert sorted(keys) == ["again/w/bias", "again/w/kernel", "w/bias", "w/kernel"]
    # The plan of another number of turns names the same weights.
    assert [w.key for w in make_plan(graph, {"h": (3, 6), "x": (9, 3, 6)}, Limits(), store).weights] == [
        w.key for w in plan.weights
    ]


def test_a_body_holds_shapes_alone() -> None:
    what = rnn()
    node = repeated("r", what, ("h", "x"), ("y", "ys"), carried=1, sliced=(Slices(),), stacked=(Slices(),))
    assert node.weights["w/kernel"] is what.nodes[0].weights["kernel"]
    held = node.layer.body.nodes[0].weights["kernel"]
    assert held.shape == (6, 6) and held.strides == (0, 0)
    assert [(s.name, s.shape) for s in node.layer.weight_specs()] == [("w/kernel", (6, 6)), ("w/bias", (6,))]
    with pytest.raises(GraphError, match="weight 'w/kernel' of body 'body' is not among the node's.*Repeat.node"):
        node.layer.reference([np.zeros((3, 6)), np.zeros((2, 3, 6))], {})


def test_weights_of_nested_bodies() -> None:
    graph = CASES["nested"].graph(2)
    assert list(graph.weights()) == ["r/in/w/kernel", "r/in/w/bias"]


def test_weights_of_bodies_are_quantized_like_any() -> None:
    graph = CASES["nested"].graph(2)
    coded = Encoder(graph).apply({"r": "uint8"})
    (node,) = coded.nodes
    assert isinstance(node.weights["in/w/kernel"], Quantized)
    given = CASES["nested"].inputs(2)
    plain = reference.run(graph, given)["end"]
    assert 0 < np.abs(reference.run(coded, given)["end"] - plain).max() < 0.05
    plan = make_plan(coded, {k: x.shape for k, x in given.items()}, Limits())
    assert "uint8" in {weight.codec for weight in plan.weights}


# ---- whole numbers


def test_what_a_later_turn_looks_up_is_exact() -> None:
    nodes = (
        Node("table", Embedding(9, 4), ("k",), ("e",), {"embeddings": draw(9, 4)}),
        Node("next", ADD, ("j", "one"), ("j2",)),
        Node("tanh", TANH, ("s",), ("s2",)),
    )
    what = body({"k": 2, "j": 2, "s": 2, "one": 2}, nodes, ("j", "j2", "s2", "e"))
    node = Repeat.node(
        "r", what, ("k", "j", "s", "one"), ("k3", "j3", "s3", "es"), count=3, carried=3, stacked=(Slices(),)
    )
    inputs = tuple(spec(name, 2, 3) for name in node.inputs)
    (made,) = passes.optimize(Graph("g", inputs, (node,), node.outputs)).nodes
    assert made.layer.exact_inputs == (0, 1, 3)  # k, j which k becomes, and what j grows by; not s
    assert Repeat(rnn(), carried=1, sliced=(Slices(),), stacked=(Slices(),)).exact_inputs == ()


@pytest.mark.parametrize("name", CASES)
def test_passes_go_into_bodies_and_change_no_answer(name: str) -> None:
    graph, given = CASES[name].graph(3), CASES[name].inputs(3)
    made = passes.optimize(graph)
    assert all(isinstance(node.layer, Primitive) for node in every(made.nodes))
    for key, wanted in reference.run(graph, given).items():
        np.testing.assert_allclose(reference.run(made, given)[key], wanted, rtol=1e-6, atol=1e-6)
    for run in passes.PASSES:
        assert throughout(run, made) is made, "a second time changes nothing"


def every(nodes: Sequence[Node]) -> list[Node]:
    """All nodes, also those in bodies."""
    found = list(nodes)
    for node in nodes:
        found += every(node.layer.body.nodes) if isinstance(node.layer, Repeat) else []
    return found


def test_every_pass_does_its_work_in_a_body() -> None:
    """Zeros, a convolution, a norm and an activation of a turn become one convolution, whose weights are the node's."""
    norm = {name: abs(draw(3, seed=k)) for k, name in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))}
    inner = (
        Node("pad", ZeroPadding2D(((1, 1), (1, 1))), ("h",), ("p",)),
        Node("conv", Conv2D(3, (3, 3)), ("p",), ("a",), {"kernel": draw(3, 3, 3, 3) / 6, "bias": draw(3)}),
        Node("norm", BatchNormalization(), ("a",), ("b",), norm),
        Node("tanh", TANH, ("b",), ("h2",)),
    )
    what = body({"h": 4}, inner, ("h2",))
    turns = repeated("turns", what, ("h",), ("end",), carried=1, count=3)
    outer = repeated("outer", body({"h": 4}, (turns,), ("end",)), ("x",), ("y",), carried=1, count=2)
    graph = Graph("g", (spec("x", None, None, None, 3),), (outer,), ("y",))
    made = passes.optimize(graph)
    loops = [node for node in every(made.nodes) if isinstance(node.layer, Repeat)]
    (conv,) = [node for node in every(made.nodes) if node not in loops]
    assert isinstance(conv.layer, Conv) and conv.layer.padding == ((1, 1), (1, 1)) and inputs(conv.layer.finish) == (0,)
    folded = "outer/turns/conv/kernel*outer/turns/norm"
    for loop in loops:
        assert folded in loop.weights and loop.weights[folded].dtype == np.float32
    given = {"x": draw(2, 5, 4, 3)}
    wanted = reference.run(graph, given)["y"]
    np.testing.assert_allclose(reference.run(made, given)["y"], wanted, rtol=1e-5, atol=1e-6)


def test_codecs_that_a_body_states_stay() -> None:
    what = rnn().with_(activations={"a": ActivationCodec("float16")})
    node = repeated("r", what, ("h", "x"), ("y", "ys"), carried=1, sliced=(Slices(),), stacked=(Slices(),))
    graph = Graph("g", (spec("h", 3, 6), spec("x", None, 3, 6)), (node,), ("y", "ys"))
    (made,) = passes.optimize(graph).nodes
    assert dict(made.layer.body.activations) == {"a": ActivationCodec("float16")}  # type: ignore[attr-defined]
    assert len(made.layer.body.nodes) == 2, "a tensor of a stated codec stays"  # type: ignore[attr-defined]
    plan = make_plan(passes.optimize(graph), {"h": (3, 6), "x": (4, 3, 6)}, Limits())
    assert "float16" in {slot.format for slot in plan.slots}


def test_draws_of_a_body_tell_the_layer() -> None:
    plan = make_plan(CASES["nested"].graph(2), {k: x.shape for k, x in CASES["nested"].inputs(2).items()}, Limits())
    assert {"r/in/w", "r/tanh", "r/more"} <= {draw.label for draw in plan.draws}
    loop = LOOPS["nested"]
    graph = layer_graph(loop.layer, loop.shapes, loop.values())
    plan = make_plan(passes.optimize(graph), {f"x{k}": shape for k, shape in enumerate(loop.shapes)}, Limits())
    assert {draw.label for draw in plan.draws} == {"layer"}


def test_it_tells_what_it_is() -> None:
    text = repr(Repeat(rnn(), carried=1, sliced=(Slices(),), stacked=(Slices(),)))
    inner = "<Graph 'body': 3 nodes, h (?, ?), x (?, ?) -> h2, h2>"
    assert text == f"Repeat({inner}, a turn for each slice, 1 carried, 1 sliced, 1 stacked)"
    assert "9 turns" in repr(Repeat(rnn(), 9, carried=1, sliced=(Slices(),), stacked=(Slices(),)))
