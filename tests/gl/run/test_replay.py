"""A plan replayed from its JSON text alone gives the same bits as the executor: what another runtime will do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.replayer import Replayer

import glnn
from glnn.errors import LimitError
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D
from glnn.layers.core import Dense, Permute, Reshape
from glnn.layers.merging import Add, Concatenate
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from glnn.model import Model
from glnn.quant import Encoder


def zoo() -> Graph:
    """Two inputs and two outputs over many kernels: blocked and plain, in one and in several draws."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)

    def conv(name: str, read: tuple[str, ...], made: str, inputs: int, filters: int, **more: Any) -> Node:
        weights = {"kernel": normal(3, 3, inputs, filters), "bias": normal(filters)}
        return Node(name, Conv2D(filters, (3, 3), padding="same", **more), read, (made,), weights)

    nodes = (
        conv("a", ("x",), "a.y", 3, 10, activation="relu"),
        conv("b", ("a.y",), "branch", 10, 10),
        Node("sum", Add(), ("branch", "a.y"), ("b.y",)),
        Node("d", DepthwiseConv2D((3, 3), (2, 2), "same"), ("b.y",), ("d.y",),
             {"depthwise_kernel": normal(3, 3, 10, 1), "bias": normal(10)}),
        Node("p", MaxPooling2D(2), ("b.y",), ("p.y",)),
        Node("j", Concatenate(), ("d.y", "p.y"), ("j.y",)),
        Node("t", Conv2DTranspose(6, (3, 3), (2, 2), "same"), ("j.y",), ("image",),
             {"kernel": normal(3, 3, 6, 20), "bias": normal(6)}),
        Node("m", GlobalAveragePooling2D(), ("j.y",), ("m.y",)),
        Node("s", Add(), ("m.y", "v"), ("s.y",)),
        Node("r", Reshape((4, 5)), ("s.y",), ("r.y",)),
        Node("q", Permute((2, 1)), ("r.y",), ("q.y",)),
        Node("e", Dense(7, activation="softmax"), ("q.y",), ("scores",), {"kernel": normal(4, 7), "bias": normal(7)}),
    )  # fmt: skip
    specs = (TensorSpec("x", (None, 12, 14, 3)), TensorSpec("v", (None, 20)))
    return Graph("zoo", specs, nodes, ("image", "scores"))


DEVICES: dict[str, dict[str, Any]] = {
    "es300": {},
    "gl330": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "split": {"max_texture_size": 16},
    "split es100": {"max_texture_size": 16, "dialect": "es100"},
    "half": {"float_targets": ["float16"]},
    "phone": {"draw_buffers": 1, "texture_units": 8},
    "bytes": {"float_targets": ["rgba8"]},
    "split bytes es100": {"max_texture_size": 64, "dialect": "es100", "float_targets": ["rgba8"]},
}
CODECS = {  # of each layer of the zoo: (weights, a scale for each channel?)
    "a": ("uint8", True), "b": ("uint4", True), "d": ("uint16", True), "t": ("uint8", False), "e": ("float16", True),
}  # fmt: skip
ACTIVATIONS = {
    "a.y": ActivationCodec("uint8", 0.0, 3.0), "b.y": ActivationCodec("float16"), "j.y": ActivationCodec("rgba8"),
    "m.y": ActivationCodec("uint8", -1.0, 1.0), "q.y": ActivationCodec("uint8", -4.0, 4.0),
}  # fmt: skip


def coded_zoo() -> Graph:
    """The same with weights in every codec, and tensors between the layers in several."""

    def coded(node: Node) -> Node:
        codec, per_channel = CODECS.get(node.name, ("float32", True))
        return node.with_(weights=Encoder(graph, per_channel).weights(node, codec))

    graph = zoo()
    return graph.with_(nodes=tuple(map(coded, graph.nodes)), activations=ACTIVATIONS)


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield made


