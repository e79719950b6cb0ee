"""Compiler messages of OpenGL drivers, told at the line of the author's own file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

Locate = Callable[[int], "tuple[str, int] | None"]

# Line and column of a message, by driver: Mesa "0:3(27): error: ...", NVIDIA "0(3) : error C1008: ...",
# ANGLE, Apple, AMD and Intel on Windows "ERROR: 0:3: ...".
_MESA = re.compile(r"^\s*\d+:(?P<line>\d+)\((?P<column>\d+)\)\s*:\s*(?P<text>.*)$")
_NVIDIA = re.compile(r"^\s*\d+\((?P<line>\d+)\)\s*:\s*(?P<text>.*)$")
_ANGLE = re.compile(r"^\s*(?P<text>(?:ERROR|WARNING): )\d+:(?P<line>\d+):\s*(?P<rest>.*)$")
_SECTION = re.compile(r"^(vertex_shader|fragment_shader|compute_shader|Program)$")


def explain(message: str, vertex: str, fragment: str, locate: Locate | None = None) -> str:
    """The driver's `message` with each line number turned into file and line, the source line and a caret below it.

    locate: from a line (from 1) of the fragment text to (file, line), None where the line is not of a file.
    """
    lines: list[str] = []
    where, text = "fragment shader", fragment
    title = message.strip().splitlines()[0] if message.strip() else "the driver gave no message"
    said = message.strip().splitlines()[1:]
    if any(re.search(r"\berror\b", raw, re.I) for raw in said):  # warnings would only hide what is wrong
        said = [raw for raw in said if not re.search(r"\bwarning\b", raw, re.I)]
    for raw in said:
        section = _SECTION.match(raw.strip())
        if section:
            where = section.group(1).replace("_", " ")
            text = vertex if section.group(1) == "vertex_shader" else fragment
        elif raw.strip() and not set(raw.strip()) <= {"="}:
            lines.append(_explain_line(raw, where, text, locate if text is fragment else None))
    return "\n".join([title, *lines])


def _explain_line(raw: str, where: str, text: str, locate: Locate | None) -> str:
    for pattern in (_MESA, _NVIDIA, _ANGLE):
        match = pattern.match(raw)
        if match:
            break
    else:
        return raw.strip()
    groups = match.groupdict()
    number, column = int(groups["line"]), int(groups.get("column") or 0)
    words = groups["text"] + (groups.get("rest") or "")
    rows = text.lstrip().splitlines()
    source = rows[number - 1] if 0 < number <= len(rows) else ""
    place = locate(number) if locate else None
    told = f"{place[0]}:{place[1]}" if place else f"{where}, line {number} of the assembled text"
    shown = [f"{told}: {words}"]
    own = _line_of_file(*place) if place else None
    if own is not None and own.strip() != source.strip():
        shown.append(f"    {own.strip()}")
        found = _quoted_column(words, own.strip())
        if found is not None:
            shown.append(f"    {' ' * found}^")
        shown.append(f"  assembled (line {number}):")
    if source:
        start = len(source) - len(source.lstrip())
        at = max(column - 1 - start, 0) if column else _guess_column(words, source.lstrip())
        body = source.strip()
        left = max(0, at - 100)  # unrolled lines can be very long: show the part around the caret
        shown += [f"    {body[left : left + 160]}", f"    {' ' * (at - left)}^"]
    return "\n".join(shown)


def _guess_column(words: str, source: str) -> int:
    """Where the first name that the message quotes stands in the source, 0 if it quotes none of it."""
    return _quoted_column(words, source) or 0


def _quoted_column(words: str, source: str) -> int | None:
    """Where the first name that the message quotes stands in the source; None if it quotes none of it."""
    for name in re.findall(r"['\"`]([A-Za-z_]\w*)", words):
        found = re.search(rf"\b{name}\b", source)
        if found:
            return found.start()
    return None


def _line_of_file(file: str, line: int) -> str | None:
    for place in (Path(file), Path(__file__).parents[1] / file):  # the author's own file, or one of glnn's
        try:
            rows = place.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        return rows[line - 1] if 0 < line <= len(rows) else None
    return None
