"""The package as a whole: it imports fast and without OpenGL, and the wheel carries what it needs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import glnn


def python(code: str, *args: str) -> str:
    """What a fresh interpreter prints for this code."""
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_fast() -> None:
    code = "import time; t = time.perf_counter(); import glnn; print(time.perf_counter() - t)"
    python(code)  # writes the byte code
    times = []
    for _ in range(3):  # a busy machine gets three chances of five runs
        times = [float(python(code)) for _ in range(5)]
        if statistics.median(times) < 0.3:
            return
    pytest.fail(f"import glnn took {times} s")


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, glnn; print(*sorted({'numpy', 'h5py', 'moderngl', 'glcontext', 'rich', 'PIL'} & set(sys.modules)))"
    )
    assert python(code) == ""


def test_load_and_plan_need_no_gl(root: Path) -> None:
    code = """
import sys
sys.modules["moderngl"] = sys.modules["glcontext"] = None  # importing them now raises ImportError
from glnn.formats import load
from glnn.layout.limits import Limits
from glnn.passes import optimize
from glnn.plan import make_plan
graph = optimize(load(sys.argv[1]))
plan = make_plan(graph, {graph.inputs[0].name: (2, 8, 8, 1)}, Limits())
print(len(plan.draws) > 0)
"""
    assert python(code, str(root / "examples" / "digits.h5")) == "True"


def test_lazy_names() -> None:
    assert {"Model", "Device", "errors", "image", "__version__"} <= set(dir(glnn))
    with pytest.raises(AttributeError, match="no attribute 'Modell'"):
        _ = glnn.Modell


def test_version_is_one(root: Path) -> None:
    heading = next(line for line in (root / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert glnn.__version__ in heading


def test_wheel_carries_its_data(root: Path, tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
        str(root),
    ]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("glnn-*-py3-none-any.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    package = root / "glnn"
    data = [p for p in package.rglob("*") if p.suffix in {".glsl", ".js", ".html", ".css"} or p.name == "py.typed"]
    assert any(p.suffix == ".glsl" for p in data) and package / "py.typed" in data
    assert [str(p) for p in data if str(p.relative_to(root)) not in held] == []
    assert not any(name.startswith(("tests/", "examples/")) for name in held)
    with zipfile.ZipFile(wheel) as file:
        points = next(file.read(name).decode() for name in held if name.endswith(".dist-info/entry_points.txt"))
    assert "[pytest11]\nglnn = glnn.testing.plugin\n" in points


def test_import_order(root: Path) -> None:
    lint = pytest.importorskip("importlinter.cli", reason="import-linter is in the dev extra")
    assert lint.lint_imports(config_filename=str(root / ".importlinter")) == 0
