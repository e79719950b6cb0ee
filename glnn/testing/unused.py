"""Snapshots that no test takes any more: told of in pytest's summary, removed by `--glnn-update`.

Unused is a picture only where that is sure: every test that could take it ran and passed. So none of a test that was
skipped, failed or was deselected is, none of a file that was named with `::`, and none in a run that was cut short.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = "__snapshots__"


def stem(test: str, name: str = "") -> str:
    """The file's name, without .png, of a picture that a test takes."""
    return re.sub(r"[^\w.=-]+", "-", f"{test}-{name}" if name else test).strip("-")


@cache
def has_snapshots(folder: Path) -> bool:
    """Whether tests in a folder may have pictures."""
    return (folder / FOLDER).is_dir()


class Run:
    """Which tests ran of the files that have pictures, and which pictures they took; from several processes."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.left: dict[str, set[str]] = {}  # by file: tests that did not run to their end
        self.used: set[str] = set()
        self.cut = False  # the run ended before all tests had run

    def leave(self, tests: Sequence[Sequence[str]]) -> None:
        """Takes (file, test) of tests that do not run to their end."""
        for file, test in tests:
            self.left.setdefault(file, set()).add(test)

    def add(self, report: Any) -> None:
        """Takes a test's report."""
        self.used |= set(getattr(report, "glnn_used", ()))
        place = getattr(report, "glnn_place", None)
        if place:
            self.files.add(place[0])
            if report.outcome != "passed":
                self.leave([place])

    def unused(self, args: Sequence[str], base: Path) -> list[Path]:
        """The pictures that no test took; args: what pytest was asked to run, from the folder base."""
        if self.cut:
            return []
        named = {os.path.normpath(base / arg.split("::")[0]) for arg in args if "::" in arg}
        whole = [Path(file) for file in sorted(self.files) if os.path.normpath(file) not in named]
        found = [path for file in whole for path in self._of(file)]
        for folder in sorted({file.parent for file in whole}):
            files = {path.name.rpartition(".")[0] for path in folder.iterdir() if path.is_file()}
            gone = (place for place in sorted((folder / FOLDER).iterdir()) if place.name not in files)
            found += [path for place in gone for path in sorted(place.glob("*.png"))]
        return found

    def _of(self, file: Path) -> Iterator[Path]:
        left = tuple(map(stem, self.left.get(str(file), ())))
        for path in sorted((file.parent / FOLDER / file.name.rpartition(".")[0]).glob("*.png")):
            maybe = any(path.stem == name or path.stem.startswith(f"{name}-") for name in left)
            if not maybe and str(path) not in self.used:
                yield path


def remove(paths: Sequence[Path]) -> None:
    """Removes pictures, and the folders that hold nothing else."""
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        if not any(folder.iterdir()):
            folder.rmdir()
