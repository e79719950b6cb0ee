"""Programs compiled by a second thread while the first one draws: for llvmpipe, which compiles at the first draw.

What the thread compiles the first one finds in Mesa's shader cache. The thread's context is on an EGL display of its
own, hence on a screen of its own: contexts of one screen look into each other's scenes without a lock, and crash where
two threads draw (docs/driver-notes.md).
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any

from ..layout.limits import Limits
from ..records import dataclass
from . import functions as g
from .objects import CODES
from .program import compiled_once

if TYPE_CHECKING:
    from .device import Device

SLOW = 6e-7  # seconds a character of linking a program, from which on no cache can have known it: 1e-6 without one
LONGEST = 2.0  # seconds that a draw waits for the thread
SURFACELESS, OPENGL, EGL_VERSION = 0x31DD, 0x30A2, 0x3054
SEAMLESS = 0x884F  # of cube maps: moderngl enables it, and a sampler with it is another one
CONTEXT = (0x3098, 3, 0x30FB, 3, 0x30FD, 1, 0x3038)  # version 3.3, core profile
OURS = "GLNN_COMPILE_AHEAD"
OFF = ("MESA_SHADER_CACHE_DISABLE", "MESA_GLSL_CACHE_DISABLE")
INTERNAL = {  # GL's name of a format as it is stored, and of its components for an upload
    "float32": (0x8814, g.GL_RGBA), "float16": (0x881A, g.GL_RGBA), "rgba8": (0x8058, g.GL_RGBA),
    "rgba32ui": (0x8D70, 0x8D99), "rg32ui": (0x823C, 0x8228), "r32ui": (0x8236, 0x8D94), "r16ui": (0x8234, 0x8D94),
}  # fmt: skip
_U, _I, _P, _S = ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
_EGL: dict[str, tuple[Any, ...]] = {
    "GetProcAddress": (_P, _S), "GetPlatformDisplay": (_P, _U, _P, _P), "Initialize": (_U, _P, _P, _P),
    "BindAPI": (_U, _U), "CreateContext": (_P, _P, _P, _P, _P), "MakeCurrent": (_U, _P, _P, _P, _P),
    "DestroyContext": (_U, _P, _P), "QueryString": (_S, _P, _I), "ReleaseThread": (_U,),
}  # fmt: skip
_GL: dict[str, tuple[Any, ...]] = {
    "CreateShader": (_U, _U), "ShaderSource": (None, _U, _I, _P, _P), "CompileShader": (None, _U),
    "Disable": (None, _U), "Enable": (None, _U), "CreateProgram": (_U,), "AttachShader": (None, _U, _U),
    "LinkProgram": (None, _U), "DeleteShader": (None, _U), "DeleteProgram": (None, _U), "UseProgram": (None, _U),
    "GetUniformLocation": (_I, _U, _S), "Uniform1i": (None, _I, _I), "GetAttribLocation": (_I, _U, _S),
    "GenTextures": (None, _I, _P), "BindTexture": (None, _U, _U), "ActiveTexture": (None, _U),
    "TexImage2D": (None, _U, _I, _I, _I, _I, _I, _U, _U, _P),
    "TexImage3D": (None, _U, _I, _I, _I, _I, _I, _I, _U, _U, _P), "TexParameteri": (None, _U, _U, _I),
    "GenFramebuffers": (None, _I, _P), "BindFramebuffer": (None, _U, _U), "DrawBuffers": (None, _I, _P),
    "FramebufferTexture2D": (None, _U, _U, _U, _U, _I), "FramebufferTextureLayer": (None, _U, _U, _U, _I, _I),
    "GenVertexArrays": (None, _I, _P), "BindVertexArray": (None, _U), "GenBuffers": (None, _I, _P),
    "BindBuffer": (None, _U, _U), "BufferData": (None, _U, ctypes.c_ssize_t, _P, _U),
    "VertexAttribPointer": (None, _U, _I, _U, ctypes.c_ubyte, _I, _P), "EnableVertexAttribArray": (None, _U),
    "Viewport": (None, _I, _I, _I, _I), "DrawArrays": (None, _U, _I, _I), "Finish": (None,), "GetString": (_S, _U),
}  # fmt: skip

Kind = tuple[int, int, int, str]  # of a texture: width, height, layers (0: plain 2D), format
_displays: set[int] = set()  # that were initialized here, and are nobody else's
_one = threading.Lock()  # the threads' contexts share a screen: there is one of them at a time


@dataclass(frozen=True)
class Job:
    """A program and what it is drawn with first. draw: the number of that draw; buffers: how many it draws to."""

    draw: int
    vertex: str
    fragment: str
    samplers: tuple[str, ...]
    textures: tuple[Kind, ...]
    target: Kind
    buffers: int


def wanted(renderer: str, limits: Limits, seconds: float) -> bool:
    """Whether a thread gains anything: linking a program took so many seconds a character on a renderer."""
    if sys.platform != "linux" or "llvmpipe" not in renderer or seconds < SLOW:
        return False
    told = {name: os.environ.get(name, "").strip().lower() for name in (OURS, *OFF)}
    if told[OURS] == "0" or any(told[name] in ("1", "true") for name in OFF):
        return False
    return limits.stage == "fragment" and limits.dialect != "es100" and len(os.sched_getaffinity(0)) > 1


class Ahead:
    """Compiles programs, those that are drawn last first, until the draws reach what is left.

    `with ahead as draw:` makes draws, called as Device.draw is, and lets the thread know how far they are.
    """

    def __init__(self, jobs: Sequence[Job], renderer: str, draw: Callable[..., None]):
        self._jobs, self._renderer, self._draw = sorted(jobs, key=lambda job: -job.draw), renderer, draw
        self._made, self._over = 0, False
        self._at, self._idle = -1, threading.Event()  # the draw whose program is being compiled
        self.compiled = 0
        self.thread = threading.Thread(target=self._run, name="glnn compiles ahead")
        self.thread.start()

    def __enter__(self) -> Callable[..., None]:
        def draw(*arguments: Any) -> None:
            if self._at == self._made:  # half of it is done already
                self._idle.wait(LONGEST)
            self._made += 1
            self._draw(*arguments)

        return draw

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Lets the thread end with the program that it is at."""
        self._over = True

    def _run(self) -> None:
        if not _one.acquire(blocking=False):
            return
        try:
            with Screen(self._renderer) as screen:
                for job in self._jobs:
                    if self._over or job.draw <= self._made:
                        break
                    self._idle.clear()
                    self._at = job.draw
                    screen.compile(job)
                    self._at = -1
                    self._idle.set()
                    self.compiled += 1
        except (OSError, AttributeError, RuntimeError):  # no such EGL here: then the draws compile, as ever
            pass
        finally:
            self._at = -1
            self._idle.set()
            _one.release()


