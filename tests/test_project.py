"""The package as a whole: it imports fast and without OpenGL, and the wheel carries what it needs."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.shares import kept

import glnn
from glnn.cli import built as built_of


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


def done(argv: list[str], **options: Any) -> str:
    """What a command prints; it has to end well."""
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=300, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist of this checkout, and the wheel that is built from the sdist."""
    place = tmp_path_factory.mktemp("built")
    done([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(place)], cwd=root)
    (sdist,) = place.glob("glnn-*.tar.gz")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(place),
        str(sdist),
    ]
    done(pip, cwd=place)
    (wheel,) = place.glob("glnn-*-py3-none-any.whl")
    return sdist, wheel


def test_wheel_carries_its_data(root: Path, built: tuple[Path, Path]) -> None:
    held = set(zipfile.ZipFile(built[1]).namelist())
    package = root / "glnn"
    data = [p for p in package.rglob("*") if p.suffix in {".glsl", ".js", ".html", ".css"} or p.name == "py.typed"]
    assert any(p.suffix == ".glsl" for p in data) and package / "py.typed" in data
    assert [str(p) for p in data if str(p.relative_to(root)) not in held] == []
    assert not any(name.startswith(("tests/", "examples/", "scripts/")) for name in held)
    with zipfile.ZipFile(built[1]) as file:
        points = next(file.read(name).decode() for name in held if name.endswith(".dist-info/entry_points.txt"))
    assert "[pytest11]\nglnn = glnn.testing.plugin\n" in points


def commit(root: Path) -> str:
    """This checkout's commit as doctor tells it; nothing where git does not know it."""
    if not (root / ".git").exists():
        pytest.skip("no checkout of git: nobody knows the commit")
    told = subprocess.run(["git", "log", "-1", "--format=%H %cI"], cwd=root, capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"git does not tell: {told.stderr.strip()}")
    number, date = told.stdout.split()
    return f"{number[:12]} of {date[:10]}"


def interpreters() -> list[Any]:
    """This Python, and with --whole one of each other version from 3.10 on that is on the path or of pyenv."""
    found = {sys.version_info[:2]: pytest.param(sys.executable, id="this")}
    for minor in range(10, 20):
        own = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        other = str(own[-1]) if own else shutil.which(f"python3.{minor}")
        if other and (3, minor) not in found:
            found[3, minor] = pytest.param(other, id=f"3.{minor}", marks=pytest.mark.whole)
    return kept([*found.values()])


@pytest.mark.parametrize("python", interpreters())
def test_a_fresh_environment_with_the_wheel_predicts_and_tells_its_commit(
    python: str, root: Path, built: tuple[Path, Path], tmp_path: Path
) -> None:
    """Nothing of this checkout is on the path there, and only what the wheel asks for is installed."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done([python, "-m", "venv", "--without-pip", str(tmp_path / "env")], env=environ)
    there = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(there / "python"), "install", "-q", str(built[1])]
    done(pip, cwd=tmp_path, env=environ)
    images = np.load(root / "examples" / "digits_heldout.npz")["images"][:4, ..., None] / 16
    np.save(tmp_path / "digits.npy", images)
    predict = [str(there / "glnn"), "predict", str(root / "examples" / "digits.h5"), "digits.npy", "--json"]
    assert done(predict, cwd=tmp_path, env=environ).count('"digit"') == 4
    module = [str(there / "python"), "-m", "glnn", "--version"]
    assert done(module, cwd=tmp_path, env=environ) == f"glnn {glnn.__version__}\n"
    packages = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    there_is = done([str(there / "python"), "-c", packages], cwd=tmp_path, env=environ).split()
    assert there_is == ["glcontext", "glnn", "h5py", "moderngl", "numpy"]
    about = json.loads(done([str(there / "glnn"), "doctor", "--json"], cwd=tmp_path, env=environ))
    assert about["versions"]["commit"] == commit(root)


def test_a_checkout_tells_its_commit(root: Path, tmp_path: Path) -> None:
    assert built_of.text().startswith(commit(root))
    (tmp_path / "glnn").mkdir()
    stamp = tmp_path / "glnn" / "commit.txt"
    assert built_of.text(tmp_path / "glnn") == built_of.UNKNOWN
    stamp.write_text("$Format:%H %cI$\n")
    assert built_of.text(tmp_path / "glnn") == built_of.UNKNOWN
    stamp.write_text("0123456789abcdef0123 2026-01-31T12:00:00+00:00\n")
    assert built_of.text(tmp_path / "glnn") == "0123456789ab of 2026-01-31"
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    stamp.write_text((root / "glnn" / "commit.txt").read_text())
    (tmp_path / ".gitattributes").write_text((root / ".gitattributes").read_text())
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        done([*git, *words], cwd=tmp_path)
    assert built_of.text(tmp_path / "glnn") == commit(tmp_path)
    done(["git", "archive", "-o", "whole.tar", "HEAD"], cwd=tmp_path)
    with tarfile.open(tmp_path / "whole.tar") as archive:
        number = archive.extractfile("glnn/commit.txt").read().decode()
    assert number.startswith(commit(tmp_path).split()[0])
    stamp.write_text("$Format:another$")
    assert built_of.text(tmp_path / "glnn") == f"{commit(tmp_path)}, changed since"


def test_import_order(root: Path) -> None:
    lint = pytest.importorskip("importlinter.cli", reason="import-linter is in the dev extra")
    assert lint.lint_imports(config_filename=str(root / ".importlinter")) == 0
