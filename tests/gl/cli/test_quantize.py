"""glnn quantize with inputs to measure on, and glnn doctor: what needs a device."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from glnn.cli import main


def save_digits(root: Path, path: Path, count: int) -> Path:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        np.save(path, data["images"][:count, ..., None] / 16)
    return path


def quantized(root: Path, out: Path, *options: str) -> int:
    return main(["quantize", str(root / "examples" / "digits.h5"), str(out), *options])


def test_quantize_with_calibration_and_every_report(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (save_digits(root, tmp_path / f"{n}.npy", n) for n in (3, 5))
    options = ["--codec", "uint4", "--skip", "digit", "--skip", "conv*", "--per-tensor"]
    options += ["--calibrate", str(one), str(two)]
    assert quantized(root, tmp_path / "a.glnn", *options, "--activations", "uint8", "--report") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["Quantized:", "Weights:", "Drift", "Top-1", "Layer"]
    rows = {line.split()[0]: line.split() for line in lines}
    assert rows["hidden"][2] == "uint4" and rows["conv2"][2] == "float32" and "8 samples" in lines[2]
    assert quantized(root, tmp_path / "b.glnn", *options, "--report", str(tmp_path / "r.json")) == 0
    data = json.loads((tmp_path / "r.json").read_text())
    assert data["samples"] == 8 and data["drift"] > 0 and [r["codec"] for r in data["layers"]].count("uint4") == 1
    assert list(data)[0] == "model" and list(data).index("ratio") < list(data).index("layers")
    assert quantized(root, tmp_path / "c.glnn", *options, "--report", str(tmp_path / "r.html")) == 0
    page = (tmp_path / "r.html").read_text()
    assert page.startswith("<!doctype html>") and page.index("Top-1 agreement") < page.index("<table")
    auto = ["--codec", "auto", "--max-drift", "0.05", "--calibrate", str(one)]
    assert quantized(root, tmp_path / "d.glnn", *auto) == 0
    assert "allowed 5 %" in capsys.readouterr().out


def test_what_is_measured_on_is_found_as_for_predict(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heldout = root / "examples" / "digits_heldout.npz"
    assert quantized(root, tmp_path / "a.glnn", "--calibrate", str(heldout), "--key", "images") == 0
    out, err = capsys.readouterr()
    assert "360 samples" in out and "360 samples of one channel" in err
    (tmp_path / "folder").mkdir()
    save_digits(root, tmp_path / "folder" / "x.npy", 4)
    options = ["--calibrate", str(tmp_path / "folder"), "--profile", "webgl1-phone"]
    assert quantized(root, tmp_path / "a.glnn", *options) == 0
    assert "4 samples" in capsys.readouterr().out


def test_quantize_refuses_before_it_works(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "wrong.npy", np.zeros((2, 9, 8, 1)))
    right, wrong = str(save_digits(root, tmp_path / "right.npy", 2)), str(tmp_path / "wrong.npy")
    for inputs in ([wrong], [right, wrong]):
        assert quantized(root, tmp_path / "a.glnn", "--calibrate", *inputs) == 1
        err = capsys.readouterr().err
        assert f"{wrong}: input 'image': an array of shape (2, 9, 8, 1)" in err and not (tmp_path / "a.glnn").exists()


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert main(["doctor", "--profile", "webgl1-phone", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["limits"]["float_target"] == "rgba8" and about["forced"]["profile"] == "webgl1-phone"
    assert main(["doctor"]) == 0
    assert "verdict" in capsys.readouterr().out


def test_doctor_tells_a_wrong_wish_from_a_machine_that_lacks_something(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--profile", "webgl1-fone"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "profile='webgl1-fone'" in err
    monkeypatch.setenv("GLNN_DRAW_BUFFERS", "many")
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "glnn: GLNN_DRAW_BUFFERS='many': a whole number of 1 or more is expected\n"


def test_a_model_of_operators_is_measured_as_well(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights of a model that is drawn anew for each size: drift and agreement of its outputs."""
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        np.save(tmp_path / "x.npy", data["images"][:20, None] / 16)
    out = tmp_path / "small.glnn"
    argv = ["quantize", str(root / "examples" / "patches.onnx"), str(out), "--calibrate", str(tmp_path / "x.npy")]
    assert main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Weights: 72,616 bytes as float32 -> 23,928 bytes (33.0%)"
    assert "20 samples" in lines[1] and lines[2] == "Top-1 agreement: 100.00%"
    assert main(["summary", str(out)]) == 0 and "(?, 1, 8, 8)" in capsys.readouterr().out
    assert main([*argv, "--activations", "float16"]) == 1
    assert "Fix its sizes first" in capsys.readouterr().err
