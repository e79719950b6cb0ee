"""Arrays as pictures: nothing that is not finite is lost, and what is held is what was given."""

from __future__ import annotations

import base64
import html
import json
import re

import numpy as np
import pytest
from support.seeds import seeded

from glnn.errors import InputError
from glnn.show.views.pictures import MINUS, NAN, NOTHING, PLUS, Picture, colours, samples_of

RNG = seeded(0)


def held(picture: Picture) -> tuple[dict, np.ndarray]:
    """What the view holds for the mouse: the grid, and the values (tile, height, width)."""
    text = picture.to_html()
    grid = json.loads(html.unescape(re.search(r"data-grid='([^']*)'", text)[1]))  # type: ignore[index]
    raw = base64.b64decode(re.search(r'data-values="([^"]*)"', text)[1])  # type: ignore[index]
    return grid, np.frombuffer(raw, "<f4").reshape(grid["tiles"], *grid["tile"])


@pytest.mark.parametrize(
    ("shape", "kind", "tiles"),
    [
        ((2, 5, 6, 7), "channels", (7, 5, 6)), ((2, 3, 5, 6, 7), "channels", (7, 5, 6)),
        ((1, 1, 1, 9), "strip", (1, 1, 9)), ((4, 9), "matrix", (1, 4, 9)), ((2, 4, 9), "matrix", (1, 4, 9)),
        ((1, 200), "strip", (1, 4, 64)), ((5,), "strip", (1, 1, 5)), ((), "strip", (1, 1, 1)),
        ((1, 1, 7, 1), "channels", (1, 1, 7)), ((1, 3, 3, 40), "channels", (16, 3, 3)),
    ],
)  # fmt: skip
def test_shapes(shape: tuple[int, ...], kind: str, tiles: tuple[int, ...]) -> None:
    array = RNG.normal(size=shape).astype(np.float32)
    picture = Picture(array, samples_of(shape) - 1)
    grid, values = held(picture)
    assert picture.kind == grid["kind"] == kind and values.shape == tiles
    pixels = picture.pixels()
    assert pixels.shape == (grid["height"], grid["width"], 4)
    last = array.reshape(-1, *shape[-3:])[-1] if kind == "channels" else array
    if kind == "channels":
        np.testing.assert_array_equal(values, np.moveaxis(last, -1, 0)[: len(values)])
    elif kind == "strip":
        np.testing.assert_array_equal(values.ravel()[: array.size], array.ravel())
        assert np.count_nonzero(pixels[..., 3]) == array.size
    else:
        np.testing.assert_array_equal(values[0], array.reshape(-1, *shape[-2:])[-1])


def test_what_is_not_finite_is_never_left_out() -> None:
    array = np.zeros((1, 300, 200, 3), np.float32)
    array[0, 151, 67, 1], array[0, 7, 3, 2], array[0, 299, 199, 0] = np.nan, np.inf, -np.inf
    picture = Picture(array, values=2000)
    step, tiles = picture.shown
    assert step > 1 and tiles.size <= 2000
    assert np.isnan(tiles[1]).sum() == (tiles[2] == np.inf).sum() == (tiles[0] == -np.inf).sum() == 1
    flat = picture.pixels()[..., :3].reshape(-1, 3)
    for colour in (NAN, PLUS, MINUS):
        assert (flat == colour).all(1).sum() == 1
    assert "NaN: 1" in picture.to_html() and f"one value for each {step} x {step}" in picture.told()


def test_colours_are_even_around_zero_and_grey_elsewhere() -> None:
    blue, white, red = colours(np.array([-2.0, 0, 2]), -2, 1)[:, :3]
    assert blue[2] > blue[0] and red[0] > red[2] and white.min() > 240
    grey = colours(np.array([0.0, 5, 10]), 0, 10)[:, :3]
    assert (grey == grey[:, :1]).all() and (np.diff(grey[:, 0].astype(int)) > 50).all()
    assert np.isfinite(colours(np.full(3, 7.0), 7, 7)).all()
    huge = colours(np.array([-3e38, 3e38]), -3e38, 3e38)
    assert huge[0, 2] > huge[0, 0] and huge[1, 0] > huge[1, 2]


def test_nothing_is_grey_and_what_lies_there_is_not() -> None:
    texels = np.ones((1, 2, 3, 8), np.float32)
    live = np.ones(texels.shape, bool)
    live[0, 1, 2, 5] = live[0, 0, 0, 0] = False
    texels[0, 1, 2, 5] = 0
    picture = Picture(texels, tiles=8, lanes=4, live=live)
    grey = (picture.pixels() == NOTHING).all(-1)
    assert grey.sum() == 1 and grey[3 + 1, 4 + 2] and picture.columns == 4


@pytest.mark.parametrize(
    ("array", "options", "words"),
    [
        (np.zeros((2, 0)), {}, "holds nothing"), (np.zeros((2, 3, 3, 1)), {"sample": 2}, "samples 0 to 1"),
        (np.zeros((1, 3, 3, 4)), {"first": 4}, "channels 0 to 3"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused(array: np.ndarray, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Picture(array, **options)
