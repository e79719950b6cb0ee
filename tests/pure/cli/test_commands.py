"""Commands that need no OpenGL, and what ends any command: errors, a closed pipe, a full disk, Ctrl+C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn.cli import commands, main
from glnn.cli.options import TEXT
from glnn.model import Model
from glnn.quant import codec_of
from glnn.web.kinds import CHOICES


def run(*argv: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "glnn", *map(str, argv)]
    return subprocess.run(command, text=True, timeout=120, stderr=subprocess.PIPE, **options)


@pytest.fixture
def digits(root: Path) -> str:
    return str(root / "examples" / "digits.h5")


def test_summary(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", digits]) == 0
    out = capsys.readouterr().out
    assert "conv2" in out and "(?, 8, 8, 24)" in out and "3,456" in out and "None" not in out


def test_quantize(digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "small.glnn"
    assert main(["quantize", digits, str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("Weights: 90,440 bytes as float32 -> 23,688 bytes")
    assert "not measured" in lines[1] and lines[2] == f"{out}: {out.stat().st_size:,} bytes"
    with Model.load(out) as model:
        kinds = [codec_of(node.weights["kernel"]) for node in model.layers if node.weights]
    assert kinds == ["uint8"] * 4


def test_quantize_refuses_before_it_works(digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, options, words in [
        ("a.h5", [], "ends in .glnn"),
        ("none/a.glnn", [], "no folder"),
        ("a.glnn", ["--report", "r.txt"], "--report r.txt: the file is written as .html or .json"),
        ("a.glnn", ["--report", str(tmp_path / "none" / "r.html")], "there is no folder"),
        ("a.glnn", ["--skip", "conv9"], "'conv9' matches no layer"),
        ("a.glnn", ["--calibrate", "none.npy"], "no such file"),
    ]:
        assert main(["quantize", digits, str(tmp_path / name), *options]) == 1
        err = capsys.readouterr().err
        assert err.startswith("glnn: ") and words in err and not (tmp_path / name).exists()


def test_export(digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.txt").write_text("\n".join("abcdefghij"))
    argv = ["export-web", digits, str(tmp_path / "out"), "--labels", str(tmp_path / "labels.txt")]
    assert main([*argv, "--variants", "webgl1,webgl2", "--scale", "unit", "--input-shape", "8x8x1"]) == 0
    said = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert said["labels"] == list("abcdefghij") and [v["name"] for v in said["variants"]] == ["webgl2", "webgl1"]
    assert "glnn serve" in capsys.readouterr().out
    assert main([*argv[:3], "--variants", "webgl9"]) == 1
    assert "webgl9" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    argv = ["export-web", digits, str(tmp_path / "mine"), "--variants", "webgl1"]
    assert main(argv) == 1 and "--force" in capsys.readouterr().err
    assert main([*argv, "--force"]) == 0 and (tmp_path / "mine" / "notes.txt").exists()


def test_export_for_numbers_and_for_text(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"measure {k}" for k in range(13)))
    np.save(tmp_path / "mean.npy", np.arange(13.0))
    wine, out = str(root / "examples" / "wine.h5"), tmp_path / "out"
    argv = ["export-web", wine, str(out), "--variants", "webgl1"]
    options = ["--columns", str(tmp_path / "names.txt"), "--example", str(tmp_path / "mean.npy")]
    assert main([*argv, *options]) == 0
    said = json.loads((out / "manifest.json").read_text())["page"]
    assert said["columns"][12] == "measure 12" and said["examples"] == [{"name": "mean", "values": [list(range(13))]}]
    (tmp_path / "words.txt").write_text("\n[UNK]\nwine")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    vocabulary = ["--vocabulary", str(tmp_path / "words.txt")]
    for more, words in [
        (["--columns", str(tmp_path / "none.txt")], "--columns"),
        (["--example", str(tmp_path / "broken.npy")], "broken.npy"),
        (["--split", "character"], "vocabulary"),
        ([*vocabulary, "--standardize", "none", "--example", str(tmp_path / "words.txt"), *options[:2]], "text"),
    ]:
        assert main([*argv, *more]) == 1
        assert words in capsys.readouterr().err
    assert main([*argv, *vocabulary]) == 0  # 13 steps of words
    text = json.loads((out / "manifest.json").read_text())["page"]["text"]
    assert json.loads((out / text["file"]).read_text()) == ["", "[UNK]", "wine"]
    assert {name: tuple(choices) for name, choices in TEXT.items()} == CHOICES


def test_serving_what_is_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path)]) == 1
    assert "export-web" in capsys.readouterr().err


def test_serve_ends_well_on_ctrl_c(digits: str, tmp_path: Path) -> None:
    assert main(["export-web", digits, str(tmp_path / "site"), "--variants", "webgl1"]) == 0
    command = [sys.executable, "-m", "glnn", "serve", str(tmp_path / "site"), "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout and child.stderr
        first = child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert first.startswith("http://127.0.0.1:") and "(Ctrl+C ends it)" in first
    assert child.returncode == 0 and "everyone on this machine's networks" in err and "Traceback" not in err


# ---- what ends any command


BAD: dict[str, Sequence[str]] = {
    "no model": ("summary", "none.h5"),
    "a folder without a model": ("summary", "folder"),
    "a picture as a model": ("summary", "broken.png"),
    "a locked model": ("summary", "locked.h5"),
    "a model after its input": ("predict", "broken.png", "DIGITS"),
    "labels in a folder": ("predict", "DIGITS", "broken.png", "--labels", "folder"),
    "labels of another number": ("predict", "DIGITS", "broken.png", "--labels", "two.txt"),
    "an output that is a folder": ("predict", "DIGITS", "broken.png", "--output", "folder.npz"),
    "an output of another kind": ("predict", "DIGITS", "broken.png", "--output", "x.csv"),
    "an output in no folder": ("predict", "DIGITS", "broken.png", "--output", "none/x.npz"),
    "an empty folder of inputs": ("predict", "DIGITS", "folder"),
    "a pattern without a match": ("predict", "DIGITS", "*.gif"),
    "weights that are none": ("predict", "DIGITS", "broken.png", "--weights", "none.h5"),
    "a quantized file over a folder": ("quantize", "DIGITS", "folder.glnn"),
    "an export over a file": ("export-web", "DIGITS", "two.txt"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_message(
    digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.npz", "folder.glnn"):
        Path(folder).mkdir()
    Path("broken.png").write_bytes(b"nothing")
    Path("two.txt").write_text("a\nb\n")
    Path("locked.h5").write_bytes(b"x")
    if name == "a locked model":

        def locked(*args: Any, **options: Any) -> Any:  # root reads everything
            raise PermissionError(13, "Permission denied", "locked.h5")

        monkeypatch.setattr(Path, "open", locked)
    argv = [digits if part == "DIGITS" else part for part in BAD[name]]
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("glnn: ") and "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of a shell")
def test_a_closed_pipe_is_quiet(digits: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # gone before anything is written
    either = (0, 1)  # argparse writes its help: some releases of it, 3.11.2 and 3.14, do not swallow the error
    for argv, codes in ((["summary", digits], (1,)), (["help", "env"], (1,)), (["--help"], either)):
        done = run(*argv, stdout=writer)
        assert not done.stderr and done.returncode in codes, argv
    os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told(digits: str) -> None:
    with open("/dev/full", "w") as full:
        done = run("summary", digits, stdout=full)
    assert done.returncode == 1 and done.stderr == "glnn: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
        (PermissionError(13, "Permission denied", "a/b"), 1, "a/b: Permission denied"),
    ],
)
def test_what_ends_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    def fail(args: Any) -> int:
        raise error

    monkeypatch.setitem(commands.RUN, "summary", fail)
    monkeypatch.setattr(commands, "silence", lambda: None)
    assert main(["summary", "m"]) == code
    assert capsys.readouterr().err.startswith(f"glnn: {words}")


def test_ctrl_c_leaves_no_file(digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    import glnn.formats.native.container as container
    from glnn.cli import writing

    out = tmp_path / "out.npz"
    with pytest.raises(KeyboardInterrupt), writing.Arrays(out, ["y"], True) as arrays:
        arrays.add(Path("a"), 2, {"y": np.zeros((2, 3), np.float32)})
        raise KeyboardInterrupt
    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", interrupt)
    with pytest.raises(KeyboardInterrupt), writing.Arrays(out, ["y"], True) as arrays:
        arrays.add(Path("a"), 2, {"y": np.zeros((2, 3), np.float32)})
    monkeypatch.setattr(container.np, "ascontiguousarray", interrupt)
    assert main(["quantize", digits, str(tmp_path / "small.glnn")]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_in_a_process_is_one_line(digits: str, tmp_path: Path) -> None:
    """A summary that waits for a model from a server that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/model.h5"
        command = [sys.executable, "-m", "glnn", "summary", url]
        environment = os.environ | {"GLNN_CACHE": str(tmp_path)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as child:
            server.settimeout(60)
            connection, _ = server.accept()
            time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
            connection.close()
    assert (child.returncode, out, err) == (130, "", "glnn: interrupted\n")
