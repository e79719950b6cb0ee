"""What the command reads: pictures, arrays by key, folders and patterns, names of classes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from glnn.cli import arrays, notices, reading
from glnn.errors import InputError
from glnn.graph import TensorSpec

IMAGE = (TensorSpec("image", (None, 8, 8, 1)),)
TWO = (TensorSpec("a", (None, 3)), TensorSpec("b", (None, 4)))


def save_image(path: Path, shape: tuple[int, ...]) -> Path:
    image = pytest.importorskip("PIL.Image")
    pixels = (np.arange(np.prod(shape)) % 256).astype(np.uint8).reshape(shape)
    image.fromarray(pixels).save(path)
    return path


# ---- pictures


def test_image_is_taken_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = reading.read_input(save_image(tmp_path / "a.png", (8, 8)), IMAGE)
    np.testing.assert_array_equal(x[0, ..., 0], np.arange(64).reshape(8, 8))
    assert x.dtype == np.float32 and capsys.readouterr().err == ""


def test_image_is_resized_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = reading.read_input(save_image(tmp_path / "a.png", (10, 20, 3)), IMAGE)
    assert x.shape == (1, 8, 8, 1)
    assert "20x10 pixels, resized to 8x8" in capsys.readouterr().err


def test_frames_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pil = pytest.importorskip("PIL.Image")
    frames = [pil.new("L", (8, 8), shade) for shade in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (reading.read_input(tmp_path / "a.gif", IMAGE) == 10).all()
    assert "note: " in (err := capsys.readouterr().err) and "2 frames or pages; the first is taken" in err


def test_images_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_image(tmp_path / "a.png", (8, 8))
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it now raises ImportError
    with pytest.raises(InputError, match=r"pip install 'glnn\[cli\]'"):
        reading.read_input(path, IMAGE)


# ---- arrays


def values(path: Path, specs: tuple[TensorSpec, ...], key: str | None = None) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.read_arrays(path, specs, key).items()}


@pytest.mark.parametrize(
    ("shape", "taken", "words"),
    [
        ((2, 8, 8, 1), (2, 8, 8, 1), ""),
        ((8, 8, 1), (1, 8, 8, 1), "taken as one sample"),
        ((5, 8, 8), (5, 8, 8, 1), "taken as 5 samples of one channel"),
        ((8, 8), (1, 8, 8, 1), "taken as one sample of one channel"),
        ((9, 8, 1), (9, 8, 1), ""),  # fits nothing: the model says what it wants
    ],
)
def test_axes_that_are_missing_for_certain_are_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shape: tuple[int, ...], taken: tuple[int, ...], words: str
) -> None:
    np.save(tmp_path / "x.npy", np.zeros(shape))
    assert values(tmp_path / "x.npy", IMAGE) == {"image": taken}
    err = capsys.readouterr().err
    assert (err == "") if not words else ("x.npy" in err and words in err)


def test_a_file_is_mapped_and_not_read_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8, 1)))
    assert isinstance(arrays.read_arrays(tmp_path / "x.npy", IMAGE, None)["image"], np.memmap)


def test_the_key_of_an_npz(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=np.zeros((2, 8, 8, 1)), labels=np.zeros(2))
    for key in ("images", None):
        given = Path(f"{path}:images") if key is None else path
        assert np.shape(reading.read_input(given, IMAGE, key=key)) == (2, 8, 8, 1)
    assert np.shape(reading.read_input(Path(f"{path}:images"), IMAGE, key="labels")) == (2, 8, 8, 1)  # the file's own
    for given, key, words in [
        (path, None, "holds images, labels: which is the input 'image'. Give .*x.npz:images, or --key images"),
        (path, "image", r"holds images, labels; no 'image' \(did you mean 'images'\?\)"),
        (Path(f"{path}:none"), None, "holds images, labels; no 'none'$"),
        (tmp_path / "none.npz:images", None, "none.npz: no such file"),
    ]:
        with pytest.raises(InputError, match=words):
            reading.read_input(given, IMAGE, key=key)
    assert capsys.readouterr().err == ""


def test_a_file_whose_name_looks_like_a_key(tmp_path: Path) -> None:
    path = tmp_path / "a.npz:b.npz"
    with path.open("wb") as file:
        np.savez(file, image=np.zeros((2, 8, 8, 1)))
    assert arrays.split_key(path) == (path, None)
    assert np.shape(reading.read_input(path, IMAGE)) == (2, 8, 8, 1)


def test_keys_that_are_the_inputs_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", b=np.zeros((2, 4)), a=np.zeros((2, 3)), labels=np.zeros(2))
    assert values(tmp_path / "x.npz", TWO) == {"a": (2, 3), "b": (2, 4)}
    assert "a, b taken, labels left" in capsys.readouterr().err
    np.savez(tmp_path / "one.npz", a=np.zeros((2, 3)))
    for key, words in [(None, "b is missing"), ("a", "names one array")]:
        with pytest.raises(InputError, match=words):
            values(tmp_path / "one.npz", TWO, key)
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    with pytest.raises(InputError, match="holds one array; the model takes a"):
        values(tmp_path / "x.npy", TWO)
    np.savez(tmp_path / "x.npz", a=np.zeros((2, 3)), b=np.zeros((3, 4)))
    with pytest.raises(InputError, match="x.npz: the inputs have different batch sizes"):
        list(reading.read_pieces(tmp_path / "x.npz", TWO, None))


def test_bad_inputs(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "folder.npy").mkdir()
    np.save(tmp_path / "code.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "short.npy", np.zeros((2, 8, 8, 1)))
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:-5])
    np.savez_compressed(tmp_path / "damaged.npz", image=np.random.default_rng(0).normal(size=(9, 8, 8, 1)))
    data = bytearray((tmp_path / "damaged.npz").read_bytes())
    data[2000:2010] = bytes(10)
    (tmp_path / "damaged.npz").write_bytes(data)
    np.savez(tmp_path / "nothing.npz")
    for name, specs, words in [
        ("none.png", IMAGE, "no such file"),
        ("none.npy", IMAGE, "no such file"),
        ("broken.png", IMAGE, "not an image"),
        ("broken.npy", IMAGE, "not a NumPy file"),
        ("empty.npy", IMAGE, "not a NumPy file"),
        ("short.npy", IMAGE, "not a NumPy file"),
        ("damaged.npz", IMAGE, "not a NumPy file"),
        ("nothing.npz", IMAGE, "holds nothing; the model takes image"),
        ("folder.npy", IMAGE, r"not a NumPy file that can be read \(Is a directory\)"),
        ("code.npy", IMAGE, r"not a NumPy file.*objects in dtype\)\. Give"),
        ("a.txt", IMAGE, r"may be .npy, .npz, .png"),
        ("a", IMAGE, "not without a suffix"),
        ("a.png", TWO, "not one image"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            reading.read_input(tmp_path / name, specs)
        assert str(tmp_path / name) in str(caught.value)


# ---- pieces


def test_pieces_are_bounded_and_name_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE_BYTES", 3 * 64 * 4)
    x = np.arange(7 * 64, dtype=np.float64).reshape(7, 8, 8, 1)
    np.save(tmp_path / "x.npy", x)
    pieces = list(reading.read_pieces(tmp_path / "x.npy", IMAGE, None))
    assert [(p.first, len(p.arrays["image"]), p.total) for p in pieces] == [(0, 3, 7), (3, 3, 7), (6, 1, 7)]
    np.testing.assert_array_equal(np.concatenate([p.arrays["image"] for p in pieces]), x)
    np.save(tmp_path / "wrong.npy", np.zeros((2, 9, 8, 1)))
    with pytest.raises(InputError, match=r"wrong.npy: input 'image': an array of shape \(2, 9, 8, 1\)"):
        list(reading.read_pieces(tmp_path / "wrong.npy", IMAGE, None))
    np.save(tmp_path / "scalar.npy", np.float32(1))
    with pytest.raises(InputError, match="scalar.npy"):
        list(reading.read_pieces(tmp_path / "scalar.npy", IMAGE, None))


def test_a_fixed_batch_is_a_piece(tmp_path: Path) -> None:
    fixed = (TensorSpec("image", (2, 8, 8, 1)),)
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8, 1)))
    assert [p.first for p in reading.read_pieces(tmp_path / "x.npy", fixed, None)] == [0, 2]


# ---- folders and patterns


def test_folders_and_patterns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.png", "a.npy", "c.txt", ".hidden.png", "deep/d.jpg", "deep/deeper/e.png", "f[1].npy", "empty/x.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def found(*given: str) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in reading.find([str(tmp_path / name) for name in given])]

    assert found(".") == ["a.npy", "b.png", "f[1].npy"]
    assert "1 file of other kinds left out" in capsys.readouterr().err
    assert found("*.png", "a.npy", "a.npy") == ["b.png", "a.npy", "a.npy"]
    assert found("**/*.png") == ["b.png", "deep/deeper/e.png"]
    assert found("f[1].npy") == ["f[1].npy"] and found("none.png") == ["none.png"]
    for name, words in [("*.gif", "none matches it"), ("empty", "this folder holds no .png"), ("x" * 300 + "*", "x")]:
        with pytest.raises(InputError, match=words):
            found(name)


def test_labels(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("\ufeffcat\r\ndog\n\nowl\n\n".encode())
    assert reading.read_labels(path) == ["cat", "dog", "", "owl"]
    path.write_bytes(b"\xff\xfe")
    for place in (path, tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=f"--labels {re.escape(str(place))}: .*Give a text file"):
            reading.read_labels(place)


def test_notes_of_a_kind_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    notices.forget()
    for i in range(10):
        notices.notice(f"pics/{i}.png is {i}x{i} pixels, resized to 8x8")
    notices.notice("another")
    notices.rest()
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 5 and err[3] == "glnn: note: another" and err[4] == "glnn: note: and 7 more like these"


def test_channels_come_first_where_the_model_has_them_so(tmp_path: Path) -> None:
    path = save_image(tmp_path / "a.png", (8, 6, 3))
    last = reading.read_input(path, (TensorSpec("x", (None, None, None, 3)),))
    for shape in ((None, 3, 8, 6), (1, 3, None, None)):
        first = reading.read_input(path, (TensorSpec("x", shape),))
        assert first.shape == (1, 3, 8, 6)
        np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2))
    assert reading.read_input(path, (TensorSpec("x", (None, 1, 8, 3)),)).shape == (1, 1, 8, 3)  # both: last
    with pytest.raises(InputError, match="takes 5 channels"):
        reading.read_input(path, (TensorSpec("x", (None, 2, 8, 5)),))
