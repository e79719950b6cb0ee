"""Tensors between, read right after the step of the plan that makes them, are the reference's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support.models import conv_net

import glnn
from glnn import tensor
from glnn.graph.graph import ActivationCodec, Graph
from glnn.layout.codec import activation_storage
from glnn.run.session import Session

LIMITS = [{}, {"dialect": "es100"}, {"draw_buffers": 1, "max_texture_size": 16}, {"float_targets": "rgba8"}]


@pytest.fixture(params=LIMITS, ids=str)
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**request.param) as made:
        yield made


def kept(graph: Graph) -> Graph:
    """The graph whose every tensor has textures of its own."""
    return graph.with_(activations={n: ActivationCodec("float32") for node in graph.nodes for n in node.outputs})


@pytest.mark.parametrize("batch", [1, 3])
def test_each_tensor_lies_where_the_plan_says(device: glnn.Device, batch: int) -> None:
    graph = kept(conv_net())
    x = np.random.default_rng(0).normal(size=(batch, 9, 7, 3)).astype(np.float32)
    values = {"x": x}
    for node in graph.nodes:
        (values[node.outputs[0]],) = (node.layer.reference([values[n] for n in node.inputs], node.weights),)
    with Session(graph, device) as session, device.use():
        executor = session.executor({"x": x.shape})
        seen: dict[str, np.ndarray] = {}
        executor.load({"x": x})
        for steps in range(len(executor.plan.steps) + 1):
            executor.replay(max(0, steps - 1), steps)
            for item in executor.plan.made:
                if item.steps == steps:
                    textures, stored = executor.textures(item), activation_storage(item.codec.codec)
                    seen[item.name] = tensor.read(textures, item.layout, stored).reshape(item.shape)
    labels = {item.name: item.label for item in executor.plan.made}
    assert {"c", "r", "p", "m", "d", "y"} <= set(seen) and labels["c"] == "conv" and labels["p"] == "pool"
    for node in graph.nodes:
        np.testing.assert_allclose(seen[node.outputs[0]], values[node.outputs[0]], rtol=1e-4, atol=1e-5)


def test_draws_are_made_by_who_asks(device: glnn.Device) -> None:
    x = np.ones((1, 9, 7, 3), np.float32)
    with Session(conv_net(), device) as session, device.use():
        executor, calls = session.executor({"x": x.shape}), []
        expected = executor.run({"x": x})["y"]

        def draw(*arguments: object) -> None:
            calls.append(arguments[0])
            device.draw(*arguments)  # type: ignore[arg-type]

        executor.load({"x": x})
        executor.replay(draw=draw)
        (spec,) = executor.plan.outputs
        np.testing.assert_array_equal(
            tensor.read(executor.textures(spec), spec.layout, activation_storage(spec.codec)), expected
        )
    assert len(calls) == len(executor.plan.draws)
