"""Half arithmetic in a text, for devices that emulate precision "mediump": the value of every statement is rounded.

A phone whose fragment shaders compute in half floats keeps no more than 11 bits of any result and overflows beyond
65504. `rounded` puts that into a kernel's text: what is assigned or returned goes through `half_of`
(shaders/lib/half.glsl), which is the identity for integers and booleans.
"""

from __future__ import annotations

import re

from . import rewrite

_SKIPPED = re.compile("(?:\\s|\x01\\d+\x02|//[^\n]*|#[^\n]*|[{}])*")
_HEAD = re.compile(r"(if|for|while)\b|else\b")
_ASSIGNED = re.compile(
    r"(?P<left>\s*(?:(?P<type>float|vec[234]|mat4)\s+)?[A-Za-z_]\w*(?:\.\w+|\[[^\]]*\])*)\s*(?P<op>[-+*/]?)=(?!=)\s*(?P<right>.*)",
    re.S,
)
_RETURNED = re.compile(r"return\b\s*(?P<right>.+)", re.S)


def rounded(text: str) -> str:
    """GLSL statements and functions with every assigned and returned value rounded to half precision."""
    out, pos = [], 0
    while pos < len(text):
        start = _SKIPPED.match(text, pos).end()  # type: ignore[union-attr]
        out.append(text[pos:start])
        head = _HEAD.match(text, start)
        if head:  # the head of a loop or condition stays as it is: integers and comparisons
            end = rewrite.closing(text, text.index("(", start)) + 1 if head.group(1) else head.end()
            out.append(text[start:end])
            pos = end
            continue
        end = _end(text, start)
        statement = text[start:end]
        out.append(statement if text[end : end + 1] != ";" else _rounded(statement))
        pos = end + 1
        out.append(text[end:pos])
    return "".join(out)


def _end(text: str, start: int) -> int:
    """Where a statement or the head of a function ends: at its ';', '{', or the end of the text."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "([") - (text[i] in ")]")
        if depth == 0 and text[i] in ";{":
            return i
    return len(text)


def _rounded(statement: str) -> str:
    if found := _RETURNED.match(statement):
        return f"return half_of({found['right']})"
    pieces = [_assigned(piece) for piece in _pieces(statement)]  # of `vec4 u = a, v = b`
    return ",".join(pieces)


def _pieces(statement: str) -> list[str]:
    """A statement cut at its commas outside of brackets."""
    pieces, depth, start = [], 0, 0
    for i, letter in enumerate(statement):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and letter == ",":
            pieces.append(statement[start:i])
            start = i + 1
    return [*pieces, statement[start:]]


def _assigned(text: str) -> str:
    found = _ASSIGNED.match(text)
    if not found:
        return text  # a call, or a declaration without a value
    name = found["left"].split()[-1]
    value = f"{name} {found['op']} ({found['right']})" if found["op"] else found["right"]
    return f"{found['left']} = half_of({value})"
