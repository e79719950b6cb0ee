"""What comparing a model with a reference found: a row a layer, as data, text, HTML and JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from ...arguments import NAME, PATH, checked
from ..tables import Cell, as_text, number, samples
from .report import Report, plain
from .typed import from_json

Picture = tuple[tuple[float, ...], ...]  # rows of an error map: |difference|, the largest of all channels
STYLE = (
    ".glnn-compare{font-size:13px}.glnn-compare .title{font-weight:600;padding:4px 0}"
    ".glnn-compare table{border-collapse:collapse;font-size:inherit;margin:8px 0}"
    ".glnn-compare th,.glnn-compare td{padding:3px 7px;text-align:right;vertical-align:top;"
    "border-bottom:1px solid rgba(128,128,128,.25);font-variant-numeric:tabular-nums}"
    ".glnn-compare td{white-space:nowrap}.glnn-compare .n{white-space:normal}"
    ".glnn-compare .l{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:130px}"
    ".glnn-compare tr.guilty td{background-color:rgba(214,69,65,.16)}"
    ".glnn-compare .bar{display:block;height:5px;border-radius:2px;background:#4285f4}"
    ".glnn-compare .guilty .bar.own{background:#d64541}.glnn-compare .track{display:block;width:72px;"
    "background:rgba(128,128,128,.18);border-radius:2px;margin:2px 0 2px auto}"
    ".glnn-compare summary{cursor:pointer}.glnn-compare svg{display:block;margin:4px 0;max-width:100%}"
    ".glnn-compare .dim{opacity:.7}.glnn-compare .kernel{font-size:smaller}"
)


@dataclass(frozen=True)
class Errors:
    """How far a tensor is from what was expected, over all samples. NaN and infinities count apart from the rest.

    nmse:    power of the error over power of what was expected; 0: the same
    cosine:  of the angle between the two
    largest: difference of two values
    ulp:     float32 numbers between two values, at most
    nans, infs, expected_nans, expected_infs: how many values are NaN, infinite, and how many should be
    apart:   values of which one is finite and the other is not, or is so in another way
    dead:    values other than zero in lanes and pixels of the textures that are past the tensor's end
    """

    nmse: float
    cosine: float
    largest: float
    ulp: float
    nans: int = 0
    infs: int = 0
    expected_nans: int = 0
    expected_infs: int = 0
    apart: int = 0
    dead: int = 0

    @property
    def rms(self) -> float:
        """The relative RMS error: the root of the NMSE."""
        return math.sqrt(max(self.nmse, 0.0))


@dataclass(frozen=True)
class PartRow:
    """A layer of a guilty draw that holds several, drawn alone on the reference's inputs."""

    name: str
    type: str
    kernel: str
    own: Errors
    noise: float
    tolerance: float
    guilty: bool


@dataclass(frozen=True)
class CompareRow:
    """A layer: what its shaders make of the reference's inputs (own), and of what the device made (inherited).

    name, type: of the layer in the user's model that its draw bears
    tensor:     what is measured, by its name in the graph
    layers:     those that are in the draw, the last one's output is measured
    kernel:     the kernels that are drawn, with commas
    noise:      relative RMS of float32 NumPy on inputs that are off in their last bit (of float16 NumPy where shaders
                compute in half floats) against float64 NumPy, and of what the codec rounds
    tolerance:  of `own`, as relative RMS: beyond it a layer is guilty; with what half floats lose, if they do
    why:        what makes it guilty, in words; empty for one that is not
    parts:      of a guilty draw of several layers, each of these alone
    error_map:  |own difference| of a guilty layer's first sample, the largest of all channels, made small
    halves:     on a device of half floats: what would make the layer guilty if it were not what half floats make of it,
                whoever computes in them; empty where nothing would
    """

    name: str
    type: str
    tensor: str
    layers: tuple[str, ...]
    kernel: str
    own: Errors
    inherited: Errors
    noise: float
    tolerance: float
    guilty: bool = False
    why: str = ""
    reference: str = ""
    parts: tuple[PartRow, ...] = ()
    error_map: Picture = ()
    halves: str = ""

    @property
    def blamed(self) -> tuple[str, ...]:
        """The guilty layers in it: those that are wrong alone, else the one whose name the draw bears."""
        alone = tuple(part.name for part in self.parts if part.guilty)
        return alone or ((self.name,) if self.guilty else ())


