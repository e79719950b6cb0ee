"""The limits of a device: what was found to work, lowered by what the user asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import field, fields, replace
from typing import Any

from ..arguments import NAME, NAMES, PATH
from ..errors import DeviceError, InputError
from ..layout.limits import COMPUTE, DIALECTS, PRECISIONS, TARGETS, Limits
from ..records import dataclass
from . import profiles
from .probe import MAX_UNITS, TRIED, buffer_counts
from .stages import STAGES, dialects

ARGUMENTS = {  # of devices; `Wishes.gather` tells of numbers and of names that are not known
    **dict.fromkeys(("dialect", "precision", "stage"), NAME), "float_targets": NAMES | NAME, "sources": PATH,
}  # fmt: skip
COUNTS = ("max_texture_size", "draw_buffers", "texture_units", "array_layers")  # wishes that bear the limit's own name


@dataclass(frozen=True)
class Wishes:
    """What the user asks of a Device; None where nothing is asked."""

    index: int | None = None
    max_texture_size: int | None = None
    draw_buffers: int | None = None
    texture_units: int | None = None
    float_targets: tuple[str, ...] | None = None
    dialect: str | None = None
    array_layers: int | None = None
    precision: str | None = None
    stage: str | None = None
    profile: str | None = None  # a profile's name, or the file it came from
    imposed: frozenset[str] = frozenset()  # the wishes that are the profile's
    variables: frozenset[str] = field(default=frozenset(), compare=False)  # ... that environment variables make

    @classmethod
    def gather(
        cls,
        index: int | str | None = None,
        max_texture_size: int | None = None,
        draw_buffers: int | None = None,
        texture_units: int | None = None,
        float_targets: Sequence[str] | str | None = None,
        dialect: str | None = None,
        profile: str | os.PathLike[str] | None = None,
        precision: str | None = None,
        array_layers: int | None = None,
        stage: str | None = None,
    ) -> Wishes:
        """Arguments where given, else environment variables, else what the profile says.

        Raises InputError that names the argument, variable or file.
        """
        asked: dict[str, Any] = {
            "index": _count("device_index", index, 0),
            "max_texture_size": _count("max_texture_size", max_texture_size, 1),
            "draw_buffers": _count("draw_buffers", draw_buffers, 1),
            "texture_units": _count("texture_units", texture_units, 2),
            "array_layers": _count("array_layers", array_layers, 1),
            "float_targets": _allowed(_wish("float_targets", float_targets, _names), TARGETS),
            "dialect": _allowed(_wish("dialect", dialect, str), (*DIALECTS, COMPUTE)),
            "precision": _allowed(_wish("precision", precision, str), PRECISIONS),
            # A dialect that is an argument goes before a variable.
            "stage": _allowed(_wish("stage", stage, str) if stage or not dialect else None, STAGES),
        }
        given = (
            index, max_texture_size, draw_buffers, texture_units, array_layers, float_targets, dialect, precision, stage
        )  # fmt: skip
        pairs = zip(asked, given, strict=True)
        asked["variables"] = frozenset(name for name, value in pairs if value is None and asked[name] is not None)
        named = _wish("profile", profile, lambda value: value)
        _fit(asked["stage"], asked["dialect"], "dialect")
        if named is None:
            return cls(**asked)
        chosen = profiles.resolve(named[1], named[0])
        where, limits = f"profile {chosen.name!r}", chosen.limits
        whole: dict[str, Any] = {name: getattr(limits, name) for name in COUNTS}
        whole |= {"float_targets": (limits.float_target,), "dialect": limits.dialect, "precision": limits.precision}
        if asked["dialect"] is None:
            _fit(asked["stage"], whole["dialect"], f"{where}: dialect")
        imposed = frozenset(name for name in whole if asked[name] is None)
        return cls(**{**asked, **{name: whole[name] for name in imposed}, "profile": chosen.name, "imposed": imposed})

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of a Device that wishes the same."""
        names = [f.name for f in fields(self) if f.name not in ("imposed", "variables", *self.imposed)]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def called(self, name: str) -> str:
        """A wish as the user knows it: by the name of the argument, of its variable, or of the profile's limit."""
        if name in self.variables:
            return f"GLNN_{name.upper()}"
        return f"profile {self.profile!r}: {name}" if name in self.imposed else name

    def remedy(self, name: str, values: str) -> str:
        """What to do about a wish of the profile that the device cannot meet; nothing for an argument's."""
        return f". Give the argument {name}={values} (or GLNN_{name.upper()})" if name in self.imposed else ""


