"""The device on real OpenGL: its probes, several of them, threads, the end, and limits that are forced."""

from __future__ import annotations

import threading

import pytest
from support.shaders import FILL, VERTEX, numbers

from glnn.device import Device, default_device, probe
from glnn.device.context import attempts
from glnn.errors import ClosedError, DeviceError, LimitError, NoDeviceError


def test_the_probe_draws_everything_it_names(device):
    results = {result.name: result for result in device.probe}
    assert list(results) == probe.names(device)
    assert (
        results[device.limits.dialect].works and results[f"{device.limits.dialect} {device.limits.float_target}"].works
    )
    assert device.renderer and device.vendor and device.version and device.glsl_version


def test_a_renderer_that_the_tests_know_is_asked_without_a_program(device, monkeypatch):
    """Its targets are cleared; where they keep something else, or the renderer is another, the probe draws."""
    if not any(tried in device.renderer.lower() for tried in probe.TRIED):
        pytest.skip("others are drawn to")
    drawn = []
    monkeypatch.setattr(probe, "_cache", {})
    monkeypatch.setattr(probe, "_layers", lambda *asked: drawn.append(asked[1:]) or "drawn")
    with Device(dialect="es300") as made:
        whole = made.limits
    assert not drawn and not any(probe._cache.values())
    monkeypatch.setattr(probe, "_same", lambda got, want, format: (_ for _ in ()).throw(AssertionError("rounded")))
    with Device(dialect="es300") as made:
        assert made.limits == whole and drawn == [("es300", "float32", 8)]
    monkeypatch.setattr(probe, "_cache", {})
    monkeypatch.setattr(probe, "TRIED", ("another",))
    monkeypatch.setattr(probe, "_cleared", lambda *asked: pytest.fail("cleared"))
    with Device(dialect="es300") as made:
        assert made.limits == whole and len(drawn) == 2


def test_the_probe_sees_what_does_not_work(device, monkeypatch):
    """The probe has to fail on a wrong driver: one that drops a layer, one that rounds, one that compiles nothing."""
    fresh = {}
    monkeypatch.setattr(probe, "_cache", fresh)
    layers = probe._layers_text("es300", 4).replace("o3 =", "o2 =")
    monkeypatch.setattr(probe, "_layers_text", lambda dialect, count, format: layers)
    assert not probe.ask(device, "es300 4 draw buffers").works
    rounded = probe._copy_text("es300").replace("* F[0].z", "* F[0].z * 0.999")
    monkeypatch.setattr(probe, "_copy_text", lambda dialect: rounded)
    fresh.clear()
    result = probe.ask(device, "es300 float32")
    assert not result.works and "differ" in result.detail
    monkeypatch.setattr(probe, "_copy_text", lambda dialect: "nonsense")
    fresh.clear()
    assert "does not compile" in probe.ask(device, "es300 float32").detail


# ---- several devices, threads, the end


def test_two_devices_take_turns(device):
    with Device() as other:
        drawn = []
        for made, value in [(device, 1), (other, 2)]:
            into = made.texture(2, 2, 0, "float32")
            drawn.append((made, value, into, made.target(into), made.program(VERTEX, FILL)))
        for turn in range(5):
            for made, value, _, target, program in drawn:
                made.draw(program, target, (0, 0, 2, 2), [], None, numbers(value, turn, 0, 0))
        for _, value, into, _, _ in drawn:
            assert (into.read() == [value, 4, 0, 0]).all()
        with pytest.raises(DeviceError, match="another device"):
            device.target(drawn[1][2])
        assert other.error() == device.error() == "GL_NO_ERROR"
    into = drawn[0][2]
    device.draw(drawn[0][4], drawn[0][3], (0, 0, 2, 2), [], None, numbers(7, 7, 7, 7))
    assert (into.read() == 7).all()


def test_the_context_of_other_code_does_no_harm(device):
    moderngl = pytest.importorskip("moderngl")
    into = device.texture(2, 2, 0, "float32")
    target, program = device.target(into), device.program(VERTEX, FILL)
    settings = next(s for label, s in attempts(None) if "alone" in label)
    foreign = moderngl.create_context(standalone=True, **settings)
    device.draw(program, target, (0, 0, 2, 2), [], None, numbers(3, 3, 3, 3))
    foreign.__enter__()
    foreign.release()
    assert (into.read() == 3).all()


def in_thread(function):
    caught = []

    def run():
        try:
            function()
        except Exception as error:
            caught.append(error)

    thread = threading.Thread(target=run, name="a second thread")
    thread.start()
    thread.join()
    return caught[0] if caught else None


