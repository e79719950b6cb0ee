"""Every case of the table through the shaders, on devices of many kinds: dialects, draw buffers, sizes, codecs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from cases.keras import CASES
from support.devices import OneDevice
from support.shares import kept
from support.weighs import weighs

import glnn
from glnn.errors import LimitError
from glnn.graph import ActivationCodec
from glnn.graph.quantized import Quantized
from glnn.graph.shapes import ceil_div
from glnn.layers.conv import Conv2D, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense, Permute
from glnn.layers.embedding import Embedding
from glnn.layout.limits import Limits
from glnn.plan import make_plan
from glnn.primitives import Primitive
from glnn.primitives.reduce import Reduce
from glnn.testing import (
    LayerRun,
    assert_close,
    between_copies,
    check_layer,
    coded_weights,
    decoded,
    decoded_activation,
    layer_graph,
    run_layer,
)

# name -> limits of the device. The first runs every case of a layer on each push, the others a share; --whole all.
FIRST = "es300-8-4096"
CONFIGS: dict[str, dict] = {
    f"{dialect}-{buffers}-{size}": {"dialect": dialect, "draw_buffers": buffers, "max_texture_size": size}
    for dialect, counts in (("es300", (8, 4, 1)), ("gl330", (8, 4, 1)), ("es100", (1,)))
    for buffers in counts
    for size in (4096, 64)
}
PHONE = {"draw_buffers": 1, "texture_units": 8}
CONFIGS["split"] = {"max_texture_size": 16, "array_layers": 256}  # nearly every tensor in several parts
CONFIGS["split-phone"] = {"max_texture_size": 16, "array_layers": 256} | PHONE
CONFIGS["split-es100"] = {"max_texture_size": 16, "dialect": "es100"}  # in several textures
CONFIGS["phone"] = PHONE
CONFIGS["phone-es100"] = {"dialect": "es100"} | PHONE
CONFIGS["half"] = {"float_targets": ["float16"]}
CONFIGS["bytes"] = {"float_targets": ["rgba8"]} | PHONE  # soft float, with bit operations
CONFIGS["bytes-es100"] = {"float_targets": ["rgba8"], "dialect": "es100"} | PHONE
CONFIGS["compute"] = {"stage": "compute"}
CONFIGS["compute-split"] = {"stage": "compute", "draw_buffers": 4} | CONFIGS["split"]
CONFIGS["compute-half"] = {"stage": "compute", "float_targets": ["float16"]}
CONFIGS["compute-bytes"] = {"stage": "compute"} | CONFIGS["bytes"]

# name -> limits, codec of the weights, a scale for each channel? (Each config's share of cases is its own.)
CODED: dict[str, tuple[dict, str, bool]] = {
    f"{codec}-{'channel' if per_channel else 'tensor'}-{name}": (limits, codec, per_channel)
    for name, limits in {
        "es300": {},
        "split": CONFIGS["split"],
        "gl330": {"dialect": "gl330", "draw_buffers": 4},
        "es100": {"dialect": "es100"},
        "split-es100": CONFIGS["split-es100"],
        "bytes": CONFIGS["bytes"],
        "compute": CONFIGS["compute"],
        "bytes-es100": CONFIGS["bytes-es100"],
    }.items()
    for codec in ("float16", "uint16", "uint8", "uint4")
    for per_channel in ((True, False) if codec != "float16" else (True,))
}
CODED_CASES = [case for case in CASES if any(w.ndim >= 2 for w in case.weights.values())]
SHARE = 96  # one case in so many, where not all run
CODED_SHARE = 93
FEW = (Embedding, SeparableConv2D)


def chosen(config: str, case: Case, share: int) -> bool:
    """Whether a push runs this case on this device: a share that differs from device to device.

    Of primitives, which the cases of layers are drawn with as well, it is a third of that, of all on the first device.
    Of what differs most from that one, es100 in parts, it is three times that; of compute shaders with limits of their
    own, which differ from fragment shaders with these in nothing but the frame, a third. Of layers with few cases three
    times that, so that each codec has some.
    """
    share = 1 if config == FIRST else 3 * share if config.startswith("compute-") else share
    share = 3 * share if isinstance(case.layer, Primitive) else ceil_div(share, 3) if config == "es100-1-64" else share
    share = ceil_div(share, 3) if isinstance(case.layer, FEW) else share
    return zlib.crc32(f"{config} {case.name}".encode()) % share == 0


def params(configs: Iterable[str], cases: list[Case], share: int) -> list:
    def marks(config: str, case: Case) -> list:
        return [] if chosen(config, case, share) else [pytest.mark.whole]

    return kept([pytest.param(c, case, id=f"{c}-{case.name}", marks=marks(c, case)) for c in configs for case in cases])


ONE = OneDevice()


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    ONE.close()


def device_for(config: str) -> glnn.Device:
    return ONE.of(**(CODED[config][0] if config in CODED else CONFIGS[config]))


@pytest.mark.parametrize(("config", "case"), params(CONFIGS, CASES, SHARE))
def test_layer(config: str, case: Case) -> None:
    device = device_for(config)
    assert device.error() == "GL_NO_ERROR"
    if device.limits.float_target == "float16" and case.kind != "normal":
        pytest.skip("the values of this case are beyond half precision by design; float32 judges them")
    if (
        device.limits.float_target == "float16"
        and isinstance(case.layer, Reduce)
        and case.layer.kind in ("sum", "mean")
    ):
        pytest.skip("sums of both signs cancel more than halves keep between two draws; float32 judges them")
    check(device, case, case.weights)


def check(device: glnn.Device, case: Case, weights: Mapping[str, Any]) -> LayerRun | None:
    """The case on the device; None where it is right that it cannot run: in es100 each part takes a texture unit."""
    if device.limits.dialect == "es100" and needs(case, device.limits) > 1:
        with pytest.raises(LimitError, match=r"texture"):
            check_layer(device, case.layer, case.inputs, weights)
        return None
    several = len(case.shapes) > 1 or bool(case.weights)
    volume = len(case.shapes[0]) > 4 and device.limits.max_texture_size == 16  # images of few pixels fill no texture
    if device.limits.dialect == "es100" and (
        volume or (several and needs(case, device.limits, sum) + weighs(case, device.limits) > 1)
    ):
        try:  # whether all of them have to be there at once is the draw's
            return check_layer(device, case.layer, case.inputs, weights)
        except LimitError as error:
            assert "texture" in str(error) or "texels" in str(error)
            return None
    return check_layer(device, case.layer, case.inputs, weights)


@pytest.mark.parametrize(("config", "case"), params(CODED, CODED_CASES, CODED_SHARE))
def test_coded_weights(config: str, case: Case) -> None:
    """Weights in textures as their codec has them: the kernel decodes what NumPy decodes, to float32's tolerance."""
    device, (_, codec, per_channel) = device_for(config), CODED[config]
    weights = coded_weights(case.layer, case.shapes, case.weights, codec, per_channel)
    run = check(device, case, weights)
    if run is None:
        return
    # Nothing fell back to floats: all textures of weights but those of biases and scales hold the codec.
    computed = [
        w for w in run.plan.weights if w.key.startswith("~") and not w.key.startswith("~row")
    ]  # which row is whose
    assert all(len(w.shape) == 2 for w in computed)  # zeros for a bias; scales and lows; what ends of draws read
    own = [w for w in run.plan.weights if "~" not in w.key]  # not what the layer made of them
    # Biases, whatever they are called; those of attention have an axis for its heads.
    vectors = [f"/{name}[" for name, w in weights.items() if len(w.shape) < 2 or name.endswith("bias")]
    held = [w for w in own if not any(vector in w.key for vector in vectors)]
    if not held:  # numbers and vectors by channel at the end of a draw are floats
        made = any("~" in w.key for w in run.plan.weights)
        assert made or all(w.size in (1, w.shape[-1]) for w in weights.values())
        return
    assert {w.codec for w in held} == {codec}, [(w.key, w.codec) for w in held]
    scales = {w.quant for w in held} - {None}
    if codec == "float16":
        assert not scales
    elif per_channel:
        assert "channel" in scales or all(w.per_tensor for w in weights.values() if isinstance(w, Quantized))
    else:
        assert scales == {"tensor"}


