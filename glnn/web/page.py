"""The page's own files as an export gets them: the web gets the code, the package keeps the words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

BASE = ("index.html", "icon.svg", "page.css", "page.js", "runner.js")  # what a browser loads of every page
# What it loads when it is asked for: the part for the model's kind of input, and those of what is shown.
KINDS = ("page-picture.js", "page-drawing.js", "page-text.js", "page-table.js")
PARTS = (
    "page-pixels.js",
    "page-camera.js",
    "page-chart.js",
    "page-passes.js",
    "check.js",
    "check.css",
    "profile.js",
    "runner-device.js",
    "runner-files.js",
    "runner-pixels.js",
    "runner-worker.js",
)
PAGE = (*BASE, *KINDS, *PARTS, "runner.d.ts")
# The modules in web/runner that make up runner.js, in the order that gzip makes the least of.
RUNNER = ("layouts", "model", "device", "errors", "files", "load")


def sent(name: str) -> bytes:
    """A file of the page as an export gets it: the web gets the code, the package keeps the words."""
    text = source(name)
    if name.endswith((".js", ".ts", ".css")):  # CSS, too, if no selector has ` :`, ` *` or `) ` and no sum stands in it
        return bare(text).encode()
    return re.sub(r"^[ \t]+(?=<)", "", text, flags=re.M).encode()


def source(name: str) -> str:
    """A file of the page as the package has it; runner.js is its modules, without what they import from each other.

    They write such lines as `import {a, b} from "./c.js";` and `export {a, b};`, and what users import as
    `export function` and the like.
    """
    files = resources.files("glnn").joinpath("web")
    if name != "runner.js":
        return files.joinpath(name).read_text(encoding="utf-8")
    modules = "\n".join(files.joinpath(f"runner/{module}.js").read_text(encoding="utf-8") for module in RUNNER)
    return re.sub(r"^(import|export) \{.*\n", "", modules, flags=re.M)


def bare(source: str) -> str:
    """JavaScript without comments, indentation, and what signs, brackets and line ends can do without.

    For sources whose strings and templates each lie in one line, whose statements end in semicolons, and whose regular
    expressions hold no space, no quote and nothing that looks like the beginning of a comment.
    """
    code = "".join(part if kept else tight(part) for part, kept in pieces(source))
    code = re.sub(r"^\s+|[ \t]+$", "", code, flags=re.M)
    return re.sub(r"(?<=[;{},(\[])\n|\n(?=[})\].?:&|])", "", code)


def tight(code: str) -> str:
    """Code between texts without space around signs, brackets of an arrow's only parameter, and what ends before one.

    "- -x" is not "--x", and "async(x) =>" keeps its brackets.
    """
    code = re.sub(r";\s*\}|,\s*[)}\]]", lambda found: found[0][-1], code)
    code = re.sub(r" *([{}()\[\]=,;:?*<>&|!%^]+|[+/-]=) *", r"\1", code)
    code = re.sub(r"(?<![\w$])\((\w+)\)=>", r"\1=>", code)
    return re.sub(r"(?<![+/-]) (?=[+/-][^+/-])|(?<=[^+/-][+/-]) (?![+/-])", "", code)


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
            cut, at = at + 2, at + 1
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
