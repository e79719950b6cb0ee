"""The device without OpenGL: every case of the table on devices of many kinds, in float32 and float64."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.keras import CASES, Case
from support import small_net
from support.shares import kept

import glnn
from glnn.cli import main
from glnn.device import Device
from glnn.device.numpy_device import NumpyDevice
from glnn.device.profiles import PROFILES
from glnn.errors import ClosedError, DeviceError, InputError, KernelError, LimitError
from glnn.graph import ActivationCodec
from glnn.graph.graph import as_tuple
from glnn.layers.conv import Conv2D
from glnn.layers.core import Permute
from glnn.layers.normalization import BatchNormalization
from glnn.layout.codec import CODECS
from glnn.plan import make_plan
from glnn.testing import (
    assert_close,
    between_copies,
    check_layer,
    coded_weights,
    decoded_activation,
    grid,
    run_layer,
)

ROOT = Path(__file__).parents[3]
PHONE = {"draw_buffers": 1, "texture_units": 8}
KINDS: dict[str, dict[str, Any]] = {
    "es300": {},
    "es300-64": {"max_texture_size": 64},
    "split": {"max_texture_size": 16},
    "gl330-4": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "split-es100": {"max_texture_size": 16, "dialect": "es100"},
    "half": {"float_targets": "float16"},
    "half-es100": {"float_targets": "float16", "dialect": "es100"} | PHONE,
    "bytes": {"float_targets": "rgba8"} | PHONE,
    "bytes-es100": {"float_targets": "rgba8", "dialect": "es100"} | PHONE,
}
CODECS_OF_WEIGHTS = ("float16", "uint16", "uint8", "uint4")
CODED = [case for case in CASES if any(w.ndim >= 2 for w in case.weights.values())]
SHARE, WIDE_SHARE, CODED_SHARE = 24, 9, 91  # one case in so many on a push; --whole runs all


def params(names: list[str], cases: list[Case], share: int) -> list[Any]:
    def marks(name: str, case: Case) -> list[Any]:
        return [] if zlib.crc32(f"{name}:{case.name}".encode()) % share == 0 else [pytest.mark.whole]

    # Values beyond half precision by design are judged in float32.
    pairs = [(n, case) for n in names for case in cases if case.kind == "normal" or not n.startswith("half")]
    return kept([pytest.param(n, case, id=f"{n}-{case.name}", marks=marks(n, case)) for n, case in pairs])


_devices: dict[str, Device] = {}


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    for device in _devices.values():
        device.close()
    _devices.clear()


def device_of(kind: str, **more: Any) -> Device:
    key = f"{kind}{more}"
    if key not in _devices:
        _devices[key] = Device("numpy", **{**KINDS[kind], **more})
    return _devices[key]


def check(device: Device, case: Case, weights: Mapping[str, Any]) -> None:
    """The case is right on the device, or refused where each of many parts would take a texture unit."""
    try:
        check_layer(device, case.layer, case.inputs, weights)
    except LimitError as error:
        assert device.limits.dialect == "es100" and device.limits.max_texture_size == 16 and "texture" in str(error)
        assert sum(x.size for x in (*case.inputs, *case.weights.values())) > 3000, f"{case.name} has room"


# ---- the table


@pytest.mark.parametrize(("kind", "case"), params(list(KINDS), CASES, SHARE))
def test_layer(kind: str, case: Case) -> None:
    """Within float32's usual tolerance, poisoned before, dead lanes zero."""
    check(device_of(kind), case, case.weights)


@pytest.mark.parametrize(("kind", "case"), params(["es300", "split"], CASES, WIDE_SHARE))
def test_layer_in_float64(kind: str, case: Case) -> None:
    """A kernel's own text in float64 gives the reference to 1e-12: it has no error of its own."""
    run = run_layer(device_of(kind, precision="float64"), case.layer, case.inputs, case.weights)
    wide = {name: np.asarray(w, np.float64) for name, w in case.weights.items()}
    with np.errstate(all="ignore"):
        expected = as_tuple(case.layer.reference([x.astype(np.float64) for x in case.inputs], wide))
    for got, want in zip(run.outputs, expected, strict=True):
        assert got.dtype == np.float64
        assert_close(got, want, 1e-12, case.name)
    for dead in run.dead:
        np.testing.assert_array_equal(dead, 0)


