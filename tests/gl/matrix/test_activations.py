"""Tensors between layers in a codec of their own: layers read what was rounded, and write what they make rounded.

Each case's layer stands between two copies, so that the tensors that it reads and makes are neither inputs nor outputs
of the graph, which keep the device's best precision.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from cases.case import NORMAL, SPECIAL, Case
from cases.keras import CASES
from support.codes import as_halves, from_codes, held_as, reads_own_outputs
from support.devices import OneDevice
from support.shares import kept
from support.weighs import weighs

import glnn
from glnn.errors import LimitError
from glnn.graph import ActivationCodec, Graph, as_tuple
from glnn.kernels import assemble as kernel
from glnn.kernels.assemble import parse
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.merging import Concatenate
from glnn.layout.codec import CODECS, activation_storage, texel_bytes
from glnn.layout.limits import Limits
from glnn.model import Model
from glnn.plan import Plan, make_plan
from glnn.plan import builder as drafts
from glnn.plan.weights import WeightStore
from glnn.primitives.order import TopK
from glnn.primitives.reduce import Reduce
from glnn.run.executor import Executor
from glnn.run.resident import Resident
from glnn.testing import Copy, assert_close, between_copies, decoded_activation, grid, layer_graph

DEVICES: dict[str, dict] = {
    "es300-8": {},
    "es300-1": {"draw_buffers": 1, "texture_units": 8},
    "gl330-4": {"dialect": "gl330", "draw_buffers": 4},
    "split": {"max_texture_size": 16, "array_layers": 256},
    "es100": {"dialect": "es100"},
    "split-es100": {"dialect": "es100", "max_texture_size": 16},
    "bytes": {"float_targets": ["rgba8"]},
    "bytes-es100": {"float_targets": ["rgba8"], "dialect": "es100", "texture_units": 8},
    "half": {"float_targets": ["float16"]},
}
BETWEEN = ("uint8", "float16", "rgba8")
# Float textures cannot be drawn to on devices of bytes alone: there a half is a float of bytes (see glnn/plan/plan.py).
COMBINED = [(d, c) for d in DEVICES for c in BETWEEN if not (d.startswith("bytes") and c != "uint8")]
JUDGED = {
    c: [case for case in CASES if case.kind in ((NORMAL,) if c == "uint8" else (NORMAL, SPECIAL))] for c in BETWEEN
}
SHARE = 350  # one case in so many runs on each push


def chosen(device: str, codec: str, case: Case) -> bool:
    first = (device, codec) == COMBINED[0] and isinstance(case.layer, TopK)  # its numbers keep their own codec
    return first or zlib.crc32(f"{device} {codec} {case.name}".encode()) % SHARE == 0


PARAMS = [
    pytest.param(d, c, case, id=f"{d}-{c}-{case.name}", marks=[] if chosen(d, c, case) else [pytest.mark.whole])
    for d, c in COMBINED
    for case in JUDGED[c]
]
ONE = OneDevice()


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    ONE.close()


def device_for(name: str) -> glnn.Device:
    return ONE.of(**DEVICES[name])


def codec_for(name: str, codec: str, values: np.ndarray) -> ActivationCodec:
    """A codec for a tensor of these values; where floats are halves, with steps that make each value of it one."""
    made = grid(codec, values)
    if name != "half" or codec != "uint8":
        return made
    step = 2.0 ** np.ceil(np.log2((made.high - made.low) / 254))
    zero = np.ceil(-made.low / step)
    return ActivationCodec(codec, -zero * step, (255 - zero) * step)


def sizes(case: Case, limits: Limits) -> int:
    """The textures that the largest tensor of a case takes at once."""
    specs = layer_graph(case.layer, case.shapes, case.weights).specs()
    texels = max(-(-s.shape[-1] // 4) * int(np.prod(s.shape[:-1])) for s in specs.values())
    return -(-texels // limits.max_texture_size**2)


def run(device: glnn.Device, graph: Graph, inputs: list[np.ndarray]) -> tuple[Plan, list[np.ndarray]]:
    store = WeightStore(graph)
    given = {f"x{i}": x for i, x in enumerate(inputs)}
    plan = make_plan(graph, {name: x.shape for name, x in given.items()}, device.limits, store)
    resident = Resident(device, store.values)
    executor = Executor(plan, device, resident)
    try:
        return plan, list(executor.run(given, poison=True).values())
    finally:
        executor.release()
        resident.release()


@pytest.mark.parametrize(("name", "codec", "case"), kept(PARAMS))
def test_a_layer_between_coded_tensors(name: str, codec: str, case: Case) -> None:
    device = device_for(name)
    if name == "half" and isinstance(case.layer, Reduce) and case.layer.kind in ("sum", "mean"):
        pytest.skip("sums of both signs cancel more than halves keep between two draws; float32 judges them")
    grids = {f"a{i}": codec_for(name, codec, x) for i, x in enumerate(case.inputs)}
    # Inputs that the codec holds exactly: whatever the driver rounds, the layer is judged on these.
    inputs = [decoded_activation(x, grids[f"a{i}"]).astype(np.float32) for i, x in enumerate(case.inputs)]
    inputs = [decoded_activation(x, ActivationCodec(device.limits.float_target)).astype(np.float32) for x in inputs]
    wide = {key: np.asarray(w, np.float64) for key, w in case.weights.items()}
    exact = [x.astype(np.float64) for x in inputs]
    with np.errstate(all="ignore"):
        expected = as_tuple(case.layer.reference(exact, wide))
    if codec == "uint8" and not all(np.isfinite(y).all() for y in expected):
        pytest.skip("a code stands for no NaN: an index of this case is out of range")
    grids |= {f"b{i}": codec_for(name, codec, y) for i, y in enumerate(expected)}
    graph = between_copies(case.layer, case.shapes, case.weights, grids.__getitem__)
    try:
        plan, outputs = run(device, graph, inputs)
    except LimitError:
        room = 3 if device.limits.dialect == "es100" else device.limits.array_layers // 2  # tiles are not full
        tensors = sizes(case, device.limits) * (4 if codec == "rgba8" else 1)
        assert tensors > room or (device.limits.dialect == "es100" and weighs(case, device.limits) > 1)
        return
    assert device.error() == "GL_NO_ERROR"
    stored = {plan.slots[draw.target].format for draw in plan.draws}
    assert activation_storage(codec).format in stored
    tolerance = max(CODECS[device.limits.float_target].tolerance, CODECS[codec].tolerance)
    if codec == "uint8" and reads_own_outputs(graph):
        expected = tuple(from_codes(plan, graph, inputs, outputs))
    for i, (got, want) in enumerate(zip(outputs, expected, strict=True)):
        if isinstance(case.layer, TopK) and i == 1:  # numbers that the layer looks up by: no codec rounds them
            np.testing.assert_array_equal(got, want)
            continue
        if "float16" in (codec, device.limits.float_target):
            got, want = as_halves(got, want, truncates=device.limits.dialect == "es100")
        half_step = 0.5 * grids[f"b{i}"].scale if codec == "uint8" else 0.0
        largest = float(np.abs(want[np.isfinite(want)]).max(initial=0))
        assert_close(got, want, tolerance + (half_step / largest if largest else 0.0), case.name)
        if codec == "uint8" and (held := held_as(plan, graph, i)).codec == "uint8":  # and what came out are codes
            codes = got.astype(np.float64) / held.scale
            np.testing.assert_allclose(codes, np.rint(codes), rtol=0, atol=1e-3)


def test_a_push_tries_every_device_and_codec() -> None:
    for name, codec in COMBINED:
        assert sum(chosen(name, codec, case) for case in JUDGED[codec]) > 2


# ---- lanes past the last channel

SUM = """// The sum of every lane of all groups, dead ones too.
#pragma glnn input x
vec4 kernel(int n, int h, int w, int c) {
    float sum = 0.0;
    for (int g = 0; g < x_G; g++) sum += sum4(abs(x(n, h, w, 4 * g)));
    return vec4(sum, 0.0, 0.0, 0.0);
}
"""


class LaneSum(Layer):
    """The sum of |x| over the channels."""

    def output_shape(self, *inputs):
        return (*inputs[0][:-1], 1)

    def reference(self, inputs, weights):
        return np.abs(inputs[0]).sum(-1, keepdims=True)

    def lower(self, b, inputs, weights):
        return b.draw("lane_sum", (*inputs[0].shape[:-1], 1), {"x": inputs[0]})


@pytest.fixture
def lane_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of this file's own, among those that there are."""
    original: Callable = drafts.load_kernel
    own = parse("lane_sum", SUM, "lane_sum.glsl")
    for module in (drafts, kernel):
        monkeypatch.setattr(module, "load_kernel", lambda name: own if name == "lane_sum" else original(name))


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 7])
@pytest.mark.parametrize(("name", "codec"), COMBINED)
def test_dead_lanes_decode_to_zero(name: str, codec: str, channels: int, lane_sum: None) -> None:
    """Whatever code stands for 0: a range from below zero has it in the middle, one of negative values at its end."""
    device = device_for(name)
    for low, high in ((-3.0, 1.0), (-2.0, 0.0), (0.0, 2.0), (-0.3, 40.0)):
        codecs = ActivationCodec(codec, low, high)
        x = np.full((2, 3, 5, channels), low if high == 0 else high, np.float32)
        kept = {"a0": codecs, "b0": ActivationCodec(device.limits.float_target)}
        graph = between_copies(LaneSum(), [x.shape], {}, kept.__getitem__)
        _, (got,) = run(device, graph, [x])
        want = np.abs(decoded_activation(x, codecs)).sum(-1, keepdims=True)
        np.testing.assert_allclose(got, want, rtol=2e-3 if "float16" in (codec, device.limits.float_target) else 1e-5)


