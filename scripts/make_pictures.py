"""Writes docs/rooms.svg and docs/data.svg, the pictures of docs/architecture.md. `make api`, or --check.

The rooms are the wings of .importlinter, in its order, each with the first words of its docstring; what its second
contract does not name needs OpenGL.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
WIDTH, GAP, LINE = 880, 12, 15  # pixels
# Both schemes stand in the file, with a ground of their own: readable wherever it is shown.
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.name { font: 600 14px ui-monospace, monospace }
.ground { fill: #ffffff } .box { fill: #f3f5f8; stroke: #8c959f } .gl { fill: #fdeeda; stroke: #bf8700 }
.line { stroke: #57606a; stroke-width: 1.5; fill: none } .head { fill: #57606a } .note { fill: #57606a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ground { fill: #0d1117 } .box { fill: #1c2330; stroke: #6e7681 }
.gl { fill: #3a2a10; stroke: #d29922 } .line { stroke: #9da7b3 } .head, .note { fill: #9da7b3 }
}"""


def svg(height: int, title: str, parts: Sequence[str]) -> str:
    """A picture of the common width."""
    body = "\n".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>{escape(title)}</title>
<style>{STYLE}</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>
<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>
{body}
</svg>
"""


def box(x: float, y: float, width: float, height: float, name: str, lines: Sequence[str], gl: bool = False) -> str:
    """A box with a name and lines of text below it, all centred."""
    middle = x + width / 2
    top = y + height / 2 - (len(lines) * LINE) / 2 + 5
    rows = [f'<text class="name" x="{middle:g}" y="{top:g}" text-anchor="middle">{escape(name)}</text>']
    rows += [
        f'<text x="{middle:g}" y="{top + LINE * (i + 1) + 1:g}" text-anchor="middle">{escape(line)}</text>'
        for i, line in enumerate(lines)
    ]
    kind = "gl" if gl else "box"
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>\n' + "\n".join(
        rows
    )


def arrow(*points: tuple[float, float], label: str = "", at: tuple[float, float] = (0, 0)) -> str:
    """A line through points that ends in a head, and words at a place."""
    path = "L".join(f"{x:g} {y:g}" for x, y in points)
    told = f'\n<text class="note" x="{at[0]:g}" y="{at[1]:g}" text-anchor="middle">{escape(label)}</text>'
    return f'<path class="line" d="M{path}" marker-end="url(#a)"/>' + (told if label else "")


def note(x: float, y: float, text: str) -> str:
    return f'<text class="note" x="{x:g}" y="{y:g}">{escape(text)}</text>'


# ---- the rooms


def wings() -> tuple[list[list[str]], set[str]]:
    """The rows of wings, highest first, and those that need no OpenGL, from .importlinter."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    rows = contracts["importlinter:contract:wings"]["layers"].split("\n")
    pure = contracts["importlinter:contract:pure"]["source_modules"].split()
    return [re.split(r"\s*[|:]\s*", row) for row in rows if row.strip()], {name.removeprefix("glnn.") for name in pure}


def words(wing: str) -> str:
    """What a wing is about: the beginning of its docstring, up to the first full stop, colon or semicolon."""
    folder = ROOT / "glnn" / wing / "__init__.py"
    file = folder if folder.is_file() else ROOT / "glnn" / f"{wing}.py"
    told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return re.split(r"[.:;](?:\s|$)", " ".join(told.replace("`", "").split()), maxsplit=1)[0]


def rooms() -> str:
    """The wings, one row of them upon the other."""
    rows, pure = wings()
    parts, y = [], 34.0
    for row in rows:
        if row == ["__main__"]:
            continue
        width = (WIDTH - GAP * (len(row) + 1)) / len(row)
        told = {wing: textwrap.wrap(words(wing), int(width / 6.4)) for wing in row}
        height = 26 + LINE * max(map(len, told.values()))
        for i, wing in enumerate(row):
            x = GAP + i * (width + GAP)
            parts.append(box(x, y, width, height, wing, told[wing], wing not in pure))
        y += height + GAP
    legend = "A wing imports from the rows below it alone. Needs OpenGL: the tinted ones; all others run without it."
    return svg(round(y), "The wings of glnn in import order", [note(GAP, 21, legend), *parts])


# ---- the way of the data


def data() -> str:
    """From a file to a result, and where Python and a page do the same."""
    stages = [
        (12, 150, "file", ["Keras, TensorFlow.js,", ".glnn"]),
        (222, 150, "Graph", ["nodes: a layer each,", "weights by name"]),
        (432, 150, "Graph", ["the same results,", "fewer nodes"]),
        (642, 220, "Plan", ["textures, shader texts,", "draws: plain data"]),
    ]
    parts = [box(x, 28, width, 66, name, lines) for x, width, name, lines in stages]
    for (x, width, *_), (end, *_), label in zip(stages, stages[1:], ("formats", "passes", "plan"), strict=False):
        parts.append(arrow((x + width, 61), (end - 2, 61), label=label, at=((x + width + end) / 2, 53)))
    lanes = [
        (150, "Python: run, device"),
        (262, "a page: runner.js, which web exports"),
    ]
    names, steps, places = ("array", "textures", "textures", "array"), ("upload", "draws", "read"), (12, 222, 472, 694)
    for y, title in lanes:
        parts.append(note(12, y - 8, title))
        for x, name in zip(places, names, strict=True):
            parts.append(box(x, y, 150, 40, name, [], gl=name == "textures"))
        for x, end, label in zip(places, places[1:], steps, strict=False):
            parts.append(arrow((x + 150, y + 20), (end - 2, y + 20), label=label, at=((x + 150 + end) / 2, y + 36)))
    parts.append(arrow((755, 94), (755, 122), (422, 122), (422, 158), label="replayed as it is", at=(650, 116)))
    told = "exported: the same texts, weights in shards"
    parts.append(arrow((862, 61), (872, 61), (872, 236), (422, 236), (422, 270), label=told, at=(640, 230)))
    return svg(314, "The way of the data: file, Graph, passes, Plan; Python and a page replay the same Plan", parts)


def written(made: Mapping[str, str], check: bool) -> bool:
    """Writes texts into files of docs/, by name; or with `check` writes none -> whether one is not up to date."""
    stale = []
    for name, text in made.items():
        file = DOCS / name
        if not check:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"docs/{', docs/'.join(stale)}: not up to date. Run: make api", file=sys.stderr)
    return bool(stale)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a picture is not up to date")
    check = parser.parse_args().check
    return written({"rooms.svg": rooms(), "data.svg": data()}, check)


if __name__ == "__main__":
    sys.exit(main())