def functions(load: Callable[[bytes], int]) -> Any:
    """The GL functions that compiling takes, by name. load: from a name to an address."""
    return SimpleNamespace(**{n: ctypes.CFUNCTYPE(*kinds)(load(b"gl" + n.encode())) for n, kinds in _GL.items()})


def link(device: Device, texts: Sequence[tuple[str, str]]) -> None:
    """Links pairs of texts, vertex and fragment, in a device's turn without Python's lock: a cache has them then.

    moderngl keeps the lock while it links, and the thread could go on with nothing.
    """
    gl = functions(lambda name: int(device._ctx.mglo._context.load(name.decode())))
    for vertex, fragment in texts:
        gl.DeleteProgram(linked(gl, vertex, fragment))


def linked(gl: Any, vertex: str, fragment: str) -> int:
    """A program of two texts; whether it is one is not asked."""
    program: int = gl.CreateProgram()
    for kind, text in ((0x8B31, vertex), (0x8B30, compiled_once(fragment))):
        shader = gl.CreateShader(kind)
        gl.ShaderSource(shader, 1, ctypes.byref(_S(text.strip().encode())), None)
        gl.CompileShader(shader)
        gl.AttachShader(program, shader)
        gl.DeleteShader(shader)
    gl.LinkProgram(program)
    return program


