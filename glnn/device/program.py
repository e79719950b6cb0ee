"""Linked programs, and those of a device, each made once. Device (device.py) hands them out."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import DeviceError, KernelError
from . import faults
from . import functions as g
from .messages import Locate, explain

if TYPE_CHECKING:
    from .device import Device

SAMPLERS = (0x8B5E, 0x8DC1, 0x8DD2, 0x8DD7)  # GL_SAMPLER_2D, GL_SAMPLER_2D_ARRAY, and of unsigned integers
NEVER = "if (gl_FragCoord.x < 0.0) discard;"


def compiled_once(fragment: str) -> str:
    """A fragment text of which llvmpipe makes one machine program, not two (docs/driver-notes.md, Programs)."""
    return fragment if "out_1" in fragment else fragment.replace("void main() {", f"void main() {{ {NEVER}", 1)


class Program:
    """A linked program; sampler i of `samplers` reads texture unit i. Made by Device.program and kept until close().

    local: (x, y) invocations in a workgroup of a compute shader, which has no vertex shader before it; None: it draws
    """

    __slots__ = ("F", "P", "V", "_vao", "floats", "glo", "ints", "local", "mgl", "samplers", "users", "vao", "viewed")

    def __init__(
        self, device: Device, vertex: str, fragment: str, locate: Locate | None, samplers: Sequence[str] | None
    ):
        if not vertex and (not device._gl.compute or device._ctx.version_code < 430):
            raise KernelError(f"{device.renderer} has no compute shaders: OpenGL is {device.version}, they need 4.3")
        try:
            if vertex:
                sent = compiled_once(fragment) if "llvmpipe" in device.renderer else fragment
                self.mgl = mgl = device._ctx.program(vertex_shader=vertex, fragment_shader=sent)
            else:
                self.mgl = mgl = device._ctx.compute_shader(fragment)
        except Exception as error:  # moderngl's own type
            fault = device._gl.error()
            if fault in (faults.LOST, faults.MEMORY):
                raise faults.refusal(device, "a kernel was not compiled", fault) from error
            device._programs.sweep()
            told = explain(str(error), vertex, fragment, locate)
            raise KernelError(f"a kernel does not compile on {device.renderer}:\n{told}") from error
        kinds = {name: getattr(mgl[name], "gl_type", 0) for name in mgl}
        active = [name for name, kind in kinds.items() if kind in SAMPLERS]
        self.samplers = tuple(sorted(active, key=fragment.find) if samplers is None else samplers)
        stray = [name for name in active if name not in self.samplers]
        if stray or (vertex and "p" not in kinds):
            mgl.release()
            what = f"samplers {stray} are not among {self.samplers}" if stray else "its vertex shader reads no vec2 p"
            raise KernelError(f"a program does not keep the device's contract: {what}")
        device._gl.UseProgram(mgl.glo)
        device._state.program = None
        for unit, name in enumerate(self.samplers):
            if name in kinds:  # a sampler that the text does not read is gone after linking
                device._gl.Uniform1i(mgl[name].location, unit)
        self._vao = None
        try:
            self._vao = device._ctx.simple_vertex_array(mgl, device._triangle, "p") if vertex else None
            faults.check(device, "a program was not made ready")  # a sampler not set reads another texture
        except Exception as error:  # moderngl's own type, too
            if self._vao:
                self._vao.release()
            mgl.release()
            if isinstance(error, DeviceError):
                raise
            raise faults.refusal(device, "a program was not made ready", device._gl.error()) from error
        self.glo, self.vao = mgl.glo, self._vao.glo if self._vao else 0
        self.local = None if vertex else _workgroup(device, mgl.glo)
        self.V = mgl["y_V"].location if "y_V" in kinds else -1
        self.viewed: tuple[int, ...] = ()  # what y_V holds now
        self.P = mgl["P"].location if "P" in kinds else -1
        self.F = mgl["F"].location if "F" in kinds else -1
        self.ints: bytes | None = None  # what the uniforms hold now
        self.floats: bytes | None = None
        self.users = 0  # how often Device.program handed it out, less Device.drop

    def delete(self) -> None:
        """Deletes the program and its vertex array."""
        if self._vao:
            self._vao.release()
        self.mgl.release()
        self.lose()

    def lose(self) -> None:
        """Takes note that the program is gone."""
        self.glo = 0


def _workgroup(device: Device, glo: int) -> tuple[int, int]:
    """Invocations of a compute shader's workgroup, along x and y."""
    sizes = (ctypes.c_int * 3)()
    device._gl.GetProgramiv(glo, g.GL_COMPUTE_WORK_GROUP_SIZE, sizes)
    return sizes[0], sizes[1]


class Programs:
    """The linked programs of a device, made once for each pair of texts."""

    def __init__(self, device: Device):
        self._device = device
        self._made: dict[bytes, Program] = {}

    def __iter__(self) -> Iterator[Program]:
        return iter(list(self._made.values()))

    def get(self, vertex: str, fragment: str, locate: Locate | None, samplers: Sequence[str] | None) -> Program:
        """The program of two texts; each call counts as a user until `drop`. Raises KernelError."""
        key = hashlib.sha256("\0".join([vertex, fragment, *(samplers or ())]).encode()).digest()
        if key not in self._made:
            device = self._device
            program = self._made[key] = Program(device, vertex, fragment, locate, samplers)
            device._state.saw(program.glo, program.vao, device._triangle.glo)
        self._made[key].users += 1
        return self._made[key]

    def drop(self, program: Program) -> None:
        """Deletes a program whose last user this was."""
        program.users -= 1
        if program.users <= 0:
            self.release(keep=[p for p in self if p is not program])

    def release(self, keep: Sequence[Program] = ()) -> None:
        """Deletes every program but those to keep."""
        self._device._gl.UseProgram(0)  # a program in use would outlive its deletion
        self._device._state.program, self._device._state.epoch = None, object()
        for key, program in list(self._made.items()):
            if program not in keep:
                self._made.pop(key).delete()

    def lose(self) -> None:
        """Takes note that all of them are gone with their context."""
        for program in self._made.values():
            program.lose()
        self._made.clear()

    def sweep(self) -> None:
        """Deletes what moderngl leaves behind where a program does not link."""
        known = {program.glo for program in self}
        for name in self._device._state.names(self._device._gl.IsProgram):
            if name not in known:
                self._device._gl.DeleteProgram(name)
