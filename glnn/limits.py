"""The limits of a device: what was found to work, lowered by what the user asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import DeviceError, InputError
from .layout import Limits
from .probe import DIALECTS, MAX_UNITS, TARGETS, buffer_counts


@dataclass(frozen=True)
class Wishes:
    """What the user asks of a Device; None where nothing is asked."""

    index: int | None = None
    max_texture_size: int | None = None
    draw_buffers: int | None = None
    texture_units: int | None = None
    float_targets: tuple[str, ...] | None = None
    dialect: str | None = None

    @classmethod
    def gather(
        cls,
        index: int | None,
        max_texture_size: int | None,
        draw_buffers: int | None,
        texture_units: int | None,
        float_targets: Sequence[str] | str | None,
        dialect: str | None,
    ) -> Wishes:
        """Arguments where given, else environment variables. Raises InputError that names the argument or variable."""
        targets = _wish("float_targets", float_targets, _names)
        unknown = [name for name in targets[1] if name not in TARGETS] if targets else []
        if targets and (unknown or not targets[1]):
            raise InputError(f"{targets[0]}={','.join(targets[1])!r}: allowed are one or more of {', '.join(TARGETS)}")
        spoken = _wish("dialect", dialect, str)
        if spoken and spoken[1] not in DIALECTS:
            raise InputError(f"{spoken[0]}={spoken[1]!r}: allowed are {', '.join(DIALECTS)}")
        return cls(
            index=_count("device_index", index, 0),
            max_texture_size=_count("max_texture_size", max_texture_size, 1),
            draw_buffers=_count("draw_buffers", draw_buffers, 1),
            texture_units=_count("texture_units", texture_units, 2),
            float_targets=targets[1] if targets else None,
            dialect=spoken[1] if spoken else None,
        )


def _wish(name: str, argument: Any, convert: Callable[[Any], Any]) -> tuple[str, Any] | None:
    """(how the user calls it, the value) from the argument or from GLNN_<NAME>; None if neither is set."""
    if argument is not None:
        return ("index" if name == "device_index" else name), convert(argument)
    text = os.environ.get(f"GLNN_{name.upper()}", "").strip()
    return (f"GLNN_{name.upper()}", convert(text)) if text else None


def _names(value: Sequence[str] | str) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(str(part).strip() for part in parts if str(part).strip())


def _count(name: str, argument: Any, least: int) -> int | None:
    wish = _wish(name, argument, lambda value: value)
    if wish is None:
        return None
    try:
        number = int(wish[1])
        if (
            number < least
            or number != (float(wish[1]) if not isinstance(wish[1], str) else number)
            or isinstance(wish[1], bool)
        ):
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(f"{wish[0]}={wish[1]!r}: a whole number of {least} or more is expected") from None
    return number


def choose(ask: Callable[[str], bool], queried: Limits, wishes: Wishes, renderer: str) -> tuple[Limits, dict[str, Any]]:
    """The limits to plan with, and the wishes in effect by name.

    ask: whether the probe of that name works (see probe.names). Raises DeviceError for a wish above what works.
    """
    dialect = next((d for d in ([wishes.dialect] if wishes.dialect else DIALECTS) if _renders(ask, d)), None)
    if dialect is None:
        others = [d for d in DIALECTS if _renders(ask, d)]
        wish = f"dialect={wishes.dialect!r}: " if wishes.dialect else "no kernel can run: "
        raise DeviceError(f"{wish}{renderer} runs {', '.join(others) or 'none of ' + ', '.join(DIALECTS)}")
    target = next((t for t in TARGETS if t in (wishes.float_targets or TARGETS) and ask(f"{dialect} {t}")), None)
    if target is None:
        works = ", ".join(t for t in TARGETS if ask(f"{dialect} {t}"))
        raise DeviceError(
            f"float_targets={','.join(wishes.float_targets or ())}: {renderer} renders to {works} in {dialect}"
        )
    size = queried.max_texture_size
    while size > 64 and not ask(f"texture size {size}"):
        size //= 2
    units = next((n for n in (min(queried.texture_units, MAX_UNITS), 8) if ask(f"{n} texture units")), 4)
    has = replace(
        queried,
        max_texture_size=size,
        draw_buffers=next((n for n in buffer_counts(dialect) if ask(f"{dialect} {n} draw buffers")), 1),
        texture_units=units,
        float_target=target,
        dialect=dialect,
    )
    forced: dict[str, Any] = {}
    for name in ("max_texture_size", "draw_buffers", "texture_units"):
        wish, most = getattr(wishes, name), getattr(has, name)
        if wish is not None and wish > most:
            raise DeviceError(f"{name}={wish}: {renderer} has {most} in {dialect}; limits can only be lowered")
        if wish is not None:
            forced[name] = wish
    kept = {name: getattr(wishes, name) for name in ("index", "float_targets", "dialect")}
    return replace(has, **forced), {**forced, **{name: value for name, value in kept.items() if value is not None}}


def _renders(ask: Callable[[str], bool], dialect: str) -> bool:
    return any(ask(f"{dialect} {target}") for target in TARGETS)
