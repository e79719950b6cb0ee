"""Values into groups of channels and back, as few copies in NumPy, each of long runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# Types by bytes, in which a whole group is copied at once: NumPy copies their bits as they are.
_WORDS: dict[int, Any] = {2: np.dtype("u2"), 4: np.dtype("u4"), 8: np.dtype("u8"), 16: np.dtype("c16")}


def images_in(tiles: np.ndarray, n: int, depth: int, whole: bool) -> list[tuple[int, np.ndarray]]:
    """Views of where images lie, which cover all: (first image, view); none where no view can tell.

    tiles: (layers, parts, rows, columns, ...) places for tiles, those of an image one after another, row by row
    n, depth: how many images there are, of how many tiles; whole: their values fill the tiles' lanes
    views: (layers, some images, of so many each, rows of an image, tiles in one, ...)
    """
    layers, parts, rows, columns, *rest = tiles.shape
    if parts > 1:
        return []
    if columns % depth == 0:
        each = columns // depth
        view = tiles[:, 0].reshape(layers, rows, each, 1, depth, *rest)
        full, last = divmod(n, each)
        views = [(0, view[:, :full])] if full else []
        return views + ([(full * each, view[:, full : full + 1, :last])] if last else [])
    if whole and depth % columns == 0:
        return [(0, tiles[:, 0].reshape(layers, n, 1, depth // columns, columns, *rest))]
    return []


def groups_of(pixels: np.ndarray, place: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of views of one shape, of images and of where they lie, that cover all values.

    pixels: (n, h, w, c); place: (a, b, rows, columns, at least h, w, lanes), where a * b = n; see `images_in`
    """
    a, b, rows, _, *_, lanes = place.shape
    _, h, w, c = pixels.shape
    place = place[..., :h, :w, :]
    word, own = _WORDS.get(lanes * pixels.itemsize), pixels.itemsize
    if word is not None and c % lanes == 0 and pixels.strides[-1] == own and place.strides[-1] == own:
        pixels, place, lanes = pixels.view(word), place.view(word), 1
    for lane in range(min(lanes, pixels.shape[-1])):
        some = pixels[..., lane::lanes]
        across = some.shape[-1] // rows
        view = some.reshape(a, b, h, w, rows, across).transpose(0, 1, 4, 5, 2, 3)
        yield view, place[:, :, :, :across, :, :, lane]
