"""Tables of reports for people, as text and as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Cell = str | tuple[str, float]  # text, or text over a bar that fills this share of the cell
LEFT = (
    "Draw", "Layer", "Kernel", "Result", "Seen at", "Type", "Output shape", "Reads", "Codec", "Output as", "Codes span",
    "Note", "",
)  # fmt: skip
STYLE = (
    ".glnn-report{font-size:13px}.glnn-report table{border-collapse:collapse;font-size:inherit}"
    ".glnn-report .title{font-weight:600;padding:4px 0}.glnn-report table{margin:8px 0}"
    ".glnn-report th,.glnn-report td{padding:2px 10px;text-align:right;border-bottom:1px solid rgba(128,128,128,.25)}"
    ".glnn-report .l{text-align:left}.glnn-report td{font-variant-numeric:tabular-nums}"
    ".glnn-report tr.leaves td{background-color:rgba(214,69,65,.14)}"
    ".glnn-report i{font-style:normal;border-radius:3px;padding:0 6px;background:rgba(128,128,128,.18)}"
    ".glnn-report i.uint4{background:rgba(46,125,50,.35)}.glnn-report i.uint8{background:rgba(46,125,50,.2)}"
    ".glnn-report i.uint16,.glnn-report i.float16{background:rgba(2,119,189,.2)}"
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows of text as a table with a rule under the header; the columns in `right` are aligned to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(header), "  ".join("-" * w for w in widths), *map(line, rows)])


def percent(value: float | None) -> str:
    """A drift for people: two digits that count."""
    if value is None:
        return "-"
    return f"{100 * value:.2g} %" if math.isfinite(value) else str(value)


def share(value: float) -> str:
    """A share for people: never 0 where there is something."""
    return "0" if value == 0 else f"{value:.3%}" if value >= 1e-5 else "<0.001%"


def number(value: float | None) -> str:
    """A value of a tensor for people."""
    return "-" if value is None else f"{value:.4g}"


def samples(count: int) -> str:
    """A number of samples in words."""
    return f"{count:,} sample{'' if count == 1 else 's'}"


def without(
    header: Sequence[str], rows: Sequence[Sequence[Cell]], drop: Sequence[int]
) -> tuple[list[str], list[list[Cell]]]:
    """A table without the columns of these numbers."""
    keep = [i for i in range(len(header)) if i not in drop]
    return [header[i] for i in keep], [[row[i] for i in keep] for row in rows]


def as_text(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> str:
    """A table under its title, with lines before and after it."""
    words = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows]
    right = [i for i in range(len(header)) if header[i] not in LEFT]
    return "\n".join([title, *before, table(header, words, right), *after])


def as_html(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> str:
    """The same as a fragment of HTML with its own style; all text is escaped."""
    left = [name in LEFT for name in header]

    def cell(i: int, value: Cell) -> str:
        words, bar = (value, 0.0) if isinstance(value, str) else value
        shown, wide = escape(words), min(100.0, 100 * bar)
        if header[i] == "Codec":
            shown = f'<i class="{shown}">{shown}</i>'
        kind = ' class="l"' if left[i] else ""
        colours = f"rgba(66,133,244,.28) {wide:.1f}%,transparent {wide:.1f}%"
        style = f' style="background-image:linear-gradient(90deg,{colours})"' if bar else ""
        return f"<td{kind}{style}>{shown}</td>"

    head = "".join(f"<th{' class=l' if left[i] else ''}>{escape(name)}</th>" for i, name in enumerate(header))
    body = []
    for row in rows:
        kind = ' class="leaves"' if row[-1] == "leaves" else ""
        body.append(f"<tr{kind}>" + "".join(cell(i, value) for i, value in enumerate(row)) + "</tr>")
    above, below = ("".join(f"<div>{escape(line)}</div>" for line in lines) for lines in (before, after))
    return (
        f'<div class="glnn-report"><style>{STYLE}</style><div class="title">{escape(title)}</div>{above}'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>" + "\n".join(body) + f"</tbody></table>{below}</div>"
    )
