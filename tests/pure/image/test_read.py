"""Reading pictures: every source gives the same, several make a batch, bad arguments are refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.pictures import noise, saved

import glnn
import glnn.picture
from glnn.errors import InputError
from glnn.image import as_text, read, read_image

pil = pytest.importorskip("PIL.Image")


def test_every_source_gives_the_same(tmp_path: Path) -> None:
    pixels = noise(5, 7, 3)
    path = tmp_path / "a.png"
    path.write_bytes(data := saved(pil.fromarray(pixels)))
    with open(path, "rb") as file:
        for source in (path, str(path), file, data, io.BytesIO(data), pil.fromarray(pixels), pixels):
            got = read(source)
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, pixels)


def test_several_make_a_batch(tmp_path: Path) -> None:
    one, two = noise(5, 7, 3), noise(4, 4)
    got = read([one, saved(pil.fromarray(two))], (6, 6), 3)
    assert got.shape == (2, 6, 6, 3)
    np.testing.assert_array_equal(got[1], read(two, 6, 3))
    np.testing.assert_array_equal(read(np.stack([one, one]))[1], one)
    with pytest.raises(InputError, match=r"picture 1: .*\(4, 4, 1\).*picture 0.*Give size and channels"):
        read([one, two])
    with pytest.raises(InputError, match="no pictures"):
        read([])


def test_public_names_stay() -> None:
    assert glnn.image.read is read and "image" in dir(glnn)
    assert glnn.picture.read_image is read_image and glnn.picture.as_text is as_text


def test_read_image_tells_of_the_size_before(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(pil.fromarray(noise(4, 6))))
    assert read_image(tmp_path / "a.png", (4, None), None)[1] is None
    image, given = read_image(tmp_path / "a.png", (8, 6), 3, "unit")
    assert image.shape == (8, 6, 3) and given == (4, 6) and image.max() <= 1


def test_sides_that_are_free_stay() -> None:
    assert read(noise(5, 7), (None, 3)).shape == (5, 3, 1) and read(noise(5, 7), 4).shape == (4, 4, 1)
    padded = read(noise(5, 7, 4), (7, 7), 4, fit="pad")
    assert (padded[[0, 6]] == 0).all()  # clear
    assert (read(noise(4, 7) // 2, (7, 7), fit="pad")[..., 0, 0] == 255).tolist() == [True] + [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"scale": "half"}, "scale: 'half' is none of raw, unit, signed, imagenet"),
        ({"fit": "fill"}, "fit: 'fill' is none of stretch, crop, pad"),
        ({"filter": "cubic"}, "filter: 'cubic' is none of nearest, box, bilinear"),
        ({"background": "blueish"}, "background: 'blueish' is not white, black, #rrggbb"),
        ({"background": "#12345"}, "background"),
        ({"background": 256}, "background: 256"),
        ({"background": (1, 2)}, "background"),
        ({"background": None}, "background"),
        ({"size": 0}, "size: 0 is not"),
        ({"size": (3, 3, 3)}, "size"),
        ({"size": (3.5, 3)}, "size"),
        ({"channels": 2}, "2 channels; an image gives 1, 3 or 4"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(noise(4, 4), **arguments)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 4, 5), (4,), (2, 3, 4, 4, 3), (4, 0)])
def test_arrays_that_are_no_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="is no picture"):
        read(np.zeros(shape, np.uint8))


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it now raises ImportError
    with pytest.raises(InputError, match=r"a.png: reading images needs Pillow.*pip install 'glnn\[cli\]'"):
        read("a.png")
    with pytest.raises(InputError, match="needs Pillow"):
        read(noise(4, 4), 3)
    np.testing.assert_array_equal(read(noise(4, 4) * 0), 0)  # neither a file nor a resize


def test_as_text() -> None:
    assert as_text(np.array([[0.0, 1.0], [0.5, 2.0]])) == "  @@\n==@@"
