"""Snapshots that no test takes: named in the summary, removed when asked, and only where that is sure."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.inner import run

TESTS = """
import numpy as np, os, pytest

@pytest.mark.parametrize("k", range(2))
def test_many(snapshot, k):
    snapshot(np.zeros((2, 2)))
    snapshot(np.ones((2, 2)), "white")

def test_one(snapshot):
    if os.environ.get("END") == "skip":
        pytest.skip("today")
    assert os.environ.get("END") != "fail"
    snapshot(np.zeros((2, 2)))
"""


@pytest.fixture
def left(pytester: pytest.Pytester) -> list[Path]:
    """A project with three pictures that no test takes: of a test, of a name, of a file that is gone."""
    pytester.makepyfile(test_pictures=TESTS, test_other="def test_nothing(): pass")
    run(pytester, "--glnn-update").assert_outcomes(passed=4)
    folder = pytester.path / "__snapshots__"
    assert len(list(folder.rglob("*.png"))) == 5
    names = ["test_pictures/test_before.png", "test_pictures/test_one-white.png", "test_gone/test_a.png"]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((folder / "test_pictures" / "test_one.png").read_bytes())
    return [folder / name for name in names]


def named(result: pytest.RunResult) -> list[str]:
    """The files that a summary names as unused."""
    lines = result.outlines
    heads = [k for k, line in enumerate(lines) if line.startswith("glnn: ") and "snapshot" in line]
    return [
        line.strip().rpartition("__snapshots__")[2][1:] for k in heads for line in lines[k + 1 :] if line[:2] == "  "
    ]


def test_they_are_named_and_removed_when_asked(pytester: pytest.Pytester, left: list[Path]) -> None:
    result = run(pytester)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["glnn: 3 snapshots unused; pytest --glnn-update removes them:"])
    assert [Path(name).name for name in named(result)] == [path.name for path in left]
    assert all(path.is_file() for path in left)
    run(pytester, "--glnn-update").stdout.fnmatch_lines(["glnn: 3 snapshots removed, which no test takes:"])
    assert not any(path.exists() for path in left) and not left[2].parent.exists()
    assert len(list(left[0].parent.iterdir())) == 5
    run(pytester).stdout.no_fnmatch_line("glnn: *")


def test_processes_of_xdist_tell_the_same(pytester: pytest.Pytester, left: list[Path]) -> None:
    pytest.importorskip("xdist")
    assert len(named(run(pytester, "-n1"))) == 3
    some = run(pytester, "-n1", "-k", "not one and not nothing", "--glnn-update")
    some.assert_outcomes(passed=2)
    assert not left[0].exists() and left[1].exists()


@pytest.mark.parametrize(
    ("args", "end", "unused"),
    [
        (["-k", "many"], "", ["test_before", "test_a"]),  # what test_one takes is not known
        (["test_pictures.py::test_one"], "", []),
        (["--deselect", "test_pictures.py::test_many"], "", ["test_before", "test_one-white", "test_a"]),
        ([], "skip", ["test_before", "test_a"]),
        ([], "fail", ["test_before", "test_a"]),
        (["-x"], "fail", []),
        (["test_other.py"], "", ["test_a"]),
        (["--collect-only"], "", []),
    ],
    ids=str,
)
def test_only_where_it_is_sure(
    pytester: pytest.Pytester,
    left: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    args: list[str],
    end: str,
    unused: list,
) -> None:
    monkeypatch.setenv("END", end)
    assert [Path(name).stem for name in named(run(pytester, *args))] == unused
    run(pytester, *args, "--glnn-update")
    assert [path.stem for path in left if not path.exists()] == unused
    assert all((left[0].parent / f"test_many-{k}.png").is_file() for k in range(2))  # what is used stays
