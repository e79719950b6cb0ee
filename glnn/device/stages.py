"""The stage that a device computes in: where fragments draw, or in compute shaders. The one place that decides."""

from __future__ import annotations

from collections.abc import Callable

from ..layout.limits import COMPUTE, DIALECTS, Limits
from .context import is_software

STAGES = ("auto", "fragment", "compute")


def dialects(stage: str | None, renderer: str) -> tuple[str, ...]:
    """The dialects that a device may speak, the first that works is taken. stage: as the user asks, None: "auto".

    "auto" is compute on GPUs: those of data centres run fragments on few of their multiprocessors. Renderers in
    software have nothing to win by it, and drivers of OpenGL before 4.3 have no compute shaders.
    """
    if stage == "compute":
        return (COMPUTE,)
    return DIALECTS if stage == "fragment" or is_software(renderer) else (COMPUTE, *DIALECTS)


def why(limits: Limits, stage: str | None, renderer: str, ask: Callable[[str], bool]) -> str:
    """The stage of a device, and why it is that one, in a line. ask: whether the probe of that name works."""
    if stage in ("fragment", "compute") or limits.stage == "compute":
        asked = "as asked for" if stage == limits.stage else f"stage='fragment' draws in {DIALECTS[0]} instead"
        return f"{limits.stage} ({asked})"
    if not ask(COMPUTE):
        return "fragment (compute shaders do not work here)"
    if is_software(renderer):
        return "fragment (a renderer in software; stage='compute' works as well)"
    return f"fragment (dialect {limits.dialect} was asked for; stage='compute' works as well)"
