"""What every device has from its making to its close: turns of one thread at a time, and an end."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

from ..errors import ClosedError
from . import state

CLOSED = "this device is closed: make a new one with glnn.Device()"
generations = itertools.count(1)  # of contexts: what was made in one is not in the next
D = TypeVar("D", bound="Lifetime")
T = TypeVar("T")


class Lifetime:
    """A device as something that is used in turns, and closed."""

    _closed: bool
    _turn: state.Turn

    def __enter__(self: D) -> D:
        if self._closed:
            raise ClosedError(CLOSED)
        return self

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            state.drop(self)

    def __exit__(self, *raised: object) -> None:
        self.close()

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """What is kept under this key as long as the device lives, made at the first call."""
        kept = self.__dict__.setdefault("_kept", {})
        if key not in kept:
            kept[key] = make()
        return kept[key]

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def use(self) -> state.Turn:
        """`with device.use():` its context is current in this thread, and no other thread uses it.

        Every method does this by itself; many calls go faster within one turn. Do not hand control to other users of
        OpenGL in it. Raises ClosedError after close(); entering it raises ForkError, DeviceLostError.
        """
        if self._closed:
            raise ClosedError(CLOSED)
        return self._turn

    def close(self) -> None:
        """Gives back all that the device holds, from any thread; a second call does nothing."""
        raise NotImplementedError
