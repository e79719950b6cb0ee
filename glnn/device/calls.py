"""Calls of OpenGL as a list: noted once, with what is bound already left out, and then made again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ClosedError
from . import dispatch
from . import functions as g

if TYPE_CHECKING:
    from .device import Device
    from .objects import Target, Texture
    from .program import Program

Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function, what it takes
MOST = 1 << 14  # draws in a list: more of them, as of long sequences, are made one by one


class Noted:
    """The functions of a context, whose calls are not made but noted: `noted.DrawArrays(...)` adds one to `calls`."""

    def __init__(self, gl: g.Functions):
        self._gl = gl
        self._shared: dict[tuple[Any, ...], Call] = {}  # of equal calls one is kept
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Any:
        function = self._gl.quick(name)
        note = None
        if function is not None:

            def note(*arguments: Any) -> None:
                plain = tuple(a if isinstance(a, bytes | None) else int(a) for a in arguments)
                self.calls.append(self._shared.setdefault((name, *plain), (function, plain)))

        setattr(self, name, note)
        return note


def usual(gl: g.Functions) -> list[Call]:
    """The calls that set what a draw, an upload or a read depends on as kernels need it."""
    noted = Noted(gl)
    for switch in g.SWITCHES:
        noted.Disable(switch)
    noted.Enable(g.GL_SCISSOR_TEST)
    noted.ColorMask(1, 1, 1, 1)
    noted.PolygonMode(g.GL_FRONT_AND_BACK, g.GL_FILL)
    for name, value in g.PIXEL_STORE:
        noted.PixelStorei(name, value)
    noted.ClampColor(g.GL_CLAMP_READ_COLOR, 0)
    for target in (g.GL_PIXEL_PACK_BUFFER, g.GL_PIXEL_UNPACK_BUFFER):
        noted.BindBuffer(target, 0)
    if noted.BindSamplers:
        noted.BindSamplers(0, g.LEAST_UNITS, None)
    for unit in range(0 if noted.BindSamplers else g.LEAST_UNITS):
        noted.BindSampler(unit, 0)
    return noted.calls


def send(
    device: Device,
    gl: Any,
    program: Program,
    target: Target,
    viewport: tuple[int, int, int, int],
    textures: Sequence[Texture],
    ints: bytes | None = None,
    floats: bytes | None = None,
) -> None:
    """Has `gl`, functions or what notes their calls, make a draw within a turn; see Device.draw."""
    now = device._state
    if program is not now.program:
        if not program.glo:
            raise ClosedError("a program is drawn with after it was released")
        gl.UseProgram(program.glo)
        if program.vao:
            gl.BindVertexArray(program.vao)
        now.program = program
    if program.local:
        dispatch.store_into(gl, now, program, target, viewport)
    else:
        if target is not now.target:
            gl.BindFramebuffer(g.GL_DRAW_FRAMEBUFFER, target.framebuffer())
            now.target = target
        if viewport != now.viewport:
            now.cover(gl, viewport)
    bound = now.bound
    for unit, texture in enumerate(textures):
        name = texture.glo
        if bound[unit] != name:
            texture.live(device)
            if gl.BindTextureUnit:
                gl.BindTextureUnit(unit, name)
            else:
                gl.ActiveTexture(g.GL_TEXTURE0 + unit)
                gl.BindTexture(texture.kind, name)
            bound[unit] = name
    if ints is not None and ints != program.ints and program.P >= 0:
        gl.Uniform4iv(program.P, len(ints) // 16, ints)
        program.ints, now.sent_by = ints, None
    if floats is not None and floats != program.floats and program.F >= 0:
        gl.Uniform4fv(program.F, len(floats) // 16, floats)
        program.floats, now.sent_by = floats, None
    if program.local:
        dispatch.run(gl, program.local, viewport)
    else:
        gl.DrawArrays(g.GL_TRIANGLES, now.triangle, 3)


class Draws:
    """Draws that are the same each time, made by a device as fast as Python can.

    make: what makes them, handed what is called as Device.draw is. It is asked again where something that they are made
    with was released meanwhile, and so raises what Device.draw does.
    """

    def __init__(self, device: Device, make: Callable[[Callable[..., None]], None]):
        self._device, self._make = device, make
        self._calls: list[Call] = []  # from a state that nothing is known of
        self._again: list[Call] | None = None  # ... but that uniforms are as these draws left them
        self._epoch: object = None
        self._programs: set[Program] = set()
        self._targets: set[Target] = set()
        self._textures: set[Texture] = set()
        self._left: tuple[Any, ...] = ()  # what is bound after the last draw
        self._uniforms: list[tuple[Program, Any, Any, Any]] = []  # after it

    def __call__(self) -> None:
        """Makes all draws; call it in the device's turn. Raises ClosedError, DeviceError."""
        now = self._device._state
        try:
            if self._epoch is not now.epoch:
                if not self._programs or not self._alive():
                    self._note()
                self._epoch = now.epoch
            if now.sent_by is not self:
                calls = self._calls
            else:
                if self._again is None:
                    self._again = self._noted(send)
                calls = self._again
            for function, arguments in calls:
                function(*arguments)
        except BaseException:  # an interrupt, or what was released: nothing is known of what is bound
            now.forget()
            now.sent_by = self._epoch = None
            for program in self._programs:
                program.ints, program.floats, program.viewed = None, None, ()
            self._programs.clear()
            raise
        if now.sent_by is not self:
            for program, ints, floats, viewed in self._uniforms:
                program.ints, program.floats, program.viewed = ints, floats, viewed
            now.sent_by = self
        now.target, now.program, now.viewport, now.triangle, now.image, now.bound[:] = self._left

    def _alive(self) -> bool:
        named = all(p.glo for p in self._programs) and all(t.glo for t in self._textures)
        return named and all(target.live for target in self._targets)

    def _note(self) -> None:
        programs, targets, read = self._programs, self._targets, self._textures
        for things in (programs, targets, read):
            things.clear()

        def first(
            device: Device, gl: Any, program: Program, target: Target, viewport: Any, textures: Any, *uniforms: Any
        ) -> None:
            if program not in programs:
                program.ints, program.floats, program.viewed = None, None, ()
                programs.add(program)
            targets.add(target)
            read.update(textures)
            send(device, gl, program, target, viewport, textures, *uniforms)

        now = self._device._state
        self._calls, self._again, now.sent_by = self._noted(first), None, None
        self._left = now.target, now.program, now.viewport, now.triangle, now.image, tuple(now.bound)
        self._uniforms = [(p, p.ints, p.floats, p.viewed) for p in programs]

    def _noted(self, how: Callable[..., None]) -> list[Call]:
        """The calls of all draws where nothing is known to be bound; how: what is called as `send` is."""
        noted = Noted(self._device._gl)
        self._device._state.forget()
        self._make(partial(how, self._device, noted))
        return noted.calls
