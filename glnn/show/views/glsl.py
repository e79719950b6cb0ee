"""GLSL with line numbers and colours, as HTML without any script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

KEYWORDS = frozenset(
    "attribute break case centroid const continue default discard do else false flat for highp if in inout invariant "
    "layout lowp mediump out precision return smooth struct switch true uniform varying while".split()
)
TYPES = re.compile(r"(?:void|bool|int|uint|float|double|[iub]?vec[234]|mat[234](?:x[234])?|[iu]?sampler\w+)")
_TOKEN = re.compile(
    r"(?P<note>//[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<pragma>^[ \t]*#[^\n]*)"
    r"|(?P<number>\b\d+\.?\d*(?:[eE][+-]?\d+)?[uUfF]*|\.\d+(?:[eE][+-]?\d+)?[fF]?)"
    r"|(?P<word>[A-Za-z_]\w*)(?P<call>(?=\s*\())?",
    re.M | re.S,
)
STYLE = (
    ".glnn .glsl{margin:2px 0;overflow:auto;max-height:480px;line-height:1.35;background:var(--glnn-paper);"
    "border-radius:4px;padding:4px 0}"
    ".glnn .glsl .n{display:inline-block;width:3.5em;padding-right:1em;text-align:right;opacity:.75;"
    "color:var(--glnn-line);user-select:none}"
    ".glnn .glsl .k{color:var(--glnn-key)}.glnn .glsl .t{color:var(--glnn-type)}"
    ".glnn .glsl .u{color:var(--glnn-number)}.glnn .glsl .c{color:var(--glnn-note);font-style:italic}"
    ".glnn .glsl .p{color:var(--glnn-pragma)}.glnn .glsl .f{color:var(--glnn-call)}"
)


def coloured(text: str) -> str:
    """The text as HTML: comments, directives, numbers, keywords, types and calls in spans, all else escaped.

    A comment of several lines is a span for each, so that lines can be cut apart.
    """
    out, at = [], 0
    for token in _TOKEN.finditer(text):
        out.append(escape(text[at : token.start()]))
        at = token.end()
        words, kind = token[0], _kind(token)
        lines = (
            f'<span class="{kind}">{escape(line)}</span>' if kind and line else escape(line)
            for line in words.split("\n")
        )
        out.append("\n".join(lines))
    return "".join([*out, escape(text[at:])])


def _kind(token: re.Match[str]) -> str:
    for group, name in (("note", "c"), ("pragma", "p"), ("number", "u")):
        if token[group] is not None:
            return name
    word = token["word"]
    if word in KEYWORDS:
        return "k"
    return "t" if TYPES.fullmatch(word) else "f" if token["call"] is not None else ""


def listing(text: str, origins: Sequence[tuple[str, int]] = ()) -> str:
    """The text with line numbers, for a view of the common style; under the mouse, the file and line of `origins`."""
    rows = []
    for number, line in enumerate(coloured(text.rstrip("\n")).split("\n"), 1):
        told = f' title="{escape(origins[number - 1][0])}:{origins[number - 1][1]}"' if number <= len(origins) else ""
        rows.append(f'<span class="n"{told}>{number}</span>{line}')
    lines = "\n".join(rows)
    return f'<style>{STYLE}</style><pre class="glsl">{lines}</pre>'
