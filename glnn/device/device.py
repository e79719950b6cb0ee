"""The OpenGL device: an offscreen context with measured limits, its textures and programs, and the draw.

A Device belongs to the thread that makes it. Several may live at once, in one thread too.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Sequence
from types import TracebackType

import numpy as np

from ..errors import ClosedError, InputError, LimitError, ThreadError
from ..layout.codec import FORMATS
from ..layout.limits import Limits
from . import context as g
from . import probe as probing
from .messages import Locate
from .objects import Program, Target, Texture
from .wishes import Wishes, choose

NAME_MARGIN = 64  # when objects are counted, GL names this far past the highest one seen are asked for too


class _Local(threading.local):
    active: Device | None = None  # whose context is current in this thread
    default: Device | None = None


_local = _Local()


class Device:
    """An offscreen OpenGL context with measured limits.

    index:            which GPU (EGL device), None for the first that works
    max_texture_size: largest texture side in texels
    draw_buffers:     layers written in one draw, 1 to 8
    texture_units:    textures read in one draw
    float_targets:    which of "float32", "float16", "rgba8" may be rendered to
    dialect:          "es300", "es100" or "gl330"
    profile:          the limits of another device, as far as no other argument says: a name out of
                      glnn.profiles.PROFILES (`glnn doctor` lists them) or a file that `glnn doctor --json` wrote
    precision:        "highp", or "mediump" for the half arithmetic of phones
    array_layers:     layers of an array texture

    An argument left None is taken from the environment: GLNN_DEVICE_INDEX, GLNN_MAX_TEXTURE_SIZE, GLNN_DRAW_BUFFERS,
    GLNN_TEXTURE_UNITS, GLNN_FLOAT_TARGETS (comma list), GLNN_DIALECT, GLNN_PROFILE, GLNN_PRECISION, GLNN_ARRAY_LAYERS.
    Limits can only be lowered; `forced` tells what was, and by which profile.
    Raises NoDeviceError if there is no OpenGL, DeviceError for a wish that the device cannot meet, InputError for a
    value that makes no sense.
    """

    def __init__(
        self,
        index: int | None = None,
        max_texture_size: int | None = None,
        draw_buffers: int | None = None,
        texture_units: int | None = None,
        float_targets: Sequence[str] | str | None = None,
        dialect: str | None = None,
        profile: str | os.PathLike[str] | None = None,
        precision: str | None = None,
        array_layers: int | None = None,
    ):
        wishes = Wishes.gather(
            index, max_texture_size, draw_buffers, texture_units, float_targets, dialect,
            profile, precision, array_layers,
        )  # fmt: skip
        self._closed = True
        self._thread = threading.current_thread()
        self._ctx = g.create_context(wishes.index)
        _local.active = self
        try:
            self._gl = gl = g.Functions(self._ctx.mglo._context.load)
        except BaseException:
            self._ctx.release()
            raise
        self._closed = False
        self._textures: set[Texture] = set()
        self._programs: dict[bytes, Program] = {}
        self._target: Target | None = None
        self._program: Program | None = None
        self._viewport: tuple[int, int, int, int] | None = None
        self._bound = [-1] * max(64, gl.integer(g.GL_MAX_TEXTURE_IMAGE_UNITS))  # texture names, by unit
        self._highest = 0  # the highest GL name seen
        self.renderer, self.vendor = gl.string(g.GL_RENDERER), gl.string(g.GL_VENDOR)
        self.version, self.glsl_version = gl.string(g.GL_VERSION), gl.string(g.GL_SHADING_LANGUAGE_VERSION)
        gl.Disable(g.GL_DITHER)
        gl.Disable(g.GL_BLEND)
        self._triangle = self._ctx.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4").tobytes())
        self._reader = self._new_framebuffer()
        gl.BindFramebuffer(g.GL_READ_FRAMEBUFFER, self._reader)
        gl.ReadBuffer(g.GL_COLOR_ATTACHMENT0)
        self.limits = self.queried = Limits(
            max_texture_size=gl.integer(g.GL_MAX_TEXTURE_SIZE),
            draw_buffers=gl.integer(g.GL_MAX_DRAW_BUFFERS),
            texture_units=gl.integer(g.GL_MAX_TEXTURE_IMAGE_UNITS),
            array_layers=gl.integer(g.GL_MAX_ARRAY_TEXTURE_LAYERS),
        )
        try:
            self.limits, self.forced = choose(self._works, self.queried, wishes, self.renderer)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"Device({'closed' if self._closed else self.renderer!r})"

    def __enter__(self) -> Device:
        self.activate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    @property
    def probe(self) -> tuple[probing.ProbeResult, ...]:
        """Every probe's result (name, works, detail); those that making the device did not need are run now."""
        self.activate()
        return tuple(probing.ask(self, name) for name in probing.names(self))

    def _works(self, name: str) -> bool:
        return probing.ask(self, name).works

    def activate(self) -> None:
        """Makes this device's context the current one, also if other code changed it since.

        Every other method does this by itself; `draw` only where another Device was active. Raises ThreadError from a
        thread other than the device's own, ClosedError after close().
        """
        if threading.current_thread() is not self._thread:
            raise ThreadError(
                f"this device was made in thread {self._thread.name!r} and is used in thread "
                f"{threading.current_thread().name!r}: an OpenGL context belongs to one thread; make a Device in each"
            )
        if self._closed:
            raise ClosedError("this device is closed: make a new one with glnn.Device()")
        self._ctx.__enter__()
        _local.active = self

    def _forget_textures(self) -> None:
        """The next draw binds its textures anew: moderngl binds in its own way, and GL reuses the names it deleted."""
        self._bound = [-1] * len(self._bound)

    def _new_framebuffer(self) -> int:
        name = ctypes.c_uint()
        self._gl.GenFramebuffers(1, ctypes.byref(name))
        self._highest = max(self._highest, name.value)
        return name.value

    def texture(
        self, width: int, height: int, layers: int, format: str, data: np.ndarray | bytes | None = None
    ) -> Texture:
        """A texture of width x height texels: plain 2D for layers=0, else a 2D array of `layers` layers.

        format: one of codec.FORMATS. data: (layers, height, width, components) values; without it the texels are
        undefined. Nearest filter, clamped to the edge, one level. Raises LimitError if it is too large for the device,
        DeviceError if the driver has no memory for it, InputError for a wrong format or size of data.
        """
        self.activate()
        if format not in FORMATS:
            raise InputError(f"texture format {format!r}: allowed are {', '.join(FORMATS)}")
        size, most = self.limits.max_texture_size, self.limits.array_layers
        if not (0 < width <= size and 0 < height <= size and 0 <= layers <= most):
            raise LimitError(
                f"a texture of {width} x {height} texels and {layers} layers: this device takes 1 to {size} texels "
                f"a side and up to {most} layers"
            )
        self._forget_textures()
        texture = Texture(self, width, height, layers, format, data)
        self._textures.add(texture)
        self._highest = max(self._highest, texture.glo)
        return texture

    def poison(self, texture: Texture) -> None:
        """Fills a texture with NaN (rgba8: with 255), so that a test sees what a draw did not write."""
        texture.live(self)
        fill = 255 if texture.format == "rgba8" else np.nan
        texture.write(np.full(texture.shape, fill, FORMATS[texture.format][0]))

    def target(self, texture: Texture, first: int = 0, count: int | None = None) -> Target:
        """What draws into a texture, layer first + i by draw buffer i; made once, released with the texture.

        count: how many layers, None: all. Raises LimitError if they are more than the device has draw buffers,
        DeviceError if the driver cannot render to the format.
        """
        self.activate()
        texture.live(self)
        key = first, count or texture.layers or 1
        if key not in texture.targets:
            texture.targets[key] = Target(texture, *key)
        return texture.targets[key]

    def program(
        self,
        vertex_text: str,
        fragment_text: str,
        locate: Locate | None = None,
        samplers: Sequence[str] | None = None,
    ) -> Program:
        """A linked program, made once per pair of texts. The vertex shader's one attribute is `vec2 p`.

        samplers: sampler i reads texture unit i; None: in the order of the text. Uniforms: `ivec4 P[]`, `vec4 F[]`.
        locate: from a line of the fragment text (from 1) to (file, line), for messages.
        Raises KernelError with the driver's message at the lines of the author's own file.
        """
        self.activate()
        key = hashlib.sha256("\0".join([vertex_text, fragment_text, *(samplers or ())]).encode()).digest()
        if key not in self._programs:
            program = self._programs[key] = Program(self, vertex_text, fragment_text, locate, samplers)
            self._highest = max(self._highest, program.glo, program.vao, self._triangle.glo)
        self._programs[key].users += 1
        return self._programs[key]

    def drop(self, program: Program) -> None:
        """Gives back what one call of `program` took; the last one deletes it. Does nothing on a closed device."""
        if self._closed:
            return
        program.users -= 1
        if program.users <= 0:
            self.release_programs(keep=[p for p in self._programs.values() if p is not program])

    def draw(
        self,
        program: Program,
        target: Target,
        viewport: tuple[int, int, int, int],
        textures: Sequence[Texture],
        ints: bytes | None = None,
        floats: bytes | None = None,
    ) -> None:
        """Runs the program once per texel of viewport (x, y, width, height) of the target.

        Texture i is bound to unit i; `ints` (16 bytes an ivec4) goes to the uniform array P, `floats` to F. What is
        bound already is not bound again. GL's own errors are left for `error()`. Raises ThreadError, ClosedError.
        """
        if _local.active is not self:
            self.activate()
        gl = self._gl
        if target is not self._target:
            if not target.glo:
                raise ClosedError(f"the target of {target.texture!r} is drawn to after its release")
            gl.BindFramebuffer(g.GL_DRAW_FRAMEBUFFER, target.glo)
            self._target = target
        if viewport != self._viewport:
            gl.Viewport(*viewport)
            self._viewport = viewport
        if program is not self._program:
            if not program.glo:
                raise ClosedError("a program is drawn with after it was released")
            gl.UseProgram(program.glo)
            gl.BindVertexArray(program.vao)
            self._program = program
        bound = self._bound
        for unit, texture in enumerate(textures):
            name = texture.glo
            if bound[unit] != name:
                texture.live(self)
                gl.ActiveTexture(g.GL_TEXTURE0 + unit)
                gl.BindTexture(texture.kind, name)
                bound[unit] = name
        if ints is not None and ints != program.ints and program.P >= 0:
            gl.Uniform4iv(program.P, len(ints) // 16, ints)
            program.ints = ints
        if floats is not None and floats != program.floats and program.F >= 0:
            gl.Uniform4fv(program.F, len(floats) // 16, floats)
            program.floats = floats
        gl.DrawArrays(g.GL_TRIANGLES, 0, 3)

    def finish(self) -> None:
        """Waits until every draw is done."""
        self.activate()
        self._gl.Finish()

    def error(self) -> str:
        """The name of the first GL error since the last call, "GL_NO_ERROR" if there was none."""
        self.activate()
        return self._gl.error()

    def counts(self) -> dict[str, int]:
        """The live GL objects by kind, counted by asking the driver for every name, not by our own books."""
        self.activate()
        gl, names = self._gl, range(1, self._highest + NAME_MARGIN)
        kinds = {
            "textures": gl.IsTexture,
            "framebuffers": gl.IsFramebuffer,
            "programs": gl.IsProgram,
            "buffers": gl.IsBuffer,
            "vertex arrays": gl.IsVertexArray,
        }
        return {kind: sum(1 for name in names if exists(name)) for kind, exists in kinds.items()}

    def texture_bytes(self) -> int:
        """Bytes of the texels of all live textures, as the driver has them: asked name by name, not our own books."""
        self.activate()
        gl, kinds = self._gl, {texture.glo: texture.kind for texture in self._textures}
        names = [name for name in range(1, self._highest + NAME_MARGIN) if gl.IsTexture(name)]
        total = sum(gl.texture_bytes(name, kinds.get(name)) for name in names)
        self._forget_textures()
        return total

    def release_programs(self, keep: Sequence[Program] = ()) -> None:
        """Deletes every program but those to keep."""
        self.activate()
        kept = {key: program for key, program in self._programs.items() if program in keep}
        self._gl.UseProgram(0)  # a program in use would outlive its deletion
        self._program = None
        for key in self._programs.keys() - kept.keys():
            self._programs.pop(key).delete()

    def _sweep_programs(self) -> None:
        """Deletes what moderngl leaves behind where a program does not link."""
        known = {program.glo for program in self._programs.values()}
        for name in range(1, self._highest + NAME_MARGIN):
            if name not in known and self._gl.IsProgram(name):
                self._gl.DeleteProgram(name)

    def close(self) -> None:
        """Frees every GL object and the context; a second call does nothing. Raises ThreadError from another thread."""
        if self._closed:
            return
        self.activate()
        for texture in list(self._textures):
            texture.release()
        self.release_programs()
        self._triangle.release()
        self._gl.DeleteFramebuffers(1, ctypes.byref(ctypes.c_uint(self._reader)))
        self._closed = True
        self._ctx.release()
        _local.active = None


def default_device() -> Device:
    """This thread's own device, made at the first call and again after it was closed. Raises NoDeviceError."""
    device = _local.default
    if device is None or device.closed:
        device = _local.default = Device()
    return device
