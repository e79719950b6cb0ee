"""A driver that fails: stands between a device and its OpenGL, counts the calls, and has one of them go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import glnn

CODES = {"out of memory": 0x0505, "invalid operation": 0x0502, "lost": 0x0507}
COMPILES = ("program", "compute_shader")
MADE = (*COMPILES, "texture", "texture_array", "simple_vertex_array")  # by moderngl
ASKED = ("GetError", "IsBuffer", "IsFramebuffer", "IsProgram", "IsTexture", "IsVertexArray")  # they count for nothing
FREED = ("DeleteBuffers", "DeleteFramebuffers", "DeleteProgram", "DeleteSync")  # what fails there is only kept too long


class Driver:
    """Stands between a device and its OpenGL; `failing` has a call of it go wrong."""

    def __init__(self, device: glnn.Device):
        self.device = device
        self.at, self.kind, self.count, self.struck = -1, "", 0, ""
        self._code = 0
        self._generation = 0
        self.install()

    def install(self) -> None:
        """Takes its place, once for each context of the device."""
        device = self.device
        if self._generation != device.generation:
            self._generation, self._gl = device.generation, device._gl
            self._rest()
            device._gl = device._state.gl = Functions(self, device._gl)  # type: ignore[assignment]
            device._ctx = Context(self, device._ctx)

    @contextmanager
    def failing(self, at: int = -1, kind: str = "") -> Iterator[Driver]:
        """Call number `at` within is not made and reports an error of `kind`; without, they are counted alone.

        kind: of CODES; after "lost" no call is made any more, until the device has another context. "compile": the next
        program from then on does not compile
        """
        self.install()
        self.at, self.kind, self.count, self.struck, self._code = at, kind, 0, "", 0
        try:
            yield self
        finally:
            if not (self.kind == "lost" and self.struck and self._generation == self.device.generation):
                self._rest()

    def _rest(self) -> None:
        """From now on all goes well."""
        self.at, self.kind, self._code = -1, "", 0

    def goes(self, name: str) -> bool:
        """Whether a call is made."""
        number, self.count = self.count, self.count + 1
        if self.kind == "compile":
            if number >= self.at and name in COMPILES and not self.struck:
                self.struck = name
                return False
            return True
        if self.struck and self.kind == "lost":
            return False
        if not self.kind or number != self.at:
            return True
        self.struck, self._code = name, CODES[self.kind]
        return False

    def error(self) -> int:
        """glGetError."""
        code = self._code or self._gl.GetError()
        self._code = code if self.struck and self.kind == "lost" else 0
        return code

    def function(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """A function of GL that goes through here."""
        if name == "GetError":
            return self.error
        if name in ASKED or name in FREED:
            return real

        def called(*arguments: Any) -> Any:
            return real(*arguments) if self.goes(name) else 0

        return called


class Functions:
    """The functions of a context, through a Driver."""

    def __init__(self, driver: Driver, gl: Any):
        self._driver, self._real = driver, gl

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name in ("compute", "mapped"):
            return real
        if name in ("integer", "string", "texture_bytes", "error"):
            return getattr(type(self._real), name).__get__(self)
        made = None if real is None else self._driver.function(name, real)
        setattr(self, name, made)
        return made

    def quick(self, name: str) -> Any:
        """As that of the real one."""
        real = self._real.quick(name)
        return None if real is None else self._driver.function(name, real)


class Made:
    """A texture of moderngl, whose writes go through a Driver."""

    def __init__(self, driver: Driver, real: Any):
        object.__setattr__(self, "_driver", driver)
        object.__setattr__(self, "_real", real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._driver.goes(name):
            setattr(self._real, name, value)

    def write(self, *arguments: Any, **options: Any) -> None:
        """As moderngl's."""
        if self._driver.goes("write"):
            self._real.write(*arguments, **options)


class Context:
    """A context of moderngl, through a Driver."""

    def __init__(self, driver: Driver, real: Any):
        self._driver, self._real = driver, real

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in MADE:
            return real

        def made(*arguments: Any, **options: Any) -> Any:
            if not self._driver.goes(name):
                raise RuntimeError("GLSL Compiler failed\n\nfragment_shader\n===\n0:1(1): error: nothing")
            if name in ("simple_vertex_array",):
                arguments = tuple(getattr(a, "_real", a) for a in arguments)
            thing = real(*arguments, **options)
            return Made(self._driver, thing) if name.startswith("texture") else thing

        return made
