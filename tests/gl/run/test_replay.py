"""A plan replayed from its JSON text alone gives the same bits as the executor: what another runtime will do.

The replayer below is written from the plan's data and the description in glnn/layout/tiles.py, with none of glnn's own
code for packing, textures or draws, and knows no operator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.errors import LimitError
from glnn.graph import ActivationCodec, Graph, Node, TensorSpec
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D
from glnn.layers.core import Dense, Permute, Reshape
from glnn.layers.merging import Add, Concatenate
from glnn.layers.pooling import GlobalAveragePooling2D, MaxPooling2D
from glnn.model import Model
from glnn.quant import Encoder

Places = tuple[np.ndarray, ...]
Shape5 = tuple[int, int, int, int, int]
# Bits of a value by codec (of a uint4 alone in a byte: 8), and components and their type by texture format.
BITS = {"float32": 32, "rgba8": 32, "float16": 16, "uint16": 16, "uint8": 8, "uint4": 4}
FORMATS = {
    "float32": (4, np.uint32), "float16": (4, np.uint16), "rgba8": (4, np.uint8), "rgba32ui": (4, np.uint32),
    "rg32ui": (2, np.uint32), "r32ui": (1, np.uint32), "r16ui": (1, np.uint16),
}  # fmt: skip


def bits_of(values: Any, codec: str) -> np.ndarray:
    """Values or codes as the unsigned integers that are stored."""
    if codec in ("float32", "rgba8"):
        return np.asarray(values, np.float32).view(np.uint32)
    return np.asarray(values, np.float32).astype(np.float16).view(np.uint16) if codec == "float16" else values.codes


def stored(lanes: np.ndarray, codec: str, format: str) -> np.ndarray:
    """Integers (.., lanes) as texels (.., components): one after another from the lowest bit on."""
    count, dtype = FORMATS[format]
    width = np.dtype(dtype).itemsize * 8
    bits = width * count // lanes.shape[-1]
    assert bits >= BITS[codec]
    texels = np.zeros((*lanes.shape[:-1], count), np.uint64)
    for i in range(lanes.shape[-1]):
        for low in range(0, bits, width):  # a value may be wider than a component
            texels[..., (i * bits + low) // width] |= (lanes[..., i].astype(np.uint64) >> low) << (i * bits % width)
    return (texels & (2**width - 1)).astype(dtype)


def restored(texels: np.ndarray, codec: str, lanes: int) -> np.ndarray:
    """The floats (.., lanes) in texels of a tensor."""
    words = np.ascontiguousarray(texels).view({16: np.float16, 32: np.float32}[BITS[codec]])
    return words.reshape(*texels.shape[:-1], lanes).astype(np.float32)


def tensor_places(layout: Mapping[str, Any]) -> tuple[Places, Shape5]:
    """(part, layer, row, column, lane) of every value in row-major order, and the shape of all parts together."""
    shape = [1] * (4 - len(layout["shape"])) + layout["shape"]
    dims = [int(np.prod(shape[:-3])), *shape[-3:]]
    (bh, bw), groups = layout["block"], -(-dims[3] // 4)
    n, h, w, c = (i.reshape(-1) for i in np.indices(dims))
    if layout["flat"]:
        ph = pw = 1
        tiles, tile = dims[0] * dims[1] * dims[2] * groups, ((n * dims[1] + h) * dims[2] + w) * groups
        y = x = layer = np.zeros_like(n)
    else:
        ph, pw = -(-dims[1] // bh), -(-dims[2] // bw)
        tiles, tile, y, x, layer = dims[0] * groups, n * groups, h // bh, w // bw, h % bh * bw + w % bw
    each = layout["texels"]  # of a group of four channels
    tiles, tile = tiles * each, (tile + c // 4) * each + c % 4 * each // 4
    row, column = tile // layout["columns"], tile % layout["columns"]
    rows = -(-tiles // layout["columns"])
    part, row = row // layout["part_rows"], row % layout["part_rows"]
    places = np.broadcast_arrays(part, layer, row * ph + y, column * pw + x, c % (4 // each))
    part_rows = layout["part_rows"]
    size = -(-rows // part_rows), bh * bw, min(rows, part_rows) * ph, layout["columns"] * pw, 4 // each
    return tuple(places), size


def in_textures(parts: np.ndarray, layout: Mapping[str, Any], width: int, height: int) -> list[np.ndarray]:
    """(parts, layers, rows, columns, components) as textures: one that has all parts' layers, or one each."""
    space = np.zeros((*parts.shape[:2], height, width, parts.shape[-1]), parts.dtype)
    space[:, :, : parts.shape[2], : parts.shape[3]] = parts
    return [space.reshape(-1, *space.shape[2:])] if layout["stacked"] else list(space)


