"""The page's own files as an export gets them: the web gets the code, the package keeps the words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

PAGE = ("index.html", "page.js", "runner.js", "runner.d.ts")


def sent(name: str) -> bytes:
    """A file of the page as an export gets it: the web gets the code, the package keeps the words."""
    source = resources.files("glnn").joinpath(f"web/{name}").read_text(encoding="utf-8")
    if not name.endswith(".html"):
        return bare(source).encode()
    inner = re.compile(r"(<(script|style)>)(.*?)(?=</\2>)", re.S)  # of CSS as well, if no selector has ` :` or ` *`
    return re.sub(r"^\s+", "", inner.sub(lambda part: part[1] + bare(part[3]), source), flags=re.M).encode()


def bare(source: str) -> str:
    """JavaScript without comments, blank lines, indentation and space around brackets and signs.

    For sources whose strings and templates each lie in one line, and whose regular expressions hold no space, no quote
    and nothing that looks like the beginning of a comment.
    """
    tight = ((part if kept else re.sub(r" *([{}()\[\]=,;:?*<>&|!]+) *", r"\1", part)) for part, kept in pieces(source))
    return re.sub(r"^\s+|[ \t]+$", "", "".join(tight), flags=re.M)


def pieces(code: str) -> Iterator[tuple[str, bool]]:
    """JavaScript less its comments, cut where texts (strings, templates) begin and end: (piece, whether it is text)."""
    ends: list[str] = []  # what closes that which is open: a text's quote, or } for each brace of code in a template
    start = at = 0
    while at < len(code):
        text, char, pair = bool(ends) and ends[-1] != "}", code[at], code[at : at + 2]
        cut = at + 1 if text else at  # where a piece would end here
        if text and char == "\\":
            at += 2
            continue
        if text and char == ends[-1]:
            ends.pop()
        elif text and ends[-1] == "`" and pair == "${":
            ends.append("}")
            cut = at = at + 2
        elif not text and char in "\"'`":
            ends.append(char)
        elif not text and char == "}" and ends[-2:] == ["`", "}"]:  # back in the template's text
            ends.pop()
        elif not text and pair in ("//", "/*"):
            yield code[start:at], False
            end, close = ("\n", 0) if pair == "//" else ("*/", 2)
            start = at = code.index(end, at) + close
            continue
        else:
            if not text and ends and char in "{}":
                ends.append("}") if char == "{" else ends.pop()
            at += 1
            continue
        yield code[start:cut], text
        start, at = cut, max(cut, at + 1)
    yield code[start:], False
