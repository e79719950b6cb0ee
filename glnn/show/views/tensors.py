"""A tensor on a device as a notebook shows it: how it lies, its values as a picture, its texels as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...graph.shapes import shape_text
from .. import html
from .pictures import TILES, Picture

if TYPE_CHECKING:
    from ...layout.tiles import Layout

LAYERS = 8  # of a texture that are shown as they lie


class Tensorlike:
    """What a tensor on a device shows of itself in a notebook: a base for classes that np.asarray reads."""

    __slots__ = ()

    def _lying(self) -> tuple[Layout, str, list[np.ndarray]]:
        """Its layout, the name of its codec, and the texels of each texture (layers, height, width, components)."""
        raise NotImplementedError

    def show(self, sample: int = 0, tiles: int = TILES, first: int = 0, raw: bool = False) -> Any:
        """A picture of the values, for a notebook.

        sample: which of the batch; tiles: how many channels, from channel `first` on
        raw:    the texels as they lie instead: layers, components, and what belongs to no value
        """
        return html.Fragment(raw_texels(*self._lying())) if raw else Picture(np.asarray(self), sample, tiles, first)

    def _repr_html_(self) -> str:
        layout, codec, texels = self._lying()
        head = html.title(f"Tensor {shape_text(layout.shape)}", f"{codec}, {lies(layout)}")
        values = html.box("values", Picture(np.asarray(self)).to_html())
        return html.view(head, values, html.box("texels as they lie", raw_texels(layout, codec, texels)))


def lies(layout: Layout) -> str:
    """How a tensor lies in its textures, in words."""
    (bh, bw), (ph, pw), (width, height) = layout.block, layout.tile, layout.size
    count = f"{layout.textures} textures" if layout.textures > 1 else "one texture"
    each = f"{layout.depth} layers of {height} x {width} texels" if layout.depth > 1 else f"{height} x {width} texels"
    cut = f"blocks of {bh} x {bw}, " if layout.layers > 1 else "each pixel a tile, " if layout.flat else ""
    return f"{count}: {each}; {cut}{layout.tiles} tiles of {ph} x {pw}"


def raw_texels(layout: Layout, codec: str, texels: Sequence[np.ndarray]) -> str:
    """The texels of each texture as HTML: a row of tiles a layer, one for each component; grey where no value lies."""
    parts = [html.title(f"Texels of {shape_text(layout.shape)}", f"{codec}, {lies(layout)}")]
    lost = dead(layout, texels) if codec != "uint8" else 0  # whose 0 is another code
    if lost:
        parts.append(f'<div class="bad">{lost:,} values in lanes and pixels outside of the tensor are not 0</div>')
    for number, (held, mask) in enumerate(zip(texels, live(layout, texels), strict=True)):
        words = f"texture {number}: {held.dtype}, (layers, height, width, components) = {held.shape}"
        shown, counts = (np.moveaxis(a, 0, 2).reshape(1, *a.shape[1:3], -1) for a in (held, mask))
        picture = Picture(shown.astype(np.float32), 0, LAYERS * held.shape[3], lanes=held.shape[3], live=counts)
        parts.append(f"<div>{html.note(words)}</div>{picture.to_html()}")
    return "".join(parts)


def live(layout: Layout, texels: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Which components of each texture, which may be larger than the layout, hold values of the tensor: bool."""
    masks = [np.zeros(held.shape, bool) for held in texels]
    height, width, components = texels[0].shape[1:]
    room = layout.packed(np.ones(layout.shape, bool), (width, height))
    room = room.repeat(components // room.shape[-1], -1)
    parts = room.reshape(1, -1, *room.shape[2:]) if layout.textures == 1 else room
    for mask, part in zip(masks, parts, strict=True):
        mask[: len(part)] = part
    return masks


def dead(layout: Layout, texels: Sequence[np.ndarray]) -> int:
    """How many values in lanes past the last channel and in pixels past the edge are not 0."""
    used = [held[: layout.depth, : layout.height, : layout.width] for held in texels]
    split = used if len(used) > 1 else np.split(used[0], layout.parts)
    lanes = 4 // layout.texels
    filled = [np.asarray(part.reshape(*part.shape[:3], lanes, -1).any(-1)) for part in split]
    return int(np.count_nonzero(layout.dead(filled)))
