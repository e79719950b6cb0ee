"""Images that are only flattened are drawn in the order of the vector; where that would be wrong they are reshaped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import glnn
from glnn import tensor
from glnn.graph.graph import Graph, Node, TensorSpec, validate
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense, Flatten
from glnn.layers.merging import Add
from glnn.layers.pooling import AveragePooling2D, MaxPooling2D
from glnn.layout.codec import activation_storage
from glnn.run.session import Session

DEVICES = [{}, {"dialect": "es100"}, {"float_targets": "rgba8"}, {"stage": "compute"}, {"index": "numpy"}]
CHAIN: list[tuple[Layer, tuple[str, ...]]] = [
    (Conv2D(8, (3, 3), padding="same", activation="relu"), ("x",)),
    (MaxPooling2D(2), ("t0",)),
    (Flatten(), ("t1",)),
    (Dense(6), ("t2",)),
]
POOL = [(MaxPooling2D(2), ("x",)), (Flatten(), ("t0",))]


@pytest.fixture(params=DEVICES, ids=str)
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**request.param) as made:
        yield made


def graph_of(chain: list[tuple[Layer, tuple[str, ...]]], channels: int = 8, outputs: tuple[str, ...] = ()) -> Graph:
    """Layers with what each reads of x (N, 9, 13, channels), or of t0, t1, .., which they make."""
    rng, nodes, shapes = np.random.default_rng(5), list[Node](), {"x": (1, 9, 13, channels)}
    for number, (layer, names) in enumerate(chain):
        given = [shapes[name] for name in names]
        weights = {s.name: rng.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs(*given)}
        nodes.append(Node(f"n{number}", layer, names, (f"t{number}",), weights))
        shapes[f"t{number}"] = layer.output_shape(*given)
    specs = (TensorSpec("x", (None, 9, 13, channels)),)
    return validate(Graph("flatten", specs, tuple(nodes), outputs or (f"t{len(nodes) - 1}",)))


def check(device: glnn.Device, graph: Graph, batch: int, reshaped: int) -> None:
    """So many draws reshape; every tensor is the reference's where the plan says that it lies."""
    x = np.random.default_rng(0).normal(size=(batch, *graph.inputs[0].shape[1:])).astype(np.float32)
    values = {"x": x}
    for node in graph.nodes:
        (values[node.outputs[0]],) = (node.layer.reference([values[n] for n in node.inputs], node.weights),)
    seen = []
    with Session(graph, device) as session, device.use():
        executor = session.executor({"x": x.shape})
        assert [draw.kernel for draw in executor.plan.draws].count("reshape") == reshaped
        executor.load({"x": x}, poison=True)
        for steps in range(len(executor.plan.steps) + 1):
            executor.replay(max(0, steps - 1), steps)
            for item in executor.plan.made:
                if item.steps == steps:
                    got = tensor.read(executor.textures(item), item.layout, activation_storage(item.codec.codec))
                    np.testing.assert_allclose(got.reshape(item.shape), values[item.name], rtol=1e-4, atol=1e-4)
                    seen.append(item.name)
    assert {node.outputs[0] for node in graph.nodes if isinstance(node.layer, (Flatten, MaxPooling2D))} <= {*seen}


def test_an_image_is_drawn_as_the_vector_lies(device: glnn.Device) -> None:
    check(device, graph_of(CHAIN), 1, 0)


def test_several_vectors_lie_side_by_side(device: glnn.Device) -> None:
    check(device, graph_of(CHAIN), 3, 1)


@pytest.mark.parametrize(
    ("chain", "channels", "reshaped"),
    [
        ([*POOL, (Dense(6), ("t1",))], 6, 1),  # channels that are no whole texels
        ([*POOL], 8, 1),  # what is handed out
        ([CHAIN[0], (Flatten(), ("t0",)), (Dense(6), ("t1",))], 8, 1),  # pixels share weights
        (
            [*POOL, (Conv2D(4, (3, 3)), ("t0",)), (Flatten(), ("t2",)), (Dense(4), ("t1",)), (Dense(4), ("t3",)),
             (Add(), ("t4", "t5"))],
            8, 2,
        ),
    ],
    ids=["channels", "output", "weights", "read twice"],
)  # fmt: skip
def test_other_images_are_reshaped(chain: list[tuple[Layer, tuple[str, ...]]], channels: int, reshaped: int) -> None:
    with glnn.Device() as device:
        check(device, graph_of(chain, channels), 1, reshaped)


def test_averages_are_drawn_so_as_well(device: glnn.Device) -> None:
    graph = graph_of([(AveragePooling2D(3), ("x",)), (Flatten(), ("t0",)), (Dense(5), ("t1",))], 12)
    check(device, graph, 1, 0)
