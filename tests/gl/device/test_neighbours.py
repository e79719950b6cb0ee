"""Other users of OpenGL in the same process and thread: neither they nor glnn change each other's results."""

from __future__ import annotations

import moderngl
import numpy as np
import pytest
from support.small_net import X, model, off, python

import glnn
from glnn.device import current
from glnn.errors import DeviceLostError

SETTINGS = {"backend": "egl", "libgl": "libEGL.so.1", "libegl": "libEGL.so.1"}
STATES = """
import moderngl
def blending(ctx): ctx.enable(moderngl.BLEND)
def scissor(ctx): ctx.scissor = (0, 0, 2, 2)
def depth(ctx): ctx.enable(moderngl.DEPTH_TEST)
def culling(ctx): ctx.front_face = "cw"; ctx.enable(moderngl.CULL_FACE)
def discard(ctx): ctx.enable(moderngl.RASTERIZER_DISCARD)
def framebuffer(ctx): ctx.simple_framebuffer((4, 4), 4).use()
def wireframe(ctx): ctx.wireframe = True
"""


@pytest.fixture
def neighbour():
    context = moderngl.create_context(standalone=True, require=330, **SETTINGS)
    yield context
    context.__enter__()
    context.__exit__(None, None, None)
    context.release()


def test_the_context_that_was_current_is_so_after_every_call(neighbour) -> None:
    place = current.get()
    assert place is not None
    seen: list[bool] = []

    def unchanged() -> None:
        seen.append(current.get() == place)

    device = glnn.Device()
    unchanged()
    network = model(device)
    network.predict(X, verbose=0)
    unchanged()
    small = network.quantize("uint8", calibrate=X, verbose=0)
    unchanged()
    small.predict(X, verbose=0)
    small.range_report(X, verbose=0)
    unchanged()
    assert device.probe and device.counts() and device.texture_bytes()
    unchanged()
    with pytest.raises(glnn.errors.InputError):
        network.predict(X[..., :1], verbose=0)
    with pytest.raises(glnn.errors.KernelError):
        device.program("#version 330 core\nin vec2 p; void main() { wrong", "nothing")
    unchanged()
    network.close(), small.close()
    unchanged()
    device.close()
    unchanged()
    assert len(seen) == 8 and all(seen)


def test_without_a_neighbour_nothing_stays_current() -> None:
    before = current.get()
    with glnn.Device() as device, model(device) as network:
        assert off(network) < 1e-5 and current.get() == before
    assert current.get() == before


def test_moderngls_own_context_stays_the_one_it_hands_out(neighbour) -> None:
    with glnn.Device() as device, model(device) as network:
        assert off(network) < 1e-5
        assert moderngl.get_context() is neighbour
    assert moderngl.get_context() is neighbour


STATE_NAMES = ("blending", "scissor", "depth", "culling", "discard", "framebuffer", "wireframe")


@pytest.mark.parametrize("state", STATE_NAMES)
def test_a_neighbours_state_changes_no_result(state: str, neighbour) -> None:
    """Set in the neighbour's own context between predictions, and in ours, where a neighbour took it for its own."""
    change = {}
    exec(STATES, change)
    with glnn.Device() as device, model(device) as network:
        network.predict(X, verbose=0)
        change[state](neighbour)
        network.predict(3 * X, verbose=0)
        assert off(network) < 1e-5
        device._ctx.__enter__()
        change[state](device._ctx)
        assert off(network) < 1e-5
        neighbour.__enter__()


def test_pixel_store_and_bound_buffers_of_others_change_no_result() -> None:
    with glnn.Device() as device, model(device) as network:
        off(network)
        with device.use():
            gl = device._gl
            buffer = device._ctx.buffer(reserve=1 << 16)
            gl.PixelStorei(0x0D02, 7), gl.PixelStorei(0x0CF2, 9), gl.PixelStorei(0x0CF4, 3)  # row lengths, skip
            gl.PixelStorei(0x0D05, 8), gl.PixelStorei(0x0CF5, 8)
            gl.BindBuffer(0x88EB, buffer.glo), gl.BindBuffer(0x88EC, buffer.glo)
            gl.ColorMask(0, 1, 0, 1)
        assert off(network) < 1e-5


def test_a_neighbours_state_and_pixels_stay(neighbour) -> None:
    frame = neighbour.simple_framebuffer((8, 8), 4)
    frame.use()
    frame.clear(1, 1, 1, 1)
    with glnn.Device() as device, model(device) as network:
        for value in range(20):
            assert off(network) < 1e-5
            frame.clear(value / 255, 0, 1, 1)
            assert tuple(frame.read(components=4)[:4]) == (value, 0, 255, 255)


