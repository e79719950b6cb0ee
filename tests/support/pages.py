"""Pages of documentation as programs: their blocks in order, in one namespace. Run as a script: pages.py PAGE...

Python blocks run, and of shell blocks the lines that call glnn or pytest; what else there is, snippets.py judges.
An HTML comment before a block says otherwise:

    <!-- not run: why -->       it is skipped
    <!-- file: kernels/a.glsl -->   it becomes that file, as the words around it tell the reader to make one
    <!-- quoted: glnn/model.py --> its text stands in that file of the repository
"""

from __future__ import annotations

import linecache
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_FENCE = re.compile(r"^```(\w*)")
_NOTE = re.compile(r"^<!-- (not run|file|quoted): (.+) -->$")
_RUN = re.compile(r"(\w+=\S+ )*(glnn|pytest) ")
SERVED = "http://127.0.0.1:"


@dataclass(frozen=True)
class Block:
    """A block of code: the line that it starts at (from 1), its language ("" where it is indented), and its note."""

    line: int
    language: str
    text: str
    note: tuple[str, str] | None = None  # ("not run", why), ("file" or "quoted", name)

    @property
    def commands(self) -> list[str]:
        """The lines that call glnn or pytest, of a shell block."""
        return [line.strip() for line in self.text.splitlines() if self.language == "sh" and _RUN.match(line)]


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page in Markdown, fenced or indented by four spaces."""
    lines = page.splitlines()
    note: tuple[str, str] | None = None
    at = 0
    while at < len(lines):
        start, fence = at, _FENCE.match(lines[at])
        if fence:
            at = next(i for i in range(at + 1, len(lines)) if lines[i].startswith("```"))
            yield Block(start + 2, fence[1], "\n".join(lines[start + 1 : at]) + "\n", note)
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            while at + 1 < len(lines) and (lines[at + 1].startswith("    ") or not lines[at + 1].strip()):
                at += 1
            yield Block(start + 1, "", "\n".join(line[4:] for line in lines[start : at + 1]).rstrip() + "\n", note)
        elif not lines[at].strip():
            at += 1
            continue
        found = _NOTE.match(lines[start])
        note = (found[1], found[2]) if found else None
        at += 1


def run(page: Path) -> None:
    """Runs a page in the current folder, where it may write. Whatever fails is told with its line of the page."""
    module = sys.modules["page"] = ModuleType("page")
    told: list[str] = []  # the code of the page at its lines, for what looks up the text of a function, as of a cell
    for block in blocks(page.read_text(encoding="utf-8")):
        kind, detail = block.note or ("", "")
        if kind == "file":
            Path(detail).parent.mkdir(parents=True, exist_ok=True)
            Path(detail).write_text(block.text, encoding="utf-8")
        elif not kind and block.language == "python":
            # Empty lines in front, so that tracebacks tell lines of the page.
            told += ["\n"] * (block.line - 1 - len(told)) + block.text.splitlines(keepends=True)
            linecache.cache[str(page)] = len("".join(told)), None, told, str(page)
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), module.__dict__)
        elif not kind:
            for line in block.commands:
                command(line, f"{page}:{block.line}")


def command(line: str, where: str) -> None:
    """Runs a command line of a shell block, or asks what it serves for its first page."""
    folder = Path("bin").resolve()
    folder.mkdir(exist_ok=True)
    for name in ("glnn", "pytest"):
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {name} "$@"\n')
        (folder / name).chmod(0o755)
    environ = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    sys.stdout.flush()
    if not line.startswith("glnn serve "):
        code = subprocess.run(["sh", "-c", line], env=environ).returncode
        if code:
            raise SystemExit(f"{where}: {line}: exit code {code}")
        return
    words = [*line.partition("#")[0].split(), "--port", "0"]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            first = server.stdout.readline().split()[0]
            assert first.startswith(SERVED), f"{where}: {line}: {first}"
            with urllib.request.urlopen(first, timeout=10) as answer:
                assert b"<html" in answer.read(), f"{where}: {line}: no page at {first}"
        finally:
            server.terminate()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run(Path(name))