def cell_places(layout: Mapping[str, Any], shape: list[int]) -> tuple[Places, Shape5]:
    """The same for (taps, in, out) or (taps, channels) weights."""
    if len(shape) == 3:
        t, i, o = (index.reshape(-1) for index in np.indices(shape))
        run, value = o // 4 * layout["rows"] + i // 4, i % 4 * 4 + o % 4
    else:
        t, o = (index.reshape(-1) for index in np.indices(shape))
        run, value = o // 4, o % 4
    texel, lane = t * layout["texels"] + value // layout["lanes"], value % layout["lanes"]
    if layout["run_taps"] != layout["taps"]:
        run, texel = run * layout["taps"] + t, texel - t * layout["texels"]
    run_texels = layout["run_taps"] * layout["texels"]
    row, column = run // layout["columns"], run % layout["columns"] * run_texels + texel
    rows = -(-layout["rows"] * layout["cols"] * layout["taps"] // layout["run_taps"] // layout["columns"])
    part, row = row // layout["part_rows"], row % layout["part_rows"]
    part_rows = layout["part_rows"]
    size = -(-rows // part_rows), 1, min(rows, part_rows), layout["columns"] * run_texels, layout["lanes"]
    return (part, np.zeros_like(part), row, column, lane), size


class Replayer:
    """Makes textures and programs of a plan's JSON text, and draws."""

    def __init__(self, text: str, values: Mapping[str, np.ndarray], device: glnn.Device):
        self.plan, self.device = json.loads(text), device
        assert self.plan["version"] == 1
        self.array = self.plan["limits"]["dialect"] != "es100"
        self.slots = [device.texture(s["width"], s["height"], s["layers"], s["format"]) for s in self.plan["slots"]]
        for slot in self.slots:
            device.poison(slot)
        self.weights = [self.weight(w, values[w["key"]]) for w in self.plan["weights"]]
        self.programs = {
            key: device.program(p["vertex"], p["fragment"], samplers=p["samplers"])
            for key, p in self.plan["programs"].items()
        }

    def weight(self, plan: Mapping[str, Any], values: Any) -> list[Any]:
        """The textures of a weight; values are an array, or codes with scales that the draws already hold."""
        layout, kept, tensor = plan["layout"], plan["storage"], "block" in plan["layout"]
        places, size = tensor_places(layout) if tensor else cell_places(layout, plan["shape"])
        bits = bits_of(values, kept["codec"])
        if plan["quant"] == "tensor":
            np.testing.assert_array_equal(plan["values"], [values.scale.flat[0], values.low.flat[0]])
        lanes = np.zeros(size, bits.dtype)
        lanes[places] = bits.reshape(-1)
        width, height = plan["size"]  # of the texture, which may be larger than what is used
        array = self.array and (tensor or size[0] > 1)
        textures = in_textures(stored(lanes, kept["codec"], kept["format"]), layout, width, height)
        return [
            self.device.texture(width, height, len(t) if array else 0, kept["format"], t.tobytes()) for t in textures
        ]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        for spec in self.plan["inputs"]:
            places, size = tensor_places(spec["layout"])
            bits = bits_of(inputs[spec["name"]], spec["codec"])
            lanes = np.zeros(size, bits.dtype)
            lanes[places] = bits.reshape(-1)
            slot = self.plan["slots"][spec["slots"][0]]  # if there are more, all are alike
            texels = stored(lanes, spec["codec"], slot["format"])
            textures = in_textures(texels, spec["layout"], slot["width"], slot["height"])
            for number, part in zip(spec["slots"], textures, strict=True):
                self.slots[number].write(part.tobytes())
        for draw in self.plan["draws"]:
            program = self.programs[draw["program"]]
            target = self.device.target(self.slots[draw["target"]], *draw["layers"])
            read = [self.slots[n] if kind == "slot" else self.weights[n][part] for kind, n, part in draw["textures"]]
            ints, floats = np.array(draw["ints"], np.int32).tobytes(), np.array(draw["floats"], np.float32).tobytes()
            self.device.draw(program, target, (0, 0, *draw["viewport"]), read, ints, floats)
        outputs = {}
        for spec in self.plan["outputs"]:
            places, size = tensor_places(spec["layout"])
            texels = np.concatenate([self.slots[s].read()[:, : size[2], : size[3]] for s in spec["slots"]])
            parts = restored(texels, spec["codec"], size[4]).reshape(size)
            outputs[spec["name"]] = parts[places].reshape(spec["shape"])
        return outputs

    def release(self) -> None:
        for texture in (*self.slots, *(part for parts in self.weights for part in parts)):
            texture.release()
        for program in self.programs.values():
            self.device.drop(program)


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
        conv("b", ("a.y", "a.y"), "b.y", 10, 10, residual=True),
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
        lambda plan: plan["draws"].pop(0),
        lambda plan: plan["draws"][0]["ints"].__setitem__(1, plan["draws"][0]["ints"][1] + 1),
        lambda plan: plan["draws"][-1].update(viewport=[1, plan["draws"][-1]["viewport"][1]]),
        lambda plan: plan["draws"][0].update(layers=[1, plan["draws"][0]["layers"][1] - 1]),
        lambda plan: plan["draws"][0]["floats"].__setitem__(0, 1.5 * plan["draws"][0]["floats"][0]),
        lambda plan: plan["draws"][-1]["textures"].__setitem__(-1, plan["draws"][0]["textures"][-1]),
    ]
    rng = np.random.default_rng(1)
    inputs = {"x": rng.normal(size=(1, 12, 14, 3)).astype("f4"), "v": rng.normal(size=(1, 20)).astype("f4")}
    with glnn.Device() as device, Model(graph(), device) as model:
        expected = model.predict(inputs)
        text = model.plan({name: x.shape for name, x in inputs.items()}).to_json()
        for change in changes:
            data = json.loads(text)
            change(data)
            got = Replayer(json.dumps(data), model.session.store.values, device).run(inputs)
            assert any((got[name].view("u4") != wanted.view("u4")).any() for name, wanted in expected.items())
