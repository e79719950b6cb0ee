"""Where glnn keeps what it can fetch, measure or make again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "GLNN_CACHE"


def cache_folder() -> Path:
    """The folder that GLNN_CACHE names, else `glnn` in the user's folder for such; it need not be there."""
    return Path(os.environ.get(VARIABLE, "").strip() or user_folder()).expanduser()


def user_folder() -> Path:
    """Where programs of this system keep what they can fetch again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or "~\\AppData\\Local").expanduser() / "glnn" / "Cache"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/glnn").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "glnn"
