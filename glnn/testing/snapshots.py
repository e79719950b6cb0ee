"""Pictures as snapshots: the fixture's function, and the page of those that differ. Imports nothing heavy by itself."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from .unused import FOLDER, Run, remove, stem

STYLE = (
    ":root{color-scheme:light dark}body{font-family:system-ui,sans-serif;margin:2em;max-width:1200px}"
    "section{margin:2em 0;border-top:1px solid #8888}figure{display:inline-block;margin:0 1em 0 0;vertical-align:top}"
    "img{image-rendering:pixelated;border:1px solid #8888;width:320px}"
    "figcaption{font-size:.9em;opacity:.8}pre{white-space:pre-wrap}"
)


class Snapshot:
    """snapshot(picture, name=""): the picture is the one in the test's folder, or an AssertionError tells how not.

    Pictures lie in __snapshots__/<test file>/<test>.png beside the test's file; `pytest --glnn-update` writes them.
    """

    def __init__(self, file: Path, test: str, update: bool):
        self.folder = file.parent / FOLDER / file.name.rpartition(".")[0]
        self.test, self.update = test, update
        self.differing: list[dict[str, str]] = []  # for the page: plain text, which travels between processes
        self.written: list[str] = []
        self.used: list[str] = []  # the files of the pictures that were asked for

    def __call__(
        self,
        picture: Any,
        name: str = "",
        *,
        low: float = 0.0,
        high: float = 1.0,
        tolerance: int = 1,
        share: float = 0.0,
    ) -> None:
        """The picture agrees with the snapshot of this test.

        picture:   (height, width) or (height, width, 1, 3 or 4) of uint8, or of floats from `low` (black) to `high`
        name:      which, where a test has several
        tolerance: levels of 255 that a value may be off: drivers round differently
        share:     of the pixels that may be off by more, 0 to 1

        Raises AssertionError where it differs or there is none yet, InputError for what is no picture.
        """
        __tracebackhide__ = True
        from ..show.views.png import data_uri, png
        from . import pixels

        got = pixels.pixels_of(picture, low, high)
        path = self.folder / f"{stem(self.test, name)}.png"
        if str(path) in self.used:
            raise AssertionError(f"snapshot {path.stem!r} was taken before in this test: give the second one a name")
        self.used.append(str(path))
        want = pixels.decoded(path.read_bytes(), str(path)) if path.is_file() else None
        apart = pixels.difference(got, want, tolerance) if want is not None and want.shape == got.shape else None
        if want is not None and want.shape == got.shape and (apart is None or apart.share <= share):
            return
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(got))
            self.written.append(str(path))
            return
        if want is None:
            told = f"there is no snapshot {path} yet"
        elif apart is None:
            told = f"the picture is {_size(got)}, the snapshot {path} is {_size(want)}"
        else:
            y, x = apart.first
            told = (
                f"{apart.count} pixels ({apart.share:.2%}) differ from {path} by more than {tolerance} of 255, by "
                f"{apart.largest} at most; the first at row {y}, column {x}: {_told(got[y, x])}, expected "
                f"{_told(want[y, x])}"
            )
        pictures = {"expected": want, "got": got}
        if apart is not None and want is not None:
            pictures["difference"] = pixels.shown(got, want, tolerance)
        self.differing.append({"told": told, **{k: data_uri(v) for k, v in pictures.items() if v is not None}})
        raise AssertionError(f"{told}\nIf it is right as it is: pytest --glnn-update")


def _size(pixels: Any) -> str:
    height, width, channels = pixels.shape
    return f"{width} x {height} pixels of {channels} channel{'s' * (channels > 1)}"


def _told(pixel: Any) -> str:
    return "(" + ", ".join(str(int(v)) for v in pixel) + ")"


def page(found: list[tuple[str, dict[str, str]]]) -> str:
    """The pictures that differ, by test, as a page that needs no other file."""
    parts = []
    for test, entry in found:
        figures = "".join(
            f'<figure><img src="{entry[kind]}" alt="{kind}"><figcaption>{kind}</figcaption></figure>'
            for kind in ("expected", "got", "difference")
            if kind in entry
        )
        parts.append(f"<section><h2>{escape(test)}</h2><pre>{escape(entry['told'])}</pre>{figures}</section>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Snapshots that differ</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{len(found)} snapshots differ</h1>{''.join(parts)}</body></html>\n"
    )


class Collector:
    """A plugin of its own: brings what tests found to the process that reports, and writes the page there.

    update: snapshots that no test took are removed, not only told of
    """

    def __init__(self, path: Path, update: bool):
        self.path, self.update, self.run = path, update, Run()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.written: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Takes the pictures from a test's report, which may have come from another process."""
        self.found += [(report.nodeid, entry) for entry in getattr(report, "glnn_differing", ())]
        self.written += getattr(report, "glnn_written", ())
        self.run.add(report)

    def node_down(self, node: Any, error: Any) -> None:
        """Takes the tests that a process of pytest-xdist left out; of one that crashed nobody knows."""
        told = getattr(node, "workeroutput", {})
        self.run.leave(told.get("glnn_left", ()))
        self.run.cut |= bool(error) or "glnn_left" not in told

    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Whether all tests had their turn: 0 and 1 are the statuses of a run that came to its end."""
        self.run.cut |= bool(session.shouldstop or session.shouldfail) or int(exitstatus) not in (0, 1)

    def pytest_terminal_summary(self, terminalreporter: Any, config: Any) -> None:
        """Writes the page, and says where it is, and what no test takes any more."""
        unused = self.run.unused(config.args, config.invocation_params.dir)
        if unused:
            if self.update:
                remove(unused)
            told = "removed, which no test takes" if self.update else "unused; pytest --glnn-update removes them"
            terminalreporter.write_line(f"glnn: {len(unused)} snapshot{'s' * (len(unused) > 1)} {told}:")
            for path in unused:
                terminalreporter.write_line(f"  {os.path.relpath(path, config.invocation_params.dir)}")
        if self.written:
            terminalreporter.write_line(f"glnn: {len(self.written)} snapshots written; look at them before you commit")
        if self.found:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(page(self.found), encoding="utf-8")
            terminalreporter.write_line(f"glnn: {len(self.found)} snapshots differ, shown in {self.path}")
