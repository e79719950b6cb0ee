"""glnn tune: what it prints and writes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glnn import caching
from glnn.cli import main
from glnn.plan import tables


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(caching.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(tables.VARIABLE, "")
    return tmp_path


def test_it_prints_a_table_and_writes_two(root: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, table = str(root / "examples" / "digits.h5"), folder / "llvmpipe.json"
    assert main(["tune", model, "--seconds", "1", "--table", str(table)]) == 0
    out = capsys.readouterr().out
    assert "digits on " in out and " ms before, " in out and str(folder / "cache" / "tuned") in out
    tables.checked(json.loads(table.read_text()))
    assert main(["tune", model, "--seconds", "1", "--batch", "2", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["name"] == "digits" and made["before_s"] > 0 and set(made["pieces_s"]) <= {"1", "2"}


def test_what_is_refused(root: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", str(root / "examples" / "style.h5"), "--seconds", "1"]) == 1
    assert "--input-shape" in capsys.readouterr().err
    table = folder / "table.json"
    table.write_text("{}")
    model = str(root / "examples" / "digits.h5")
    assert main(["tune", model, "--seconds", "1", "--table", str(table)]) == 1
    assert f"--table {table}: it is no table" in capsys.readouterr().err and table.read_text() == "{}"
