"""A tensor on a device: layout, codec and textures. Packs arrays into textures and reads them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .codec import CODECS
from .layout import CellLayout, Layout

if TYPE_CHECKING:
    from .device import Texture


def texels(array: np.ndarray, layout: Layout | CellLayout, codec: str) -> list[np.ndarray]:
    """The texels (layers, height, width, 4) of each part, as they lie in textures and in an exported file."""
    encode, (width, height) = CODECS[codec].encode, layout.size
    spare = (0, 0), (0, height - layout.height), (0, width - layout.width), (0, 0)
    return [encode(np.pad(part, spare)) for part in layout.pack(np.asarray(array, np.float32))]


def write(textures: Sequence[Texture], array: np.ndarray, layout: Layout | CellLayout, codec: str) -> None:
    """Uploads an array of the layout's shape into the textures of its parts."""
    for texture, part in zip(textures, texels(array, layout, codec), strict=True):
        texture.write(part)


def read(textures: Sequence[Texture], layout: Layout, codec: str) -> np.ndarray:
    """The array (float32) of the layout's shape from the textures of its parts."""
    decode = CODECS[codec].decode
    return layout.unpack([decode(t.read()[:, : layout.height, : layout.width]) for t in textures])
