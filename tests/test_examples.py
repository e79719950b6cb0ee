"""The demo runs and agrees with the reference; its model is as good as promised and small."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rich")


def test_demo(root: Path, tmp_path: Path) -> None:
    svg = tmp_path / "demo.svg"
    argv = [sys.executable, str(root / "examples" / "demo.py"), "--svg", str(svg)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    accuracy, count = re.search(r"accuracy\s+([\d.]+)% of (\d+)", done.stdout).groups()
    assert float(accuracy) >= 97 and f"{count} of {count} with the NumPy reference" in done.stdout
    assert "<svg" in svg.read_text()


def test_model_is_small(root: Path) -> None:
    assert (root / "examples" / "digits.h5").stat().st_size < 200_000
