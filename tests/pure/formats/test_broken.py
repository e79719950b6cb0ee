"""Broken files, each in a process of its own: glnn's exception with the file's name, soon and in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import broken_worker
from support.broken_files import BROKEN, WHOLE

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits are those of Linux")


@pytest.fixture(scope="module")
def worker(root: Path) -> Iterator[Any]:
    """A process that has loaded nothing but what it needs, and forks for each file."""
    places = os.pathsep.join([str(root), str(root / "tests"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "support.broken_worker"]
    environment = os.environ | {"PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root / "tests", env=environment
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def tried(worker: Any, path: Path, options: dict[str, Path]) -> dict[str, Any]:
    worker.stdin.write(json.dumps({"path": str(path), "options": {k: str(v) for k, v in options.items()}}) + "\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


@pytest.mark.parametrize("name", BROKEN)
def test_refused(worker: Any, tmp_path: Path, name: str) -> None:
    made = BROKEN[name](tmp_path)
    path, options = made if isinstance(made, tuple) else (made, {})
    told = tried(worker, path, options)
    assert told.get("ours"), told
    assert not told["memory"], told
    assert any(str(place) in told["message"] for place in tmp_path.rglob("*")), told
    assert told["seconds"] < broken_worker.SECONDS and told["mb"] < broken_worker.MEGABYTES, told


@pytest.mark.parametrize("form", WHOLE)
def test_they_load_as_long_as_they_are_whole(worker: Any, tmp_path: Path, form: str) -> None:
    told = tried(worker, WHOLE[form](tmp_path), {})
    assert told["error"] is None, told


def test_there_are_a_hundred() -> None:
    assert len(BROKEN) > 200


def test_the_worker_tells_what_is_wrong(worker: Any, root: Path) -> None:
    """A file that loads, and one that nothing of glnn is raised for."""
    told = tried(worker, root / "examples" / "digits.h5", {})
    assert told["error"] is None and "ours" not in told
    told = tried(worker, root / "examples" / "digits.h5", {"nonsense": root})
    assert told["error"] == "TypeError" and told["ours"] is False
