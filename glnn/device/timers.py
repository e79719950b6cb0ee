"""How long draws take: by the driver's timer queries where they tell the truth, else by a clock after each finish."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .context import is_software

if TYPE_CHECKING:
    from .device import Device

TIMERS = ("auto", "queries", "clock")
GL_TIME_ELAPSED, GL_QUERY_RESULT = 0x88BF, 0x8866  # OpenGL 3.3, section 4.3.1 of its specification
POOL = 1024  # queries that are under way at once
LONG = 0.02  # seconds of draws on which queries are judged by the clock
TOLERANCE = 0.15  # of the clock, by which they may differ

_U, _I, _P = ctypes.c_uint, ctypes.c_int, ctypes.c_void_p
_SIGNATURES = {
    "GenQueries": (_I, _P), "DeleteQueries": (_I, _P), "BeginQuery": (_U, _U), "EndQuery": (_U,),
    "GetQueryObjectui64v": (_U, _U, _P),
}  # fmt: skip


class Clock:
    """Each draw with a finish behind it, by the clock of the process."""

    name = "clock"

    def __init__(self, device: Device):
        self.device, self._seconds = device, list[float]()

    def draw(self, *arguments: Any) -> None:
        """Makes a draw as Device.draw does, and takes its time."""
        start = time.perf_counter()
        self.device.draw(*arguments)
        self.device.finish()
        self._seconds.append(time.perf_counter() - start)

    def take(self) -> list[float]:
        """Seconds of each draw since the last call."""
        seconds, self._seconds = self._seconds, []
        return seconds

    def close(self) -> None:
        """Frees what it holds on the device."""


class Queries:
    """Each draw in a timer query of the driver: what the GPU was busy with it. Raises DeviceError without queries."""

    name = "queries"

    def __init__(self, device: Device):
        self.device, self._gl = device, functions(device)
        self._names, self._under_way, self._seconds = (_U * POOL)(), 0, list[float]()
        self._gl["GenQueries"](POOL, self._names)

    def draw(self, *arguments: Any) -> None:
        """Makes a draw as Device.draw does, in a query."""
        if self._under_way == POOL:
            self._read()
        self._gl["BeginQuery"](GL_TIME_ELAPSED, self._names[self._under_way])
        self.device.draw(*arguments)
        self._gl["EndQuery"](GL_TIME_ELAPSED)
        self._under_way += 1

    def take(self) -> list[float]:
        """Seconds of each draw since the last call; it waits for them."""
        self._read()
        seconds, self._seconds = self._seconds, []
        return seconds

    def _read(self) -> None:
        value = ctypes.c_uint64()
        for name in self._names[: self._under_way]:
            self._gl["GetQueryObjectui64v"](name, GL_QUERY_RESULT, ctypes.byref(value))
            self._seconds.append(value.value / 1e9)
        self._under_way = 0

    def close(self) -> None:
        """Frees the queries."""
        self._gl["DeleteQueries"](POOL, self._names)


def functions(device: Device) -> dict[str, Callable[..., Any]]:
    """The GL functions of queries. Raises InputError where the device has none."""
    context = getattr(device, "_ctx", None)
    made = {}
    for name, signature in _SIGNATURES.items():
        address = context.mglo._context.load(f"gl{name}") if context is not None else None
        if not address:
            raise InputError(f"timer='queries': {device.renderer} has no timer queries; use 'clock', or 'auto'")
        made[name] = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(None, *signature)(address)
    return made


def timer(device: Device, kind: str, longest: Sequence[Any]) -> Clock | Queries:
    """What takes the time of draws on a device, in whose turn it is used. Raises InputError for a kind that is none.

    kind: "queries", "clock", or "auto": queries on a GPU where they agree with the clock on draws that take long enough
    for nothing else to count. Renderers in software draw on while a query is open, so their queries overlap
    (docs/driver-notes.md); and their finish costs next to nothing.
    longest: what Device.draw takes for the draw that they are judged by
    """
    if kind not in TIMERS:
        raise InputError(f"timer={kind!r}: allowed are {', '.join(TIMERS)}")
    if kind == "clock" or (kind == "auto" and (getattr(device, "_ctx", None) is None or is_software(device.renderer))):
        return Clock(device)
    queries = Queries(device)
    if kind == "auto" and not agrees(queries, longest):
        queries.close()
        return Clock(device)
    return queries


def agrees(queries: Queries, arguments: Sequence[Any]) -> bool:
    """Whether queries tell of a draw, made again and again, what the clock tells of all of it."""
    device, count = queries.device, 8
    while True:
        device.finish()
        start = time.perf_counter()
        for _ in range(count):
            queries.draw(*arguments)
        device.finish()
        wall, told = time.perf_counter() - start, sum(queries.take())
        if wall >= LONG or count >= 1 << 14:
            return abs(told - wall) <= TOLERANCE * wall
        count *= 2