def same_bits(model: Model, inputs: dict[str, np.ndarray], device: glnn.Device) -> None:
    expected = model.predict(inputs)
    text = model.plan({name: x.shape for name, x in inputs.items()}).to_json()
    before = device.counts()
    replayer = Replayer(text, model.session.store.values, device)
    try:
        for _ in range(2):
            got = replayer.run({name: x.astype(np.float32) for name, x in inputs.items()})
            assert list(got) == list(expected)
            for name, wanted in expected.items():
                assert got[name].shape == wanted.shape
                np.testing.assert_array_equal(got[name].view(np.uint32), wanted.view(np.uint32))
    finally:
        replayer.release()
    after = device.counts()
    assert after["textures"] == before["textures"] and device.error() == "GL_NO_ERROR"


def may_be_refused(device: glnn.Device) -> bool:
    """Whether tensors may outgrow a device: where there are no array textures, each part takes a texture unit."""
    return device.limits.dialect == "es100" and device.limits.max_texture_size == 16


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_plan_replays_from_its_json(device: glnn.Device, batch: int, coded: bool) -> None:
    rng = np.random.default_rng(1)
    inputs = {"x": rng.normal(size=(batch, 12, 14, 3)), "v": rng.normal(size=(batch, 20))}
    with Model(coded_zoo() if coded else zoo(), device) as model:
        try:
            same_bits(model, inputs, device)
        except LimitError:
            assert may_be_refused(device) and batch > 1
            return
        if coded:
            plan = model.plan({name: x.shape for name, x in inputs.items()})
            assert {"uint4", "uint8", "uint16", "float16"} <= {w.codec for w in plan.weights}
            assert {"tensor", "channel"} <= {w.quant for w in plan.weights}
        if not coded and device.limits.float_target == "float32":
            for got, want in zip(model.predict(inputs).values(), model.reference(inputs).values(), strict=True):
                np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


def test_the_digits_model_replays_from_its_json(device: glnn.Device, root: Path) -> None:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        x = (data["images"][:6] / 16)[..., None]
    with Model.load(root / "examples" / "digits.h5", device=device) as model:
        try:
            same_bits(model, {model.inputs[0].name: x}, device)
        except LimitError:
            assert may_be_refused(device)


@pytest.mark.parametrize("graph", [zoo, coded_zoo])
def test_the_replayer_sees_a_plan_that_is_wrong(graph: Callable[[], Graph]) -> None:
    """A changed number in the JSON changes what comes out: the comparison above is no empty one."""
    changes: list[Callable[[dict], Any]] = [
        lambda plan: plan["steps"].pop(0),
        lambda plan: plan["draws"][0]["ints"].__setitem__(1, plan["draws"][0]["ints"][1] + 1),
        lambda plan: plan["draws"][-1].update(viewport=[1, plan["draws"][-1]["viewport"][1]]),
        lambda plan: plan["draws"][0].update(layers=[1, plan["draws"][0]["layers"][1] - 1]),
        lambda plan: plan["draws"][0]["floats"].__setitem__(0, 1.5 * plan["draws"][0]["floats"][0]),
        lambda plan: plan["draws"][-1]["textures"].__setitem__(-1, plan["draws"][0]["textures"][-1]),
    ]
    rng = np.random.default_rng(1)
    inputs = {"x": rng.normal(size=(1, 12, 14, 3)).astype("f4"), "v": rng.normal(size=(1, 20)).astype("f4")}
    with glnn.Device(stage="fragment") as device, Model(graph(), device) as model:  # the only one with viewports
        expected = model.predict(inputs)
        text = model.plan({name: x.shape for name, x in inputs.items()}).to_json()
        for number, change in enumerate(changes):
            data = json.loads(text)
            change(data)
            got = Replayer(json.dumps(data), model.session.store.values, device).run(inputs)
            wrong = any((got[name].view("u4") != wanted.view("u4")).any() for name, wanted in expected.items())
            assert wrong, f"change {number}"
