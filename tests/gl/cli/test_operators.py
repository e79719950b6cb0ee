"""The commands on models of operators: ONNX files with free sizes, and with steps that NumPy takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.cli import main


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A model of scores (N, 4), and of where they are above 0.5: (2, found)."""
    onnx = pytest.importorskip("onnx")
    h, floats = onnx.helper, onnx.TensorProto.FLOAT
    half = onnx.numpy_helper.from_array(np.array(0.5, "f"), "half")
    weight = onnx.numpy_helper.from_array(np.eye(4, dtype="f"), "w")
    nodes = [
        h.make_node("MatMul", ["x", "w"], ["scores"], name="product"),
        h.make_node("Greater", ["scores", "half"], ["above"], name="above"),
        h.make_node("NonZero", ["above"], ["found"], name="finder"),
    ]
    infos = [h.make_tensor_value_info(name, floats, [None, 4]) for name in ("x", "scores")]
    found = h.make_tensor_value_info("found", onnx.TensorProto.INT64, [2, None])
    graph = h.make_graph(nodes, "detector", infos[:1], [infos[1], found], [weight, half])
    path = tmp_path / "detector.onnx"
    path.write_bytes(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)]).SerializeToString())
    return path


def lines(capsys: pytest.CaptureFixture[str], *argv: Any) -> list[str]:
    assert main([*map(str, argv)]) == 0
    return capsys.readouterr().out.splitlines()


def fault(capsys: pytest.CaptureFixture[str], *argv: Any) -> str:
    assert main([*map(str, argv)]) == 1
    return capsys.readouterr().err


def test_steps_of_numpy_are_named(detector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = lines(capsys, "check", detector)
    assert any(line.split("  ")[-1] == "finder (NonZero)" and line.startswith("computed by NumPy") for line in told)
    assert "glnn runs this model" in told[-1] and "not support" not in "".join(told[:9])
    assert json.loads("\n".join(lines(capsys, "check", detector, "--json")))["host_steps"] == ["finder (NonZero)"]
    assert "finder (NonZero)" in lines(capsys, "summary", detector)[-1]


def test_what_has_no_row_for_each_sample_is_shown_whole(
    detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.array([[1, 0, 1, 0], [0, 0, 0, 1]], "f"))
    made = [json.loads(line)["outputs"] for line in lines(capsys, "predict", detector, tmp_path / "x.npy", "--json")]
    assert [one["found"]["shape"] for one in made] == [[2, 2], [2, 1]]
    assert [one["scores"]["values"] for one in made] == [[1, 0, 1, 0], [0, 0, 0, 1]]
    out = tmp_path / "y.npz"
    told = fault(capsys, "predict", detector, tmp_path / "x.npy", "--output", out)
    assert "found has no row for each sample" in told and not out.exists()


def test_a_page_ends_before_what_numpy_does(detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for outputs in ("scores", "product"):
        site = tmp_path / outputs
        lines(capsys, "export-web", detector, site, "--output", outputs, "--variants", "webgl2")
        manifest = json.loads((site / "manifest.json").read_text())
        assert [item["shape"] for item in manifest["outputs"]] == [[1, 4]]
    assert "finder (NonZero)" in fault(capsys, "export-web", detector, tmp_path / "none")
    assert "no tensor or node 'score'" in fault(capsys, "export-web", detector, tmp_path / "none", "--output", "score")
    assert not (tmp_path / "none").exists()


def test_convert(detector: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any format to one file: it gives what the other gave, and is the same when it is converted again."""
    digits = np.load(root / "examples" / "digits_heldout.npz")["images"][:3].astype(np.float32) / 16
    given = {
        detector: np.array([[1, 0, 1, 0]], "f"),
        root / "examples" / "patches.onnx": digits[:, None],
        root / "examples" / "digits.h5": digits[..., None],
    }
    for path, x in given.items():
        one, two = tmp_path / "one.glnn", tmp_path / "two.glnn"
        assert lines(capsys, "convert", path, one) == [f"{one}: {one.stat().st_size:,} bytes"]
        lines(capsys, "convert", one, two)
        assert one.read_bytes() == two.read_bytes()
        with glnn.Model.load(path) as before, glnn.Model.load(one) as after:
            wanted, got = before.predict(x), after.predict(x)
        for a, b in zip(*(y if isinstance(y, list) else [y] for y in (wanted, got)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert "ends in .glnn" in fault(capsys, "convert", detector, tmp_path / "a.onnx")
    assert "there is no such file" in fault(capsys, "convert", tmp_path / "a.onnx", tmp_path / "a.glnn")


def test_a_picture_for_channels_that_come_first(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = pytest.importorskip("PIL.Image")
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        pixels, label = np.round(data["images"][1] * (255 / 16)).astype(np.uint8), int(data["labels"][1])
    image.fromarray(pixels).save(tmp_path / "digit.png")
    told = lines(capsys, "predict", root / "examples" / "patches.onnx", tmp_path / "digit.png", "--scale", "unit")
    assert told[0] == "logits (10,)" and told[1].split()[0] == str(label)