@dataclass(frozen=True, repr=False)
class CompareReport(Report):
    """A model on a device against a reference: a row a layer in the order of the draws. True if no layer is guilty."""

    model: str
    device: str
    reference: str
    samples: int
    layers: tuple[CompareRow, ...]
    unmeasured: tuple[str, ...] = ()
    reproducer: Callable[..., Any] | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return not self.guilty

    @property
    def guilty(self) -> tuple[str, ...]:
        """The names of the layers whose own error is beyond their tolerance, each once."""
        return tuple(dict.fromkeys(name for row in self.layers for name in row.blamed))

    def to_dict(self) -> dict[str, Any]:
        rows = [asdict(row) for row in self.layers]
        told = {"model": self.model, "device": self.device, "reference": self.reference, "samples": self.samples}
        return plain({**told, "guilty": self.guilty, "unmeasured": self.unmeasured, "layers": rows})

    @classmethod
    def from_json(cls, text: str) -> CompareReport:
        """The report that `to_json` wrote. Raises InputError for a text that is none."""
        return from_json(cls, text, "report of glnn compare")

    @checked(layer=NAME, folder=PATH)
    def reproduce(self, layer: str, folder: Any = ".") -> Any:
        """Writes a pytest of a guilty layer, its shapes and values shrunk to the smallest that still fail -> its path.

        Beside it lies a page of the same name, .html, that makes the same draws in a browser and tells which values are
        wrong; not of layers that go in turns (LSTM), and of weights in integers.

        Raises InputError (a layer that is not guilty, one that is right by itself, a report that was read from JSON).
        """
        from ...errors import InputError

        if self.reproducer is None:
            raise InputError("this report was read, not measured: call reproduce on what model.compare(x) gave")
        return self.reproducer(self, layer, folder)

    def totals(self) -> list[str]:
        """What it comes to, in lines that stand before the table."""
        against = f"{self.device} against {self.reference}, {samples(self.samples)}"
        wrong = f"guilty: {', '.join(self.guilty)}" if self.guilty else "no layer is guilty"
        return [against, f"{len(self.layers)} tensors measured, {wrong}"]

    def notes(self) -> list[str]:
        """What is to be said of rows, in lines that stand behind the table."""
        lines = [f"{row.name}: {row.why}" for row in self.layers if row.guilty]
        lines += [
            f"{row.name}: {row.halves}; half floats come to that in NumPy too" for row in self.layers if row.halves
        ]
        for row in self.layers:
            for part in row.parts:
                about = f"own error {_share(part.own.rms)}, tolerance {_share(part.tolerance)}"
                lines.append(f"  {part.name} ({part.type}) alone: {'guilty' if part.guilty else 'right'}, {about}")
        if self.unmeasured:
            lines.append(f"No draw of their own: {', '.join(self.unmeasured)}")
        return lines

    def _table(self) -> tuple[list[str], list[list[Cell]]]:
        header = [*"Layer Type Own Inherited Tolerance ULP NMSE Cosine Largest NaN Inf".split(), ""]
        rows: list[list[Cell]] = []
        for row in self.layers:
            own = row.own
            counts = [_counts(own.nans, own.expected_nans), _counts(own.infs, own.expected_infs)]
            errors = [_share(own.rms), _share(row.inherited.rms), _share(row.tolerance)]
            values = [_ulp(own.ulp), f"{own.nmse:.1e}", f"{own.cosine:.6f}", number(own.largest)]
            name = row.name + (f" (+{len(row.layers) - 1})" if len(row.layers) > 1 else "")
            rows.append([name, row.type, *errors, *values, *counts, "guilty" if row.guilty else ""])
        return header, rows

    def __str__(self) -> str:
        header, rows = self._table()
        return as_text(f"Compared: {self.model}", header, rows, self.totals(), self.notes())

    def _repr_html_(self) -> str:
        errors = [row.own for row in self.layers]
        odd = ["NaN"] * any(e.nans or e.expected_nans for e in errors)
        odd += ["Inf"] * any(e.infs or e.expected_infs for e in errors)
        head = ("Layer, kernel", *"Own Inherited Tolerance ULP Cosine Largest".split(), *odd)
        cells = "".join(f"<th{'' if k else ' class=l'}>{name}</th>" for k, name in enumerate(head))
        body = "\n".join(self._html_row(row, odd) for row in self.layers)
        above, below = ("".join(f"<div>{escape(t)}</div>" for t in lines) for lines in (self.totals(), self.notes()))
        return (
            f'<div class="glnn-compare"><style>{STYLE}</style><div class="title">Compared: {escape(self.model)}</div>'
            f"{above}<table><thead><tr>{cells}</tr></thead>\n<tbody>{body}</tbody></table>{below}</div>"
        )

    def _html_row(self, row: CompareRow, odd: Sequence[str]) -> str:
        own, name = row.own, escape(row.name)
        if len(row.layers) > 1:
            others = " + ".join(layer for layer in row.layers if layer != row.name)
            name += f' <span class="dim">{escape(others)}</span>'
        if row.error_map:
            name = f"<details><summary>{name}</summary>{heat_map(row.error_map)}</details>"
        counts = {"NaN": _counts(own.nans, own.expected_nans), "Inf": _counts(own.infs, own.expected_infs)}
        values = [_share(row.tolerance), _ulp(own.ulp), f"{own.cosine:.6f}", number(own.largest)]
        cells = f'<td title="NMSE {own.nmse:.1e}">{_bar(own.rms, "own")}</td>'
        cells += "".join(f"<td>{text}</td>" for text in (_bar(row.inherited.rms, "inherited"), *map(escape, values)))
        cells += "".join(f'<td class="n">{counts[column]}</td>' for column in odd)
        kind = ' class="guilty"' if row.guilty else ""
        return f'<tr{kind}><td class="l">{name}<div class="dim kernel">{escape(row.kernel)}</div></td>{cells}</tr>'


