"""The folder of an export: which is written into, what is replaced, what an export that breaks off leaves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.errors import InputError
from glnn.layers.conv import Conv2D
from glnn.testing import layer_graph
from glnn.web.folder import write
from glnn.web.page import PAGE


@pytest.fixture(scope="module")
def digits(root: Path) -> glnn.Model:
    return glnn.Model.load(root / "examples" / "digits.h5")


def small() -> glnn.Model:
    kernel = np.ones((1, 1, 2, 2), "f4")
    return glnn.Model(layer_graph(Conv2D(2, (1, 1), use_bias=False), [(1, 3, 4, 2)], {"kernel": kernel}))


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_earlier_export_is_replaced_and_other_files_stay(tmp_path: Path, digits: glnn.Model) -> None:
    digits.export_web(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    small().export_web(tmp_path, variants=["webgl1"])
    after, said = {path.name for path in tmp_path.iterdir()}, manifest(tmp_path)
    assert "notes.txt" in after and len(after) == 1 + len(PAGE) + 2 + len(said["weights"]["shards"])
    assert before - after  # the digits' plans and weights


FOREIGN = {
    "a document": {"notes.txt": b"mine"},
    "a site of its own": {"index.html": b"<p>mine</p>", "page.js": b"mine()"},
    "a web app's manifest": {"manifest.json": b'{"name": "mine", "icons": []}'},
    "a manifest that is no JSON": {"manifest.json": b"mine"},
    "a document beside an export that broke off": {"0123456789abcdef0123.bin": b"", "notes.txt": b"mine"},
}


@pytest.mark.parametrize("files", FOREIGN.values(), ids=FOREIGN)
def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r"no export of glnn. Give a new or an empty folder, or force=True"):
        small().export_web(tmp_path, variants=["webgl1"])
    assert tree(tmp_path) == files
    small().export_web(tmp_path, variants=["webgl1"], force=True)
    assert manifest(tmp_path)["version"] and set(files) <= set(tree(tmp_path))


def test_a_new_an_empty_and_a_hidden_folder_are_taken(tmp_path: Path) -> None:
    assert manifest(small().export_web(tmp_path / "a" / "b", variants=["webgl1"]))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".nojekyll").touch()  # what pages on GitHub want beside an export
    assert manifest(small().export_web(tmp_path / "empty", variants=["webgl1"]))


def test_a_manifest_of_someone_else_removes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("outside", "folder/notes.txt"):
        (tmp_path / name).write_text("keep")
    items = [{"file": name, "bytes": 1} for name in ("../outside", "notes.txt", "manifest.json", 3, None)]
    (folder / "manifest.json").write_text(json.dumps({"version": 2, "weights": {"shards": items}, "variants": []}))
    small().export_web(folder, variants=["webgl1"])
    assert (tmp_path / "outside").read_text() == (folder / "notes.txt").read_text() == "keep"


def test_an_export_that_breaks_off_is_no_mixture(tmp_path: Path, digits: glnn.Model, monkeypatch: Any) -> None:
    """At whatever file it stops: the folder is the earlier export, whole, or has no manifest; it can be refilled."""
    first = tree(small().export_web(tmp_path / "first", variants=["webgl1"]))
    second = tree(digits.export_web(tmp_path / "second", variants=["webgl1"]))
    second["page.js"] += b"// newer"
    real = Path.write_bytes
    for stop in range(len(second)):
        folder, left = tmp_path / f"stop{stop}", [stop]
        write(folder, first)

        def full(path: Path, data: bytes, left: list[int] = left) -> int:
            if not left[0]:
                real(path, data[: len(data) // 2])
                raise OSError(28, "No space left on device", str(path))
            left[0] -= 1
            return real(path, data)

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match="No space left on device"):
            write(folder, second)
        monkeypatch.setattr(Path, "write_bytes", real)
        held = tree(folder)
        if "manifest.json" in held:
            assert {name: held[name] for name in first} == first
        digits.export_web(folder, variants=["webgl1"])
        assert set(tree(folder)) - set(first) == set(second) - set(first)


def test_a_file_and_a_folder_that_is_not_ours_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="file is a file. Give a new or an empty folder"):
            small().export_web(folder, variants=["webgl1"])
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InputError, match="not yours to write"):
        small().export_web(tmp_path / "new", variants=["webgl1"])
    assert (tmp_path / "file").read_text() == "mine" and not (tmp_path / "new").exists()
