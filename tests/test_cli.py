"""The command line: inputs from files, what is printed, errors as one message."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from glnn import image
from glnn.cli import commands as cli
from glnn.errors import InputError
from glnn.graph import TensorSpec
from glnn.model import Model
from glnn.quant import codec_of

IMAGE = (TensorSpec("image", (None, 8, 8, 1)),)
TWO = (TensorSpec("a", (None, 3)), TensorSpec("b", (None, 4)))


def save_image(path: Path, shape: tuple[int, ...]) -> Path:
    pil = pytest.importorskip("PIL.Image")
    pixels = (np.arange(np.prod(shape)) % 256).astype(np.uint8).reshape(shape)
    pil.fromarray(pixels).save(path)
    return path


def test_image_is_taken_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = cli.read_input(save_image(tmp_path / "a.png", (8, 8)), IMAGE, "raw")
    np.testing.assert_array_equal(x[0, ..., 0], np.arange(64).reshape(8, 8))
    assert x.dtype == np.float32 and capsys.readouterr().err == ""


def test_image_is_resized_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = cli.read_input(save_image(tmp_path / "a.png", (10, 20, 3)), IMAGE, "raw")
    assert x.shape == (1, 8, 8, 1)
    assert "20x10 pixels, resized to 8x8" in capsys.readouterr().err


def test_choices_are_those_of_images() -> None:
    for options in (cli.parser()._subparsers._group_actions[0].choices[name] for name in ("predict", "export-web")):
        choices = {action.dest: action.choices for action in options._actions}
        assert set(choices["scale"]) == set(image.SCALES)
        assert (choices["fit"], choices["filter"]) == (image.FITS, image.FILTERS)


def test_options_for_images(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pil = pytest.importorskip("PIL.Image")
    path, saved = tmp_path / "a.tif", tmp_path / "out.npz"
    values = (np.random.default_rng(0).random((9, 14)) * 4095).astype(np.int32)
    pil.fromarray(values).save(path)
    model = root / "examples" / "digits.h5"
    options = ["--scale", "unit", "--fit", "pad", "--filter", "box", "--background", "#102030", "--save", str(saved)]
    assert cli.main(["predict", str(model), str(path), *options]) == 1
    assert "--levels BLACK,WHITE" in capsys.readouterr().err
    assert cli.main(["predict", str(model), str(path), *options, "--levels", "0,4095"]) == 0
    x = image.read([path], 8, 1, "unit", fit="pad", filter="box", background=(16, 32, 48), levels=(0, 4095))
    with Model.load(model) as loaded, np.load(saved) as outputs:
        np.testing.assert_array_equal(outputs[outputs.files[0]], loaded.predict(x, verbose=0))


def test_frames_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pil = pytest.importorskip("PIL.Image")
    frames = [pil.new("L", (8, 8), shade) for shade in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (cli.read_input(tmp_path / "a.gif", IMAGE) == 10).all()
    assert "note: " in (err := capsys.readouterr().err) and "2 frames or pages; the first is taken" in err


def test_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "one.npy", np.zeros((8, 8, 1)))
    assert cli.read_input(tmp_path / "one.npy", IMAGE, "raw").shape == (1, 8, 8, 1)
    assert "taken as one sample" in capsys.readouterr().err
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 3)), b=np.zeros((2, 4)))
    x = cli.read_input(tmp_path / "two.npz", TWO, "raw")
    assert {name: v.shape for name, v in x.items()} == {"a": (2, 3), "b": (2, 4)}


def test_bad_inputs(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    np.save(tmp_path / "code.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=np.zeros((2, 3)))
    for name, specs, words in [
        ("none.png", IMAGE, "no such file"),
        ("none.npy", IMAGE, "no such file"),
        ("broken.png", IMAGE, "not an image"),
        ("broken.npy", IMAGE, "not a NumPy file"),
        ("code.npy", IMAGE, "not a NumPy file"),
        ("a.npz", TWO, "b is missing"),
        ("a.txt", IMAGE, r"may be .npy, .npz, .png"),
        ("a.png", TWO, "not one image"),
    ]:
        with pytest.raises(InputError, match=words):
            cli.read_input(tmp_path / name, specs, "raw")


def test_images_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_image(tmp_path / "a.png", (8, 8))
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it now raises ImportError
    with pytest.raises(InputError, match=r"pip install 'glnn\[cli\]'"):
        cli.read_input(path, IMAGE, "raw")


def test_describe() -> None:
    lines = list(cli.describe(np.array([0.1, 0.7, 0.2]), 2, ["cat", "dog", "owl"]))
    assert [line.split()[:2] for line in lines] == [["dog", "0.7"], ["owl", "0.2"]]
    assert lines[0].count("#") == 21
    with pytest.raises(InputError, match="2 names for 3 classes"):
        list(cli.describe(np.zeros(3), 1, ["a", "b"]))
    assert "max 4" in next(cli.describe(np.full((2, 2), 4.0), 1, None))


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["predict"],
        ["predict", "m", "x", "--top", "0"],
        ["fly"],
        ["predict", "m", "x", "--scale", "2"],
        ["predict", "m", "x", "--levels", "3"],
    ],
)
def test_usage_is_exit_code_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2


def test_summary(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", str(root / "examples" / "digits.h5")]) == 0
    out = capsys.readouterr().out
    assert "conv2" in out and "(?, 8, 8, 24)" in out and "3,456" in out


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    assert cli.main(["doctor"]) == 0
    assert "verdict" in capsys.readouterr().out


def test_predict(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        image, label = data["images"][1] / 16, int(data["labels"][1])
    np.save(tmp_path / "digit.npy", image[..., None])
    (tmp_path / "names.txt").write_text("\n".join(f"digit-{i}" for i in range(10)))
    saved = tmp_path / "out.npz"
    argv = ["predict", str(root / "examples" / "digits.h5"), str(tmp_path / "digit.npy"), "--top", "3"]
    assert cli.main([*argv, "--labels", str(tmp_path / "names.txt"), "--save", str(saved)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[1].split()[0] == f"digit-{label}"
    with np.load(saved) as outputs:
        assert outputs[outputs.files[0]].shape == (1, 10)


def quantized(root: Path, out: Path, *options: str) -> int:
    return cli.main(["quantize", str(root / "examples" / "digits.h5"), str(out), *options])


def save_digits(root: Path, path: Path, count: int) -> Path:
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        np.save(path, data["images"][:count, ..., None] / 16)
    return path


def test_quantize(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "small.glnn"
    assert quantized(root, out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("Weights: 90,440 bytes as float32 -> 23,688 bytes")
    assert "not measured" in lines[1] and lines[2] == f"{out}: {out.stat().st_size:,} bytes"
    with Model.load(out) as model:
        kinds = [codec_of(node.weights["kernel"]) for node in model.layers if node.weights]
    assert kinds == ["uint8"] * 4


def test_quantize_with_calibration_and_every_report(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (save_digits(root, tmp_path / f"{n}.npy", n) for n in (3, 5))
    options = [
        "--weights",
        "uint4",
        "--skip",
        "digit",
        "--skip",
        "conv*",
        "--per-tensor",
        "--calibrate",
        str(one),
        str(two),
    ]
    assert quantized(root, tmp_path / "a.glnn", *options, "--activations", "uint8", "--report") == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    assert rows["hidden"][2] == "uint4" and rows["conv2"][2] == "float32" and "8 samples" in out
    assert quantized(root, tmp_path / "b.glnn", *options, "--report", str(tmp_path / "r.json")) == 0
    data = json.loads((tmp_path / "r.json").read_text())
    assert data["samples"] == 8 and data["drift"] > 0 and [r["codec"] for r in data["layers"]].count("uint4") == 1
    assert quantized(root, tmp_path / "c.glnn", *options, "--report", str(tmp_path / "r.html")) == 0
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    auto = ["--weights", "auto", "--max-drift", "0.05", "--calibrate", str(one)]
    assert quantized(root, tmp_path / "d.glnn", *auto) == 0
    assert "allowed 5 %" in capsys.readouterr().out


def test_quantize_refuses_before_it_works(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "wrong.npy", np.zeros((2, 9, 8, 1)))
    save_digits(root, tmp_path / "right.npy", 2)
    both = [str(tmp_path / "right.npy"), str(tmp_path / "wrong.npy")]
    for name, options, words in [
        ("a.h5", [], "ends in .glnn"),
        ("none/a.glnn", [], "no folder"),
        ("a.glnn", ["--report", "r.txt"], "--report r.txt: a report is written as .html or .json"),
        ("a.glnn", ["--skip", "conv9"], "'conv9' matches no layer"),
        ("a.glnn", ["--weights", "auto"], "give calibrate=inputs"),
        ("a.glnn", ["--calibrate", *both[1:]], "input 'image'"),
        ("a.glnn", ["--calibrate", *both], "samples of shape (9, 8, 1)"),
        ("a.glnn", ["--calibrate", "none.npy"], "no such file"),
        ("a.glnn", ["--max-drift", "0.1"], "max_drift=0.1"),
    ]:
        assert quantized(root, tmp_path / name, *options) == 1
        err = capsys.readouterr().err
        assert err.startswith("glnn: ") and words in err and not (tmp_path / name).exists()
    with pytest.raises(SystemExit):
        quantized(root, tmp_path / "a.glnn", "--weights", "uint7")


def test_errors_are_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["summary", str(tmp_path / "none.h5")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("glnn: ") and "none.h5" in err and "Traceback" not in err
