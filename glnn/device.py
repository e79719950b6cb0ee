"""The OpenGL device: a context, its limits, textures, programs, draws and read back. All of moderngl that glnn uses is here.

A Device belongs to the thread that makes it. Several may live at once, in one thread too.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
from collections.abc import Sequence
from types import TracebackType

import numpy as np

from . import gl as g
from . import probe as probing
from .errors import ClosedError, DeviceError, InputError, KernelError, LimitError, ThreadError
from .glslerrors import Locate, explain
from .gpu import FORMATS, Program, Target, Texture
from .layout import Limits
from .limits import Wishes, choose

NAME_MARGIN = 64  # GL names this far past the highest one seen are asked for too when objects are counted

_current: dict[int, Device] = {}  # the device whose context is current, by thread
_default = threading.local()


class Device:
    """An offscreen OpenGL context with measured limits.

    index:            which GPU (EGL device), None for the first that works
    max_texture_size: largest texture side in texels; draw_buffers: 1 to 8; texture_units: count
    float_targets:    which of "float32", "float16", "rgba8" may be rendered to
    dialect:          "es300", "es100" or "gl330"

    An argument left None is taken from the environment: GLNN_DEVICE_INDEX, GLNN_MAX_TEXTURE_SIZE, GLNN_DRAW_BUFFERS,
    GLNN_TEXTURE_UNITS, GLNN_FLOAT_TARGETS (comma list), GLNN_DIALECT. Limits can only be lowered.
    Raises NoDeviceError if there is no OpenGL, DeviceError for a wish that the device cannot meet, InputError for a value
    that makes no sense.
    """

    def __init__(
        self,
        index: int | None = None,
        max_texture_size: int | None = None,
        draw_buffers: int | None = None,
        texture_units: int | None = None,
        float_targets: Sequence[str] | str | None = None,
        dialect: str | None = None,
    ):
        wishes = Wishes.gather(index, max_texture_size, draw_buffers, texture_units, float_targets, dialect)
        self._closed = True
        self._thread, self._thread_name = threading.get_ident(), threading.current_thread().name
        self._ctx = g.create_context(wishes.index)
        self._closed = False
        _current[self._thread] = self
        self._textures: set[Texture] = set()
        self._programs: dict[bytes, Program] = {}
        self._highest = 0  # the highest GL name seen
        try:
            self._gl = gl = g.Functions(self._ctx.mglo._context.load)
            self.renderer, self.vendor = gl.string(g.GL_RENDERER), gl.string(g.GL_VENDOR)
            self.version, self.glsl_version = gl.string(g.GL_VERSION), gl.string(g.GL_SHADING_LANGUAGE_VERSION)
            gl.Disable(g.GL_DITHER)
            gl.Disable(g.GL_BLEND)
            gl.PixelStorei(g.GL_PACK_ALIGNMENT, 1)
            self._forget()
            self._triangle = self._ctx.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4").tobytes())
            self._reader = self._new_framebuffer()
            gl.BindFramebuffer(g.GL_READ_FRAMEBUFFER, self._reader)
            self.limits = self.queried = Limits(
                max_texture_size=gl.integer(g.GL_MAX_TEXTURE_SIZE),
                draw_buffers=gl.integer(g.GL_MAX_DRAW_BUFFERS),
                texture_units=gl.integer(g.GL_MAX_TEXTURE_IMAGE_UNITS),
                array_layers=gl.integer(g.GL_MAX_ARRAY_TEXTURE_LAYERS),
            )
            self.limits, self.forced = choose(
                lambda name: probing.ask(self, name).works, self.queried, wishes, self.renderer
            )
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

    # ---- whose turn it is

    def _check(self) -> None:
        """Raises ThreadError or ClosedError where this device may not be used."""
        if threading.get_ident() != self._thread:
            raise ThreadError(
                f"this device was made in thread {self._thread_name!r} and is used in thread "
                f"{threading.current_thread().name!r}: an OpenGL context belongs to one thread; make a Device in each thread"
            )
        if self._closed:
            raise ClosedError("this device is closed: make a new one with glnn.Device()")

    def activate(self) -> None:
        """Makes this device's context the current one, also if other code changed it since."""
        self._check()
        self._ctx.__enter__()
        _current[self._thread] = self

    def _forget(self) -> None:
        """Drops what is known of the context's bindings; the next draw binds everything anew."""
        self._bound = [-1] * max(64, self._gl.integer(g.GL_MAX_TEXTURE_IMAGE_UNITS))
        self._target: Target | None = None
        self._program: Program | None = None
        self._viewport: tuple[int, int, int, int] | None = None

    @property
    def probe(self) -> tuple[probing.ProbeResult, ...]:
        """Every probe's result (name, works, detail); those that making the device did not need are run now."""
        self.activate()
        return tuple(probing.ask(self, name) for name in probing.names(self))

    # ---- textures

    def texture(
        self, width: int, height: int, layers: int, format: str, data: np.ndarray | bytes | None = None
    ) -> Texture:
        """A texture of width x height texels: plain 2D for layers=0, a 2D array of `layers` layers otherwise.

        format: "float32", "float16" or "rgba8". data: (layers, height, width, 4) values; without it the texels are undefined.
        Nearest filter, clamped to the edge, one level. Raises LimitError if it does not fit the device, InputError.
        """
        self.activate()
        if format not in FORMATS:
            raise InputError(f"texture format {format!r}: allowed are {', '.join(FORMATS)}")
        size = self.limits.max_texture_size
        if not (0 < width <= size and 0 < height <= size and 0 <= layers <= self.limits.array_layers):
            raise LimitError(
                f"a texture of {width} x {height} texels and {layers} layers: this device takes 1 to {size} texels a side "
                f"and up to {self.limits.array_layers} layers"
            )
        code = FORMATS[format][1]
        content = None if data is None else self._bytes(data, (layers or 1, height, width, 4), format)
        self._gl.error()
        try:
            if layers:
                mgl = self._ctx.texture_array((width, height, layers), 4, content, alignment=1, dtype=code)
            else:
                mgl = self._ctx.texture((width, height), 4, content, alignment=1, dtype=code)
        except Exception as error:
            raise DeviceError(
                f"a {format} texture of {width} x {height} x {layers or 1} texels was not made: {error}"
            ) from error
        mgl.filter = (self._ctx.NEAREST, self._ctx.NEAREST)
        mgl.repeat_x = mgl.repeat_y = False
        self._bound[:] = [-1] * len(self._bound)
        texture = Texture(self, mgl, width, height, layers, format)
        self._textures.add(texture)
        self._highest = max(self._highest, texture.glo)
        problem = self._gl.error()
        if problem != "GL_NO_ERROR":
            nbytes = texture.nbytes
            self._release(texture)
            raise DeviceError(
                f"a {format} texture of {width} x {height} x {layers or 1} texels ({nbytes} bytes) was not made: {problem}; "
                "close other models, or use a smaller batch"
            )
        return texture

    def _bytes(self, data: np.ndarray | bytes, shape: tuple[int, ...], format: str) -> bytes | np.ndarray:
        dtype = FORMATS[format][0]
        expected = int(np.prod(shape))
        if isinstance(data, np.ndarray):
            if data.size != expected:
                raise InputError(
                    f"texture data of shape {data.shape} ({data.size} values): expected {shape} ({expected} values)"
                )
            return np.ascontiguousarray(data, dtype).reshape(-1).view(np.uint8)
        if len(data) != expected * dtype.itemsize:
            raise InputError(
                f"texture data of {len(data)} bytes: expected {expected * dtype.itemsize} ({shape} of {dtype})"
            )
        return data

    def _live(self, texture: Texture) -> None:
        if texture.mgl is None:
            raise ClosedError(f"{texture!r} is used after its release")
        if texture.device is not self:
            raise DeviceError(f"{texture!r} belongs to another device: textures are not shared between devices")

    def _write(self, texture: Texture, data: np.ndarray | bytes) -> None:
        self.activate()
        self._live(texture)
        texture.mgl.write(self._bytes(data, texture.shape, texture.format), alignment=1)
        self._bound[:] = [-1] * len(self._bound)

    def _read(self, texture: Texture) -> np.ndarray:
        self.activate()
        self._live(texture)
        dtype, _, component = FORMATS[texture.format]
        values = np.empty(texture.shape, dtype)
        gl = self._gl
        gl.BindFramebuffer(g.GL_READ_FRAMEBUFFER, self._reader)
        gl.ReadBuffer(g.GL_COLOR_ATTACHMENT0)
        gl.PixelStorei(g.GL_PACK_ALIGNMENT, 1)
        for layer in range(texture.layers or 1):
            self._attach(g.GL_READ_FRAMEBUFFER, 0, texture, layer)
            if layer == 0 and gl.CheckFramebufferStatus(g.GL_READ_FRAMEBUFFER) != g.GL_FRAMEBUFFER_COMPLETE:
                raise DeviceError(
                    f"{texture!r} cannot be read back on {self.renderer}; see `glnn doctor` for formats that can"
                )
            address = values.ctypes.data + layer * values.strides[0]
            gl.ReadPixels(0, 0, texture.width, texture.height, g.GL_RGBA, component, address)
        gl.FramebufferTexture2D(g.GL_READ_FRAMEBUFFER, g.GL_COLOR_ATTACHMENT0, g.GL_TEXTURE_2D, 0, 0)
        return values

    def poison(self, texture: Texture) -> None:
        """Fills a texture with NaN (rgba8: with 255), so that a test sees what a draw did not write."""
        fill = 255 if texture.format == "rgba8" else np.nan
        self._write(texture, np.full(texture.shape, fill, FORMATS[texture.format][0]))

    def _release(self, texture: Texture) -> None:
        if texture.mgl is None or self._closed:
            return
        self.activate()
        if texture.framebuffer is not None:
            self._delete_framebuffer(texture.framebuffer.glo)
            texture.framebuffer.glo, texture.framebuffer = 0, None
            self._target = None  # GL falls back to framebuffer 0 if this one was bound, and hands the name out again
        texture.mgl.release()
        texture.mgl, texture.glo = None, 0
        self._textures.discard(texture)
        self._bound[:] = [-1] * len(self._bound)

    # ---- framebuffers

    def _new_framebuffer(self) -> int:
        name = ctypes.c_uint()
        self._gl.GenFramebuffers(1, ctypes.byref(name))
        self._highest = max(self._highest, name.value)
        return name.value

    def _delete_framebuffer(self, glo: int) -> None:
        self._gl.DeleteFramebuffers(1, ctypes.byref(ctypes.c_uint(glo)))

    def _attach(self, where: int, buffer: int, texture: Texture, layer: int) -> None:
        if texture.layers:
            self._gl.FramebufferTextureLayer(where, g.GL_COLOR_ATTACHMENT0 + buffer, texture.glo, 0, layer)
        else:
            self._gl.FramebufferTexture2D(where, g.GL_COLOR_ATTACHMENT0 + buffer, g.GL_TEXTURE_2D, texture.glo, 0)

    def target(self, texture: Texture) -> Target:
        """The framebuffer that draws into a texture, layer i by draw buffer i; made once and released with the texture.

        Raises LimitError if the texture has more layers than the device has draw buffers, DeviceError if the driver
        cannot render to its format.
        """
        if texture.framebuffer is not None and texture.device is self and not self._closed:
            return texture.framebuffer
        self.activate()
        self._live(texture)
        buffers = texture.layers or 1
        if buffers > self.limits.draw_buffers:
            raise LimitError(
                f"{texture!r} as a target: this device has {self.limits.draw_buffers} draw buffers, one a layer"
            )
        gl, glo = self._gl, self._new_framebuffer()
        gl.BindFramebuffer(g.GL_FRAMEBUFFER, glo)
        self._target = None
        for layer in range(buffers):
            self._attach(g.GL_FRAMEBUFFER, layer, texture, layer)
        gl.DrawBuffers(
            buffers, (ctypes.c_uint * buffers)(*range(g.GL_COLOR_ATTACHMENT0, g.GL_COLOR_ATTACHMENT0 + buffers))
        )
        status = gl.CheckFramebufferStatus(g.GL_FRAMEBUFFER)
        if status != g.GL_FRAMEBUFFER_COMPLETE:
            gl.BindFramebuffer(g.GL_FRAMEBUFFER, 0)
            self._delete_framebuffer(glo)
            raise DeviceError(
                f"{self.renderer} cannot render to {texture!r} (framebuffer status {status:#x}); see `glnn doctor`"
            )
        texture.framebuffer = Target(glo, texture)
        return texture.framebuffer

    # ---- programs and draws

    def program(
        self, vertex_text: str, fragment_text: str, locate: Locate | None = None, samplers: Sequence[str] | None = None
    ) -> Program:
        """A linked program, made once per pair of texts. The vertex shader's one attribute is `vec2 p`.

        samplers: sampler i reads texture unit i; None: in the order of the text. Uniform arrays are `ivec4 P[]`, `vec4 F[]`.
        locate: from a line of the fragment text (from 1) to (file, line), for messages.
        Raises KernelError with the driver's message at the lines of the author's own file.
        """
        self.activate()
        key = hashlib.sha256("\0".join([vertex_text, fragment_text, *(samplers or ())]).encode()).digest()
        found = self._programs.get(key)
        if found is not None:
            return found
        try:
            mgl = self._ctx.program(vertex_shader=vertex_text, fragment_shader=fragment_text)
        except Exception as error:
            told = explain(str(error), vertex_text, fragment_text, locate)
            raise KernelError(f"a kernel does not compile on {self.renderer}:\n{told}") from error
        kinds = {name: mgl[name].gl_type for name in mgl if hasattr(mgl[name], "gl_type")}
        active = [name for name, kind in kinds.items() if kind in (0x8B5E, 0x8DC1)]  # sampler2D, sampler2DArray
        names = tuple(sorted(active, key=fragment_text.find) if samplers is None else samplers)
        stray = [name for name in active if name not in names]
        if stray or "p" not in kinds:
            mgl.release()
            what = (
                f"the samplers {stray} have no texture unit; `samplers` is {names}"
                if stray
                else "the attribute `p` is not read"
            )
            raise KernelError(f"a kernel's program does not fit the device's contract: {what}")
        self._gl.UseProgram(mgl.glo)
        for unit, name in enumerate(names):
            if name in kinds:  # the driver drops samplers that are not read
                self._gl.Uniform1i(mgl[name].location, unit)
        program = Program(mgl, self._ctx.simple_vertex_array(mgl, self._triangle, "p"), names)
        self._highest = max(self._highest, program.glo, program.vao, self._triangle.glo)
        self._program = None
        self._programs[key] = program
        return program

    def _release_programs(self, keys: set[bytes]) -> None:
        for key in keys:
            program = self._programs.pop(key)
            self._gl.UseProgram(0)  # a program in use outlives its deletion
            program.vao_mgl.release()
            program.mgl.release()
        self._program = None

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

        Texture i is bound to unit i; `ints` (16 bytes an ivec4) goes to the uniform array P, `floats` to F.
        """
        if _current.get(self._thread) is not self or threading.get_ident() != self._thread or self._closed:
            self.activate()
        gl = self._gl
        if target is not self._target:
            if not target.glo:
                self._live(target.texture)
            gl.BindFramebuffer(0x8D40, target.glo)
            self._target = target
        if viewport != self._viewport:
            gl.Viewport(*viewport)
            self._viewport = viewport
        if program is not self._program:
            gl.UseProgram(program.glo)
            gl.BindVertexArray(program.vao)
            self._program = program
        bound, unit = self._bound, 0
        for texture in textures:
            glo = texture.glo
            if bound[unit] != glo:
                if not glo:
                    self._live(texture)
                gl.ActiveTexture(0x84C0 + unit)
                gl.BindTexture(texture.kind, glo)
                bound[unit] = glo
            unit += 1
        if ints is not None and ints != program.ints and program.P >= 0:
            gl.Uniform4iv(program.P, len(ints) // 16, ints)
            program.ints = ints
        if floats is not None and floats != program.floats and program.F >= 0:
            gl.Uniform4fv(program.F, len(floats) // 16, floats)
            program.floats = floats
        gl.DrawArrays(4, 0, 3)

    def finish(self) -> None:
        """Waits until every draw is done."""
        self.activate()
        self._gl.Finish()

    def error(self) -> str:
        """The name of the first GL error since the last call, "GL_NO_ERROR" if there was none."""
        self.activate()
        return self._gl.error()

    def counts(self) -> dict[str, int]:
        """The live GL objects, counted by asking the driver for every name, not by our own books."""
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

    def close(self) -> None:
        """Frees every GL object and the context; a second call does nothing. Raises ThreadError from another thread."""
        if self._closed:
            return
        self.activate()
        for texture in list(self._textures):
            self._release(texture)
        self._release_programs(set(self._programs))
        if hasattr(self, "_reader"):
            self._triangle.release()
            self._delete_framebuffer(self._reader)
        self._closed = True
        self._ctx.release()
        _current.pop(self._thread, None)


def default_device() -> Device:
    """This thread's own device, made at the first call and again after it was closed. Raises NoDeviceError."""
    device: Device | None = getattr(_default, "device", None)
    if device is None or device._closed:
        device = _default.device = Device()
    return device
