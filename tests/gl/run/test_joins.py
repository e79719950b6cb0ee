"""Concatenations whose parts are drawn where they lie: values, what is left of the draws, and where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.joined import conv, network

import glnn
from glnn import tensor
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.graph import ActivationCodec
from glnn.layout.codec import activation_storage
from glnn.plan import joins
from glnn.primitives.concat import Concat
from glnn.run.session import Session

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {"dialect": "es300"},
    "four": {"dialect": "gl330", "draw_buffers": 4},
    "small": {"dialect": "es300", "max_texture_size": 64},
    "es100": {"dialect": "es100"},
    "bytes": {"dialect": "es300", "float_targets": "rgba8"},
    "compute": {"stage": "compute"},
}


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield made


def values(graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor by the primitives' own NumPy."""
    made = {"x": x}
    for node in graph.nodes:
        (made[node.outputs[0]],) = (node.layer.reference([made[name] for name in node.inputs], node.weights),)
    return made


def given(graph: Graph) -> np.ndarray:
    return np.random.default_rng(1).normal(size=graph.inputs[0].shape).astype(np.float32)


def joined(graph: Graph, device: glnn.Device) -> tuple[bool, dict[str, np.ndarray]]:
    """Whether no draw puts the parts together; the outputs, of which garbage in textures must not be a part."""
    x = given(graph)
    with Session(graph, device) as session, device.use():
        executor = session.executor({"x": x.shape})
        made = executor.run({"x": x}, poison=True)
        return "concat" not in {draw.kernel for draw in executor.plan.draws}, made


@pytest.mark.parametrize("filters", [(8, 16), (4, 4, 12), (12, 7)], ids=str)
def test_parts_lie_where_the_whole_has_them(
    device: glnn.Device, filters: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = network(filters)
    without, made = joined(graph, device)
    assert without == (device.limits.stage == "fragment")
    monkeypatch.setattr(joins, "_columns", lambda layouts, join: 0)
    copied, expected = joined(graph, device)
    assert not copied
    np.testing.assert_array_equal(made["y"], expected["y"])
    np.testing.assert_allclose(made["y"], values(graph, given(graph))["y"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("graph", "able"),
    [
        (network((8, 8), batch=2), False),  # the channels of an image are no run of tiles there
        (network((8, 8), batch=2, axis=0), True),  # images are
        (network((7, 8)), False),  # some texel has channels of two
        (network((8, 8), between=True, outputs=("y", "z")), False),  # read elsewhere too, from textures of its own
        (network((8, 8), outputs=("y", "c1")), False),  # handed out
        (network((8, 8), outputs=("y", "j")), True),  # the whole may be handed out
        (network((8, 8), activations={"c0": ActivationCodec("uint8", -9.0, 9.0)}), False),  # of two codecs
    ],
    ids=["batch", "images", "mixed", "read twice", "an output", "the whole an output", "codecs"],
)
def test_where_it_cannot_be_parts_are_copied(graph: Graph, able: bool) -> None:
    with glnn.Device(dialect="es300") as device:
        without, made = joined(graph, device)
    assert without == able
    expected = values(graph, given(graph))
    for name, value in made.items():
        off = 0.5 if graph.activations else 1e-4
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=off)


def test_what_is_joined_is_joined_once_more() -> None:
    """A whole that is a part is put together by a draw, in the other's texture."""
    inner = (conv("a", "x", 8, 8), conv("b", "x", 8, 4, 3), Node("ab", Concat(3), ("a", "b"), ("ab",)))
    outer = (conv("c", "x", 8, 8), Node("j", Concat(3), ("ab", "c"), ("j",)), conv("y", "j", 20, 4))
    graph = Graph("nested", (TensorSpec("x", (1, 6, 7, 8)),), (*inner, *outer), ("y",))
    with glnn.Device(dialect="es300") as device:
        _, made = joined(graph, device)
    np.testing.assert_allclose(made["y"], values(graph, given(graph))["y"], rtol=1e-4, atol=1e-4)


def test_parts_can_be_looked_at(device: glnn.Device) -> None:
    graph = network((8, 12))
    x = given(graph)
    expected, seen = values(graph, x), {}
    with Session(graph, device) as session, device.use():
        executor = session.executor({"x": x.shape})
        executor.load({"x": x})
        for steps in range(1, len(executor.plan.steps) + 1):
            executor.replay(steps - 1, steps)
            for item in (item for item in executor.plan.made if item.steps == steps):
                whole = tensor.read(executor.textures(item), item.layout, activation_storage(item.codec.codec))
                seen[item.name] = item.section.cut(whole) if item.section else whole.reshape(item.shape)
    assert seen.keys() == {"m", "c0", "c1", "j", "y"}
    for name, value in seen.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-4)
