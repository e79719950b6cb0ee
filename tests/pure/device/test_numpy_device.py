"""The device without OpenGL: every case of the table on devices of many kinds, in float32 and float64."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support import small_net

import glnn
from glnn.cli import main
from glnn.device import Device
from glnn.device.numpy_device import NumpyDevice
from glnn.device.profiles import PROFILES
from glnn.errors import ClosedError, DeviceError, InputError, KernelError, LimitError
from glnn.graph import ActivationCodec
from glnn.graph.graph import as_tuple
from glnn.layers.conv import Conv2D
from glnn.layers.normalization import BatchNormalization
from glnn.plan import make_plan
from glnn.testing import (
    between_copies,
    run_layer,
)

ROOT = Path(__file__).parents[3]


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
