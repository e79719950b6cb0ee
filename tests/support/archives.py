"""Archives of this repository, unpacked."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

# Nothing but plain files and folders; Python 3.11.2, which is Debian 12's, does not know the filter yet.
PLAIN: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unpack(path: Path, folder: Path) -> None:
    """All that is in a tar archive, into a folder."""
    with tarfile.open(path) as archive:
        archive.extractall(folder, **PLAIN)
