"""A profile as events of the Trace Event Format, which Perfetto and Chrome's tracing page read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .profiles import DrawTime, Profile

ONCE, PARTS, DRAWS = 1, 2, 3  # tracks


def events(profile: Profile) -> Iterator[dict[str, Any]]:
    """Names of the tracks, then complete events ("X") in microseconds, one after another as a prediction runs."""
    names = {
        0: f"glnn: {profile.model} on {profile.device}",
        ONCE: "first prediction, once", PARTS: "prediction", DRAWS: "draws",
    }  # fmt: skip
    for track, words in names.items():
        kind = "thread_name" if track else "process_name"
        yield {"name": kind, "ph": "M", "pid": 1, "tid": track, "args": {"name": words}}
    now = 0.0
    for name, seconds in profile.costs.items():
        yield _event(ONCE, name, "cost", now, seconds)
        now += seconds
    now = 0.0
    for name, seconds in (("handling", profile.handling), ("upload", profile.upload)):
        yield _event(PARTS, name, "part", now, seconds)
        now += seconds
    for run in _runs(profile.draws):
        yield _event(PARTS, run[0].label, "layer", now, sum(draw.seconds for draw in run), draws=len(run))
        for draw in run:
            told: dict[str, Any] = {"draw": draw.number, "layer": draw.label, "turns": draw.turns}
            told |= {"output": " x ".join(map(str, draw.output)), "read": draw.read, "written": draw.written}
            yield _event(DRAWS, draw.kernel, "draw", now, draw.seconds, **told)
            now += draw.seconds
    for name, seconds in (("between draws", profile.between), ("read back", profile.read_back)):
        if seconds:
            yield _event(PARTS, name, "part", now, seconds)
            now += seconds


def _event(track: int, name: str, kind: str, at: float, seconds: float, **told: Any) -> dict[str, Any]:
    times = {"ts": round(at * 1e6, 3), "dur": round(seconds * 1e6, 3)}
    return {"name": name, "cat": kind, "ph": "X", "pid": 1, "tid": track, **times, "args": told}


def _runs(draws: tuple[DrawTime, ...]) -> Iterator[list[DrawTime]]:
    """Draws of one layer that follow each other."""
    run: list[DrawTime] = []
    for draw in draws:
        if run and run[0].label != draw.label:
            yield run
            run = []
        run.append(draw)
    if run:
        yield run
