"""The page's own files with fewer bytes and the same meaning: the web gets the code, the package keeps the words."""

from __future__ import annotations

import re
from importlib import resources

RUNNER = ("errors", "files", "layouts", "device", "model", "load")  # the modules that make up runner.js
STRINGS = re.compile(r'(`.*`|"(?:[^"\\]|\\.)*")')  # of a line; from its first to its last backquote counts as one


def shorter(name: str) -> str:
    """What is sent of a file of the page."""
    text = source(name)
    return bare(text) if name.endswith(".js") else bare_html(text) if name.endswith(".html") else text


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
    """JavaScript without comments, blank lines and most spaces.

    For sources whose strings and templates each lie in one line, without backquotes in a comment behind a template.
    """
    code = re.sub(r"^[ \t]*/\*\*?.*?\*/[ \t]*\n", "", source, flags=re.M | re.S)
    return "".join(f"{line}\n" for line in map(tight, code.splitlines()) if line)


def tight(line: str) -> str:
    """A line of JavaScript without its comment, and without spaces at operators outside strings."""
    parts = STRINGS.split(line.strip())  # code, string, code, ...
    for i in range(0, len(parts), 2):
        code, *comment = re.split(r"(?:^| +)//", parts[i], maxsplit=1)
        code = re.sub(r" *([][,;:{}()=?<>&|*]) *", r"\1", code)
        parts[i] = re.sub(r" ([+/-]) (?![+/-])", r"\1", code)  # "- -x" is not "--x"
        if comment:
            return "".join(parts[: i + 1])
    return "".join(parts)


def bare_html(source: str) -> str:
    """HTML without indentation and most spaces of its style sheet; for texts without braces, colons and semicolons."""
    return re.sub(r"(?<=[{};:,]) +| +(?=[{}])|^ +", "", source, flags=re.M)
