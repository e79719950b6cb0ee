"""The report of a page that was opened with ?check: its draws beside Python's, as data, text, HTML and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...records import dataclass
from ..tables import Cell, as_html, as_text, table, without
from .report import Report, plain
from .typed import from_json

NAMES = {"equal": "bit-equal", "within": "within tolerance", "wrong": "WRONG"}
SHOWN = 16  # samples of the first bad draw


@dataclass(frozen=True)
class FieldRow:
    """A draw on the page's GPU beside Python's, in one of its turns (both from 0).

    state:     "equal" in every bit, "within" tolerance, or "wrong"
    inherited: it reads what a wrong draw left
    error:     the worst difference, in tolerances; what: the sample or statistic that shows it; here, there: its value
               in Python and in the page
    nan, inf:  how many values are, in Python and in the page
    """

    draw: int
    turn: int
    name: str
    kernel: str
    codec: str
    state: str
    inherited: bool
    error: float
    what: str
    here: float
    there: float
    nan: tuple[int, int]
    inf: tuple[int, int]

    @property
    def label(self) -> str:
        """The layer of the user's model."""
        return self.name

    @property
    def guilty(self) -> bool:
        """Whether the draw is wrong, and by itself."""
        return self.state == "wrong" and not self.inherited


@dataclass(frozen=True)
class FieldSample:
    """A value of the first bad draw, in a lane of a texel: in Python, in the page, and what it may be off by."""

    texel: int
    lane: int
    here: float
    there: float
    tolerance: float

    @property
    def off(self) -> bool:
        """Whether it is wrong; NaN is what it should be where Python has it."""
        same = self.here == self.there or (self.here != self.here and self.there != self.there)
        return not (same or abs(self.here - self.there) <= self.tolerance)


@dataclass(frozen=True, repr=False)
class FieldReport(Report):
    """A page's draws beside Python's, in the order in which they were made.

    device: what the page tells of GPU and browser; computed_by: what computed Python's; samples: of the first bad draw
    """

    model: str
    variant: str
    device: Mapping[str, Any]
    computed_by: str
    time: str
    draws: tuple[FieldRow, ...]
    samples: tuple[FieldSample, ...] = ()

    @property
    def layers(self) -> tuple[FieldRow, ...]:
        """The rows, by the name that they have in the report of compare."""
        return self.draws

    @property
    def first(self) -> FieldRow | None:
        """The first bad draw."""
        return next((row for row in self.draws if row.state == "wrong"), None)

    @property
    def ok(self) -> bool:
        """Whether no draw is wrong."""
        return self.first is None

    def to_dict(self) -> dict[str, Any]:
        return plain({"ok": self.ok, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> FieldReport:
        """The report that `to_json` wrote. Raises InputError."""
        return from_json(cls, text, "report of a page's check")

    def totals(self) -> list[str]:
        """What it comes to, in lines that stand before the table."""
        precision = self.device.get("precision")
        bits = precision if isinstance(precision, Mapping) else {}
        lines = [
            f"GPU: {self.device.get('gpu', '?')} ({self.device.get('vendor', '?')}), variant {self.variant}, "
            f"highp float of {bits.get('bits', '?')} bits",
            f"Browser: {self.device.get('browser', '?')}, {self.time}",
            f"Python: {self.computed_by}",
        ]
        count = {state: sum(row.state == state for row in self.draws) for state in NAMES}
        told = f"{count['equal']} of {len(self.draws)} draws equal in every bit, {count['within']} within tolerance"
        if self.first is None:
            return [*lines, f"{told}: the GPU computes what Python does"]
        first, own = self.first, sum(row.guilty for row in self.draws)
        return [
            *lines,
            f"{told}, {count['wrong']} wrong, {own} of them by themselves",
            f"First bad draw: {place(first)}, layer {first.name}, kernel {first.kernel}: {first.what} is "
            f"{first.there:.9g} there, {first.here:.9g} in Python",
        ]

    def _table(self) -> tuple[list[str], list[list[Cell]]]:
        header = [
            "Draw",
            "Layer",
            "Kernel",
            "Result",
            "Of tolerance",
            "Seen at",
            "Python",
            "Page",
            "NaN",
            "Inf",
            "Codec",
        ]
        rows: list[list[Cell]] = []
        for row in self.draws:
            result = NAMES.get(row.state, row.state) + (", follows" if row.state == "wrong" and row.inherited else "")
            equal = row.state == "equal"
            values = (
                ["", "", "", ""] if equal else [f"{row.error:.3g}", row.what, f"{row.here:.7g}", f"{row.there:.7g}"]
            )
            counts = ["0" if not any(pair) else f"{pair[0]} / {pair[1]}" for pair in (row.nan, row.inf)]
            rows.append([place(row), row.name, row.kernel, result, *values, *counts, row.codec])
        drop = [i for i, empty in ((9, "0"), (8, "0")) if all(row[i] == empty for row in rows)]
        return without(header, rows, drop)

    def _samples(self) -> list[str]:
        if not self.samples:
            return []
        bad = sorted(self.samples, key=lambda sample: not sample.off)[:SHOWN]
        rows = [
            [
                f"{s.texel}.{'xyzw'[s.lane] if 0 <= s.lane < 4 else s.lane}",
                f"{s.here:.9g}",
                f"{s.there:.9g}",
                "*" * s.off,
            ]
            for s in bad
        ]
        count, limit = sum(s.off for s in self.samples), self.samples[0].tolerance
        told = f"{count} of {len(self.samples)} of its samples off by more than {limit:.3g}:"
        return ["", told, *table(["Texel", "Python", "Page", ""], rows, right=(1, 2)).splitlines()]

    def __str__(self) -> str:
        return as_text(f"Field check: {self.model}", *self._table(), self.totals(), self._samples())

    def _repr_html_(self) -> str:
        return as_html(f"Field check: {self.model}", *self._table(), self.totals())


def place(row: FieldRow) -> str:
    """The number of a draw, and of its turn, as people count."""
    return f"{row.draw + 1}, turn {row.turn + 1}" if row.turn else f"{row.draw + 1}"