@pytest.mark.parametrize("codec", CODECS_OF_WEIGHTS)
@pytest.mark.parametrize(
    ("kind", "case"), params(["es300", "split", "es100", "bytes", "bytes-es100"], CODED, CODED_SHARE)
)
def test_coded_weights(kind: str, case: Case, codec: str) -> None:
    for per_channel in (True, False):
        weights = coded_weights(case.layer, case.shapes, case.weights, codec, per_channel)
        check(device_of(kind), case, weights)


@pytest.mark.parametrize("precision", ["highp", "float64"])
@pytest.mark.parametrize("codec", ["float16", "rgba8", "uint8"])
@pytest.mark.parametrize("kind", ["es300", "split", "es100", "bytes-es100"])
def test_coded_activations(kind: str, codec: str, precision: str) -> None:
    layer, shape = Conv2D(6, (3, 3), padding="same"), (1, 7, 9, 5)
    rng = np.random.default_rng(0)
    weights = {s.name: (rng.standard_normal(s.shape) / 4).astype(np.float32) for s in layer.weight_specs(shape)}
    x = rng.standard_normal(shape).astype(np.float32)
    wide = {name: w.astype(np.float64) for name, w in weights.items()}
    between = grid(codec, x)
    y = as_tuple(layer.reference([decoded_activation(x, between)], wide))[0]
    codecs = {"a0": between, "b0": grid(codec, y)}
    graph = between_copies(layer, [shape], weights, lambda name: codecs[name])
    with glnn.Model(graph, device_of(kind, precision=precision)) as model:
        got = np.asarray(model.predict({"x0": x}, verbose=0)["y0"])
    if codec == "uint8":
        steps = (got - decoded_activation(y, codecs["b0"])) / codecs["b0"].scale
        assert np.abs(steps).max() < 1.01 and (np.abs(steps) > 0.5).mean() < 0.02  # next to a border of two codes
    else:
        assert_close(got, y, CODECS[codec].tolerance)


CHAINS = {  # what is read are parts of several layers each, and loops over channels step from part to part
    "taps": (Conv2D(7, (3, 3), padding="same"), (1, 15, 29, 40)),
    "single taps": (Conv2D(5, 1), (1, 13, 22, 150)),
    "plain": (Permute((3, 1, 2)), (1, 15, 29, 40)),
}


