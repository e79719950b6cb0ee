"""Profiles: where a prediction's time goes, as data, text, HTML, JSON and as a trace that Perfetto opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from functools import cached_property
from typing import Any

from ...arguments import NAME, checked, instance
from ...errors import InputError
from ...records import dataclass
from .. import html
from ..tables import Cell, as_html, as_text, samples, without
from .perfetto import events
from .report import Report, plain
from .typed import from_json

VERSION = 1


@dataclass(frozen=True)
class DrawTime:
    """A draw of the plan: where it belongs, what it took in one prediction, seconds and bytes over all its turns.

    output:  layers x height x width texels of what it draws to
    first:   seconds of its first run in a new process' place, less those of a later one: what the driver does late
    compile: seconds in which its program was made, for the first draw with it; else 0
    read, written: bytes of the texels of the tensors and weights that it reads, each once, and of those that it draws
    """

    number: int
    label: str
    kernel: str
    output: tuple[int, int, int]
    turns: int
    seconds: float
    read: int
    written: int
    compile: float = 0.0
    first: float = 0.0


@dataclass(frozen=True)
class LayerTime:
    """A layer of the user's model: the sum of its draws; flop: floating-point operations, 0 for none."""

    label: str
    kernels: tuple[str, ...]
    draws: int
    turns: int
    seconds: float
    read: int
    written: int
    compile: float
    flop: float