def test_every_codec_is_tried_on_every_push() -> None:
    """The shares hold for each codec cases of each layer that has weights, and each kind of device."""
    pushed = [(CODED[c], case) for c in CODED for case in CODED_CASES if chosen(c, case, CODED_SHARE)]
    kinds = {(codec, type(case.layer).__name__) for (_, codec, _), case in pushed}
    layers = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Dense", "Embedding")
    assert {(codec, layer) for codec in ("float16", "uint16", "uint8", "uint4") for layer in layers} <= kinds
    assert {c for c in CODED if any(chosen(c, case, CODED_SHARE) for case in CODED_CASES)} == set(CODED)


def needs(case: Case, limits: Limits, of: Callable[[Iterable[float]], float] = max) -> float:
    """The largest tensor of a case (or all of them: sum), as a share of what the device can read at once."""
    room = (limits.texture_units - 1) * limits.max_texture_size**2
    specs = layer_graph(case.layer, case.shapes, case.weights).specs()
    return of(ceil_div((1, *s.shape)[-1], 4) * _pixels(s.shape) for s in specs.values()) / room


def _pixels(shape: tuple) -> int:
    count = 1
    for size in shape[:-1]:
        count *= size
    return count


@pytest.mark.parametrize(("config", "height"), [("split", 29), ("split-es100", 20)])
def test_splitting_changes_nothing(config: str, height: int) -> None:
    """The same convolution in one part and in many gives the same values but for the order of its sums."""
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((1, height, 27, 5)), rng.standard_normal((3, 3, 5, 20))
    layer, weights = Conv2D(20, (3, 3), padding="same", use_bias=False), {"kernel": kernel.astype(np.float32)}
    whole = run_layer(device_for("es300-1-4096"), layer, [x], weights)
    split = run_layer(device_for(config), layer, [x], weights)
    tensors = *split.plan.inputs, *split.plan.outputs
    if config == "split":
        assert min(t.layout.parts for t in tensors) > 1 == max(len(t.slots) for t in tensors)
        assert split.plan.draws[-1].layers[0] > 0  # the last draw is of a further part
    else:
        assert min(len(t.slots) for t in tensors) > 1
    assert_close(split.outputs[0], whole.outputs[0].astype(float), 3e-7)