# ---- what a range does


@pytest.mark.parametrize("name", DEVICES)
def test_uint8_rounds_clamps_and_keeps_zero(name: str) -> None:
    """Each value becomes the nearest code's; those beyond the range its ends; 0 stays 0."""
    device, codec = device_for(name), ActivationCodec("uint8", -1.0, 2.0)
    x = np.linspace(-2, 3, 2 * 5 * 7 * 6, dtype=np.float32).reshape(2, 5, 7, 6)
    x[0, 0, 0], x[1, 4, 6, 5] = 0.0, 1e30 if name != "half" else 6e4
    # Values near the middle of two codes may fall to either side, as the driver rounds.
    steps = x.astype(np.float64) / codec.scale + codec.zero + 0.5
    x = np.where(np.abs(steps - np.rint(steps)) < (0.3 if name == "half" else 1e-2), x + 0.4 * codec.scale, x)
    x = x.astype(np.float32)
    graph = between_copies(Copy(), [x.shape], {}, lambda _: codec)
    _, (got,) = run(device, graph, [x])
    want = decoded_activation(x, codec)
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-3 if name == "half" else 1e-6)
    assert got.min() < -0.99 and 1.99 < got.max() < 2.01 and (got[x == 0] == 0).all()


def test_inputs_and_outputs_of_a_graph_stay_as_they_are() -> None:
    graph = between_copies(Copy(), [(2, 5, 7, 6)], {}, lambda _: ActivationCodec("uint8", -1.0, 1.0))
    graph = graph.with_(activations={n: ActivationCodec("uint8", -1.0, 1.0) for n in ("x0", "a0", "b0", "y0")})
    plan = make_plan(graph, {"x0": (2, 5, 7, 6)}, Limits())
    assert [t.codec for t in (*plan.inputs, *plan.outputs)] == ["float32", "float32"]
    assert [plan.slots[d.target].format for d in plan.draws] == ["rgba8", "rgba8", "float32"]