@pytest.mark.parametrize("buffers", [8, 4, 1])
@pytest.mark.parametrize("name", CHAINS)
def test_blocked_tensors_in_parts_are_read_as_they_were_written(name: str, buffers: int) -> None:
    layer, shape = CHAINS[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    weights = {s.name: rng.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(shape)}
    graph = between_copies(layer, [shape], weights, lambda name: ActivationCodec("float32"))
    device = device_of("split", draw_buffers=buffers, precision="float64")
    with glnn.Model(graph, device) as model:
        got = model.predict({"x0": x}, verbose=0)["y0"]
        plan = model.session.plan({"x0": shape})
    assert max(draw.layers[0] for draw in plan.draws) > 0
    wide = {key: np.asarray(w, np.float64) for key, w in weights.items()}
    assert_close(np.asarray(got), as_tuple(layer.reference([x.astype(np.float64)], wide))[0], 1e-12, name)


@pytest.mark.parametrize("profile", PROFILES)
def test_models_run_under_every_profile(profile: str) -> None:
    with Device("numpy", profile=profile) as device, small_net.model(device) as model:
        assert device.limits == PROFILES[profile].limits
        assert small_net.off(model) < (4e-3 if "float16" in device.limits.float_target else 1e-5)


def test_whatever_takes_a_device_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Device("numpy") as device, small_net.model(device) as model:
        assert "GlobalAveragePooling2D" in str(model.range_report(small_net.X))
        small = model.quantize("uint8", activations="uint8", calibrate=small_net.X, verbose=0)
        assert small.device is device and 1e-5 < small_net.off(small) < 0.05
    np.save(tmp_path / "x.npy", np.load(ROOT / "examples" / "digits_heldout.npz")["images"][:3, ..., None])
    told: list[list[str]] = []
    for more in (["--device", "numpy"], ["--device", "numpy", "--precision", "float64", "--dialect", "es100"]):
        assert main(["predict", str(ROOT / "examples" / "digits.h5"), str(tmp_path / "x.npy"), *more]) == 0
        told.append(capsys.readouterr().out.splitlines())
    assert told[0][1].split()[0] == told[1][1].split()[0] and told[0] != told[1]
    monkeypatch.setenv("GLNN_DEVICE", "numpy")
    assert main(["doctor"]) == 0
    assert "NumPy" in capsys.readouterr().out
    assert main(["predict", str(ROOT / "examples" / "digits.h5"), str(tmp_path / "x.npy"), "--device", "cuda"]) != 0
    assert "the one name is 'numpy'" in capsys.readouterr().err


def test_half_arithmetic() -> None:
    """precision="mediump" rounds what every statement gives, and overflows where half floats do."""
    rng = np.random.default_rng(0)
    layer, x = Conv2D(5, (3, 3), padding="same"), rng.standard_normal((1, 7, 9, 5)).astype(np.float32)
    weights = {s.name: rng.standard_normal(s.shape).astype(np.float32) for s in layer.weight_specs(x.shape)}
    want = as_tuple(layer.reference([x.astype(np.float64)], weights))[0]
    for dialect in ("es300", "es100"):
        with Device("numpy", precision="mediump", dialect=dialect) as device:
            got = run_layer(device, layer, [x], weights).outputs[0]
            off = np.abs(got - want).max() / np.abs(want).max()
            assert 1e-4 < off < 5e-3
            assert np.array_equal(got, got.astype(np.float16).astype(np.float32))
            assert np.isinf(run_layer(device, layer, [x * 60000], weights).outputs[0]).any()


# ---- what a device promises


def test_poison_shows_what_is_read_and_was_never_written() -> None:
    layer, x = Conv2D(5, (3, 3), padding="same"), np.ones((1, 31, 29, 20), np.float32)
    graph = between_copies(
        layer, [x.shape], {s.name: np.ones(s.shape, np.float32) for s in layer.weight_specs(x.shape)},
        lambda name: ActivationCodec("float32"),
    )  # fmt: skip
    with Device("numpy", max_texture_size=16) as device, glnn.Model(graph, device) as model:
        executor = model.session.executor({"x0": x.shape})
        assert len(executor.plan.draws) > 3
        assert np.isfinite(executor.run({"x0": x}, poison=True)["y0"]).all()
        del executor._steps[1]  # a part that nobody draws
        assert np.isnan(executor.run({"x0": x}, poison=True)["y0"]).any()


def test_needs_no_opengl() -> None:
    code = (
        "import sys\nfor name in ('moderngl', 'glcontext'): sys.modules[name] = None\n"
        "import glnn\nfrom support import small_net\n"
        "with glnn.Device('numpy') as device, small_net.model(device) as model: print(small_net.off(model) < 1e-5)\n"
    )
    paths = os.pathsep.join([*sys.path, str(Path(__file__).parents[2])])
    env = {**os.environ, "PYTHONPATH": paths, "DISPLAY": ":nowhere"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)
    assert done.stdout.strip() == "True", done.stderr


def test_float64_keeps_what_float32_loses() -> None:
    layer, x = BatchNormalization(), np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    weights = {s.name: np.full(s.shape, 0.3, np.float32) for s in layer.weight_specs(x.shape)}
    want = as_tuple(layer.reference([x.astype(np.float64)], weights))[0]
    with Device("numpy") as narrow, Device("numpy", precision="float64") as wide:
        assert np.abs(run_layer(narrow, layer, [x], weights).outputs[0] - want).max() > 1e-9
        assert np.abs(run_layer(wide, layer, [x], weights).outputs[0] - want).max() < 1e-14


def test_is_chosen_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with Device("numpy", draw_buffers=4) as device:
        assert isinstance(device, Device) and "NumPy" in repr(device) and device.limits.draw_buffers == 4
        assert device.error() == "GL_NO_ERROR" and all(result.works for result in device.probe)
    assert repr(device) == "<glnn.Device, closed>"
    for name in ("cuda", "Vulkan", "0"):
        with pytest.raises(InputError, match=r"the one name is 'numpy'"):
            Device(name)
    with pytest.raises(InputError, match=r"precision='half': allowed are highp, mediump, float64"):
        Device("numpy", precision="half")
    with pytest.raises(DeviceError, match=r"draw_buffers=9: NumPy"):
        Device("numpy", draw_buffers=9)
    monkeypatch.setenv("GLNN_DEVICE", "numpy")
    monkeypatch.setenv("GLNN_PRECISION", "float64")
    with Device() as device:
        assert device.real == np.float64
    monkeypatch.setenv("GLNN_DEVICE", "cuda")
    with pytest.raises(InputError, match="GLNN_DEVICE='cuda'"):
        Device()


def test_a_pickled_device_is_a_new_one_of_the_same_wishes() -> None:
    with Device("numpy", profile="webgl1-phone", max_texture_size=64, precision="float64") as device:
        with pickle.loads(pickle.dumps(device)) as other:
            assert other.limits == device.limits and other.real == np.float64
            assert other.forced == device.forced


def test_objects_end_as_those_of_opengl() -> None:
    device = Device("numpy")
    texture = device.texture(4, 3, 2, "rgba8", bytes(range(96)))
    assert texture.read().ravel().tolist() == list(range(96))
    with pytest.raises(InputError, match="expected"):
        texture.write(np.zeros(7, np.uint8))
    with pytest.raises(LimitError, match="draw buffers"):
        device.target(device.texture(2, 2, 9, "float32"))
    with pytest.raises(LimitError, match="8192"):
        device.texture(8193, 1, 0, "float32")
    with pytest.raises(DeviceError, match="cannot render"):
        device.target(device.texture(2, 2, 0, "r32ui"))
    with Device("numpy") as other, pytest.raises(DeviceError, match="another device"):
        other.target(texture)
    program = device.program("", "#version 100\nvoid main() { gl_FragColor = vec4(0.5); }\n")
    target = device.target(texture, 1, 1)
    device.draw(program, target, (1, 0, 2, 3), [])
    assert (texture.read()[1, :, 1:3] == 128).all() and (texture.read()[1, :, 0] != 128).all()
    assert device.counts() == {"textures": 3, "framebuffers": 1, "programs": 1}
    texture.release()
    with pytest.raises(ClosedError):
        device.draw(program, target, (0, 0, 1, 1), [])
    device.drop(program)
    assert device.counts()["programs"] == 0
    device.close()
    with pytest.raises(ClosedError):
        device.texture(1, 1, 0, "float32")


def test_threads_take_turns() -> None:
    with Device("numpy") as device, small_net.model(device) as model:
        off: list[float] = []
        threads = [threading.Thread(target=lambda: off.append(small_net.off(model))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(off) == 4 and max(off) < 1e-5


def test_the_python_of_a_program_lies_in_a_folder_and_may_be_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layer, x = Conv2D(3, 1), np.ones((1, 2, 3, 4), np.float32)
    weights = {s.name: np.ones(s.shape, np.float32) for s in layer.weight_specs(x.shape)}
    with Device("numpy", sources=tmp_path) as device:
        assert (run_layer(device, layer, [x], weights).outputs[0] == 5).all()
    (file,) = tmp_path.glob("conv-*.py")
    printed = file.read_text()
    assert "shaders/kernels/conv.glsl:" in printed
    file.write_text(printed.replace("    y_0 = ", "    print('start', start)\n    y_0 = 2 * ", 1))
    with Device("numpy", sources=tmp_path) as device:
        assert (run_layer(device, layer, [x], weights).outputs[0][0, 0, 0] == 6).all()
    assert capsys.readouterr().out.startswith("start [[1.")
    assert [*tmp_path.iterdir()] == [file]
    if not os.environ.get("GLNN_DEVICE"):
        with pytest.raises(InputError, match=r"give it to Device\('numpy'\)"):
            Device(sources=tmp_path)


def test_the_python_of_a_program_is_told() -> None:
    with Device("numpy") as device:
        program = device.program("", "#version 100\nvoid main() { gl_FragColor = vec4(0.5); }\n")
        assert isinstance(device, NumpyDevice)
        assert "gl_FragColor = gl.pick(live, gl.spread(real, 4, real(0.5)), gl_FragColor)" in device.source(program)


def test_a_kernel_that_no_driver_takes_is_refused_with_the_layers_name() -> None:
    with Device("numpy") as device, pytest.raises(KernelError, match="'nowhere' is declared nowhere"):
        device.program("", "#version 100\nvoid main() { gl_FragColor = nowhere; }\n")


def test_plans_are_those_of_any_device_of_these_limits() -> None:
    with Device("numpy", profile="webgl2-tablet") as device:
        graph = small_net.graph()
        shapes = {spec.name: tuple(d or 1 for d in spec.shape) for spec in graph.inputs}
        assert (
            make_plan(graph, shapes, device.limits).to_json()
            == make_plan(graph, shapes, PROFILES["webgl2-tablet"].limits).to_json()
        )