class Screen:
    """A context on a display of its kind alone, current in this thread. Raises RuntimeError where there is none."""

    def __init__(self, renderer: str):
        library = ctypes.CDLL("libEGL.so.1")
        self.egl = {name: ctypes.CFUNCTYPE(*kinds)(("egl" + name, library)) for name, kinds in _EGL.items()}
        self._display = self.egl["GetPlatformDisplay"](SURFACELESS, None, None)
        if self._display and self._display not in _displays:
            if self.egl["QueryString"](self._display, EGL_VERSION):
                raise RuntimeError("the display is another library's")
            if self.egl["Initialize"](self._display, None, None):
                _displays.add(self._display)  # it stays: whoever ends a display ends it for all
        if self._display not in _displays:
            raise RuntimeError("no display without surfaces")
        self.egl["BindAPI"](OPENGL)
        self._context = self.egl["CreateContext"](self._display, None, None, (_I * 7)(*CONTEXT))
        self.textures: dict[tuple[bool, bool, int, str], int] = {}
        if not self._context or not self.egl["MakeCurrent"](self._display, None, None, self._context):
            self._close()
            raise RuntimeError("no context")
        self.gl = functions(self.egl["GetProcAddress"])
        if (self.gl.GetString(g.GL_RENDERER) or b"").decode() != renderer:
            self._close()
            raise RuntimeError("another renderer")

    def __enter__(self) -> Screen:
        for kind in ("VertexArray", "Buffer", "Framebuffer"):
            name = self._new(kind + "s")
            getattr(self.gl, "Bind" + kind)(*{"Buffer": (0x8892,), "Framebuffer": (0x8D40,)}.get(kind, ()), name)
        for switch in g.SWITCHES:  # programs are compiled for these too
            self.gl.Disable(switch)
        self.gl.Enable(SEAMLESS)
        self.gl.BufferData(0x8892, 24, None, 0x88E4)
        self.gl.Viewport(0, 0, 0, 0)  # nothing is drawn, and all is compiled
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gl.Finish()
        self._close()

    def _close(self) -> None:
        self.egl["MakeCurrent"](self._display, None, None, None)
        if self._context:
            self.egl["DestroyContext"](self._display, self._context)
        self.egl["ReleaseThread"]()

    def _new(self, kinds: str) -> int:
        name = _U()
        getattr(self.gl, "Gen" + kinds)(1, ctypes.byref(name))
        return name.value

    def compile(self, job: Job) -> None:
        """Draws a program to nowhere, with textures of the same kinds as in its first draw."""
        gl, program = self.gl, linked(self.gl, job.vertex, job.fragment)
        gl.UseProgram(program)
        for unit, name in enumerate(job.samplers):
            gl.Uniform1i(gl.GetUniformLocation(program, name.encode()), unit)
        place = gl.GetAttribLocation(program, b"p")
        gl.VertexAttribPointer(place, 2, 0x1406, 0, 8, None)
        gl.EnableVertexAttribArray(place)
        target = self._texture(job.target)
        for buffer in range(job.buffers):
            if job.target[2]:
                gl.FramebufferTextureLayer(0x8D40, g.GL_COLOR_ATTACHMENT0 + buffer, target, 0, buffer)
            else:
                gl.FramebufferTexture2D(0x8D40, g.GL_COLOR_ATTACHMENT0, g.GL_TEXTURE_2D, target, 0)
        points = range(g.GL_COLOR_ATTACHMENT0, g.GL_COLOR_ATTACHMENT0 + job.buffers)
        gl.DrawBuffers(job.buffers, (_U * job.buffers)(*points))
        names = [self._texture(kind) for kind in job.textures]
        for unit, (read, texture) in enumerate(zip(job.textures, names, strict=True)):
            gl.ActiveTexture(g.GL_TEXTURE0 + unit)
            gl.BindTexture(g.GL_TEXTURE_2D_ARRAY if read[2] else g.GL_TEXTURE_2D, texture)
        gl.DrawArrays(g.GL_TRIANGLES, 0, 3)

    def _texture(self, kind: Kind) -> int:
        """A small texture of a kind: whether its sides are powers of two is what programs are compiled for."""
        width, height, layers, format = kind
        alike = width & (width - 1) == 0, height & (height - 1) == 0, layers, format
        if alike not in self.textures:
            gl, where = self.gl, g.GL_TEXTURE_2D_ARRAY if layers else g.GL_TEXTURE_2D
            self.textures[alike] = self._new("Textures")
            gl.ActiveTexture(g.GL_TEXTURE0)
            gl.BindTexture(where, self.textures[alike])
            size = [1 if power else 3 for power in alike[:2]] + [layers] * bool(layers)
            internal, order = INTERNAL[format]
            (gl.TexImage3D if layers else gl.TexImage2D)(where, 0, internal, *size, 0, order, CODES[format][1], None)
            for name, value in ((0x2801, 0x2600), (0x2800, 0x2600), (0x2802, 0x812F), (0x2803, 0x812F)):
                gl.TexParameteri(where, name, value)  # nearest, clamped to the edge
        return self.textures[alike]
