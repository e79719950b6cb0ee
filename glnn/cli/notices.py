"""What the command tells a person beside its results: notes and errors, on stderr."""

from __future__ import annotations

import re
import sys
from collections import Counter

from ..show.progress import end_line

SHOWN = 3  # notes of a kind that are printed; the others are counted

_seen: Counter[str] = Counter()


def notice(text: str) -> None:
    """A note. The first three that differ in names of files and numbers only are printed, see `rest`."""
    kind = re.sub(r"\S*[/\\.]\S+|\d+", "", text)
    _seen[kind] += 1
    if _seen[kind] <= SHOWN:
        say(f"note: {text}")


def forget() -> None:
    """Begins to count anew."""
    _seen.clear()


def rest() -> None:
    """Tells how many notes were not printed."""
    more = sum(count - SHOWN for count in _seen.values() if count > SHOWN)
    forget()
    if more:
        say(f"note: and {more:,} more like these")


def say(text: str) -> None:
    """A line on stderr, under the name of the command; nothing where nobody listens."""
    try:
        end_line()
        print(f"glnn: {text}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass
