"""Writes into each wheel and sdist which commit it was built from: glnn/commit.txt, which `glnn doctor` tells."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "glnn/commit.txt"


class CommitHook(BuildHookInterface):
    """Puts a filled-in stamp in the place of the checkout's."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable install asks git by itself; an archive or an sdist is filled in already."""
        root = Path(self.root)
        if version == "editable" or "$" not in (root / STAMP).read_text(encoding="utf-8"):
            return
        asked = ["git", "-C", str(root), "log", "-1", "--format=%H %cI"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            return  # no git: the stamp stays empty, and doctor says so
        self._folder = tempfile.TemporaryDirectory()
        filled = Path(self._folder.name, "commit.txt")
        filled.write_text(told, encoding="utf-8")
        build_data["force_include"][str(filled)] = STAMP

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what `initialize` wrote."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