@dataclass(frozen=True, repr=False)
class Profile(Report):
    """What one prediction takes on a device: in seconds, bytes and operations.

    Times are means over the middle half of `repeat` predictions, by how long they took.

    draws:    each draw of the plan; `layers` sums them up by layer
    upload, read_back: packing the inputs and writing them to textures; reading the outputs and unpacking them
    between:  what the device waits between draws for the next to come; 0 where draws are timed by the clock
    handling: checking and arranging what is given and handed out
    predict:  a whole prediction, timed by itself between the others
    watched:  what all draws took while each was timed, over what they take in one go. With "clock" a finish keeps the
              processor from making the next draw ready meanwhile; the times of draws are divided by it
    costs:    what the first prediction takes once besides: "plan", "compile", "weights", "textures", "first draws"
    sizes:    bytes "uploaded", "read back", of "weights" and "activations" on the device
    timer:    how draws were timed: "queries" of the driver, or "clock": each with a finish behind it
    """

    model: str
    device: str
    timer: str
    samples: int
    repeat: int
    draws: tuple[DrawTime, ...]
    upload: float
    read_back: float
    between: float
    handling: float
    predict: float
    watched: float = 1.0
    flop: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def drawing(self) -> float:
        """Seconds of all draws."""
        return sum(draw.seconds for draw in self.draws)

    @property
    def seconds(self) -> float:
        """The sum of all parts: what they say that a prediction takes."""
        return self.upload + self.drawing + self.between + self.read_back + self.handling

    @cached_property
    def layers(self) -> tuple[LayerTime, ...]:
        """The layers that draw, in the order of their first draws."""
        held: dict[str, list[DrawTime]] = {}
        for draw in self.draws:
            held.setdefault(draw.label, []).append(draw)
        return tuple(
            LayerTime(
                label, tuple(dict.fromkeys(d.kernel for d in draws)), len(draws), sum(d.turns for d in draws),
                sum(d.seconds for d in draws), sum(d.read for d in draws), sum(d.written for d in draws),
                sum(d.compile + d.first for d in draws), float(self.flop.get(label, 0)),
            )
            for label, draws in held.items()
        )  # fmt: skip

    @checked(label=NAME)
    def layer(self, label: str) -> LayerTime:
        """The layer of this label. Raises InputError."""
        for item in self.layers:
            if item.label == label:
                return item
        raise InputError(
            f"profile: no layer {label!r} draws; those that do are {', '.join(r.label for r in self.layers)}"
        )

    def compare(self, other: Profile) -> Comparison:
        """This profile beside another one, layer by layer."""
        instance("another Profile", Profile).check("other", other, "Profile.compare")
        return Comparison(self, other)

    # ---- as text, HTML, JSON

    def totals(self) -> list[str]:
        """What it comes to, in lines that stand before the table."""
        count = sum(draw.turns for draw in self.draws)
        flop = sum(self.flop.values())
        rate = f", {flop / self.drawing / 1e9:.1f} GFLOP/s" if flop and self.drawing else ""
        parts = [f"upload {ms(self.upload)}", f"{count:,} draws {ms(self.drawing)}"]
        parts += [f"between draws {ms(self.between)}"] if self.between else []
        parts += [f"read back {ms(self.read_back)}", f"handling {ms(self.handling)}"]
        how = "timer queries"
        if self.timer == "clock":
            how = f"a finish behind each, which took {self.watched:.2f} times as long as all in one go and is taken off"
        lines = [
            f"Predict: {ms(self.predict)}, the sum of its parts {ms(self.seconds)} ({samples(self.samples)}, "
            f"the middle of {self.repeat})",
            f"Parts: {', '.join(parts)}; draws timed by {how}",
            f"Work: {flop / 1e9:.3g} GFLOP{rate}",
        ]
        if self.sizes:
            lines.append("Bytes: " + ", ".join(f"{name} {count:,}" for name, count in self.sizes.items()))
        if self.costs:
            lines.append("First prediction besides: " + ", ".join(f"{k} {ms(v)}" for k, v in self.costs.items()))
        return [f"Device: {self.device}", *lines]

    def _table(self) -> tuple[list[str], list[list[Cell]]]:
        header = ["Layer", "Type", "Draws", "ms", "Share", "GFLOP", "GFLOP/s", "MB read", "MB written", "Compile ms"]
        rows: list[list[Cell]] = []
        for row in self.layers:
            share, turns = row.seconds / (self.drawing or 1), f" ({row.turns:,})" if row.turns > row.draws else ""
            rate = f"{row.flop / row.seconds / 1e9:.1f}" if row.flop and row.seconds else ""
            rows.append(
                [
                    row.label, "+".join(row.kernels), f"{row.draws}{turns}", f"{row.seconds * 1e3:.3f}",
                    (f"{share:.1%}", share), f"{row.flop / 1e9:.3g}" if row.flop else "", rate,
                    f"{row.read / 1e6:.2f}", f"{row.written / 1e6:.2f}", f"{row.compile * 1e3:.1f}",
                ]
            )  # fmt: skip
        return without(header, rows, [] if self.costs else [9])

    def _draws_table(self) -> tuple[list[str], list[list[Cell]]]:
        header = ["Layer", "Type", "Output shape", "Turns", "ms", "Share", "MB read", "MB written", "Compile ms"]
        rows: list[list[Cell]] = []
        for d in self.draws:
            share = d.seconds / (self.drawing or 1)
            late = f"{(d.compile + d.first) * 1e3:.1f}"
            rows.append(
                [
                    d.label, d.kernel, " x ".join(map(str, d.output)), f"{d.turns:,}", f"{d.seconds * 1e3:.3f}",
                    (f"{share:.1%}", share), f"{d.read / 1e6:.2f}", f"{d.written / 1e6:.2f}", late,
                ]
            )  # fmt: skip
        return without(header, rows, [] if self.costs else [8])

    def __str__(self) -> str:
        return as_text(f"Profile: {self.model}", *self._table(), self.totals())

    def by_draw(self) -> str:
        """The draws as a table."""
        return as_text(f"Draws: {self.model}", *self._draws_table())

    def _repr_html_(self) -> str:
        head = html.title(f"Profile: {self.model}") + "".join(
            f"<div>{html.escape(line)}</div>" for line in self.totals()
        )
        return html.view(
            head, bar(self),
            html.box("by layer", as_html("", *self._table()), opened=len(self.layers) <= 24),
            html.box("by draw", as_html("", *self._draws_table())),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        data = {"version": VERSION, "seconds": self.seconds, **asdict(self)}
        return plain({**data, "layers": [asdict(row) for row in self.layers]})

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """The profile that `to_json` wrote. Raises InputError."""
        return from_json(cls, text, "profile", VERSION)

    def to_perfetto(self) -> str:
        """The prediction as Trace Event JSON, which https://ui.perfetto.dev and chrome://tracing open.

        A track for the first prediction's costs, one for the parts of a prediction, one for the draws in them.
        """
        return json.dumps({"traceEvents": list(events(self)), "displayTimeUnit": "ms"})


@dataclass(frozen=True, repr=False)
class Comparison(Report):
    """Two profiles side by side, layer by layer: those of both, then those of one alone."""

    a: Profile
    b: Profile

    def rows(self) -> list[tuple[str, float | None, float | None]]:
        """Label, seconds in the first and in the second profile of each layer and part; None where it is not there."""
        ours, theirs = ({row.label: row.seconds for row in each.layers} for each in (self.a, self.b))
        labels = dict.fromkeys((*ours, *theirs))
        made = [(label, ours.get(label), theirs.get(label)) for label in labels]
        parts = ("upload", "drawing", "between", "read_back", "handling", "seconds", "predict")
        return [*made, *((f"({p.replace('_', ' ')})", getattr(self.a, p), getattr(self.b, p)) for p in parts)]

    def to_dict(self) -> dict[str, Any]:
        return plain({"a": self.a.to_dict(), "b": self.b.to_dict(), "rows": [list(row) for row in self.rows()]})

    def totals(self) -> list[str]:
        """What is compared."""
        return [f"{n}: {p.model} on {p.device}, {samples(p.samples)}" for n, p in (("A", self.a), ("B", self.b))]

    def _table(self) -> tuple[list[str], list[list[Cell]]]:
        most = max(max(a or 0, b or 0) for _, a, b in self.rows()) or 1
        cells: list[list[Cell]] = []
        for label, a, b in self.rows():
            pair: list[Cell] = ["-" if v is None else (f"{v * 1e3:.3f}", v / most) for v in (a, b)]
            change = "-" if a is None or b is None else f"{(b - a) * 1e3:+.3f}"
            cells.append([label, *pair, change, f"{b / a:.2f}" if a and b else "-"])
        return ["Layer", "A ms", "B ms", "B - A", "B / A"], cells

    def __str__(self) -> str:
        return as_text("Profiles side by side", *self._table(), self.totals())

    def _repr_html_(self) -> str:
        return html.view(as_html("Profiles side by side", *self._table(), self.totals()))


def ms(seconds: float) -> str:
    """Seconds in milliseconds, three digits that count."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds * 1e3:.0f} ms"


def bar(profile: Profile) -> str:
    """The parts of a prediction as one bar, the draws by layer; names under the mouse."""
    whole = profile.seconds or 1
    parts = [("handling", profile.handling), ("upload", profile.upload)]
    parts += [(row.label, row.seconds) for row in profile.layers]
    parts += [("between draws", profile.between), ("read back", profile.read_back)]
    named = {row.label for row in profile.layers}
    spans = []
    for number, (name, seconds) in enumerate(parts):
        colour = (
            f"hsl({200 + (number * 47) % 110} 55% {45 + number % 3 * 8}%)" if name in named else "rgba(128,128,128,.5)"
        )
        words = html.escape(f"{name}: {ms(seconds)} ({seconds / whole:.1%})")
        spans.append(f'<span title="{words}" style="flex:{seconds / whole:.5f} 0 0;background:{colour}"></span>')
    return f'<div style="display:flex;height:18px;max-width:900px;margin:6px 0;gap:1px">{"".join(spans)}</div>'
