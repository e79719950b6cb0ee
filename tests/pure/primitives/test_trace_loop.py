"""The word t.repeat: its answers in NumPy, free sizes, weights that stay the layer's, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.loops import CASES, Loop

from glnn.errors import GraphError, InputError
from glnn.graph import Node, Quantized, validate
from glnn.passes import optimize
from glnn.primitives.expand import computed, shapes_of
from glnn.primitives.loop import Repeat
from glnn.quant import Encoder
from glnn.testing import layer_graph


@pytest.mark.parametrize("name", CASES)
def test_a_loop_is_what_it_says(name: str) -> None:
    case = CASES[name]
    made = computed(case.layer, [x.astype(np.float64) for x in case.inputs()], case.values())
    for got, want in zip(made, case.wanted(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_shapes(name: str) -> None:
    case = CASES[name]
    assert shapes_of(case.layer, case.shapes) == tuple(want.shape for want in case.wanted())


def test_free_sizes_stay_free() -> None:
    layer = CASES["lstm"].layer
    assert shapes_of(layer, ((None, None, 3), (None, 5), (None, 5))) == ((None, None, 5), (None, 5), (None, 5))
    assert shapes_of(layer, ((4, None, 3), (4, 5), (4, 5)))[0] == (4, None, 5)


def loops(nodes: tuple[Node, ...]) -> list[Node]:
    found = [node for node in nodes if isinstance(node.layer, Repeat)]
    return found + [inner for node in found for inner in loops(node.layer.body.nodes)]  # type: ignore[attr-defined]


def test_weights_are_the_layers_own_under_their_names() -> None:
    case = CASES["nested"]
    values = case.values()
    graph = optimize(layer_graph(case.layer, case.shapes, values))
    assert len(loops(graph.nodes)) == 2
    for node in loops(graph.nodes):
        assert list(node.weights) == ["layer/kernel"] and dict(node.origins) == {"layer/kernel": "layer/kernel"}
    (node,) = (node for node in graph.nodes if isinstance(node.layer, Repeat))
    assert node.weights["layer/kernel"] is values["kernel"]


def test_weights_are_quantized_in_turns_as_anywhere() -> None:
    case = CASES["lstm"]
    graph = layer_graph(case.layer, case.shapes, case.values())
    made = optimize(Encoder(graph).apply({"layer": "uint8"}))
    (node,) = loops(made.nodes)
    assert isinstance(node.weights["layer/recurrent"], Quantized)


def test_nodes_of_a_turn_tell_the_layer() -> None:
    case = CASES["nested"]
    graph = optimize(layer_graph(case.layer, case.shapes, case.values()))
    for node in loops(graph.nodes):
        assert {inner.label for inner in node.layer.body.nodes} == {"layer"}  # type: ignore[attr-defined]


def refused(make: Callable[..., Any], *shapes: tuple[int, ...], error: Any = ValueError, match: str) -> None:
    with pytest.raises(error, match=match):
        shapes_of(Loop(make, {"w": (3, 3)}), shapes)


def test_what_a_step_must_not_do() -> None:
    def wide(t: Any, h: Any, w: Any) -> Any:
        return t.repeat(lambda h: [t.concat([h, h], -1)], [h], count=2)

    refused(wide, (2, 3), match=r"carried tensor 0 has shape \(2, 3\) before a turn and \(2, 6\) after it")

    def few(t: Any, h: Any, w: Any) -> Any:
        return t.repeat(lambda h, g: [h], [h, h], count=2)

    refused(few, (2, 3), match="a turn gives 1 symbols; one for each of 2 carried ones is needed")

    def weight(t: Any, h: Any, w: Any) -> Any:
        return t.repeat(lambda h: [w], [w], count=2)

    refused(weight, (2, 3), match="a tensor is needed here, not a weight")

    def endless(t: Any, h: Any, w: Any) -> Any:
        return t.repeat(lambda h: [h * 2.0], [h])

    refused(endless, (2, 3), error=InputError, match="no input is sliced, so nothing says how many turns")

    def uneven(t: Any, x: Any, y: Any, w: Any) -> Any:
        return t.repeat(lambda x, y: [x + y], [], [x, y], axis=0)[0]

    refused(uneven, (3, 2), (4, 2), match="3 turns need as many slices of each sliced input")

    def lacking(t: Any, x: Any, w: Any) -> Any:
        return t.repeat(lambda x: [x], [], [x], axis=2)[0]

    refused(lacking, (3, 2), match="axis 2 is not one of a tensor of rank 2")


@pytest.mark.parametrize("use", [lambda t, y: y, lambda t, y: y + 1.0, lambda t, y: t.reduce("sum", y, 0)])
def test_what_a_turn_makes_stays_in_it(use: Callable[[Any, Any], Any]) -> None:
    def make(t: Any, h: Any) -> Any:
        kept = []

        def step(h: Any) -> list:
            kept.append(t.reduce("max", h, 0, keepdims=True) * h)
            return [h * 2.0]

        t.repeat(step, [h], count=2)
        return use(t, kept[0])

    with pytest.raises((ValueError, GraphError), match="what a turn makes is read in it alone"):
        validate(optimize(layer_graph(Loop(make, {}), [(2, 3)], {})))