CHAINS = {  # what is read are parts of several layers each, and loops over channels step from part to part
    "taps": (Conv2D(7, (3, 3), padding="same"), (1, 15, 29, 40)),
    "strides": (Conv2D(7, (3, 3), 2, padding="same"), (2, 15, 29, 24)),
    "single taps": (Conv2D(5, 1), (1, 13, 22, 150)),
    "depthwise": (DepthwiseConv2D((3, 3), padding="same"), (1, 15, 29, 40)),
    "plain": (Permute((3, 1, 2)), (1, 15, 29, 40)),
    "dense": (Dense(9), (2, 3000)),
}


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("buffers", [8, 4, 1])
@pytest.mark.parametrize("name", CHAINS)
def test_blocked_tensors_in_parts_are_read_as_they_were_written(name: str, buffers: int, coded: bool) -> None:
    """A layer between two copies, so that it reads what was drawn, in blocks: a single layer reads no such tensor."""
    layer, shape = CHAINS[name]
    rng = np.random.default_rng(0)
    weights = {s.name: rng.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(shape)}
    weights = coded_weights(layer, [shape], weights, "uint8", True) if coded else weights
    codec = ActivationCodec("uint8", -4.0, 4.0) if coded else ActivationCodec("float32")
    graph = between_copies(layer, [shape], weights, lambda name: codec if name == "a0" else ActivationCodec("float32"))
    x = decoded_activation(rng.standard_normal(shape), codec).astype(np.float32)
    with glnn.Device(max_texture_size=16, draw_buffers=buffers, array_layers=256) as device:
        plan = make_plan(graph, {"x0": shape}, device.limits)
        assert max(draw.layers[0] for draw in plan.draws) > 0
        if buffers > 1 and len(shape) == 4:
            first = [draw for draw in plan.draws if draw.label == "in a0"]
            assert first[0].layers[1] > 1 < len(first)
        with glnn.Model(graph, device) as model:
            got = model.predict({"x0": x}, verbose=0)["y0"]
    wide = {key: np.asarray(w, np.float64) for key, w in weights.items()}
    assert_close(np.asarray(got), layer.reference([x.astype(np.float64)], wide), 2e-6, name)


def test_half_differs_from_float() -> None:
    """The float16 run really stores half precision: it misses float32's tolerance."""
    case = next(c for c in CASES if c.name.startswith("Conv2D") and c.kind == "normal")
    run = run_layer(device_for("half"), case.layer, case.inputs, case.weights)
    exact = case.layer.reference([decoded(x, "float16") for x in case.inputs], case.weights)
    with pytest.raises(AssertionError):
        assert_close(run.outputs[0], exact, 1e-5)
