"""A progress bar on the terminal for work that takes long."""

from __future__ import annotations

import sys
import time
from typing import Any

LONG = 2.0  # seconds that are left from which on verbose="auto" shows a bar

_open = False  # whether a bar stands in the terminal's last line, with more to come


class Progress:
    """A bar on stderr over `total` steps. verbose: 0 never, 1 always, "auto" when it is a terminal and takes long."""

    def __init__(self, total: int, verbose: Any, unit: str = "samples"):
        self.total, self.verbose, self.unit = total, verbose, unit
        self.start = time.perf_counter()
        self.shown = False

    def update(self, done: int) -> None:
        """Shows that `done` steps are finished, if there is reason to."""
        global _open
        passed = time.perf_counter() - self.start
        left = passed / max(done, 1) * (self.total - done)
        wanted = self.verbose == "auto" and sys.stderr.isatty() and (self.shown or left > LONG)
        if not (wanted or (self.verbose not in (0, False, "auto"))):
            return
        self.shown = True
        filled = 30 * done // max(self.total, 1)
        text = f"\r[{'=' * filled}{' ' * (30 - filled)}] {done}/{self.total} {self.unit}, {left:.0f} s left "
        sys.stderr.write(text if done < self.total else text[: text.rindex(",")] + f" in {passed:.1f} s   \n")
        sys.stderr.flush()
        _open = done < self.total


def end_line() -> None:
    """Leaves an unfinished bar's line, so that what is printed next has one of its own."""
    global _open
    if _open:
        _open = False
        sys.stderr.write("\n")
