"""Files of pictures: orientation, frames, and files that are none, against Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from support.pictures import named, noise, opened, png16, saved

from glnn.errors import InputError
from glnn.image import SUFFIXES, read

pil = pytest.importorskip("PIL.Image")
ops = pytest.importorskip("PIL.ImageOps")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int, kind: str) -> None:
    scene = np.zeros((16, 32, 3), np.uint8)
    scene[:8, :16] = [255, 0, 0]  # red at the left of the top
    scene[:8, 16:] = [0, 255, 0]
    # How the camera that notes this number stored the scene: the inverse of what a viewer does.
    stored = {
        1: scene,
        2: scene[:, ::-1],
        3: scene[::-1, ::-1],
        4: scene[::-1],
        5: scene.swapaxes(0, 1),
        6: np.rot90(scene, 1),
        7: np.rot90(scene, 2).swapaxes(0, 1),
        8: np.rot90(scene, -1),
    }[orientation]
    exif = pil.Exif()
    exif[0x0112] = orientation
    data = saved(pil.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
    got = read(data)
    assert got.shape == scene.shape
    assert np.abs(got - scene)[2:6, [2, 12, 20, 30]].max() < 12
    np.testing.assert_array_equal(got, np.asarray(ops.exif_transpose(opened(data)).convert("RGB")))


def test_exif_that_is_broken_turns_nothing() -> None:
    pixels = noise(8, 9, 3)
    np.testing.assert_array_equal(read(saved(pil.fromarray(pixels), exif=b"Exif\0\0no tags")), pixels)


def test_frames_are_told(tmp_path: Path) -> None:
    frames = [pil.fromarray(noise(4, 5) // 2 * 2) for _ in range(3)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        exact = {"lossless": True} if kind == "WEBP" else {}
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **exact)
        with pytest.warns(UserWarning, match="a.x holds 3 frames or pages; the first is taken"):
            got = read(named("a.x", data), channels=1)
        np.testing.assert_array_equal(got[..., 0], np.asarray(frames[0]))
        told: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read(named("a.x", data), 3, 1, note=told.append)
        assert len(told) == 2 and "3 frames" in told[0] and "a.x is 5x4 pixels, resized to 3x3" in told[1]


def test_photos_with_previews_are_one_picture() -> None:
    frames = [pil.fromarray(noise(16, 16, 3)) for _ in range(2)]
    data = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(data).shape == (16, 16, 3)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "not an image that Pillow reads. Give .png, .jpg"),
        (b"no picture", "not an image that Pillow reads"),
        (saved(pil.fromarray(noise(64, 64, 3)))[:4000], "to its end.*truncated.*Fetch or save it anew"),
        (saved(pil.fromarray(noise(64, 64, 3)), "JPEG")[:900], "to its end.*truncated"),
        (saved(pil.fromarray(noise(64, 64, 3)), "GIF")[:900], "to its end"),
        (png16(np.zeros((0, 3, 1), int)), "not an image|no picture"),
        (saved(pil.new("1", (20000, 20000))), "decompression bomb.*Shrink it first.*MAX_IMAGE_PIXELS"),
    ],
    ids=["empty", "text", "truncated png", "truncated jpeg", "truncated gif", "no rows", "bomb"],
)
def test_bad_files_are_refused_by_name(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=f"(?s)bad.png: .*({words})"):
        read(named("bad.png", data))


def test_bad_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.png: no such file"):
        read(tmp_path / "none.png")
    with pytest.raises(InputError, match="not an image"):
        read(tmp_path)
    with pytest.raises(InputError, match="not an image"):
        read(3)


def test_suffixes_are_kinds_that_pillow_reads() -> None:
    pil.init()
    assert all(suffix in pil.EXTENSION for suffix in SUFFIXES)
