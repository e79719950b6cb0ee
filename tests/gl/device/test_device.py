"""The device on real OpenGL: textures, targets, programs, draws, and what goes wrong with them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from glnn.device import Device, default_device, probe
from glnn.device import device as devices
from glnn.errors import ClosedError, DeviceError, InputError, KernelError, LimitError, NoDeviceError, ThreadError
from glnn.layout.codec import FORMATS

VERTEX = "#version 300 es\nin vec2 p;\nvoid main() { gl_Position = vec4(p, 0.0, 1.0); }\n"
HEAD = "#version 300 es\nprecision highp float;\nprecision highp int;\nprecision highp sampler2DArray;\n"
ADD = (  # a + 2 b + P[1] + F[0], two layers
    HEAD
    + """uniform highp sampler2D a;
uniform sampler2DArray b;
uniform ivec4 P[4];
uniform vec4 F[1];
layout(location = 0) out vec4 y0;
layout(location = 1) out vec4 y1;
void main() {
  ivec2 t = ivec2(gl_FragCoord.xy);
  vec4 s = texelFetch(a, t, 0) + vec4(P[1]) + F[0];
  y0 = s + 2.0 * texelFetch(b, ivec3(t, 0), 0);
  y1 = s + 2.0 * texelFetch(b, ivec3(t, 1), 0);
}
"""
)
FILL = HEAD + "uniform vec4 F[1];\nout vec4 y;\nvoid main() { y = F[0]; }\n"
DTYPES = {"float32": "f4", "float16": "f2", "rgba8": "u1"}


@pytest.fixture(scope="module")
def shared():
    try:
        made = Device()
    except NoDeviceError as error:
        pytest.skip(str(error))
    with made:
        yield made


@pytest.fixture
def device(shared):
    """The module's device; each test leaves it as it found it."""
    shared.release_programs()
    assert shared.error() == "GL_NO_ERROR"
    before = shared.counts()
    yield shared
    for texture in list(shared._textures):
        texture.release()
    shared.release_programs()
    assert shared.error() == "GL_NO_ERROR"
    assert shared.counts() == before


