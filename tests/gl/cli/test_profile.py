"""glnn profile: tables, JSON, a trace, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from glnn.cli import main
from glnn.cli.profiling import TIMERS
from glnn.device import timers
from glnn.show.reports.profiles import Profile


def test_a_table_and_its_draws(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", str(root / "examples" / "digits.h5"), "--repeat", "2", "--batch", "3", "--draws"]) == 0
    out = capsys.readouterr().out
    assert "Profile: digits" in out and "(3 samples, the middle of 2)" in out and "Draws: digits" in out
    assert all(layer in out for layer in ("conv1", "pool", "digit")) and "Compile ms" in out


def test_json_a_trace_and_another_beside_it(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8, 1), np.float32))
    model, trace = str(root / "examples" / "digits.h5"), tmp_path / "trace.json"
    argv = [
        "profile",
        model,
        str(tmp_path / "x.npy"),
        "--repeat",
        "1",
        "--no-first",
        "--json",
        "--perfetto",
        str(trace),
    ]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    made = Profile.from_json(out)
    assert made.samples == 2 and made.costs == {} and "ui.perfetto.dev" in err
    events = json.loads(trace.read_text())["traceEvents"]
    assert len([e for e in events if e.get("cat") == "draw"]) == len(made.draws)
    (tmp_path / "before.json").write_text(out)
    assert main([*argv[:3], "--repeat", "1", "--no-first", "--against", str(tmp_path / "before.json")]) == 0
    assert "Profiles side by side" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--shape 3,3", "--shape 3,3 does not fit"), ("--against none.json", "--against none.json: No such file"),
        ("--against trace.json", "--against trace.json: this is no profile that glnn wrote"),
        ("--perfetto out.txt", "the file is written as .json"), ("--device numpy --timer queries", "no timer queries"),
    ],
)  # fmt: skip
def test_what_is_refused(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("trace.json").write_text("{}")
    assert main(["profile", str(root / "examples" / "digits.h5"), *argv.split()]) == 1
    assert words in capsys.readouterr().err


def test_timers_are_those_of_the_device() -> None:
    assert TIMERS == timers.TIMERS