def test_devices_take_turns_within_each_other() -> None:
    with glnn.Device() as one, glnn.Device() as two, model(one) as a, model(two) as b:
        with one.use():
            assert off(b) < 1e-5 and off(a) < 1e-5
            with two.use():
                assert off(a) < 1e-5 and off(b) < 1e-5
        assert current.get() is None and off(a) < 1e-5


def test_a_display_that_another_library_ended_is_made_anew() -> None:
    """eglTerminate takes every context of its display away, in every library; models go on in a new one."""
    said = python(
        """
import ctypes
from support.small_net import model, off
import glnn
from glnn.device import current
from glnn.errors import DeviceLostError
device = glnn.Device()
first, second = model(device), model(device)
assert off(first) < 1e-5 and off(second) < 1e-5
texture = device.texture(2, 2, 0, "float32")
with device.use():
    display = current.get().handles[0]
egl = ctypes.CDLL("libEGL.so.1")
egl.eglTerminate.argtypes = [ctypes.c_void_p]
assert egl.eglTerminate(display)
try:
    texture.read()
except DeviceLostError as error:
    print(error)
assert off(first) < 1e-5 and off(second) < 1e-5 and off(model(device)) < 1e-5
try:
    texture.read()
except glnn.errors.ClosedError:
    print("gone")
egl.eglTerminate(display)
first.close(), second.close(), device.close()
print(device)
"""
    )
    assert "another library ended the display" in said and "gone" in said and "closed" in said
    assert issubclass(DeviceLostError, glnn.errors.DeviceError)


TURNS = """
import ctypes
from support.small_net import model, off
import moderngl, pyglet
pyglet.options["headless"] = True
from pyglet import gl
import pyglet.window
window = pyglet.window.Window(16, 16, visible=False)
context = moderngl.create_context(standalone=True, backend="egl", libgl="libEGL.so.1", libegl="libEGL.so.1")
frame = context.simple_framebuffer((8, 8), 4)
pixel = (ctypes.c_ubyte * 4)()
network = model()
for turn in range(100):
    context.__enter__()
    frame.use()
    if turn % 3 == 0:
        context.enable(moderngl.BLEND | moderngl.DEPTH_TEST)
    frame.clear(turn / 255, 0, 1, 1)
    assert off(network) < 1e-5
    assert tuple(frame.read(components=4)[:4]) == (turn, 0, 255, 255), turn
    window.context.set_current()  # switch_to trusts pyglet's own books, which moderngl does not keep
    gl.glClearColor(0, turn % 2, 1 - turn % 2, 1)
    gl.glClear(gl.GL_COLOR_BUFFER_BIT)
    assert off(network) < 1e-5
    gl.glReadPixels(3, 3, 1, 1, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, pixel)
    assert list(pixel) == [0, 255 * (turn % 2), 255 - 255 * (turn % 2), 255], (turn, list(pixel))
    if turn % 10 == 0:
        network.close()
        network = model()
print("right")
"""


def test_moderngl_pyglet_and_glnn_take_turns() -> None:
    pytest.importorskip("pyglet")
    assert python(TURNS).endswith("right\n")


PYGAME = """
from support.small_net import model, off
import pygame
from OpenGL import GL
pygame.display.init()
pygame.display.set_mode((16, 16), pygame.OPENGL)
network = model()
for turn in range(30):
    GL.glClearColor(turn / 255, 0, 0, 1)
    GL.glClear(GL.GL_COLOR_BUFFER_BIT)
    assert off(network) < 1e-5
    assert bytes(GL.glReadPixels(3, 3, 1, 1, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE)) == bytes([turn, 0, 0, 255]), turn
    GL.glEnable(GL.GL_SCISSOR_TEST)
    assert off(network) < 1e-5
    assert GL.glIsEnabled(GL.GL_SCISSOR_TEST)
    GL.glDisable(GL.GL_SCISSOR_TEST)
print("right")
"""


def test_pygame_and_pyopengl_keep_their_window() -> None:
    pytest.importorskip("pygame")
    pytest.importorskip("OpenGL")
    said = python(PYGAME, SDL_VIDEODRIVER="offscreen", PYOPENGL_PLATFORM="egl", PYGAME_HIDE_SUPPORT_PROMPT="1")
    assert said.endswith("right\n")


def test_results_are_read_only_when_asked(neighbour) -> None:
    """A model made while a neighbour's context is current runs in its own."""
    texture = neighbour.texture((4, 4), 4, np.full((4, 4, 4), 7, "u1").tobytes())
    with model() as network:
        assert off(network) < 1e-5
    assert set(texture.read()) == {7}
