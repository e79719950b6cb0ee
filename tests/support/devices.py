"""A device at a time: contexts are dear, and a table of cases goes through the kinds one after another."""

from __future__ import annotations

from typing import Any

import glnn


class OneDevice:
    """Makes the device that is asked for, unless it is the one that is there, and closes the one before."""

    def __init__(self) -> None:
        self._asked: dict[str, Any] = {}
        self._device: glnn.Device | None = None

    def of(self, **limits: Any) -> glnn.Device:
        """A device with these arguments, open until another is asked for."""
        if self._device is None or limits != self._asked:
            self.close()
            self._asked, self._device = limits, glnn.Device(**limits)
        return self._device

    def close(self) -> None:
        """Closes the device that is there, if there is one."""
        if self._device is not None:
            self._device.close()
            self._device = None
