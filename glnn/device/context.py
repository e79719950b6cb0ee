"""OpenGL without a window: the ways to a context, and what is said where none leads to one.

moderngl is imported inside functions only, so that nothing needs OpenGL before a Device is made.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NoDeviceError

SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "swrast", "basic render", "software")


def is_software(renderer: str) -> bool:
    """Whether a renderer's name tells of one without a GPU."""
    return any(name in renderer.lower() for name in SOFTWARE)


def attempts(index: int | None, platform: str = sys.platform) -> list[tuple[str, dict[str, Any]]]:
    """The ways to make a context, best first: a label and the settings for moderngl.create_context."""
    if not platform.startswith(("linux", "freebsd")):
        return [(f"the default of {platform}", {})] if index is None else []
    egl: dict[str, Any] = {"backend": "egl", "libegl": "libEGL.so.1"}
    first = {} if index is None else {"device_index": index}
    at = "" if index is None else f" (device {index})"
    ways = [
        (f"EGL{at} with libEGL.so.1, libGL.so.1", {**egl, "libgl": "libGL.so.1", **first}),
        # libEGL alone knows every GL function by eglGetProcAddress: for systems without the libGL package
        (f"EGL{at} with libEGL.so.1 alone", {**egl, "libgl": "libEGL.so.1", **first}),
    ]
    if index is None:
        ways += [(f"EGL (device {i})", {**egl, "libgl": "libEGL.so.1", "device_index": i}) for i in range(1, 8)]
        ways.append(("X11 with libX11.so.6, libGL.so.1", {"libgl": "libGL.so.1", "libx11": "libX11.so.6"}))
        ways.append(("the default of the platform", {}))
    return ways


def create_context(index: int | None = None) -> Any:
    """An offscreen moderngl context of OpenGL 3.3 or newer, current in this thread; moderngl's default stays.

    index: which EGL device (GPU), None for the first that works. Raises NoDeviceError that lists what was tried.
    """
    try:
        import moderngl
    except ImportError as error:
        raise NoDeviceError(f"moderngl cannot be imported ({error}); install it: pip install moderngl") from error
    failed: list[str] = []
    store = getattr(moderngl, "_store", None)  # moderngl.get_context() gives the context that was made last
    default = getattr(store, "default_context", None)
    devices = 99  # how many there are is told by the first index that is too high
    for label, settings in attempts(index):
        if settings.get("device_index", -1) >= devices:
            continue
        try:
            context = _made(moderngl, settings)
        except Exception as error:  # each backend raises its own types
            failed.append(f"{label}: {str(error) or type(error).__name__}")
            found = re.search(r"found (\d+) device", str(error))
            devices = int(found.group(1)) if found and index is None else devices
            continue
        if store is not None:
            store.default_context = default
        context.gc_mode = None  # "auto" releases from whichever thread collects; everything is released by name here
        return context
    raise NoDeviceError(no_device_message(failed, index))


def _made(moderngl: Any, settings: Mapping[str, Any]) -> Any:
    """A context with compute shaders where there is one: some drivers give exactly the version that is asked for."""
    try:
        return moderngl.create_context(require=430, standalone=True, **settings)
    except Exception:  # each backend raises its own types
        return moderngl.create_context(require=330, standalone=True, **settings)


def no_device_message(failed: list[str], index: int | None = None) -> str:
    """What was tried, one line each, and the line that installs OpenGL on this system."""
    wish = "" if index is None else f" on device {index}"
    tried = "\n".join(f"  - {line}" for line in failed) or "  - nothing: only EGL (Linux) can choose a device by index"
    return (
        f"no OpenGL context could be made{wish}. Tried:\n{tried}\nTo install a software OpenGL: {package_line()}\n"
        "Without OpenGL, in NumPy and slowly: glnn.Device('numpy'), or GLNN_DEVICE=numpy"
    )


def package_line(release: Mapping[str, str] | None = None, platform: str = sys.platform) -> str:
    """The command that installs OpenGL here, by ID and ID_LIKE of /etc/os-release; a hint where there is none."""
    if platform == "darwin":
        return "macOS brings OpenGL with it; run in a login session of a user at the screen, not over bare ssh"
    if platform in ("win32", "cygwin"):
        return "install the graphics driver of the GPU's maker, or Mesa's opengl32.dll beside python.exe"
    release = dict(read_os_release() if release is None else release)
    sudo = "" if not hasattr(os, "geteuid") or os.geteuid() == 0 else "sudo "
    lines = {
        "debian": "apt-get install -y libegl1 libgl1-mesa-dri",
        "ubuntu": "apt-get install -y libegl1 libgl1-mesa-dri",
        "fedora": "dnf install -y mesa-libEGL mesa-dri-drivers",
        "rhel": "dnf install -y mesa-libEGL mesa-dri-drivers",
        "alpine": "apk add mesa-egl mesa-gl mesa-dri-gallium",
        "arch": "pacman -S --noconfirm mesa libglvnd",
        "suse": "zypper install -y Mesa-libEGL1 Mesa-dri",
    }
    for name in [release.get("ID") or "", *release.get("ID_LIKE", "").split()]:
        if name in lines:
            return sudo + lines[name]
    return "install libEGL.so.1 (libglvnd) and Mesa's DRI drivers with this system's package manager"


def read_os_release(path: str = "/etc/os-release") -> dict[str, str]:
    """The keys and values of os-release, empty if there is no such file."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}
