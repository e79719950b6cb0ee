"""Draws that differ in their finish, in groups a turn or in lanes have one program, and make what each should."""

from __future__ import annotations

import numpy as np
import pytest

import glnn
from glnn.graph.graph import Graph, Node, TensorSpec, validate
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layout.limits import Limits
from glnn.plan import make_plan
from glnn.plan.choice import Choice
from glnn.run.session import Session

DEVICES = [
    {"stage": "fragment"},
    {"dialect": "es100"},
    {"float_targets": "rgba8"},
    {"draw_buffers": 4},
    {"stage": "compute"},
    {"index": "numpy"},
]


def chain(*layers: Layer, shape: tuple[int, ...]) -> Graph:
    """Layers one after another, on x of this shape (batch first), with seeded weights."""
    rng, nodes, at = np.random.default_rng(1), list[Node](), shape
    for number, layer in enumerate(layers):
        weights = {s.name: rng.normal(size=s.shape).astype(np.float32) / 8 for s in layer.weight_specs(at)}
        nodes.append(Node(f"n{number}", layer, (f"t{number - 1}" if number else "x",), (f"t{number}",), weights))
        at = layer.output_shape(at)
    return validate(Graph("chain", (TensorSpec("x", (None, *shape[1:])),), tuple(nodes), (nodes[-1].outputs[0],)))


def conv(filters: int, activation: str) -> Conv2D:
    return Conv2D(filters, (3, 3), padding="same", activation=activation)


CHAINS = {
    "relu": (chain(conv(8, "relu"), conv(8, "relu"), conv(8, "linear"), conv(8, "relu"), shape=(1, 9, 12, 8)), 1),
    "long": (chain(conv(8, "gelu"), conv(8, "linear"), conv(8, "gelu"), shape=(1, 9, 12, 8)), 1),
    "lanes": (chain(conv(8, "linear"), conv(8, "linear"), conv(6, "linear"), shape=(1, 9, 12, 8)), 1),
    "all": (chain(Dense(64, "relu"), Dense(10), shape=(1, 1024)), 1),
    "rows": (chain(Dense(16), Dense(16, "gelu"), Dense(8), shape=(1, 24, 16)), 1),  # x lies as what is drawn
    "two": (chain(conv(8, "relu"), conv(8, "gelu"), conv(8, "linear"), conv(8, "relu"), shape=(1, 9, 12, 8)), 2),
}


def blocked(graph: Graph) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(2).normal(size=(1, *graph.inputs[0].shape[1:])).astype(np.float32)}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("limits", DEVICES, ids=str)
def test_each_draw_makes_what_it_should(limits: dict[str, object], name: str) -> None:
    graph, programs = CHAINS[name]
    given = blocked(graph)
    wanted = given["x"]
    for node in graph.nodes:
        (wanted,) = (node.layer.reference([wanted], node.weights),)
    with glnn.Device(**limits) as device, Session(graph, device) as session:  # type: ignore[arg-type]
        executor = session.executor({"x": given["x"].shape})
        (got,) = executor.run(given).values()
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
        if limits == DEVICES[0]:
            convs = {draw.program for draw in executor.plan.draws if draw.kernel == "conv"}
            assert len(convs) == programs


def test_what_is_not_a_number_stays() -> None:
    """A relu that is left out by a number changes nothing, be it infinite or no number."""
    graph = chain(conv(4, "relu"), conv(4, "linear"), conv(4, "relu"), shape=(1, 5, 9, 4))
    weights = {"kernel": np.zeros((3, 3, 4, 4), np.float32), "bias": np.array([-1, 2, -3e38, 0], np.float32)}
    weights["kernel"][1, 1] = -np.eye(4, dtype=np.float32)
    last = Node("last", Conv2D(4, (3, 3), padding="same"), ("t2",), ("y",), weights)
    graph = validate(graph.with_(nodes=(*graph.nodes, last), outputs=("y",)))
    x = np.zeros((1, 5, 9, 4), np.float32)
    x[0, 2, 3] = np.inf
    with glnn.Device() as device, Session(graph, device) as session:
        (got,) = session.executor({"x": x.shape}).run({"x": x}).values()
    for node in graph.nodes:
        (x,) = (node.layer.reference([x], node.weights),)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(x))
    np.testing.assert_allclose(got[..., 2], x[..., 2], rtol=1e-5)


def test_groups_a_turn_that_were_measured_stay() -> None:
    """A layer whose neighbour was measured to be faster by two groups a turn is drawn by one, as it was measured."""
    graph = chain(conv(16, "relu"), conv(16, "relu"), conv(32, "linear"), shape=(1, 5, 9, 16))
    shapes = {"x": (1, 5, 9, 16)}
    keys = {item.label: item.workload.key for item in make_plan(graph, shapes, Limits()).chosen}
    plan = make_plan(graph, shapes, Limits(), choice=Choice(recipes={keys["n2"]: "2 groups a turn"}))
    texts = {draw.label: plan.programs[draw.program].fragment for draw in plan.draws}
    assert {label: "#define GU 2\n" in text for label, text in texts.items()} == {"n0": False, "n1": False, "n2": True}
