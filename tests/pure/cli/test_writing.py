"""What --output writes: the same arrays as NumPy's own writers, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glnn.cli.writing import Arrays, replacing
from glnn.errors import InputError

X, Y = (np.random.default_rng(k).normal(size=(5, *s)).astype(np.float32) for k, s in enumerate([(3,), (2, 4)]))


def write(path: Path, several: bool = True) -> Path:
    with Arrays(path, ["x"] if path.suffix == ".npy" else ["x", "deep/y"], several) as arrays:
        for name, part in (("a.png", slice(0, 1)), ("b.npy", slice(1, 5))):
            outputs = {"x": X[part], "deep/y": Y[part]}
            arrays.add(
                Path(name), len(X[part]), {k: v for k, v in outputs.items() if k == "x" or path.suffix == ".npz"}
            )
    return path


def test_npz(tmp_path: Path) -> None:
    with np.load(write(tmp_path / "out.npz"), allow_pickle=False) as data:
        assert set(data.files) == {"x", "deep/y", "files"}
        np.testing.assert_array_equal(data["x"], X)
        np.testing.assert_array_equal(data["deep/y"], Y)
        assert data["x"].dtype == np.float32 and data["files"].tolist() == ["a.png", *["b.npy"] * 4]
    with np.load(write(tmp_path / "one.NPZ".lower(), several=False)) as data:
        assert "files" not in data.files


def test_npy_is_what_numpy_writes(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", X)
    assert write(tmp_path / "out.npy").read_bytes() == (tmp_path / "own.npy").read_bytes()


def test_an_earlier_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    path.write_bytes(b"earlier")
    with pytest.raises(RuntimeError), Arrays(path, ["x"], False) as arrays:
        arrays.add(Path("a"), 5, {"x": X})
        raise RuntimeError
    with pytest.raises(InputError, match=r"\(2, 4\), of a \(3,\); one array holds samples of one shape"):
        with Arrays(path, ["x"], False) as arrays:
            arrays.add(Path("a"), 5, {"x": X})
            arrays.add(Path("b"), 5, {"x": Y})
    with pytest.raises(InputError, match="--report .*: No space left"), replacing(path, "--report"):
        raise OSError(28, "No space left on device")
    with Arrays(path, ["x"], False):
        pass  # no sample
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    for name, names, words in [
        ("x.csv", ["x"], "written as .npz or .npy"),
        ("x.npy", ["x", "y"], "2 outputs; a .npy holds one array. Give .npz"),
        ("folder.npz", ["x"], "this is a folder"),
        ("none/x.npz", ["x"], "there is no folder"),
    ]:
        with pytest.raises(InputError, match=words):
            Arrays(tmp_path / name, names, False)
