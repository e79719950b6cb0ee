"""glnn compare: the report in every form, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.faulty import FAULTS, network, plant

from glnn.cli import main
from glnn.model import Model
from glnn.show.reports.comparison import CompareReport


@pytest.fixture
def digits(root: Path) -> str:
    return str(root / "examples" / "digits.h5")


def test_a_sound_model(root: Path, digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        np.save(tmp_path / "x.npy", data["images"][:3, ..., None] / 16)
    saved = str(tmp_path / "run.npz")
    assert main(["compare", digits, str(tmp_path / "x.npy"), "--save", saved]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Compared: digits" and "3 samples" in lines[1] and lines[2].endswith("no layer is guilty")
    assert main(["compare", digits, str(tmp_path / "x.npy"), "--reference", saved, "--device", "numpy", "--json"]) == 0
    report = CompareReport.from_json(capsys.readouterr().out)
    assert report and report.device.startswith("NumPy") and report.reference == saved


def test_a_guilty_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Model(network()) as model:
        model.save(tmp_path / "m.glnn")
    plant(monkeypatch, *(fault for fault in FAULTS if fault.layer == "gru"))
    for target in (tmp_path / "r.html", tmp_path / "r.json"):
        assert main(["compare", str(tmp_path / "m.glnn"), "--report", str(target)]) == 1
    shown = capsys.readouterr()
    assert "guilty: gru" in shown.out and "seeded random numbers" in shown.err
    assert json.loads((tmp_path / "r.json").read_text())["guilty"] == ["gru"]
    assert "<details>" in (tmp_path / "r.html").read_text()


def test_keras_by_the_same_file(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras")
    assert main(["compare", digits, "--reference", "keras", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reference"].startswith("Keras")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reference", "torch"], "--reference torch: no such file; else numpy, keras or onnxruntime"),
        (["--report", "r.txt"], "written as .html or .json"),
        (["--save", "run.txt"], "the name of an .npz"),
        (["no-such.npy"], "no-such.npy"),
    ],
)
def test_what_cannot_be_compared_is_2(
    arguments: list[str], message: str, digits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", digits, *arguments]) == 2
    assert message in capsys.readouterr().err
