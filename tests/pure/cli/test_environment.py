"""Environment variables: all that are read are told, misspelled ones are remarked on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from glnn.cli import environment, main
from glnn.device.wishes import Wishes
from glnn.layout.limits import DIALECTS, TARGETS

NAME = re.compile(r"GLNN_[A-Z][A-Z0-9_]*")


class Recorder(dict):  # type: ignore[type-arg]
    """An environment that remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(os.environ)
        self.asked: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:
        self.asked.add(key)
        return super().get(key, default)


def read_by_code(root: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every variable that the code reads: by name in the sources, or put together by the device's wishes."""
    sources = [*root.glob("glnn/**/*.py"), *root.glob("tests/**/*.py"), *root.glob("benchmarks/**/*.py")]
    sources += [*filter(Path.is_file, root.glob("scripts/*")), root / "Makefile", *root.glob("examples/*.py")]
    named = {name for path in sources if path != Path(__file__) for name in NAME.findall(path.read_text())}
    recorder = Recorder()
    monkeypatch.setattr(os, "environ", recorder)
    Wishes.gather()
    monkeypatch.undo()
    asked = {name for name in recorder.asked if name.startswith("GLNN_")}
    assert len(asked) >= 9
    return {name for name in named if not name.endswith("_")} | asked


def test_every_variable_that_is_read_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = read_by_code(root, monkeypatch) - {"GLNN_PROFIL"}  # a misspelled one of a test
    assert main(["help", "env"]) == 0
    told = capsys.readouterr().out
    documented = (root / "docs" / "environment.md").read_text()
    for text in (told, documented):
        assert set(NAME.findall(text)) == read
    for allowed in (*DIALECTS, *TARGETS, "highp", "mediump"):
        assert allowed in told and allowed in documented


def test_the_document_has_the_words_of_the_command(root: Path) -> None:
    rows = (root / "docs" / "environment.md").read_text()
    for variable in environment.ALL:
        assert re.search(rf"^\| `{variable.name}` \| [^|]+ \| [^|]+ \|$", rows, re.M), variable.name


def test_a_misspelled_variable_is_remarked_on(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLNN_PROFIL", "webgl1-phone")
    assert main(["summary", str(root / "examples" / "digits.h5")]) == 0
    assert "nothing reads the environment variable GLNN_PROFIL (did you mean GLNN_PROFILE?)" in capsys.readouterr().err
