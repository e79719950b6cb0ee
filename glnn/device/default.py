"""The device that is used where nobody names one."""

from __future__ import annotations

import threading

from .device import Device

_made: list[Device] = []
_lock = threading.Lock()


def default_device() -> Device:
    """The process's own device, made at the first call and again after it was closed. Raises NoDeviceError."""
    with _lock:
        if not _made or _made[0].closed:
            _made[:] = [Device()]
        return _made[0]
