"""Where a kernel is tried: a corner is a dialect, limits of a device and codecs; devices are kept from test to test."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..device.device import Device
from ..device.profiles import resolve
from ..errors import InputError, NoDeviceError
from ..graph.graph import ACTIVATION_CODECS
from ..layout.limits import DIALECTS
from .choice import current

Limits = Mapping[str, Any]
MOST_DEVICES = 16  # that are open at once

# What a device is kept to, by name: its own limits; what phones have; so small that most tensors lie in several parts.
LIMITS: dict[str, dict[str, Any]] = {
    "own limits": {},
    "1 draw buffer": {"draw_buffers": 1},
    "textures of 16": {"max_texture_size": 16, "array_layers": 256},
    "float16 targets": {"float_targets": ("float16",)},
    "rgba8 targets": {"float_targets": ("rgba8",)},
}
_WORDS = {
    "max_texture_size": "textures of {}", "draw_buffers": "{} draw buffers", "texture_units": "{} texture units",
    "array_layers": "{} array layers", "float_targets": "{} targets", "precision": "{}", "profile": "{}",
}  # fmt: skip


@dataclass(frozen=True)
class Corner:
    """One way to run a kernel: the arguments of a Device, the codec of its tensors, that of its weights.

    codec:   of what the kernel reads and makes, one of glnn.graph.ACTIVATION_CODECS; float32: the device's best
    weights: of weights with two axes or more: float32, float16, uint16, uint8 or uint4
    """

    dialect: str
    limits: str
    wishes: tuple[tuple[str, Any], ...] = ()
    codec: str = "float32"
    weights: str = "float32"

    def __str__(self) -> str:
        """The corner in words: "es300, textures of 16, float16"."""
        coded = f", {self.weights} weights" if self.weights != "float32" else ""
        return f"{self.dialect}, {self.limits}, {self.codec}{coded}"

    def device(self) -> Device:
        """The device of this corner, kept open for the next test. Raises NoDeviceError, DeviceError."""
        return opened(**dict(self.wishes))


def product(
    dialects: Sequence[str] | None = None,
    limits: Iterable[str | Limits] | None = None,
    codecs: Sequence[str] | None = None,
    weights: Sequence[str] = (),
) -> list[Corner]:
    """Every corner of dialects x limits x codecs; None: those of the test run, at last all that glnn has.

    limits:  names out of LIMITS, names of profiles (or files of `glnn doctor --json`), or arguments of Device
    weights: codecs of weights, tried besides on each dialect's first limits

    What would say the same twice is left out: es100 with one draw buffer, as it always has; codecs of tensors where
    the floats are coded anyway, and by the number of draw buffers. Raises InputError for unknown names.
    """
    choice = current()
    dialects = _known("dialects", dialects or choice.dialects or DIALECTS, DIALECTS)
    codecs = _known("codecs", codecs or choice.codecs or ACTIVATION_CODECS, ACTIVATION_CODECS)
    _known("weights", weights, ("float32", "float16", "uint16", "uint8", "uint4"))
    found: dict[Corner, None] = {}
    for limit in [*LIMITS, *choice.profiles] if limits is None else limits:
        name, wishes = named(limit)
        profile = wishes.get("profile")
        own = [resolve(profile).limits.dialect] if profile is not None and "dialect" not in wishes else dialects
        for dialect in [wishes["dialect"]] if "dialect" in wishes else own:
            asked = tuple(sorted(({"dialect": dialect} | wishes).items()))
            if dialect == "es100" and wishes == LIMITS["1 draw buffer"]:
                continue  # it never has more
            floats = not wishes.keys() & {"float_targets", "draw_buffers", "profile"}
            for codec in codecs if floats else codecs[:1]:
                found[Corner(dialect, name, asked, codec)] = None
            if floats:
                found |= dict.fromkeys(Corner(dialect, name, asked, "float32", w) for w in weights)
    return list(found)


@dataclass(frozen=True)
class Asked:
    """A device that gl_device makes: what it is called, the arguments of Device, whether somebody named it."""

    name: str
    wishes: tuple[tuple[str, Any], ...]
    named: bool = True

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of(cls, param: Any) -> Asked:
        """What a test's own parameter asks for: a dialect, a profile, arguments of Device. Raises InputError."""
        if isinstance(param, Asked):
            return param
        if isinstance(param, str) and param in DIALECTS:
            return cls(param, (("dialect", param),))
        name, wishes = named(param)
        return cls(name, tuple(sorted(wishes.items())))


def devices(profiles: Sequence[str] | None = None, dialects: Sequence[str] | None = None, **limits: Any) -> list[Asked]:
    """What gl_device goes through: the profiles and dialects that are named, else those of the run, else all dialects.

    limits: further arguments of each Device. Raises InputError.
    """
    choice = current()
    if profiles is None and dialects is None:
        profiles, dialects = choice.profiles, choice.dialects
    asked = bool(profiles or dialects or limits)
    profiles = (profiles,) if isinstance(profiles, str) else profiles or ()
    dialects = _known("dialects", dialects or (() if profiles else DIALECTS), DIALECTS)
    further, wishes = named(limits) if limits else ("", {})
    each = [(d, {"dialect": d}) for d in dialects] + [named(profile) for profile in profiles]
    return [
        Asked(f"{name}, {further}" if further else name, tuple(sorted((own | wishes).items())), asked)
        for name, own in each
    ]


def named(limit: str | Limits) -> tuple[str, dict[str, Any]]:
    """How limits are called, and the arguments of Device that they are. Raises InputError."""
    if isinstance(limit, str):
        return (limit, LIMITS[limit]) if limit in LIMITS else (limit, {"profile": resolve(limit, "limits").name})
    wishes = {k: tuple(v) if isinstance(v, list) else v for k, v in limit.items()}
    unknown = sorted(wishes.keys() - {*_WORDS, "dialect", "index"})
    if unknown:
        raise InputError(f"limits: a Device has no {', '.join(unknown)}; allowed are {', '.join(_WORDS)}")
    names = {"float_targets": lambda v: v if isinstance(v, str) else " or ".join(v)}
    told = [_WORDS[k].format(names.get(k, str)(v)) for k, v in wishes.items() if k in _WORDS]
    return ", ".join(told) or "own limits", wishes


def _known(what: str, names: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else tuple(names)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise InputError(f"{what}: {', '.join(map(repr, unknown))} came; allowed are {', '.join(allowed)}")
    return names


_devices: dict[tuple[Any, ...], Device] = {}


def made(**wishes: Any) -> Device:
    """A new device with these arguments: in NumPy where the run of tests chose that.

    Raises NoDeviceError where there is no OpenGL (a test skips then, see Choice), DeviceError for what it cannot do.
    """
    choice = current()
    try:
        return Device(**({"index": "numpy", **wishes} if choice.numpy else wishes))
    except NoDeviceError as error:
        if choice.no_opengl:
            choice.no_opengl(error)
        raise


def opened(**wishes: Any) -> Device:
    """The same, kept open until many others were asked for, or until `close_devices`."""
    key = (current().numpy, *sorted(wishes.items()))
    device = _devices.pop(key, None)
    if device is None:
        while len(_devices) >= MOST_DEVICES:
            _devices.pop(next(iter(_devices))).close()
        device = made(**wishes)
    _devices[key] = device
    return device


def close_devices() -> None:
    """Closes every device that is kept."""
    while _devices:
        _devices.popitem()[1].close()


atexit.register(close_devices)
