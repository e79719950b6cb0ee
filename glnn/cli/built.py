"""Which commit this glnn is of, and of which day: told by a file that builds and archives fill in, else by git."""

from __future__ import annotations

import subprocess
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
UNKNOWN = "not known: neither built from a checkout nor one with git"


def text(package: Path = PACKAGE) -> str:
    """Commit and its date, as "1a2b3c4d5e6f of 2026-01-31"; of a checkout also whether it was changed since."""
    stamp = package / "commit.txt"
    filled = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else []
    if len(filled) == 2 and "$" not in filled[0]:
        return f"{filled[0][:12]} of {filled[1][:10]}"
    if not (package.parent / ".git").exists():  # of another repository that glnn is installed in, git would tell too
        return UNKNOWN
    shown = _git(package.parent, "log", "-1", "--format=%H %cI").split()
    if len(shown) != 2:
        return UNKNOWN
    changed = ", changed since" if _git(package.parent, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{shown[0][:12]} of {shown[1][:10]}{changed}"


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if not done.returncode else ""
