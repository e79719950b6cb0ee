"""PNG files of our own making, read by Pillow."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from glnn.show.views.png import data_uri, png


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (64, 129)])
def test_pillow_reads_what_was_written(size: tuple[int, int], channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, channels), np.uint8)
    read = np.asarray(Image.open(io.BytesIO(png(pixels)))).reshape(pixels.shape)
    np.testing.assert_array_equal(read, pixels)
    assert base64.b64decode(data_uri(pixels).partition(",")[2]) == png(pixels)


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2, 3), np.uint8)])
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pixels are uint8"):
        png(bad)
