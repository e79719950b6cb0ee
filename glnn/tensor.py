"""A tensor on a device: layout, codec and textures. Packs arrays into textures and reads them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .layout.cells import CellLayout
from .layout.codec import CODECS, Storage
from .layout.tiles import Layout

if TYPE_CHECKING:
    from .device.device import Texture
    from .graph.quantized import Quantized


def texels(
    array: np.ndarray | Quantized,
    layout: Layout | CellLayout,
    stored: Storage,
    real: Any = np.float32,
    size: tuple[int, int] | None = None,
    room: np.ndarray | None = None,
) -> list[np.ndarray]:
    """The texels (layers, height, width, components) of each texture, as they lie there and in an exported file.

    Of a quantized array these are its codes. real: what float32 textures hold, float64 on a device of it.
    size: (width, height) of textures that are larger than the layout needs
    room: of a tensor, what `room_for` made for such texels; they lie there then
    """
    codes: np.ndarray | None = getattr(array, "codes", None)
    wide = real == np.float64 and stored.format == "float32"
    values = np.asarray(array, real) if wide else stored.cast(np.asarray(array) if codes is None else codes)
    size = size or layout.size
    packed = layout.packed(values, size) if isinstance(layout, CellLayout) else layout.packed(values, size, room)
    parts = packed.reshape(1, -1, *packed.shape[2:]) if layout.textures == 1 else packed
    return list(parts) if wide else [stored.encode(part) for part in parts]


def room_for(textures: Sequence[Texture], layout: Layout, stored: Storage) -> np.ndarray:
    """Memory for the texels of a tensor, which `write` uses again and again."""
    texture, real = textures[0], textures[0].device.real
    dtype = real if stored.format == "float32" else CODECS[stored.codec].dtype
    return np.zeros((layout.parts, layout.layers, texture.height, texture.width, stored.lanes), dtype)


def write(
    textures: Sequence[Texture],
    array: np.ndarray,
    layout: Layout | CellLayout,
    stored: Storage,
    room: np.ndarray | None = None,
) -> None:
    """Uploads an array of the layout's shape into its textures. room: see `texels`."""
    size = textures[0].width, textures[0].height
    for texture, part in zip(textures, texels(array, layout, stored, textures[0].device.real, size, room), strict=True):
        texture.write(part)


def parts(textures: Sequence[Texture], layout: Layout, stored: Storage) -> list[np.ndarray]:
    """The values (layers, height, width, lanes) of each part, from the textures."""
    return list(_parts([texture.read(rows=range(layout.height)) for texture in textures], layout, stored))


def _parts(texels: Sequence[np.ndarray], layout: Layout, stored: Storage) -> np.ndarray | list[np.ndarray]:
    used = [stored.decode(each)[:, :, : layout.width] for each in texels]
    return used if len(used) > 1 else used[0].reshape(layout.parts, layout.layers, *used[0].shape[1:])


def read(textures: Sequence[Texture], layout: Layout, stored: Storage) -> np.ndarray:
    """The array (float32, or the device's own floats) of the layout's shape from its textures."""
    return values([texture.read(rows=range(layout.height)) for texture in textures], layout, stored)


def values(texels: Sequence[np.ndarray], layout: Layout, stored: Storage) -> np.ndarray:
    """The array of the layout's shape from the rows of each texture that hold it."""
    found = _parts(texels, layout, stored)
    return layout.unpack(found) if isinstance(found, list) else layout.unpacked(found)
