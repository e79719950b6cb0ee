"""Files that glnn wrote itself and that are small: reports, profiles, tables, manifests."""

from __future__ import annotations

import errno
from pathlib import Path

MOST_BYTES = 32 << 20  # nested JSON takes ten times as much memory once it is read


def read_small(path: Path) -> bytes:
    """The bytes of a file of 32 MB at most. Raises OSError, for larger ones too, of which the rest is not read."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MOST_BYTES >> 20} MB, which none is that glnn wrote", str(path))
    return data