def _fit(stage: str | None, dialect: str | None, called: str) -> None:
    """Raises InputError for a stage that no shader of the dialect runs in."""
    if dialect and stage in ("fragment", "compute") and stage != ("compute" if dialect == COMPUTE else "fragment"):
        fitting = COMPUTE if stage == "compute" else ", ".join(DIALECTS)
        raise InputError(f"stage={stage!r} with {called}={dialect!r}: that stage has {fitting}. Leave one of them out")


def _allowed(wish: tuple[str, Any] | None, allowed: Sequence[str]) -> Any:
    """The value of a wish, one name or several. Raises InputError unless all are allowed, and there is one at least."""
    if wish is None:
        return None
    names = (wish[1],) if isinstance(wish[1], str) else wish[1]
    if not names or any(name not in allowed for name in names):
        how = f"one or more of {', '.join(allowed)}" if names is wish[1] else ", ".join(allowed)
        raise InputError(f"{wish[0]}={','.join(names)!r}: allowed are {how}")
    return wish[1]


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
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{wish[0]}={wish[1]!r}: a whole number of {least} or more is expected") from None
    return number


def choose(ask: Callable[[str], bool], queried: Limits, wishes: Wishes, renderer: str) -> tuple[Limits, dict[str, Any]]:
    """The limits to plan with, and the wishes in effect by name.

    ask: whether the probe of that name works (see probe.names). Raises DeviceError for a wish above what works.
    """
    spoken = (wishes.dialect,) if wishes.dialect else dialects(wishes.stage, renderer)
    dialect = next((d for d in spoken if _renders(ask, d)), None)
    if dialect is None:
        others = [d for d in DIALECTS if _renders(ask, d)]
        asked = "dialect" if wishes.dialect else "stage" if wishes.stage == "compute" else ""
        wish = f"{wishes.called(asked)}={getattr(wishes, asked)!r}: " if asked else "no kernel can run: "
        remedy = wishes.remedy("dialect", repr(others[0])) if others and wishes.dialect else ""
        remedy = f"; give stage='fragment', or 'auto'{remedy}" if asked == "stage" else remedy
        raise DeviceError(f"{wish}{renderer} runs {', '.join(others) or 'none of ' + ', '.join(DIALECTS)}{remedy}")
    target = next((t for t in TARGETS if t in (wishes.float_targets or TARGETS) and ask(f"{dialect} {t}")), None)
    if target is None:
        works = [t for t in TARGETS if ask(f"{dialect} {t}")]
        raise DeviceError(
            f"{wishes.called('float_targets')}={','.join(wishes.float_targets or ())}: {renderer} renders to "
            f"{', '.join(works)} in {dialect}{wishes.remedy('float_targets', repr(works[0]))}"
        )
    size, tried = queried.max_texture_size, any(name in renderer.lower() for name in TRIED)
    while size > 64 and not (tried or ask(f"texture size {size}")):
        size //= 2
    units = next((n for n in (min(queried.texture_units, MAX_UNITS), 8) if tried or ask(f"{n} texture units")), 4)
    has = replace(
        queried,
        max_texture_size=size,
        draw_buffers=next((n for n in buffer_counts(dialect) if ask(f"{dialect} {n} draw buffers")), 1),
        texture_units=units,
        float_target=target,
        dialect=dialect,
    )
    forced: dict[str, Any] = {}
    for name in COUNTS:
        wish, most = getattr(wishes, name), getattr(has, name)
        if wish is not None and wish > most:
            raise DeviceError(
                f"{wishes.called(name)}={wish}: {renderer} has {most} in {dialect}; limits can only be lowered"
                f"{wishes.remedy(name, f'{most} or less')}"
            )
        if wish is not None:
            forced[name] = wish
    limits = replace(has, **forced, precision=wishes.precision or has.precision)
    rest = ("index", "float_targets", "dialect", "precision", "stage", "profile")
    kept = {name: getattr(wishes, name) for name in rest}
    return limits, {**forced, **{name: value for name, value in kept.items() if value is not None}}


def _renders(ask: Callable[[str], bool], dialect: str) -> bool:
    return any(ask(f"{dialect} {target}") for target in TARGETS)
