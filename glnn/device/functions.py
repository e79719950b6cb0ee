"""The GL functions and constants that moderngl does not offer, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import DeviceError

GL_TRIANGLES = 0x0004
GL_TEXTURE_2D = 0x0DE1
GL_TEXTURE_2D_ARRAY = 0x8C1A
GL_TEXTURE0 = 0x84C0
GL_READ_FRAMEBUFFER = 0x8CA8
GL_DRAW_FRAMEBUFFER = 0x8CA9
GL_COLOR_ATTACHMENT0 = 0x8CE0
GL_FRAMEBUFFER_COMPLETE = 0x8CD5
GL_RGBA = 0x1908
GL_COLOR = 0x1800
GL_PIXEL_PACK_BUFFER, GL_PIXEL_UNPACK_BUFFER = 0x88EB, 0x88EC
GL_FRONT_AND_BACK, GL_FILL = 0x0408, 0x1B02
GL_CLAMP_READ_COLOR = 0x891C
# What would change a draw if it were on: blending, scissor, depth, stencil, culling, dithering, logic operation,
# rasterizer discard, sRGB, polygon offset, alpha to coverage, sample coverage, sample mask, restart, clip distances.
SWITCHES = (
    0x0BE2, 0x0C11, 0x0B71, 0x0B90, 0x0B44, 0x0BD0, 0x0BF2, 0x8C89, 0x8DB9, 0x8037, 0x809E, 0x80A0, 0x8E51, 0x8F9D,
    *range(0x3000, 0x3006),
)  # fmt: skip
# How arrays lie in memory for uploads (0x0CF0 on) and reads (0x0D00 on): bytes as they are, rows without gaps.
PIXEL_STORE = tuple(
    (name, int(name in (0x0CF5, 0x0D05)))
    for name in (*range(0x0CF0, 0x0CF6), 0x806D, 0x806E, *range(0x0D00, 0x0D06), 0x806B, 0x806C)
)
LEAST_UNITS = 16  # texture units that every context has
GL_TEXTURE_WIDTH, GL_TEXTURE_HEIGHT, GL_TEXTURE_DEPTH = 0x1000, 0x1001, 0x8071
GL_TEXTURE_CHANNEL_SIZES = (0x805C, 0x805D, 0x805E, 0x805F)  # bits of red, green, blue, alpha
GL_SCISSOR_TEST = 0x0C11
GL_MAX_TEXTURE_SIZE = 0x0D33
GL_MAX_VIEWPORT_DIMS = 0x0D3A
GL_MAX_TEXTURE_IMAGE_UNITS = 0x8872
GL_MAX_DRAW_BUFFERS = 0x8824
GL_MAX_ARRAY_TEXTURE_LAYERS = 0x88FF
GL_VENDOR, GL_RENDERER, GL_VERSION = 0x1F00, 0x1F01, 0x1F02
GL_SHADING_LANGUAGE_VERSION = 0x8B8C

ERRORS = {
    0: "GL_NO_ERROR",
    0x0500: "GL_INVALID_ENUM",
    0x0501: "GL_INVALID_VALUE",
    0x0502: "GL_INVALID_OPERATION",
    0x0503: "GL_STACK_OVERFLOW",
    0x0504: "GL_STACK_UNDERFLOW",
    0x0505: "GL_OUT_OF_MEMORY",
    0x0506: "GL_INVALID_FRAMEBUFFER_OPERATION",
    0x0507: "GL_CONTEXT_LOST",
}

_U, _I, _P, _Z = ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_ssize_t
_SIGNATURES: dict[str, tuple[Any, ...]] = {  # name without gl -> result, arguments
    "ActiveTexture": (None, _U),
    "BindBuffer": (None, _U, _U),
    "BindFramebuffer": (None, _U, _U),
    "BindSampler": (None, _U, _U),
    "BindTexture": (None, _U, _U),
    "BindVertexArray": (None, _U),
    "BufferData": (None, _U, _Z, _P, _U),
    "CheckFramebufferStatus": (_U, _U),
    "ClampColor": (None, _U, _U),
    "ClearBufferfv": (None, _U, _I, _P),
    "ColorMask": (None, _U, _U, _U, _U),
    "DeleteBuffers": (None, _I, _P),
    "DeleteFramebuffers": (None, _I, _P),
    "DeleteProgram": (None, _U),
    "Disable": (None, _U),
    "Enable": (None, _U),
    "DrawArrays": (None, _U, _I, _I),
    "DrawBuffers": (None, _I, _P),
    "Finish": (None,),
    "FramebufferTexture2D": (None, _U, _U, _U, _U, _I),
    "FramebufferTextureLayer": (None, _U, _U, _U, _I, _I),
    "GenBuffers": (None, _I, _P),
    "GenFramebuffers": (None, _I, _P),
    "GetBufferSubData": (None, _U, _Z, _Z, _P),
    "GetError": (_U,),
    "GetIntegerv": (None, _U, _P),
    "GetTexLevelParameteriv": (None, _U, _I, _U, _P),
    "GetString": (ctypes.c_char_p, _U),
    "IsBuffer": (ctypes.c_ubyte, _U),
    "IsFramebuffer": (ctypes.c_ubyte, _U),
    "IsProgram": (ctypes.c_ubyte, _U),
    "IsTexture": (ctypes.c_ubyte, _U),
    "IsVertexArray": (ctypes.c_ubyte, _U),
    "PixelStorei": (None, _U, _I),
    "PolygonMode": (None, _U, _U),
    "ReadBuffer": (None, _U),
    "ReadPixels": (None, _I, _I, _I, _I, _U, _U, _P),
    "Scissor": (None, _I, _I, _I, _I),
    "Uniform1i": (None, _I, _I),
    "Uniform4fv": (None, _I, _I, _P),
    "Uniform4iv": (None, _I, _I, _P),
    "UseProgram": (None, _U),
    "Viewport": (None, _I, _I, _I, _I),
}


# Of OpenGL 4.3, where it is there: what compute shaders are run with.
_COMPUTE: dict[str, tuple[Any, ...]] = {
    "BindImageTexture": (None, _U, _U, _I, ctypes.c_ubyte, _I, _U, _U),
    "DispatchCompute": (None, _U, _U, _U),
    "GetProgramiv": (None, _U, _U, _P),
    "MemoryBarrier": (None, _U),
}
GL_COMPUTE_WORK_GROUP_SIZE = 0x8267
GL_WRITE_ONLY = 0x88B9
# What a dispatch must see of those before it (fetches, stores), and what the host must (updates, framebuffers).
BETWEEN_DISPATCHES, BEFORE_HOST = 0x8 | 0x20, 0x100 | 0x400
# Newer functions that take the place of several calls: None in a context that has none.
_NEWER: dict[str, tuple[Any, ...]] = {"BindSamplers": (None, _U, _I, _P), "BindTextureUnit": (None, _U, _U)}
# Of OpenGL 4.4: what goes through memory that the GPU reads and writes by itself.
_MAPPED: dict[str, tuple[Any, ...]] = {
    "BufferStorage": (None, _U, _Z, _P, _U),
    "ClientWaitSync": (_U, _P, _U, ctypes.c_uint64),
    "DeleteSync": (None, _P),
    "FenceSync": (_P, _U, _U),
    "MapBufferRange": (_P, _U, _Z, _Z, _U),
    "TexSubImage3D": (None, _U, *[_I] * 7, _U, _U, _P),
}
_WAIT = frozenset({"DispatchCompute", "DrawArrays", "Finish"})  # other threads of Python may go on meanwhile


class Functions:
    """The GL functions of one context: `gl.DrawArrays(...)`. Raises DeviceError if the driver lacks one.

    compute: whether those of compute shaders are there; mapped: those of memory that stays mapped
    """

    def __init__(self, load: Callable[[str], int | None]):
        self._addresses: dict[str, int] = {}
        missing = self._load(load, _SIGNATURES)
        self.compute = not self._load(load, _COMPUTE)
        self.mapped = not self._load(load, _MAPPED)
        self._load(load, _NEWER)
        if missing:
            raise DeviceError(
                f"the OpenGL driver has no {', '.join(missing)}; glnn needs OpenGL 3.3 or newer: update the driver"
            )

    def quick(self, name: str) -> Callable[..., None] | None:
        """A function that takes int, bytes (a pointer to them) and None unchecked, at half the cost of a call.

        It holds Python's lock unless it may wait: giving it back can cost more than the call, where threads want it.
        None where there is no such function.
        """
        address = self._addresses.get(name)
        if address is None:
            return None
        calm = name in _WAIT or hasattr(ctypes, "WINFUNCTYPE")  # PYFUNCTYPE knows C's convention alone
        make = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE) if calm else ctypes.PYFUNCTYPE
        function = make(None)(address)
        function.argtypes = None  # none are checked, and any number goes
        return function

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _load(self, load: Callable[[str], int | None], signatures: Mapping[str, tuple[Any, ...]]) -> list[str]:
        """Makes functions attributes -> the names of those that are missing."""
        make = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
        addresses = {name: load("gl" + name) for name in signatures}
        for name, address in addresses.items():
            setattr(self, name, make(*signatures[name])(address) if address else None)
            if address:
                self._addresses[name] = address
        return [f"gl{name}" for name, address in addresses.items() if not address]

    def integer(self, name: int) -> int:
        """One integer of glGetIntegerv."""
        value = ctypes.c_int()
        self.GetIntegerv(name, ctypes.byref(value))
        return value.value

    def string(self, name: int) -> str:
        """One text of glGetString, empty if the driver has none."""
        return (self.GetString(name) or b"").decode("utf-8", "replace")

    def texture_bytes(self, name: int, kind: int | None = None) -> int:
        """Bytes of a texture's texels as the driver has them. It stays bound to the active unit.

        kind: GL_TEXTURE_2D or GL_TEXTURE_2D_ARRAY; None where it is not known: GL's errors so far are cleared then.
        """
        if kind is None:
            self.error()
            self.BindTexture(GL_TEXTURE_2D, name)  # an error where the name is one of another kind
            kind = GL_TEXTURE_2D if self.error() == "GL_NO_ERROR" else GL_TEXTURE_2D_ARRAY
        self.BindTexture(kind, name)

        def ask(parameter: int) -> int:
            value = ctypes.c_int()
            self.GetTexLevelParameteriv(kind, 0, parameter, ctypes.byref(value))
            return value.value

        bits = sum(map(ask, GL_TEXTURE_CHANNEL_SIZES))
        return ask(GL_TEXTURE_WIDTH) * ask(GL_TEXTURE_HEIGHT) * ask(GL_TEXTURE_DEPTH) * bits // 8

    def error(self) -> str:
        """The name of the first GL error since the last call, "GL_NO_ERROR" if there was none; clears them all."""
        first = code = self.GetError()
        for _ in range(16):  # a lost context reports errors for ever
            if code == 0:
                break
            code = self.GetError()
        return ERRORS.get(first, hex(first))
