"""Tiles in shared memory on a device: every size of tile, shares of sums, what reads and ends such draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.graph import ActivationCodec
from glnn.graph.graph import Graph, Node, TensorSpec, validate
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D
from glnn.layers.core import Dense
from glnn.layers.merging import Add
from glnn.layers.recurrent import LSTM
from glnn.layout import tiling
from glnn.plan import make_plan
from glnn.primitives.matmul import Matmul
from glnn.testing import between_copies, check_layer, coded_weights

RNG = seeded(0)
# How many multiprocessors the rule is told of, so that small products take each size of tile.
SIZES = {
    "128x128": (3, 128, 32),
    "128x64": (1, 128, 16),
    "64x64": (6, 64, 16),
    "128x32": (1, 128, 8),
    "64x32": (6, 64, 8),
    "shared": (132, 32, 8),
}


@pytest.fixture(scope="module")
def device() -> Iterator[glnn.Device]:
    with glnn.Device(stage="compute") as made:
        yield made


def weights_of(layer: Layer, *shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    scale = {s.name: max(1, int(np.prod(s.shape[:-1]))) ** -0.5 for s in layer.weight_specs(*shapes)}
    return {
        s.name: (RNG.standard_normal(s.shape) * scale[s.name]).astype(np.float32) for s in layer.weight_specs(*shapes)
    }


@pytest.mark.parametrize("codec", ["float32", "uint8"])
@pytest.mark.parametrize("size", SIZES)
def test_every_size_of_tile(device: glnn.Device, size: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    count, pixels, groups = SIZES[size]
    monkeypatch.setattr(tiling, "MULTIPROCESSORS", count)
    monkeypatch.setattr(tiling, "LEAST_TERMS", 1)
    filters = 70 if groups > 8 else 30
    layer, shape = Conv2D(filters, 3, strides=(1, 2), padding="same", activation="relu"), (2, 13, 25, 11)
    weights = weights_of(layer, shape)
    coded = weights if codec == "float32" else coded_weights(layer, [shape], weights, codec, True)
    run = check_layer(device, layer, [RNG.standard_normal(shape).astype(np.float32)], coded)
    text = next(t for t in run.plan.programs.values() if t.kernel == "tiles of conv").fragment
    assert f"#define MT {pixels}\n" in text and f"#define NTG {groups}\n" in text
    assert ("#define SPLIT 1\n" in text) == (size != "shared")
    assert device.error() == "GL_NO_ERROR"


def test_shares_lie_in_a_slot_that_others_left(device: glnn.Device) -> None:
    """In as many columns as it is wide, so that it need not grow; their parts are read from there."""
    layers = {
        "a": Conv2D(128, 1), "b": Conv2D(64, 1, strides=2), "c": Conv2D(64, 3, padding="same"), "d": Conv2D(16, 1),
    }  # fmt: skip
    nodes: list[Node] = []
    read, channels = "x", 16
    for name, layer in layers.items():
        nodes.append(Node(name, layer, (read,), (name,), weights_of(layer, (1, 40, 40, channels))))
        read, channels = name, layer.filters
    graph = validate(Graph("net", (TensorSpec("x", (1, 40, 40, 16)),), tuple(nodes), ("d",)))
    plan = make_plan(graph, {"x": (1, 40, 40, 16)}, device.limits)
    sizes = {made.shape: (made.layout.size, plan.draws[made.draw].target) for made in plan.makes}
    (_, left), (shares, slot) = sizes[1, 40, 40, 128], sizes[8, 20, 20, 64]
    assert left == slot and (plan.slots[slot].width, plan.slots[slot].height) == shares == sizes[1, 40, 40, 128][0]
    with glnn.Model(graph, device) as model:
        x = RNG.standard_normal((1, 40, 40, 16)).astype(np.float32)
        np.testing.assert_allclose(model.predict(x, verbose=0), model.reference(x), atol=1e-5)


def test_a_sum_in_shares_ends_as_one_draw_would(device: glnn.Device) -> None:
    """Bias, residual and activation come after the sum; three inputs of the draw that adds up."""
    conv = Conv2D(7, 3, padding="same")
    shape = (1, 9, 10, 40)
    weights = weights_of(conv, shape)
    specs = TensorSpec("x", shape), TensorSpec("r", (1, 9, 10, 7))
    nodes = (
        Node("conv", conv, ("x",), ("y",), weights), Node("add", Add(), ("y", "r"), ("z",)),
        Node("act", glnn.layers.activation.Activation("tanh"), ("z",), ("out",)),
    )  # fmt: skip
    graph = validate(Graph("net", specs, nodes, ("out",)))
    plan = make_plan(graph, {"x": shape, "r": specs[1].shape}, device.limits)
    assert [draw.kernel for draw in plan.draws] == ["tiles of conv", "map"]
    x, r = (RNG.standard_normal(spec.shape).astype(np.float32) for spec in specs)
    with glnn.Model(graph, device) as model:
        got = np.asarray(model.predict({"x": x, "r": r}, verbose=0)["out"])
    want = np.tanh(conv.reference([x.astype(float)], weights) + r)
    np.testing.assert_allclose(got, want, atol=2e-6)


def test_between_tensors_in_blocks_and_codecs(device: glnn.Device) -> None:
    """What tiles read and write lies in blocks and in other codecs."""
    layer, shape = Conv2D(9, 3, padding="same"), (2, 11, 13, 6)
    weights, x = weights_of(layer, shape), RNG.standard_normal(shape).astype(np.float32)
    for codec in (ActivationCodec("float16"), ActivationCodec("rgba8"), ActivationCodec("uint8", -4.0, 4.0)):
        graph = between_copies(layer, [shape], weights, lambda name, codec=codec: codec)  # type: ignore[misc]
        with glnn.Model(graph, device) as model:
            got = np.asarray(model.predict({"x0": x}, verbose=0)["y0"])
        want = layer.reference([x.astype(float)], weights)
        step = 8 / 255 if codec.codec == "uint8" else 2e-3 if codec.codec == "float16" else 1e-6
        assert np.abs(got - want).max() < 12 * step * np.abs(want).max(), codec


@pytest.mark.parametrize("turned", [False, True])
def test_products_of_computed_matrices(device: glnn.Device, turned: bool) -> None:
    a, b = (3, 2, 40, 19), (3, 2, 33, 19) if turned else (3, 2, 19, 33)
    run = check_layer(
        device, Matmul(transpose_b=turned), [RNG.standard_normal(s).astype(np.float32) for s in (a, b)], {}
    )
    assert any(draw.kernel == "tiles of matmul" for draw in run.plan.draws)
    few = check_layer(device, Matmul(), [RNG.standard_normal(s).astype(np.float32) for s in ((2, 3, 9), (2, 9, 5))], {})
    assert not any("tiles" in draw.kernel for draw in few.plan.draws)  # most of a tile would be empty


def test_turns_of_a_loop_draw_texel_by_texel(device: glnn.Device) -> None:
    layer, shape = LSTM(9, return_sequences=True), (2, 4, 6)
    run = check_layer(device, layer, [RNG.standard_normal(shape).astype(np.float32)], weights_of(layer, shape))
    assert not any("tiles" in draw.kernel for draw in run.plan.draws if draw.counts or draw.move)


def test_infinite_weights_reach_their_own_outputs_alone(device: glnn.Device) -> None:
    """Steps that go past the last channel multiply nothing with zero."""
    layer, shape = Dense(9), (5, 9)
    weights = weights_of(layer, shape)
    weights["kernel"][0, 0] = np.inf
    x = np.abs(RNG.standard_normal(shape)).astype(np.float32) + 1
    got = check_layer(device, layer, [x], weights).outputs[0]
    assert np.isposinf(got[:, 0]).all() and np.isfinite(got[:, 1:]).all()


def test_no_other_stage_draws_by_tiles() -> None:
    layer, shape = Conv2D(9, 3), (1, 8, 8, 8)
    weights = weights_of(layer, shape)
    graph = glnn.testing.layer_graph(layer, [shape], weights)
    for limits in (glnn.layout.limits.Limits(), glnn.layout.limits.Limits(dialect="gl430", precision="mediump")):
        plan = make_plan(graph, {"x0": shape}, limits)
        assert not any("tiles" in draw.kernel for draw in plan.draws)