def test_tensors_of_two_ranges_meet() -> None:
    """Each input of a kernel has a scale and a zero of its own."""
    device, rng = device_for("es300-8"), np.random.default_rng(0)
    shapes = [(2, 5, 7, 5), (2, 5, 7, 3)]
    x = [rng.uniform(-1, 0, shapes[0]).astype(np.float32), rng.uniform(0, 50, shapes[1]).astype(np.float32)]
    codecs = {
        "a0": ActivationCodec("uint8", -1, 0),
        "a1": ActivationCodec("uint8", 0, 50),
        "b0": ActivationCodec("float16"),
    }
    _, (got,) = run(device, between_copies(Concatenate(), shapes, {}, codecs.__getitem__), x)
    want = np.concatenate([decoded_activation(v, codecs[f"a{i}"]) for i, v in enumerate(x)], -1)
    for lanes, codec in ((slice(5), codecs["a0"]), (slice(5, 8), codecs["a1"])):
        assert np.abs(got[..., lanes] - want[..., lanes]).max() <= codec.scale * 1.01  # ties fall to either side
        assert (np.abs(got[..., lanes] - want[..., lanes]) > codec.scale * 0.3).mean() < 0.01


def test_another_range_needs_no_other_program() -> None:
    texts = [
        set(make_plan(between_copies(Dense(7), [(2, 5)], weights(), lambda _, r=r: ActivationCodec("uint8", -r, r)),
                      {"x0": (2, 5)}, Limits()).programs)
        for r in (1.0, 5.0)
    ]  # fmt: skip
    assert texts[0] == texts[1]


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"kernel": rng.normal(size=(5, 7)).astype(np.float32), "bias": rng.normal(size=7).astype(np.float32)}


def test_textures_of_bytes_take_a_fourth() -> None:
    shape = (1, 32, 32, 8)

    def planned(codec: str) -> list[int]:
        """Bytes of the texture that each draw writes."""
        graph = between_copies(Copy(), [shape], {}, lambda _: ActivationCodec(codec, -1, 1))
        plan = make_plan(graph, {"x0": shape}, Limits())
        slots = [plan.slots[draw.target] for draw in plan.draws]
        return [s.width * s.height * s.layers * texel_bytes(s.format) for s in slots]

    full = planned("float32")
    assert planned("uint8") == [full[0] // 4, full[1] // 4, full[2]]
    assert planned("float16") == [full[0] // 2, full[1] // 2, full[2]]


def test_without_float_targets_a_half_is_stored_as_the_bytes_of_a_float() -> None:
    graph = between_copies(Copy(), [(2, 5, 7, 6)], {}, lambda _: ActivationCodec("float16"))
    plan = make_plan(graph, {"x0": (2, 5, 7, 6)}, Limits(float_target="rgba8"))
    assert {s.format for s in plan.slots} == {"rgba8"}
    assert all("y_encode1" in text.fragment for text in plan.programs.values())


def test_a_model_with_coded_tensors_predicts() -> None:
    graph = between_copies(
        Dense(7, activation="relu"), [(None, 5)], weights(), lambda _: ActivationCodec("uint8", -4, 8)
    )
    x = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    with Model(graph, device_for("es300-8")) as model:
        got, exact = model.predict(x), model.reference({"x0": x})["y0"]
    # Two roundings of half a step each, the first through the weights.
    bound = (4 + 8) / 255 * 0.5 * (1 + np.abs(weights()["kernel"]).sum(0).max())
    assert 1e-4 < np.abs(np.asarray(got) - exact).max() <= bound
