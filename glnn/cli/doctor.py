"""What OpenGL offers here and whether glnn can use it: the report behind `glnn doctor`."""

from __future__ import annotations

import json as jsonlib
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..device.context import is_software
from ..device.profiles import PROFILES
from ..errors import GlnnError, InputError
from . import built


def collect(**wishes: Any) -> dict[str, Any]:
    """The report as plain data, a profile for other machines (see profiles.py). wishes: arguments of Device.

    Raises InputError for wishes, or environment variables, that make no sense.
    `ok` says whether glnn can run here; without OpenGL `error` says what was tried.
    """
    about: dict[str, Any] = {
        "ok": False,
        "verdict": "",
        "versions": {
            "glnn": _version("glnn"),
            "commit": built.text(),
            "Python": platform.python_version(),
            **{name: _version(name) for name in ("moderngl", "glcontext", "numpy")},
        },
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "profiles": {profile.name: profile.about for profile in PROFILES.values()},
    }
    try:
        from ..device.device import Device

        with Device(**wishes) as device:
            about["device"] = {
                "renderer": device.renderer,
                "vendor": device.vendor,
                "OpenGL": device.version,
                "GLSL": device.glsl_version,
                "stage": device.why_stage,
            }
            about["limits"] = asdict(device.limits)
            about["forced"] = dict(device.forced)
            about["probes"] = [asdict(result) for result in device.probe]
            about["verdict"] = verdict(device.renderer, device.limits.float_target)
            about["ok"] = True
    except InputError:
        raise
    except (GlnnError, ImportError) as error:
        about["error"] = f"{type(error).__name__}: {error}"
        about["verdict"] = "glnn cannot run here"
    return about


def verdict(renderer: str, float_target: str) -> str:
    """One line on what to expect of a renderer with that best target."""
    speed = "a software rasteriser: correct, slow" if is_software(renderer) else "ready"
    precision = {
        "float32": "",
        "float16": "; kernels write half precision (about 3 digits)",
        "rgba8": "; no float targets, so every value is stored in 4 bytes of an RGBA8 texel: correct, slower",
    }
    return speed + precision[float_target]


def report(json: bool = False, **wishes: Any) -> int:
    """Prints the report, as JSON or for a person; the exit code: 0 if glnn can run here, 1 if not."""
    about = collect(**wishes)
    if json:
        print(jsonlib.dumps(about, indent=2))
    elif sys.stdout.isatty() and _rich(about):
        pass
    else:
        print("\n".join(plain(about)))
    return 0 if about["ok"] else 1


def sections(about: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The report as titled lists of (name, value) pairs, probes left out."""
    profiles = list(about.get("profiles", {}).items())
    parts = [
        ("system", [("system", about["system"]), *((name, text) for name, text in about["versions"].items())]),
        ("device", list(about.get("device", {}).items())),
        ("limits", [(_words(name), str(value)) for name, value in about.get("limits", {}).items()]),
        ("forced by argument or environment", [(_words(n), _listed(v)) for n, v in about.get("forced", {}).items()]),
        ("profiles for --profile, Device(profile=...) and GLNN_PROFILE, beside a report of another machine", profiles),
    ]
    return [part for part in parts if part[1]]


def plain(about: dict[str, Any]) -> list[str]:
    """The report as lines of plain text."""
    lines: list[str] = []
    for title, pairs in sections(about):
        lines += [title, *(f"  {name:18} {value}" for name, value in pairs)]
    if about.get("probes"):
        lines.append("drawn, read back and compared")
        lines += [f"  {'yes' if p['works'] else 'NO ':3} {p['name']:24} {p['detail']}" for p in about["probes"]]
    if "error" in about:
        lines.append(about["error"])
    return [*lines, f"verdict: {about['verdict']}"]


def _rich(about: dict[str, Any]) -> bool:
    """Prints the report as tables; False if rich is not installed."""
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
    except ImportError:
        return False
    console = Console()
    for title, pairs in sections(about):
        table = Table(title=title, title_justify="left", show_header=False, box=None)
        for name, value in pairs:
            table.add_row(f"  {escape(name)}", escape(value))
        console.print(table)
    if about.get("probes"):
        table = Table("works", "probe", "seen", title="drawn, read back and compared", title_justify="left", box=None)
        for p in about["probes"]:
            table.add_row("[green]yes[/]" if p["works"] else "[red]no[/]", escape(p["name"]), escape(p["detail"]))
        console.print(table)
    if "error" in about:
        console.print(escape(about["error"]), highlight=False, soft_wrap=True)
    console.print(f"verdict: [bold {'green' if about['ok'] else 'red'}]{escape(about['verdict'])}[/]")
    return True


def _words(name: str) -> str:
    return name.replace("_", " ")


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _version(name: str) -> str:
    if name == "glnn":
        from .. import __version__

        return __version__
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
