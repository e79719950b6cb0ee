"""Who may touch OpenGL, and when; what is bound in a context, and what glnn relies on there.

A `Turn` is one thread's time on a device: its context is current, its state as kernels need it; afterwards the context
that was current before is again, untouched. Turns follow one another by a lock, so that a device serves any thread.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import DeviceLostError, ForkError, NoDeviceError
from ..layout.limits import Limits
from ..records import dataclass
from . import current
from . import functions as g
from .calls import usual
from .context import create_context, is_software

if TYPE_CHECKING:
    from .objects import Target
    from .program import Program

NAME_MARGIN = 64  # when objects are counted, GL names this far past the highest one seen are asked for too

# Mesa's software renderers crash where two threads draw at once, each in a context of its own.
process_lock = threading.RLock()
# Corners of two triangles. The first covers the lower left half of a viewport without leaving it: what leaves it is
# cut in two by drivers that clip, and the software renderer shades every 4x4 texels on that cut twice.
TRIANGLES = (-1, -1, 1, -1, -1, 1, -1, -1, 3, -1, -1, 3)
_home: list[int] = []  # the process that made the first context
_dropped: deque[Any] = deque()  # what nobody holds any more and holds GL objects itself


class _Local(threading.local):
    turn: Turn | None = None  # whose context is current in this thread
    sweeping = False
    ending: current.Ending | None = None  # of a thread that had a turn


local = _Local()


class State:
    """What is bound in a context as far as glnn knows, and the highest GL name that it has seen."""

    def __init__(self, gl: g.Functions):
        self.gl = gl
        self.highest = 0
        self.epoch = object()  # another one whenever something that draws are made with is deleted
        self.sent_by: object = None  # the draws that set uniforms last, of those that are made again (see calls.py)
        self._units = max(64, gl.integer(g.GL_MAX_TEXTURE_IMAGE_UNITS))
        sides = (ctypes.c_int * 2)()
        gl.GetIntegerv(g.GL_MAX_VIEWPORT_DIMS, sides)
        self._longest = min(sides)
        self.triangle = 0  # its first corner in TRIANGLES
        self._usual = usual(gl)
        self.forget()

    def forget(self) -> None:
        """The next draw binds everything anew."""
        self.target: Target | None = None
        self.program: Program | None = None
        self.viewport: tuple[int, int, int, int] | None = None
        self.forget_textures()

    def cover(self, gl: Any, viewport: tuple[int, int, int, int]) -> None:
        """The next draws cover these texels (x, y, width, height): half of a viewport twice as large, if it may be."""
        x, y, width, height = self.viewport = viewport
        gl.Scissor(x, y, width, height)
        half = 2 * max(width, height) <= self._longest
        self.triangle = 0 if half else 3
        gl.Viewport(x, y, width << half, height << half)

    def forget_textures(self) -> None:
        """The next draw binds its textures anew: moderngl binds in its own way, and GL reuses the names it deleted."""
        self.bound = [-1] * self._units  # texture names, by unit
        self.image = -1  # the texture that compute shaders store into

    def reset(self) -> None:
        """Sets what a draw, an upload or a read depends on, whatever other code left in this context."""
        for function, arguments in self._usual:
            function(*arguments)
        self.forget()

    def saw(self, *names: int) -> None:
        """Takes note of GL names, so that `counts` asks for them."""
        self.highest = max(self.highest, *names)

    def names(self, exists: Callable[[int], int]) -> list[int]:
        """The names that the driver says exist."""
        return [name for name in range(1, self.highest + NAME_MARGIN) if exists(name)]

    def counts(self) -> dict[str, int]:
        """The live GL objects by kind, counted by asking the driver for every name, not by our own books."""
        gl = self.gl
        kinds = {
            "textures": gl.IsTexture,
            "framebuffers": gl.IsFramebuffer,
            "programs": gl.IsProgram,
            "buffers": gl.IsBuffer,
            "vertex arrays": gl.IsVertexArray,
        }
        return {kind: len(self.names(exists)) for kind, exists in kinds.items()}

    def texture_bytes(self, kinds: Mapping[int, int]) -> int:
        """Bytes of the texels of all textures, as the driver has them. kinds: which GL targets names are known of."""
        gl = self.gl
        total = sum(gl.texture_bytes(name, kinds.get(name)) for name in self.names(gl.IsTexture))
        self.forget_textures()
        return total

    def new_framebuffer(self) -> int:
        """The name of a new framebuffer."""
        name = ctypes.c_uint()
        self.gl.GenFramebuffers(1, ctypes.byref(name))
        self.saw(name.value)
        return name.value


class Turn:
    """`with turn:` a device's context is current in this thread and nobody else uses it. Turns nest, also over devices.

    Raises ForkError in a process that was forked after OpenGL was used, DeviceLostError where the context is gone.
    """

    def __init__(self, place: current.Place, state: State, lock: Any, software: bool):
        self._place, self._state, self._lock, self._software = place, state, lock, software
        self._entries: list[tuple[current.Place | None, Turn | None] | None] = []  # None: the turn was ours already

    def __enter__(self) -> Turn:
        if local.turn is self:
            self._entries.append(None)
            return self
        check_process()
        if local.turn is None:
            free_dropped()
        self._lock.acquire()
        before, previous = current.get(), local.turn
        try:
            if not current.set(self._place, before):
                raise DeviceLostError(
                    "the OpenGL context of this device is gone: another library ended the display that it was made on "
                    "(eglTerminate). Make a new glnn.Device"
                )
            local.turn = self
            self._state.reset()
        except BaseException:  # an interrupt as well must not leave the turn taken
            local.turn = previous
            current.give_back(before, current.get())
            self._lock.release()
            raise
        self._entries.append((before, previous))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entry = self._entries.pop()
        if entry is None:
            return
        before, local.turn = entry
        try:
            if self._software:  # its threads must be at rest when another context draws
                self._state.gl.Finish()
            current.give_back(before, self._place)
            if local.ending is None and threading.get_ident() != threading.main_thread().ident:
                local.ending = current.Ending()
        finally:
            self._lock.release()


@dataclass(frozen=True)
class Opened:
    """A new context, its state, the turns on it, and what its driver says of itself."""

    ctx: Any  # moderngl's
    gl: g.Functions
    state: State
    turn: Turn
    renderer: str
    vendor: str
    version: str
    glsl_version: str
    limits: Limits


def open_context(index: int | None) -> Opened:
    """Makes an offscreen context (see context.create_context); what was current before is so afterwards.

    Raises NoDeviceError, DeviceError (a driver without what glnn needs), ForkError.
    """
    remember_process()
    free_dropped()
    with process_lock, current.kept():
        ctx = create_context(index)
        place = current.get()
        if place is None:
            raise NoDeviceError("a context was made that neither EGL, GLX, WGL nor CGL knows as the current one")
        try:
            gl = g.Functions(ctx.mglo._context.load)
        except BaseException:
            ctx.release()
            raise
        strings = map(gl.string, (g.GL_RENDERER, g.GL_VENDOR, g.GL_VERSION, g.GL_SHADING_LANGUAGE_VERSION))
        renderer, vendor, version, glsl_version = strings
        limits = Limits(
            max_texture_size=gl.integer(g.GL_MAX_TEXTURE_SIZE),
            draw_buffers=gl.integer(g.GL_MAX_DRAW_BUFFERS),
            texture_units=gl.integer(g.GL_MAX_TEXTURE_IMAGE_UNITS),
            array_layers=gl.integer(g.GL_MAX_ARRAY_TEXTURE_LAYERS),
        )
        state, software = State(gl), is_software(renderer)
        turn = Turn(place, state, process_lock if software else threading.RLock(), software)
        return Opened(ctx, gl, state, turn, renderer, vendor, version, glsl_version, limits)


def check_process() -> None:
    """Raises ForkError where OpenGL was used before this process was forked: its drivers would wait for ever."""
    if _home and _home[0] != os.getpid():
        raise ForkError(
            f"this process was forked from process {_home[0]} after that had used OpenGL, which does not survive a "
            'fork. Start workers by "spawn" or "forkserver" (multiprocessing.get_context), or let the workers be the '
            "first to use glnn"
        )


def remember_process() -> None:
    """Takes note that this process has used OpenGL. Raises ForkError as `check_process` does."""
    check_process()
    if not _home:
        _home.append(os.getpid())


def drop(thing: Any) -> None:
    """Has something closed later that is about to be collected: the collector may run in any thread, at any time."""
    if not sys.is_finalizing():
        _dropped.append(thing)


def free_dropped() -> None:
    """Closes what was dropped; called where this thread has no turn."""
    if local.sweeping:
        return
    local.sweeping = True
    try:
        while _dropped:
            try:
                thing = _dropped.popleft()
            except IndexError:  # another thread was faster
                break
            thing.close()
    finally:
        local.sweeping = False
