"""Which OpenGL context is current in this thread, whoever made it: asked and set through the window system.

A thread has one current context. glnn takes it for the time of a call and gives it back afterwards, to a neighbour's
window, another library's offscreen context, or none.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

_P, _I = ctypes.c_void_p, ctypes.c_int
EGL_DRAW, EGL_READ = 0x3059, 0x305A
EGL_OPENGL_ES_API = 0x30A0  # what a thread has before it binds another


class Place(NamedTuple):
    """A context with what it draws to, as one window system ("egl", "glx", "wgl", "cgl") names them."""

    system: str
    handles: tuple[Any, ...]


class System:
    """A window system of this process: the functions that ask for and set the current context."""

    name = ""

    def __init__(self, load: Callable[[str], Any]):
        raise NotImplementedError

    def get(self) -> Place | None:
        """What is current in this thread; None if nothing of this system is."""
        raise NotImplementedError

    def set(self, place: Place) -> bool:
        """Makes a place current; False if the system refuses, as it does where its display was ended."""
        raise NotImplementedError

    def leave(self, place: Place) -> None:
        """Makes nothing current, where `place` is."""
        raise NotImplementedError


class Egl(System):
    """libEGL.so.1: headless Linux, Wayland, and whatever else asks for it."""

    name = "egl"

    def __init__(self, load: Callable[[str], Any]):
        library = load("libEGL.so.1")
        self._context = _function(library, "eglGetCurrentContext", _P)
        self._display = _function(library, "eglGetCurrentDisplay", _P)
        self._surface = _function(library, "eglGetCurrentSurface", _P, _I)
        self._make = _function(library, "eglMakeCurrent", ctypes.c_uint, _P, _P, _P, _P)
        self.api = _function(library, "eglQueryAPI", ctypes.c_uint)
        self.bind = _function(library, "eglBindAPI", ctypes.c_uint, ctypes.c_uint)
        self._release = _function(library, "eglReleaseThread", ctypes.c_uint)

    def get(self) -> Place | None:
        context = self._context()
        if not context:
            return None
        return Place("egl", (self._display(), self._surface(EGL_DRAW), self._surface(EGL_READ), context))

    def set(self, place: Place) -> bool:
        return bool(self._make(*place.handles))

    def leave(self, place: Place) -> None:
        self._make(place.handles[0], None, None, None)

    def release_thread(self) -> None:
        """Frees what EGL keeps for this thread; the API that the thread has bound stays."""
        api = self.api()
        self._release()
        if api != EGL_OPENGL_ES_API:
            self.bind(api)


class Glx(System):
    """libGLX.so.0 (or the libGL.so.1 of older systems): windows under X11."""

    name = "glx"

    def __init__(self, load: Callable[[str], Any]):
        try:
            library = load("libGLX.so.0")
        except OSError:
            library = load("libGL.so.1")
        self._context = _function(library, "glXGetCurrentContext", _P)
        self._display = _function(library, "glXGetCurrentDisplay", _P)
        self._draw = _function(library, "glXGetCurrentDrawable", ctypes.c_ulong)
        self._read = _function(library, "glXGetCurrentReadDrawable", ctypes.c_ulong)
        self._make = _function(library, "glXMakeContextCurrent", _I, _P, ctypes.c_ulong, ctypes.c_ulong, _P)

    def get(self) -> Place | None:
        context = self._context()
        return Place("glx", (self._display(), self._draw(), self._read(), context)) if context else None

    def set(self, place: Place) -> bool:
        return bool(self._make(*place.handles))

    def leave(self, place: Place) -> None:
        self._make(place.handles[0], 0, 0, None)


class Wgl(System):
    """opengl32.dll: Windows."""

    name = "wgl"

    def __init__(self, load: Callable[[str], Any]):
        library = load("opengl32")
        self._context = _function(library, "wglGetCurrentContext", _P)
        self._dc = _function(library, "wglGetCurrentDC", _P)
        self._make = _function(library, "wglMakeCurrent", _I, _P, _P)

    def get(self) -> Place | None:
        context = self._context()
        return Place("wgl", (self._dc(), context)) if context else None

    def set(self, place: Place) -> bool:
        return bool(self._make(*place.handles))

    def leave(self, place: Place) -> None:
        self._make(None, None)


class Cgl(System):
    """The OpenGL framework: macOS."""

    name = "cgl"

    def __init__(self, load: Callable[[str], Any]):
        library = load("/System/Library/Frameworks/OpenGL.framework/OpenGL")
        self._context = _function(library, "CGLGetCurrentContext", _P)
        self._make = _function(library, "CGLSetCurrentContext", _I, _P)

    def get(self) -> Place | None:
        context = self._context()
        return Place("cgl", (context,)) if context else None

    def set(self, place: Place) -> bool:
        return self._make(*place.handles) == 0

    def leave(self, place: Place) -> None:
        self._make(None)


def _function(library: Any, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    found = getattr(library, name)
    found.restype, found.argtypes = result, arguments
    return found


_systems: dict[str, System] = {}


def systems() -> dict[str, System]:
    """The window systems whose libraries are loaded in this process by now, by name."""
    kinds: tuple[type[System], ...] = (Egl, Glx)
    load: Callable[[str], Any] = _loaded
    if sys.platform == "darwin":
        kinds, load = (Cgl,), ctypes.CDLL
    elif sys.platform in ("win32", "cygwin"):
        kinds, load = (Wgl,), ctypes.CDLL
    for kind in kinds:
        if kind.name not in _systems:
            try:
                _systems[kind.name] = kind(load)
            except (OSError, AttributeError):  # not loaded yet: no context of that system can be current
                continue
    return _systems


def _loaded(name: str) -> ctypes.CDLL:
    """A library that is loaded already, under the name it goes by. Raises OSError where it is not."""
    return ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)


def get() -> Place | None:
    """What is current in this thread; None if nothing is."""
    for system in systems().values():
        place = system.get()
        if place is not None:
            return place
    return None


def set(place: Place | None, now: Place | None) -> bool:
    """Makes a place current where `now` is; False if the window system refuses."""
    if place == now:
        return True
    known = systems()
    if now is not None and (place is None or place.system != now.system):
        known[now.system].leave(now)  # a system sets no context of its own while another's is current
    return place is None or known[place.system].set(place)


def give_back(before: Place | None, now: Place | None) -> None:
    """Makes current what was before, where `now` is; nothing, if that context is gone by now."""
    if not set(before, now):
        set(None, now)


class Ending:
    """A thread's own: when the thread ends, what the window system keeps for it is freed.

    Not sooner: NVIDIA's driver takes 40 ms to make a context current in a thread that was released.
    """

    def __del__(self) -> None:
        egl = systems().get("egl")
        if isinstance(egl, Egl) and get() is None:
            egl.release_thread()


@contextmanager
def kept() -> Iterator[None]:
    """Nothing is current within; afterwards what was current before is, and the API that EGL's thread had bound."""
    before, egl = get(), systems().get("egl")
    api = egl.api() if isinstance(egl, Egl) else None
    set(None, before)
    try:
        yield
    finally:
        give_back(before, get())
        if api is not None and isinstance(egl, Egl):
            egl.bind(api)