def random(format: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (
        rng.integers(0, 256, shape).astype("u1")
        if format == "rgba8"
        else rng.standard_normal(shape).astype(DTYPES[format])
    )


def numbers(*values: float, dtype: str = "f4") -> bytes:
    return np.array(values, dtype).tobytes()


@pytest.mark.parametrize("format", DTYPES)
@pytest.mark.parametrize("layers", [0, 1, 2, 11])
def test_a_texture_reads_back_what_was_written(device, format, layers):
    data = random(format, (layers or 1, 3, 5, 4))
    texture = device.texture(5, 3, layers, format, data)
    got = texture.read()
    assert got.shape == texture.shape == data.shape and got.dtype == data.dtype
    np.testing.assert_array_equal(got, data)
    texture.write(data[:, ::-1])  # not contiguous
    np.testing.assert_array_equal(texture.read(), data[:, ::-1])
    texture.write(data.tobytes())
    np.testing.assert_array_equal(texture.read(), data)


def test_texture_data_is_converted_and_its_size_checked(device):
    texture = device.texture(2, 2, 0, "float32", np.arange(16, dtype="f8"))
    np.testing.assert_array_equal(texture.read().ravel(), np.arange(16, dtype="f4"))
    with pytest.raises(InputError, match=r"\(1, 2, 2, 4\)"):
        texture.write(np.zeros(15))
    with pytest.raises(InputError, match="63 bytes: expected 64"):
        texture.write(bytes(63))
    with pytest.raises(InputError, match="float64.*float32, float16, rgba8"):
        device.texture(2, 2, 0, "float64")


@pytest.mark.parametrize(
    ("width", "height", "layers"), [(0, 1, 0), (1, 0, 1), (1, 1, -1), (10**6, 1, 0), (1, 1, 10**6)]
)
def test_a_texture_too_large_is_refused(device, width, height, layers):
    with pytest.raises(LimitError, match="texels"):
        device.texture(width, height, layers, "float32")


def test_a_draw_reads_every_texture_and_uniform_and_writes_every_layer(device):
    a, b = random("float32", (1, 6, 7, 4)), random("float32", (2, 6, 7, 4))
    textures = [device.texture(7, 6, 0, "float32", a), device.texture(7, 6, 2, "float32", b)]
    into = device.texture(7, 6, 2, "float32")
    device.poison(into)
    program, target = device.program(VERTEX, ADD), device.target(into)
    assert program.samplers == ("a", "b") and target.buffers == 2
    for ints, floats in [((0, 0, 0, 0, 5, 6, 7, -8), (0.5, 0, 0, 0)), ((9, 9, 9, 9, 1, 2, 3, 4), (0.5, 0, 0, 1))]:
        device.draw(program, target, (0, 0, 7, 6), textures, numbers(*ints, dtype="i4"), numbers(*floats))
        expected = a + 2 * b + np.array(ints[4:], "f4") + np.array(floats, "f4")
        np.testing.assert_allclose(into.read(), expected, rtol=1e-6, atol=1e-6)
    # more values than the text reads are no error: the driver shortens the array to what is used
    device.draw(program, target, (0, 0, 7, 6), textures, numbers(*range(16), dtype="i4"), numbers(0, 0, 0, 0))
    assert device.error() == "GL_NO_ERROR"


def test_samplers_choose_the_units(device):
    a, b = random("float32", (1, 2, 2, 4)), random("float32", (2, 2, 2, 4))
    textures = [device.texture(2, 2, 2, "float32", b), device.texture(2, 2, 0, "float32", a)]
    into = device.texture(2, 2, 2, "float32")
    program = device.program(VERTEX, ADD, samplers=["b", "a"])
    device.draw(program, device.target(into), (0, 0, 2, 2), textures, bytes(32), bytes(16))
    np.testing.assert_allclose(into.read(), a + 2 * b, rtol=1e-6)
    device.program(VERTEX, ADD, samplers=["b", "a", "not_read"])
    with pytest.raises(KernelError, match="'b'"):
        device.program(VERTEX, ADD, samplers=["a"])


def test_the_viewport_bounds_what_is_written(device):
    into = device.texture(6, 5, 0, "float32", np.zeros((1, 5, 6, 4)))
    device.draw(device.program(VERTEX, FILL), device.target(into), (1, 2, 3, 2), [], None, numbers(1, 2, 3, 4))
    expected = np.zeros((1, 5, 6, 4))
    expected[:, 2:4, 1:4] = [1, 2, 3, 4]
    np.testing.assert_array_equal(into.read(), expected)


@pytest.mark.parametrize("layers", [0, 1])
def test_sampling_takes_the_nearest_texel_and_clamps_at_the_edge(device, layers):
    kind, place = ("sampler2DArray", "vec3(x, 0.5, 0.0)") if layers else ("sampler2D", "vec2(x, 0.5)")
    body = f"float x = (gl_FragCoord.x - 3.0) / 4.0; y = texture(a, {place});"
    text = f"uniform {kind} a;\nout vec4 y;\nvoid main() {{ {body} }}\n"
    source = device.texture(2, 1, layers, "float32", numbers(1, 1, 1, 1, 2, 2, 2, 2))
    into = device.texture(8, 1, 0, "float32")
    program = device.program(VERTEX, HEAD + "precision highp sampler2D;\n" + text)
    device.draw(program, device.target(into), (0, 0, 8, 1), [source])
    assert into.read()[0, 0, :, 0].tolist() == [1, 1, 1, 1, 1, 2, 2, 2]  # x from -0.625 to 1.125 by a quarter


def test_draws_follow_each_other_without_stale_bindings(device):
    """Names of deleted textures are handed out again; a write between draws binds in moderngl's own way."""
    device._ctx.default_texture_unit = 0  # where moderngl binds; the last unit otherwise, which small devices need too
    program = device.program(VERTEX, ADD)
    for value in range(1, 20):
        a = device.texture(2, 2, 0, "float32", np.full((2, 2, 4), value))
        b = device.texture(2, 2, 2, "float32", np.zeros((2, 2, 2, 4)))
        into = device.texture(2, 2, 2, "float32")
        device.draw(program, device.target(into), (0, 0, 2, 2), [a, b], bytes(32), bytes(16))
        b.write(np.full((2, 2, 2, 4), value))
        spare = device.texture(2, 2, 0, "float32")
        device.draw(program, device.target(into), (0, 0, 1, 2), [a, b], bytes(32), bytes(16))
        spare.write(np.full((2, 2, 4), 99))  # binds another plain texture where `a` was
        device.draw(program, device.target(into), (0, 0, 1, 2), [a, b], bytes(32), bytes(16))
        got = into.read()
        assert (got[:, :, 0] == 3 * value).all() and (got[:, :, 1] == value).all()
        for texture in (a, b, into, spare):
            texture.release()


@pytest.mark.parametrize("format", DTYPES)
def test_poison_fills_every_texel(device, format):
    texture = device.texture(3, 2, 2, format)
    device.poison(texture)
    got = texture.read()
    assert (got == 255).all() if format == "rgba8" else np.isnan(got).all()


def test_two_hundred_textures_and_targets_leave_nothing_behind(device):
    program = device.program(VERTEX, FILL)
    before = device.counts()
    for i in range(200):
        texture = device.texture(4, 4, i % 3, "float32")
        if i % 3 < 2:
            device.draw(program, device.target(texture), (0, 0, 4, 4), [], None, numbers(i, 0, 0, 0))
            assert device.counts()["textures"] == before["textures"] + 1
        texture.release()
        texture.release()
    assert device.counts() == before and device.error() == "GL_NO_ERROR"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("layers", [0, 1, 5])
def test_texture_bytes_are_those_of_the_driver(device, format, layers):
    assert device.texture_bytes() == 0
    textures = [device.texture(7, 3, layers, format), device.texture(1, 5, layers, format)]
    assert device.texture_bytes() == sum(texture.nbytes for texture in textures) > 0
    textures[0].release()
    assert device.texture_bytes() == textures[1].nbytes
    textures[1].release()
    assert device.texture_bytes() == 0


def test_texture_bytes_see_what_the_own_books_do_not(device):
    """Textures of other code in the context, one of each kind, count as well."""
    ours = device.texture(3, 3, 2, "float32")
    foreign = [device._ctx.texture((5, 2), 4, dtype="f2"), device._ctx.texture_array((4, 4, 3), 2, dtype="f4")]
    device._highest = max(device._highest, *(texture.glo for texture in foreign))
    assert device.texture_bytes() == ours.nbytes + 5 * 2 * 8 + 4 * 4 * 3 * 8
    for texture in foreign:
        texture.release()
    assert device.texture_bytes() == ours.nbytes


def test_texture_bytes_leave_draws_and_errors_as_they_were(device):
    a, b = random("float32", (1, 2, 2, 4)), random("float32", (2, 2, 2, 4))
    textures = [device.texture(2, 2, 0, "float32", a), device.texture(2, 2, 2, "float32", b)]
    into, program = device.texture(2, 2, 2, "float32"), device.program(VERTEX, ADD)
    target = device.target(into)
    device.draw(program, target, (0, 0, 2, 2), textures, bytes(32), bytes(16))
    device.texture_bytes()  # binds textures, the target's among them, where the next draw reads
    device.draw(program, target, (0, 0, 2, 2), textures, bytes(32), numbers(1, 1, 1, 1))
    np.testing.assert_allclose(into.read(), a + 2 * b + 1, rtol=1e-6, atol=1e-6)
    device._gl.Disable(0xFFFF)
    device.texture_bytes()
    assert device.error() == "GL_INVALID_ENUM"


def test_programs_are_made_once_per_text(device):
    first = device.program(VERTEX, FILL)
    count = device.counts()["programs"]
    assert device.program(VERTEX, FILL) is first and device.counts()["programs"] == count
    assert device.program(VERTEX, FILL + "\n") is not first
    device.release_programs()
    assert device.counts()["programs"] == device.counts()["vertex arrays"] == 0


def test_compile_errors_point_at_the_own_file(device, tmp_path):
    own = tmp_path / "relu.glsl"
    own.write_text("// a kernel\n  y = vec5(1.0);\n")
    text = HEAD + "out vec4 y;\nvoid main() {\n  y = vec5(1.0);\n}\n"
    with pytest.raises(KernelError) as caught:
        device.program(VERTEX, text, locate=lambda line: (str(own), line - 5))
    told = str(caught.value)
    assert f"{own}:2:" in told and "vec5" in told and "\n    y = vec5(1.0);\n" in told and told.rstrip().endswith("^")
    # NVIDIA's compiler gives no line for a text that ends too early.
    with pytest.raises(KernelError, match="vertex shader, line 2" if "Mesa" in device.version else "error"):
        device.program("#version 300 es\noops\n", FILL)
    with pytest.raises(KernelError):
        device.program(VERTEX, HEAD + "vec4 f();\nout vec4 y;\nvoid main() { y = f(); }\n")
    with pytest.raises(KernelError, match="vec2 p"):
        device.program("#version 300 es\nvoid main() { gl_Position = vec4(0.0); }\n", FILL)


def test_a_target_has_a_layer_per_draw_buffer_at_most(device):
    texture = device.texture(2, 2, device.limits.draw_buffers + 1, "float32")
    with pytest.raises(LimitError, match="draw buffers"):
        device.target(texture)
    small = device.texture(2, 2, 1, "float32")
    assert device.target(small) is device.target(small)


def test_what_was_released_is_named_when_used(device):
    texture, into = device.texture(2, 2, 0, "float32"), device.texture(2, 2, 0, "float32")
    program, target, gone = device.program(VERTEX, FILL), device.target(into), device.target(texture)
    device.draw(program, gone, (0, 0, 2, 2), [])
    texture.release()
    for use in (texture.read, lambda: texture.write(bytes(64)), lambda: device.target(texture)):
        with pytest.raises(ClosedError, match="release"):
            use()
    with pytest.raises(ClosedError, match="release"):
        device.draw(program, gone, (0, 0, 2, 2), [])
    with pytest.raises(ClosedError, match="release"):
        device.draw(program, target, (0, 0, 2, 2), [texture])


def test_a_driver_out_of_memory_is_told(device, monkeypatch):
    errors = iter(["GL_NO_ERROR", "GL_OUT_OF_MEMORY"])
    monkeypatch.setattr(device._gl, "error", lambda: next(errors))
    with pytest.raises(DeviceError, match="GL_OUT_OF_MEMORY; use a smaller batch"):
        device.texture(4, 4, 0, "float32")


def test_error_names_the_gl_error(device):
    device._gl.Disable(0xFFFF)
    assert device.error() == "GL_INVALID_ENUM" and device.error() == "GL_NO_ERROR"


def test_the_probe_draws_everything_it_names(device):
    results = {result.name: result for result in device.probe}
    assert list(results) == probe.names(device)
    assert (
        results[device.limits.dialect].works and results[f"{device.limits.dialect} {device.limits.float_target}"].works
    )
    assert device.renderer and device.vendor and device.version and device.glsl_version


def test_the_probe_sees_what_does_not_work(device, monkeypatch):
    """The probe has to fail on a wrong driver: one that drops a layer, one that rounds, one that compiles nothing."""
    fresh = {}
    monkeypatch.setattr(probe, "_cache", fresh)
    layers = probe._layers_text("es300", 4).replace("o3 =", "o2 =")
    monkeypatch.setattr(probe, "_layers_text", lambda dialect, count: layers)
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
    settings = next(s for label, s in devices.g.attempts(None) if "alone" in label)
    foreign = moderngl.create_context(standalone=True, **settings)
    device.activate()  # draw alone does not look
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


def test_another_thread_is_refused_by_name(device):
    into = device.texture(2, 2, 0, "float32")
    target, program = device.target(into), device.program(VERTEX, FILL)
    calls = [
        lambda: device.texture(1, 1, 0, "float32"),
        lambda: device.program(VERTEX, FILL),
        lambda: device.target(into),
        lambda: device.draw(program, target, (0, 0, 2, 2), []),
        lambda: device.poison(into),
        lambda: device.probe,
        device.finish,
        device.counts,
        device.texture_bytes,
        device.error,
        device.close,
        into.read,
        into.release,
    ]
    for call in calls:
        error = in_thread(call)
        assert isinstance(error, ThreadError) and "MainThread" in str(error) and "a second thread" in str(error)
    assert not device.closed


def test_a_device_of_its_own_works_in_another_thread(device):
    def work():
        with default_device() as own:
            assert own is not device and own is default_device()
            into = own.texture(2, 2, 0, "float32")
            own.draw(own.program(VERTEX, FILL), own.target(into), (0, 0, 2, 2), [], None, numbers(1, 1, 1, 1))
            assert (into.read() == 1).all()

    assert in_thread(work) is None


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
        device.activate,
        lambda: device.texture(1, 1, 0, "float32"),
    ):
        with pytest.raises(ClosedError, match="closed"):
            call()
    with pytest.raises(ClosedError):
        device.draw(program, target, (0, 0, 2, 2), [])
    texture.release()  # what a model frees after its device is no error
    with pytest.raises(ClosedError), device:
        pass


def test_the_default_device_is_one_per_thread_and_made_anew_after_close():
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
