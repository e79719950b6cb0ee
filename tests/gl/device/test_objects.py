"""Textures, targets, programs and draws on real OpenGL, and what goes wrong with them."""

from __future__ import annotations

import numpy as np
import pytest
from support.shaders import ADD, DTYPES, FILL, HEAD, VERTEX, numbers, random

from glnn.errors import ClosedError, DeviceError, InputError, KernelError, LimitError
from glnn.layout.codec import FORMATS


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


@pytest.mark.parametrize(("width", "height", "layers"), [(10**6, 1, 0), (1, 1, 10**6)])
def test_a_texture_too_large_is_refused(device, width, height, layers):
    with pytest.raises(LimitError, match="texels"):
        device.texture(width, height, layers, "float32")


@pytest.mark.parametrize(("width", "height", "layers"), [(0, 1, 0), (1, 0, 1), (1, 1, -1)])
def test_a_texture_of_no_texels_is_refused(device, width, height, layers):
    with pytest.raises(InputError, match=r"Device\.texture: \w+=\S+: expected a whole number"):
        device.texture(width, height, layers, "float32")


def test_a_draw_reads_every_texture_and_uniform_and_writes_every_layer(device):
    a, b = random("float32", (1, 6, 7, 4)), random("float32", (2, 6, 7, 4))
    textures = [device.texture(7, 6, 0, "float32", a), device.texture(7, 6, 2, "float32", b)]
    into = device.texture(7, 6, 2, "float32")
    into.poison()
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
    texture.poison()
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
    with device.use():
        foreign = [device._ctx.texture((5, 2), 4, dtype="f2"), device._ctx.texture_array((4, 4, 3), 2, dtype="f4")]
    device._state.saw(*(texture.glo for texture in foreign))
    assert device.texture_bytes() == ours.nbytes + 5 * 2 * 8 + 4 * 4 * 3 * 8
    with device.use():
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
    with device.use():
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
    with device.use():
        device._gl.Disable(0xFFFF)
    assert device.error() == "GL_INVALID_ENUM" and device.error() == "GL_NO_ERROR"