def heat_map(error_map: Picture) -> str:
    """An error map as SVG: the darker the red, the larger the error; no error is clear, NaN and infinity are blue."""
    finite = [value for row in error_map for value in row if math.isfinite(value)]
    most = max(finite, default=0.0)
    squares = []
    for y, row in enumerate(error_map):
        for x, value in enumerate(row):
            if value:
                share = value / most if most and math.isfinite(value) else 1.0
                colour = f"rgba(214,40,40,{max(0.06, share):.2f})" if math.isfinite(value) else "#2962ff"
                about = f"<title>row {y}, column {x}: {value:.3g}</title>"
                squares.append(f'<rect x="{x}" y="{y}" width="1" height="1" fill="{colour}">{about}</rect>')
    height, width = len(error_map), max(map(len, error_map), default=0)
    frame = f'<rect width="{width}" height="{height}" fill="rgba(128,128,128,.12)"/>'
    scale = max(1, 192 // max(width, height, 1))
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width * scale}" height="{height * scale}" '
        f'role="img" aria-label="error map">{frame}{"".join(squares)}</svg><div class="dim">largest {most:.3g}</div>'
    )


def _share(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _ulp(value: float) -> str:
    return f"{value:,.0f}" if value < 1e6 else f"{value:.0e}"


def _counts(count: int, expected: int) -> str:
    return f"{count:,}" if count == expected else f"{count:,} of {expected:,}"


def _bar(rms: float, kind: str) -> str:
    """A relative error as a bar whose length is its logarithm, from 1e-8 to 1."""
    wide = 0.0 if not rms else min(1.0, max(0.03, 1 + math.log10(min(rms, 1.0)) / 8))
    inner = f'<span class="bar {kind}" style="width:{100 * wide:.0f}%"></span>'
    return f'{_share(rms)}<span class="track">{inner}</span>'
