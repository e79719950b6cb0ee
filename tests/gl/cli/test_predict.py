"""glnn predict on a device: files in, results out, and what becomes of files that give none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.cli import main, predicting, reading
from glnn.errors import LimitError
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import ReLU
from glnn.layers.merging import Add


@pytest.fixture
def digits(root: Path) -> str:
    return str(root / "examples" / "digits.h5")


@pytest.fixture
def heldout(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Held-out pictures with values 0 to 1, and their classes."""
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        return (data["images"] / 16).astype(np.float32)[..., None], data["labels"]


def two_inputs(path: Path) -> Path:
    """A model file of two inputs, left and right, and two outputs, their sum and the positive part of it."""
    specs = (TensorSpec("left", (None, 3)), TensorSpec("right", (None, 3)))
    nodes = (
        Node("sum", Add(), ("left", "right"), ("t",), {}, label="sum"),
        Node("relu", ReLU(), ("t",), ("u",), {}, label="relu"),
    )
    return glnn.Model(Graph("net", specs, nodes, ("t", "u"), ("sum", "positive"))).save(path)


def test_one_file(digits: str, heldout: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "digit.npy", heldout[0][1])
    (tmp_path / "names.txt").write_text("\n".join(f"digit-{i}" for i in range(10)) + "\n\n")
    argv = ["predict", digits, str(tmp_path / "digit.npy"), "--top", "3", "--labels", str(tmp_path / "names.txt")]
    assert main([*argv, "--output", str(tmp_path / "out.npz")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[0] == "digit (10,)" and lines[1].split()[0] == f"digit-{heldout[1][1]}"
    with np.load(tmp_path / "out.npz") as outputs:
        assert outputs.files == ["digit"] and outputs["digit"].shape == (1, 10)


def test_options_for_pictures(digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pil = pytest.importorskip("PIL.Image")
    path, saved = tmp_path / "a.tif", tmp_path / "out.npz"
    values = (np.random.default_rng(0).random((9, 14)) * 4095).astype(np.int32)
    pil.fromarray(values).save(path)
    options = ["--scale", "unit", "--fit", "pad", "--filter", "box", "--background", "#102030", "--output", str(saved)]
    assert main(["predict", digits, str(path), *options]) == 1
    assert "--levels BLACK,WHITE" in capsys.readouterr().err
    assert main(["predict", digits, str(path), *options, "--levels", "0,4095"]) == 0
    x = glnn.image.read([path], 8, 1, "unit", fit="pad", filter="box", background=(16, 32, 48), levels=(0, 4095))
    with glnn.Model.load(digits) as loaded, np.load(saved) as outputs:
        np.testing.assert_array_equal(outputs[outputs.files[0]], loaded.predict(x, verbose=0))


def test_many_files_with_broken_ones_among_them(
    digits: str, heldout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each result is that of its own file; what is broken is named, costs the exit code, and hides nothing."""
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predicting, "PIECE", 4)  # so that files share a draw, and split
    monkeypatch.setattr(reading, "PIECE", 3)
    x = heldout[0]
    pixels = np.round(x[..., 0] * 255).astype(np.uint8)
    Path("pics").mkdir()
    for i in range(5):
        image.fromarray(pixels[i]).save(f"pics/{i}.png")
    Path("pics/2b.png").write_bytes(b"no picture")
    np.save("many.npy", x[5:12])
    np.save("wrong.npy", x[:2, :7])
    files = ["pics", "wrong.npy", "many.npy", "none.npy"]
    assert main(["predict", digits, *files, "--scale", "unit", "--json", "--output", "out.npz"]) == 1
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    good = [row for row in rows if "outputs" in row]
    assert [(row["file"], row["sample"]) for row in good] == [
        *((f"pics/{i}.png", 0) for i in range(5)),
        *(("many.npy", i) for i in range(7)),
    ]
    expected = [*(pixels[:5, ..., None] / np.float32(255)), *x[5:12]]
    with glnn.Model.load(digits) as model:
        reference = model.reference(np.stack(expected))
    got = np.array([row["outputs"]["digit"]["values"] for row in good])
    np.testing.assert_allclose(got, reference, atol=1e-5)
    assert [row["outputs"]["digit"]["top"][0]["class"] for row in good] == reference.argmax(1).tolist()
    with np.load("out.npz") as outputs:
        np.testing.assert_array_equal(outputs["digit"], got.astype(np.float32))
        assert outputs["files"].tolist() == [row["file"] for row in good]
    failed = [row["file"] for row in rows if "error" in row]
    assert failed == ["pics/2b.png", "wrong.npy", "none.npy"] and all(f"glnn: {name}: " in err for name in failed)
    assert err.splitlines()[-1] == "glnn: 3 of 9 files gave no result" and "Traceback" not in err

    assert main(["predict", digits, *files, "--scale", "unit", "--top", "1"]) == 1
    heads = capsys.readouterr().out.splitlines()[::2]
    assert heads[:5] == [f"pics/{i}.png: digit (10,)" for i in range(5)]
    assert heads[5:] == [f"many.npy: digit[{i}] (10,)" for i in range(7)]


def test_memory_is_bounded(
    digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No predict sees more than a piece, and no more of a file is read than that."""
    seen: list[int] = []
    real = glnn.Model.predict

    def predict(self: glnn.Model, x: Any, *args: Any, **options: Any) -> Any:
        seen.append(sum(a.nbytes for a in x.values()))
        return real(self, x, *args, **options)

    monkeypatch.setattr(glnn.Model, "predict", predict)
    for module in (predicting, reading):
        monkeypatch.setattr(module, "PIECE_BYTES", 20 * 256)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((100, 8, 8, 1)))
    assert main(["predict", digits, str(tmp_path / "x.npy"), str(tmp_path / "x.npy")]) == 0
    assert max(seen) <= 20 * 256 and sum(seen) == 200 * 256
    assert capsys.readouterr().out.count("x.npy: digit[99] (10,)") == 2


def test_files_of_different_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each size has a draw of its own; one array cannot hold them; one that fits no device hides nothing."""
    graph = Graph("net", (TensorSpec("x", (None, None, 1)),), (Node("r", ReLU(), ("x",), ("y",), {}),), ("y",))
    model = str(glnn.Model(graph).save(tmp_path / "free.glnn"))
    files = []
    for i, size in enumerate((2, 2, 3, 2)):
        files.append(str(tmp_path / f"{i}.npy"))
        np.save(files[-1], np.arange(size, dtype=np.float32).reshape(1, size, 1) - i)
    assert main(["predict", model, *files, "--json"]) == 0
    rows = [json.loads(line)["outputs"]["y"] for line in capsys.readouterr().out.splitlines()]
    assert [row["values"] for row in rows] == [[0, 1], [0, 0], [0, 0, 0], [0, 0]]
    assert [row["shape"] for row in rows] == [[2, 1], [2, 1], [3, 1], [2, 1]]
    assert main(["predict", model, *files, "--output", str(tmp_path / "y.npz")]) == 1
    err = capsys.readouterr().err
    assert "2.npy has the shape (3, 1), of " in err and not (tmp_path / "y.npz").exists()

    real = glnn.Model.predict

    def predict(self: glnn.Model, x: Any, *args: Any, **options: Any) -> Any:
        if x["x"].shape[1] == 3:
            raise LimitError("too large")
        return real(self, x, *args, **options)

    monkeypatch.setattr(glnn.Model, "predict", predict)
    assert main(["predict", model, *files, "--json"]) == 1
    out, err = capsys.readouterr()
    assert "2.npy: too large" in err and ["error" in json.loads(line) for line in out.splitlines()].count(False) == 3


def test_an_npz_feeds_a_model_of_several_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(two_inputs(tmp_path / "two.glnn"))
    left, right = np.float32([[1, 2, 3], [4, 5, 6]]), np.float32([[-9, 1, 1], [1, -9, 1]])
    np.savez(tmp_path / "x.npz", right=right, left=left)
    assert main(["predict", model, str(tmp_path / "x.npz"), "--json"]) == 0
    rows = [json.loads(line)["outputs"] for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_array_equal([row["sum"]["values"] for row in rows], left + right)
    np.testing.assert_array_equal([row["positive"]["values"] for row in rows], np.maximum(left + right, 0))
    argv = ["predict", model, str(tmp_path / "x.npz"), "--output", str(tmp_path / "y.npy")]
    assert main(argv) == 1 and "the model has 2 outputs" in capsys.readouterr().err


def test_what_is_not_finite_is_told_and_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(two_inputs(tmp_path / "two.glnn"))
    np.savez(tmp_path / "x.npz", left=np.float32([[np.nan, np.inf, 1]]), right=np.float32([[1, 1, 2]]))
    assert main(["predict", model, str(tmp_path / "x.npz"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["outputs"]["sum"]["values"] == ["nan", "inf", 3.0]
    assert "input left: 2 of 3 values are NaN or infinite" in err and "values of the output sum are NaN" in err


def test_a_profile_is_what_runs(
    digits: str, heldout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[Any] = []
    real = glnn.Model.load.__func__  # type: ignore[attr-defined]

    def load(cls: Any, path: Any, weights: Any = None, metadata: Any = None, device: Any = None) -> Any:
        made.append(device)
        return real(cls, path, weights, metadata, device)

    monkeypatch.setattr(glnn.Model, "load", classmethod(load))
    np.save(tmp_path / "x.npy", heldout[0][:1])
    argv = ["predict", digits, str(tmp_path / "x.npy")]
    assert main([*argv, "--profile", "webgl1-phone", "--precision", "mediump"]) == 0
    [device] = made
    assert (device.limits.dialect, device.limits.float_target, device.limits.draw_buffers) == ("es100", "rgba8", 1)
    assert device.limits.precision == "mediump" and device.closed
    assert main(argv) == 0 and made[1] is None
    capsys.readouterr()
    for option, value, words in [
        ("--profile", "webgl1-fone", "did you mean 'webgl1-phone'"),
        ("--dialect", "es400", "allowed are"),
        ("--device-index", "99", "99"),
    ]:
        assert main([*argv, option, value]) == 1
        out, err = capsys.readouterr()
        assert out == "" and words in err and err.startswith("glnn: ")


def test_describe() -> None:
    lines = list(predicting.describe(np.array([0.1, 0.7, 0.2]), 2, ["cat", "dog", "owl"]))
    assert [line.split()[:2] for line in lines] == [["dog", "0.7"], ["owl", "0.2"]]
    assert lines[0].count("#") == 21
    assert [line.split()[0] for line in predicting.describe(np.zeros(3), 1, ["a", "b"])] == ["0"]  # names of another
    assert "max 4" in next(predicting.describe(np.full((2, 2), 4.0), 1, None))
