"""Steps of recurrent layers in one draw: on every kind of device against NumPy, and how many draws a step takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import glnn
from glnn import passes
from glnn.graph import Graph, Node, TensorSpec, reference, validate
from glnn.layers.cells import LSTMCell, StackedRNNCells
from glnn.layers.conv_recurrent import ConvLSTM2D
from glnn.layers.recurrent import GRU, LSTM, RNN, Bidirectional, Recurrent, SimpleRNN
from glnn.layout.limits import Limits
from glnn.plan.plan import Plan, make_plan
from glnn.plan.steps import Repeat
from glnn.primitives.gates import Gates

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {},
    "four": {"dialect": "gl330", "draw_buffers": 4},
    "one": {"draw_buffers": 1},
    "phone": {"draw_buffers": 1, "texture_units": 8, "dialect": "es100"},
    "split": {"max_texture_size": 16},
    "split es100": {"max_texture_size": 16, "dialect": "es100"},
    "half": {"float_targets": ["float16"]},
    "bytes": {"float_targets": ["rgba8"]},
    "mediump": {"precision": "mediump"},
    "compute": {"stage": "compute"},
}
ROOM = {"half": 5e-2, "mediump": 5e-2}
SEQ = {"return_sequences": True, "return_state": True}
LAYERS: dict[str, tuple[Any, int | None]] = {  # and draws of a step
    "lstm": (LSTM(8, **SEQ), 1),
    "lstm backwards": (LSTM(12, go_backwards=True, return_state=True), 1),
    "gru": (GRU(8, **SEQ), 1),
    "gru before": (GRU(8, reset_after=False, return_state=True), 2),
    "simple": (SimpleRNN(8), 1),
    "both": (Bidirectional(LSTM(8, return_sequences=True)), 1),
    "both gru": (Bidirectional(GRU(4, return_sequences=True)), 1),
    "cells": (RNN(StackedRNNCells((LSTMCell(8), LSTMCell(4))), return_sequences=True), 3),  # one projects
    "masked": (LSTM(8, masked=True, **SEQ), 1),
    "masked with zeros": (LSTM(8, masked=True, zero_output_for_mask=True, **SEQ), None),
    "odd units": (LSTM(6, **SEQ), 3 + 3),  # parts of no whole groups are moved
    "images": (ConvLSTM2D(4, 2), 3),
}


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[tuple[str, glnn.Device]]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield request.param, made


def network(layer: Any, batch: int = 3) -> tuple[Graph, dict[str, np.ndarray]]:
    rng, shape = np.random.default_rng(7), (5, 6)
    if isinstance(layer, ConvLSTM2D):
        shape = (5, 4, 4, 3)
    shapes = [(None, *shape)] + [(None, shape[0])] * (isinstance(layer, Recurrent) and layer.masked)
    weights = {s.name: rng.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs(*shapes)}
    made = layer.output_shape(*shapes)
    outputs = tuple(f"y{k}" for k in range(len(made) if isinstance(made, list) else 1))
    inputs = tuple(TensorSpec(f"x{k}", s) for k, s in enumerate(shapes))
    node = Node("layer", layer, tuple(s.name for s in inputs), outputs, weights)
    given = [
        rng.normal(size=(batch, *s[1:])) if not k else rng.random((batch, *s[1:])) < 0.6 for k, s in enumerate(shapes)
    ]
    graph = validate(Graph("step", inputs, (node,), outputs))
    return graph, {spec.name: array.astype(np.float32) for spec, array in zip(inputs, given, strict=True)}


@pytest.mark.parametrize("name", ["lstm", "gru", "gru before", "both", "cells", "masked"])
def test_steps_are_right_on_every_device(device: tuple[str, glnn.Device], name: str) -> None:
    kind, on = device
    graph, given = network(LAYERS[name][0])
    wanted = reference.run(graph, given)
    with glnn.Model(graph, on) as model:
        made = model.predict(given)
    for key, value in (made if isinstance(made, dict) else {"y0": made}).items():
        np.testing.assert_allclose(value, wanted[key], atol=ROOM.get(kind, 2e-5), err_msg=key)
    assert on.error() == "GL_NO_ERROR"


def planned(layer: Any, batch: int, limits: Limits | None = None) -> Plan:
    graph, given = network(layer, batch)
    return make_plan(passes.optimize(graph), {name: array.shape for name, array in given.items()}, limits or Limits())


def step(plan: Plan) -> int:
    (loop,) = (one for one in plan.steps if isinstance(one, Repeat))
    return len(loop.steps)


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("name", LAYERS)
def test_draws_of_a_step(name: str, batch: int) -> None:
    layer, draws = LAYERS[name]
    if draws is not None:
        assert step(planned(layer, batch)) == draws


def test_draws_where_there_is_one_buffer_or_little_room() -> None:
    layer = LAYERS["lstm"][0]
    plan = planned(layer, 3, Limits(draw_buffers=1, dialect="es100", texture_units=8))
    assert step(plan) == 1 and {draw.layers for draw in plan.draws} == {(0, 1)}
    assert step(planned(layer, 3, Limits(float_target="rgba8"))) == 2  # a product, then all results
    assert step(planned(layer, 3, Limits(texture_units=4))) > 2


def test_a_step_keeps_what_a_graph_says_of_its_tensors() -> None:
    graph, given = network(LAYERS["lstm"][0])
    with glnn.Model(graph, glnn.Device("numpy")) as model:
        trace, wanted = model.trace(given), reference.run(graph, given)
        np.testing.assert_allclose(np.moveaxis(trace["layer/h"], 0, 1), wanted["y0"], atol=1e-5)
        np.testing.assert_allclose(trace["layer/c"][-1], wanted["y2"], atol=1e-5)


def test_gates_are_their_reference() -> None:
    plan = planned(LAYERS["lstm"][0], 2)
    assert any(isinstance(item.workload.primitive, Gates) and item.recipe == "gates" for item in plan.chosen)