def test_any_thread_may_use_a_device(device):
    into = device.texture(2, 2, 0, "float32")
    target, program = device.target(into), device.program(VERTEX, FILL)
    calls = [
        lambda: device.texture(1, 1, 0, "float32").release(),
        lambda: device.drop(device.program(VERTEX, FILL)),
        lambda: device.target(into),
        into.poison,
        lambda: device.draw(program, target, (0, 0, 2, 2), [], None, numbers(5, 6, 7, 8)),
        lambda: device.probe,
        device.finish,
        device.counts,
        device.texture_bytes,
    ]
    for call in calls:
        assert in_thread(call) is None
    assert (into.read() == [5, 6, 7, 8]).all() and device.error() == "GL_NO_ERROR"
    assert in_thread(into.release) is None and into.mgl is None


def test_a_device_of_its_own_works_in_another_thread():
    def work():
        with Device() as own:
            into = own.texture(2, 2, 0, "float32")
            own.draw(own.program(VERTEX, FILL), own.target(into), (0, 0, 2, 2), [], None, numbers(1, 1, 1, 1))
            assert (into.read() == 1).all()

    assert in_thread(work) is None


def test_a_device_is_closed_from_another_thread():
    device = Device()
    assert in_thread(device.close) is None and device.closed


def test_a_closed_device_is_named():
    device = Device()
    texture = device.texture(2, 2, 0, "float32")
    target, program = device.target(texture), device.program(VERTEX, FILL)
    device.close()
    device.close()
    assert device.closed and "closed" in repr(device)
    for call in (
        device.finish,
        device.counts,
        device.texture_bytes,
        device.error,
        device.use,
        lambda: device.texture(1, 1, 0, "float32"),
    ):
        with pytest.raises(ClosedError, match="closed"):
            call()
    with pytest.raises(ClosedError):
        device.draw(program, target, (0, 0, 2, 2), [])
    texture.release()  # what a model frees after its device is no error
    with pytest.raises(ClosedError), device:
        pass


def test_the_default_device_is_one_per_process_and_made_anew_after_close():
    first = default_device()
    assert default_device() is first
    first.close()
    assert default_device() is not first
    default_device().close()


def test_devices_are_made_and_closed_again_and_again():
    for _ in range(10):
        with Device() as device:
            device.texture(4, 4, 0, "float32")
            assert device.counts()["textures"] == 1


# ---- forced limits


def test_limits_are_forced_lower(device, monkeypatch):
    whole = device.probe
    monkeypatch.setattr(probe, "_cache", {})
    wishes = {
        "max_texture_size": 64,
        "draw_buffers": 4,
        "texture_units": 8,
        "float_targets": ["float16"],
        "dialect": "es300",
    }
    with Device(**wishes) as low:
        limits = low.limits
        assert (limits.max_texture_size, limits.draw_buffers, limits.texture_units) == (64, 4, 8)
        assert (limits.float_target, limits.dialect) == ("float16", "es300")
        assert low.forced == {**wishes, "float_targets": ("float16",)}
        with pytest.raises(LimitError, match="1 to 64"):
            low.texture(65, 1, 0, "float32")
        assert low.probe == whole  # what the device can do is not what it was told to do
        assert low.limits == limits


def test_limits_are_forced_by_the_environment(monkeypatch):
    monkeypatch.setenv("GLNN_DIALECT", "es100")
    monkeypatch.setenv("GLNN_MAX_TEXTURE_SIZE", "128")
    with Device(max_texture_size=96) as device:
        assert (device.limits.dialect, device.limits.draw_buffers, device.limits.max_texture_size) == ("es100", 1, 96)


def test_limits_above_the_device_are_refused(device):
    most = device.queried.max_texture_size
    with pytest.raises(DeviceError, match=str(most)):
        Device(max_texture_size=most + 1)
    with pytest.raises(NoDeviceError, match="device 77"):
        Device(index=77)


def test_a_variable_beyond_what_the_device_has_is_named(monkeypatch):
    monkeypatch.setenv("GLNN_DRAW_BUFFERS", "99")
    with pytest.raises(DeviceError, match="GLNN_DRAW_BUFFERS=99: .* can only be lowered"):
        Device()
    with pytest.raises(DeviceError, match="^texture_units=999: "):
        Device(texture_units=999, draw_buffers=1)


def test_doctor_reports_this_device(device, capsys):
    from glnn.cli import doctor

    assert doctor.report() == 0
    told = capsys.readouterr().out
    assert device.renderer in told and "verdict:" in told and "draw buffers" in told
    assert doctor.verdict("llvmpipe (LLVM 15)", "float32") == "a software rasteriser: correct, slow"
    assert doctor.verdict("NVIDIA H200", "float16").startswith("ready; kernels write half")
