"""The devices that EGL lists, in the order in which a Device's index counts them, and which GPU of CUDA each is."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from ..records import dataclass

EXTENSIONS, CUDA = 0x3055, 0x323A  # EGL_EXTENSIONS, EGL_CUDA_DEVICE_NV
MOST = 64
_P, _I, _U = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint


@dataclass(frozen=True)
class EglDevice:
    """A device: its index, whether it is one of CUDA's, its number there (None: hidden), whether it is no GPU.

    NVIDIA's driver lists all GPUs, and numbers those that CUDA_VISIBLE_DEVICES leaves, in its order (driver 580).
    """

    index: int
    nvidia: bool = False
    cuda: int | None = None
    software: bool = False


def listed() -> list[EglDevice]:
    """The devices of EGL; none where there is no EGL, or one that lists none."""
    try:
        library = ctypes.CDLL("libEGL.so.1")
    except OSError:
        return []
    library.eglGetProcAddress.restype, library.eglGetProcAddress.argtypes = _P, (ctypes.c_char_p,)

    def function(name: str, result: Any, *arguments: Any) -> Callable[..., Any] | None:
        address = library.eglGetProcAddress(name.encode())
        return ctypes.CFUNCTYPE(result, *arguments)(address) if address else None

    query = function("eglQueryDevicesEXT", _U, _I, _P, _P)
    string = function("eglQueryDeviceStringEXT", ctypes.c_char_p, _P, _I)
    attribute = function("eglQueryDeviceAttribEXT", _U, _P, _I, _P)
    if not (query and string and attribute):
        return []
    handles, count = (_P * MOST)(), _I()
    if not query(MOST, handles, ctypes.byref(count)):
        return []
    found: list[EglDevice] = []
    for index, handle in enumerate(handles[: count.value]):
        extensions = (string(handle, EXTENSIONS) or b"").decode().split()
        nvidia, number = "EGL_NV_device_cuda" in extensions, ctypes.c_ssize_t()
        known = nvidia and attribute(handle, CUDA, ctypes.byref(number))
        cuda = number.value if known else None
        found.append(EglDevice(index, nvidia, cuda, "EGL_MESA_device_software" in extensions))
    return found
