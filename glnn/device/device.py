"""The OpenGL device: an offscreen context with measured limits, its textures and programs, and the draw.

A Device serves any thread, one at a time; several may live at once. What was current before a call is so afterwards.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..arguments import checked
from ..errors import DeviceLostError, ForkError, InputError, LimitError
from ..layout.codec import FORMATS
from . import functions as g
from . import probe as probing
from . import stages, state
from .calls import MOST, Draws, send
from .context import is_software
from .copies import Copiers
from .lifetime import Lifetime, generations
from .messages import Locate
from .objects import TEXTURE, Target, Texture
from .program import Program, Programs
from .wishes import ARGUMENTS, Wishes, choose


class Device(Lifetime):
    """An offscreen OpenGL context with measured limits; or, as Device("numpy"), the same in NumPy, without OpenGL.

    index:            which GPU (EGL device), None for the first that works; "numpy" for a device in NumPy
    max_texture_size: largest texture side in texels
    draw_buffers:     layers written in one draw, 1 to 8
    texture_units:    textures read in one draw
    float_targets:    which of "float32", "float16", "rgba8" may be rendered to
    dialect:          "es300", "es100" or "gl330", of fragment shaders; of compute shaders "gl430"
    profile:          the limits of another device, as far as no other argument says: a name out of
                      glnn.device.profiles.PROFILES (`glnn doctor` lists them) or a file that `glnn doctor --json` wrote
    precision:        "highp", or "mediump" for the half arithmetic of phones; of Device("numpy") also "float64"
    array_layers:     layers of an array texture
    stage:            where kernels run: "fragment", as draws, "compute", as compute shaders, which OpenGL 4.3 has, or
                      "auto": compute on GPUs where it works, fragment elsewhere; limits.stage says which it is
    sources:          of Device("numpy"), a folder for the Python of its programs (see docs/numpy-device.md)

    An argument left None is taken from the environment: GLNN_DEVICE=numpy, GLNN_DEVICE_INDEX, GLNN_MAX_TEXTURE_SIZE,
    GLNN_DRAW_BUFFERS, GLNN_TEXTURE_UNITS, GLNN_FLOAT_TARGETS (comma list), GLNN_DIALECT, GLNN_PROFILE, GLNN_PRECISION,
    GLNN_ARRAY_LAYERS, GLNN_STAGE.
    Limits can only be lowered; `forced` tells what was, and by which profile.
    Raises NoDeviceError if there is no OpenGL, DeviceError for a wish that the device cannot meet, InputError for a
    value that makes no sense.
    """

    real = np.dtype(np.float32)  # of uniforms, and of what float32 textures hold

    def __new__(cls, index: int | str | None = None, *args: Any, **kwargs: Any) -> Device:
        named = os.environ.get("GLNN_DEVICE", "").strip() if index is None else index
        if cls is not Device or not isinstance(named, str) or not named:
            return super().__new__(cls)
        if named.lower() != "numpy":
            where = "GLNN_DEVICE=" if index is None else "Device"
            raise InputError(
                f"{where}{named!r}: the one name is 'numpy', a device that needs no OpenGL. OpenGL's are numbered, as "
                "Device(0) or GLNN_DEVICE_INDEX=0; without a number it is the first that works"
            )
        from .numpy_device import NumpyDevice

        return super().__new__(NumpyDevice)

    @checked(**ARGUMENTS)
    def __init__(
        self,
        index: int | str | None = None,
        max_texture_size: int | None = None,
        draw_buffers: int | None = None,
        texture_units: int | None = None,
        float_targets: Sequence[str] | str | None = None,
        dialect: str | None = None,
        profile: str | os.PathLike[str] | None = None,
        precision: str | None = None,
        array_layers: int | None = None,
        sources: str | os.PathLike[str] | None = None,
        stage: str | None = None,
    ):
        self._closed, self._copiers = True, Copiers()
        if sources is not None:
            raise InputError(f"sources={os.fspath(sources)!r}: OpenGL runs no Python; give it to Device('numpy')")
        self._wishes = Wishes.gather(
            index, max_texture_size, draw_buffers, texture_units, float_targets, dialect,
            profile, precision, array_layers, stage,
        )  # fmt: skip
        self._open()

    def _open(self) -> None:
        """Makes the context and finds out what it can do; the context that was current before is so afterwards."""
        opened = state.open_context(self._wishes.index)
        self._ctx, self._gl, self._state, self._turn = opened.ctx, opened.gl, opened.state, opened.turn
        self.renderer, self.vendor = opened.renderer, opened.vendor
        self.version, self.glsl_version = opened.version, opened.glsl_version
        self.software = is_software(self.renderer)
        self.maps = self._gl.mapped and not self.software  # memory that stays mapped, which a GPU reads by itself
        self.limits = self.queried = opened.limits
        self.generation = next(generations)
        self._textures: set[Texture] = set()
        self._programs = Programs(self)
        self._closed = False

        try:
            with self._turn:
                self._triangle = self._ctx.buffer(np.array(state.TRIANGLES, "f4").tobytes())
                self._reader = self._state.new_framebuffer()
                self._gl.BindFramebuffer(g.GL_READ_FRAMEBUFFER, self._reader)
                self._gl.ReadBuffer(g.GL_COLOR_ATTACHMENT0)
                self.limits, self.forced = choose(
                    partial(probing.works, self), self.queried, self._wishes, self.renderer
                )
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        if self._closed:
            return "<glnn.Device, closed>"
        limits, profile = self.limits, self.forced.get("profile")
        as_ = f" as {profile!r}" if profile else ""
        return (
            f"<glnn.Device {self.renderer!r}{as_}: {limits.dialect}, {limits.float_target} targets, textures up to "
            f"{limits.max_texture_size}, {limits.draw_buffers} draw buffers, {limits.precision}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled or copied device is a new one, made where it is unpickled, of the same wishes."""
        return (partial(Device, **self._wishes.asked), ())

    @property
    def why_stage(self) -> str:
        """The stage that kernels run in, and why it is that one, in a line."""
        with self.use():
            stage, renderer = self._wishes.stage, self.renderer
            return stages.why(self.limits, stage, renderer, lambda name: probing.ask(self, name).works)

    @property
    def probe(self) -> tuple[probing.ProbeResult, ...]:
        """Every probe's result (name, works, detail); those that making the device did not need are run now."""
        with self.use():
            return tuple(probing.ask(self, name) for name in probing.names(self))

    def revive(self, generation: int) -> None:
        """Makes a new context in place of one that is gone, if no other thread has; textures and programs went with it.

        generation: of the context that is gone. Raises NoDeviceError where there is no new one.
        """
        with state.process_lock:
            if self.generation == generation:
                for texture in self._textures:
                    texture.lose()
                self._programs.lose()
                self._open()

    @checked(**TEXTURE)
    def texture(
        self, width: int, height: int, layers: int, format: str, data: np.ndarray | bytes | None = None
    ) -> Texture:
        """A texture of width x height texels: plain 2D for layers=0, else a 2D array of `layers` layers.

        format: one of layout.codec.FORMATS. data: (layers, height, width, components) values; without it the texels are
        undefined. Nearest filter, clamped to the edge, one level. Raises LimitError if it is too large for the device,
        DeviceError if the driver has no memory for it, InputError for a wrong format or size of data.
        """
        self._check_size(width, height, layers, format)
        with self.use():
            self._state.forget_textures()
            texture = Texture(self, width, height, layers, format, data)
            self._textures.add(texture)
            self._state.saw(texture.glo)
        return texture

    def _check_size(self, width: int, height: int, layers: int, format: str) -> None:
        if format not in FORMATS:
            raise InputError(f"texture format {format!r}: allowed are {', '.join(FORMATS)}")
        size, most = self.limits.max_texture_size, self.limits.array_layers
        if not (0 < width <= size and 0 < height <= size and 0 <= layers <= most):
            raise LimitError(
                f"a texture of {width} x {height} texels and {layers} layers: this device takes 1 to {size} texels "
                f"a side and up to {most} layers"
            )

    def target(self, texture: Texture, first: int = 0, count: int | None = None) -> Target:
        """What draws into a texture, layer first + i by draw buffer i; made once, released with the texture.

        count: how many layers, None: all. Raises LimitError if they are more than the device has draw buffers,
        DeviceError if the driver cannot render to the format.
        """
        key = first, count or texture.layers or 1
        with self.use():
            texture.live(self)
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
        with self.use():
            return self._programs.get(vertex_text, fragment_text, locate, samplers)

    def drop(self, program: Program) -> None:
        """Gives back what one call of `program` took; the last one deletes it. Does nothing on a closed device."""
        if not self._closed and program.glo:
            with self.use():
                self._programs.drop(program)

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
        bound already is not bound again. GL's own errors are left for `error()`. Raises ClosedError.
        """
        if state.local.turn is not self._turn:
            with self.use():
                return self.draw(program, target, viewport, textures, ints, floats)
        send(self, self._gl, program, target, viewport, textures, ints, floats)

    def _await_dispatches(self) -> None:
        """What compute shaders have stored is there for what the host reads and writes from now on."""
        if self._gl.compute:
            self._gl.MemoryBarrier(g.BEFORE_HOST)

    def again(self, make: Callable[[Callable[..., None]], None], count: int) -> Callable[[], None]:
        """What makes so many draws, the same each time it is called in a turn, faster than `draw` does one by one.

        make: what makes them, handed what is called as `draw` is. Raises what `draw` does.
        """
        return Draws(self, make) if count <= MOST else partial(make, self.draw)

    def finish(self) -> None:
        """Waits until every draw is done."""
        with self.use():
            self._gl.Finish()

    def error(self) -> str:
        """The name of the first GL error since the last call, "GL_NO_ERROR" if there was none."""
        with self.use():
            return self._gl.error()

    def counts(self) -> dict[str, int]:
        """The live GL objects by kind, counted by asking the driver for every name, not by our own books."""
        with self.use():
            return self._state.counts()

    def texture_bytes(self) -> int:
        """Bytes of the texels of all live textures, as the driver has them: asked name by name, not our own books."""
        with self.use():
            return self._state.texture_bytes({texture.glo: texture.kind for texture in self._textures})

    def release_programs(self, keep: Sequence[Program] = ()) -> None:
        """Deletes every program but those to keep."""
        with self.use():
            self._programs.release(keep)

    def close(self) -> None:
        """Frees every GL object and the context, from any thread; a second call does nothing."""
        if self._closed:
            return
        try:
            with self.use():
                if self._closed:
                    return  # another thread was faster
                for texture in list(self._textures):
                    texture.release()
                self.release_programs()
                self._triangle.release()
                self._copiers.release()
                self._gl.DeleteFramebuffers(1, ctypes.byref(ctypes.c_uint(self._reader)))
                self._closed = True
            with state.process_lock:
                self._ctx.release()
        except (DeviceLostError, ForkError):  # nothing of it is left to free, or it is the parent's
            self._closed = True
