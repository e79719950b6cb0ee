"""Device profiles: the limits of devices by name, and those of another machine out of its `glnn doctor --json`."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..arguments import is_path
from ..errors import InputError
from ..layout.limits import NAMES, Limits
from ..records import dataclass
from ..small_files import read_small

AGAIN = "Write it again with `glnn doctor --json` on that machine"
YOUNG = frozenset(("precision",))  # limits that reports of older versions lack; all have a default that was true then


@dataclass(frozen=True)
class Profile:
    """The limits of a kind of device: a name (or the file it came from), one line about it, its Limits."""

    name: str
    about: str
    limits: Limits


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "webgl2-desktop", "WebGL2 on a computer: float32 targets, 8 draw buffers",
            Limits(4096, 8, 16, "float32", "es300"),
        ),
        Profile(
            "webgl2-tablet", "WebGL2 on strong mobile chips: float32 targets, 4 draw buffers",
            Limits(4096, 4, 16, "float32", "es300"),
        ),
        Profile(
            "webgl2-phone", "WebGL2 on a phone: float16 targets, 4 draw buffers",
            Limits(4096, 4, 16, "float16", "es300"),
        ),
        Profile(
            "webgl2-minimum", "what every WebGL2 guarantees: 2048 texels a side, 4 draw buffers, RGBA8 targets",
            Limits(2048, 4, 16, "rgba8", "es300"),
        ),
        Profile(
            "webgl1-desktop", "WebGL1 on a computer: float32 targets, one draw buffer",
            Limits(4096, 1, 8, "float32", "es100"),
        ),
        Profile(
            "webgl1-phone", "WebGL1 on a phone: RGBA8 targets, one draw buffer, 8 texture units",
            Limits(4096, 1, 8, "rgba8", "es100"),
        ),
        Profile(
            "webgl1-minimum", "what every WebGL1 guarantees: 64 texels a side, 8 texture units, RGBA8 targets",
            Limits(64, 1, 8, "rgba8", "es100"),
        ),
    )
}  # fmt: skip


def resolve(profile: Any, argument: str = "profile") -> Profile:
    """The Profile of a name out of PROFILES, or of a file that `glnn doctor --json` wrote (str or PathLike).

    argument: how the user calls it, for messages. Raises InputError for unknown names and for files that are no report.
    """
    if isinstance(profile, os.PathLike) and is_path(profile):
        return from_report(Path(profile), argument)
    if not isinstance(profile, str):
        raise InputError(
            f"{argument}={profile!r}: expected the name of a profile or a path, not {type(profile).__name__}"
        )
    if profile in PROFILES:
        return PROFILES[profile]
    if profile.endswith(".json") or (profile and is_path(profile) and Path(profile).is_file()):
        return from_report(Path(profile), argument)
    close = difflib.get_close_matches(profile, PROFILES, 3)
    hint = f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
    raise InputError(
        f"{argument}={profile!r}: no such profile{hint}. Allowed are {', '.join(PROFILES)}, "
        "or the path of a file that `glnn doctor --json` wrote"
    )


def from_report(path: Path, argument: str = "profile") -> Profile:
    """The limits in a report of `glnn doctor --json`. Raises InputError that names the file and what is wrong."""
    where = f"{argument} {str(path)!r}"
    try:
        report = json.loads(read_small(path))  # bytes: PowerShell writes UTF-16
    except OSError as error:
        raise InputError(f"{where}: {error.strerror or error}. Give a file that `glnn doctor --json` wrote") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}). {AGAIN}") from error
    if not isinstance(report, Mapping) or not report.keys() & {"limits", "verdict"}:
        raise InputError(f"{where}: not a report of `glnn doctor --json`. {AGAIN}")
    limits = report.get("limits")
    if not isinstance(limits, Mapping):
        reason = str(report.get("error") or report.get("verdict") or "it tells no reason").splitlines()[0]
        raise InputError(
            f"{where}: a report without limits, since glnn could not run on that machine ({reason}). "
            "Run `glnn doctor` there, do what it says, and write the report again"
        )
    device = report.get("device")
    renderer = device.get("renderer") if isinstance(device, Mapping) else None
    return Profile(str(path), str(renderer or "a device that the report does not name"), read_limits(limits, where))


def read_limits(values: Mapping[str, Any], where: str) -> Limits:
    """Limits from their JSON, every field checked: numbers of 1 or more, names that there are. Raises InputError."""
    defaults = asdict(Limits())
    unknown = sorted(map(str, values.keys() - defaults.keys()))
    missing = [f.name for f in fields(Limits) if f.name not in values and f.name not in YOUNG]
    if unknown:
        raise InputError(f"{where}: limits that this glnn does not know: {', '.join(unknown)}. Update glnn")
    if missing:
        raise InputError(f"{where}: its limits lack {', '.join(missing)}. {AGAIN}")
    for name, value in values.items():
        kind = type(defaults[name])
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and value < 1):
            wanted = "a whole number of 1 or more" if kind is int else "a name"
            raise InputError(f"{where}: limit {name} is {value!r}, expected {wanted}. {AGAIN}")
        if name in NAMES and value not in NAMES[name]:
            raise InputError(f"{where}: {name}={value!r}: allowed are {', '.join(NAMES[name])}")
    return Limits(**values)
