"""Where the values of a tensor lie in textures: logical axes <-> texels, layers, textures. Owns every size limit.

A shape is first *canonical*: right-aligned to (n, h, w, c); leading axes beyond four are multiplied into n. Channels
are packed four to a texel; a *group* is four channels. Pixels are cut into blocks of BH x BW; the pixel's place in its
block (its *phase*) is the layer of a 2D-array texture, the block's place is the texel. The blocks of one (n, group)
pair form a *tile* of PH x PW texels; tiles fill the texture row by row, `columns` to a row. Where the rows of tiles
outgrow the size limit they continue in further *parts*: more layers of the array texture (*stacked*), or in dialect
es100, which has none, further textures. An image whose single tile outgrows the limit is *flat*: every pixel is a tile
of one texel, so that it folds anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np

from ..errors import LimitError
from ..graph.shapes import canonical, ceil_div
from ..records import dataclass
from .blocks import Blocks, best_columns, busiest
from .copies import groups_of, images_in
from .limits import MAX_TILES, Limits

UNEVEN = 1.5  # how much busier another layout may keep a thread
Views = list[tuple[int, np.ndarray]]  # see copies.images_in


def uneven(size: int, limit: int) -> int:
    """The next size that is no power of two (1 and 2 are), if the limit has room for it.

    llvmpipe compiles a program again for each mix of textures with such sides and others: 38 % of the compile time of
    MobileNetV2. So no texture of ours has one.
    """
    grown = size
    while grown & (grown - 1) == 0:
        grown += 1
    return grown if grown <= limit else size


@dataclass(frozen=True)
class Layout:
    """How a tensor of `shape` lies in `parts` of (layers, height, width) texels, one texture each or one for all."""

    shape: tuple[int, ...]
    block: tuple[int, int] = (1, 1)
    flat: bool = False
    columns: int = 1  # tiles in a row of the texture
    part_rows: int = 1  # rows of tiles in one part
    texels: int = 1  # texels per group: 1, or 2 or 4 where a codec holds fewer than four values per texel
    limit: int = 1 << 24  # largest side of a texture
    stacked: bool = False  # parts are layers of one array texture

    def __repr__(self) -> str:
        (bh, bw), (ph, pw), (width, height) = self.block, self.tile, self.size
        cut = f"blocks of {bh} x {bw}, " if self.layers > 1 else "flat, " if self.flat else ""
        textures = f"{self.textures} x {self.depth} x {height} x {width} texels"
        return f"<Layout of {self.shape}: {cut}tiles: {self.tiles} of {ph} x {pw}, textures: {textures}>"

    @cached_property
    def dims(self) -> tuple[int, int, int, int]:
        """(n, h, w, c) of the canonical shape."""
        return canonical(self.shape)

    @cached_property
    def groups(self) -> int:
        """Groups of four channels."""
        return ceil_div(self.dims[3], 4)

    @cached_property
    def tile(self) -> tuple[int, int]:
        """(height, width) of a tile in texels."""
        if self.flat:
            return 1, 1
        return ceil_div(self.dims[1], self.block[0]), ceil_div(self.dims[2], self.block[1])

    @cached_property
    def tiles(self) -> int:
        """Number of tiles."""
        n, h, w, _ = self.dims
        return n * self.groups * self.texels * (h * w if self.flat else 1)

    @cached_property
    def rows(self) -> int:
        """Rows of tiles over all parts."""
        return ceil_div(self.tiles, self.columns)

    @cached_property
    def parts(self) -> int:
        """Number of parts."""
        return max(1, ceil_div(self.rows, self.part_rows))

    @cached_property
    def layers(self) -> int:
        """Layers of a part: the pixels of a block."""
        return self.block[0] * self.block[1]

    @cached_property
    def textures(self) -> int:
        """Number of textures."""
        return 1 if self.stacked else self.parts

    @cached_property
    def depth(self) -> int:
        """Layers of each texture."""
        return self.layers * self.parts if self.stacked else self.layers

    @cached_property
    def width(self) -> int:
        """Texels of a row that are used."""
        return self.columns * self.tile[1]

    @cached_property
    def height(self) -> int:
        """Rows of texels that are used (in the last part perhaps fewer)."""
        return min(self.rows, self.part_rows) * self.tile[0]

    @property
    def used(self) -> tuple[int, int]:
        """(width, height) of what is used of each texture."""
        return self.width, self.height

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) of each texture: a little more than what is used (see `uneven`)."""
        return uneven(self.width, self.limit), uneven(self.height, self.limit)

    def in_columns(self, columns: int) -> Layout | None:
        """The same with so many tiles in a row, where that is as good to draw; None where it is not."""
        if columns == self.columns or self.parts > 1:
            return None
        other = replace(self, columns=columns)
        good = other.parts == 1 and busiest(*other.used) <= UNEVEN * busiest(*self.used)
        return other if good and max(other.used) <= self.limit else None

    def part_height(self, part: int) -> int:
        """Texel rows of one part that hold values (the last part may be shorter)."""
        return min(self.part_rows, self.rows - part * self.part_rows) * self.tile[0]

    def pack(self, array: np.ndarray) -> list[np.ndarray]:
        """(layers, height, width, 4 // texels) values for each part, dead lanes, pixels and tiles zero."""
        return list(self.packed(array, (self.width, self.height)))

    def packed(self, array: np.ndarray, size: tuple[int, int], room: np.ndarray | None = None) -> np.ndarray:
        """(parts, layers, *size, 4 // texels) values in textures of this (width, height), zeros where none belong.

        room: what this made of another array of the same type, to be overwritten
        """
        if room is None:
            width, height = size
            room = np.zeros((self.parts, self.layers, height, width, 4 // self.texels), array.dtype)
        used = self._tiles(room)
        views, tiles = self._images(used), None
        if not views:
            tiles = np.zeros((self.layers, used[0, ..., 0, 0, 0].size, *used.shape[4:]), array.dtype)
            views = self._runs(tiles)
        for values, there in self._pairs(array, views):
            there[...] = values
        if tiles is not None:
            used[...] = tiles.reshape(used.shape)
        return room

    def _tiles(self, room: np.ndarray) -> np.ndarray:
        """A view (layers, parts, rows, columns, height, width, lanes) of tiles in (parts, layers, ...) texels."""
        (ph, pw), rows = self.tile, min(self.rows, self.part_rows)
        used = room[:, :, : rows * ph, : self.columns * pw]
        used = used.reshape(self.parts, self.layers, rows, ph, self.columns, pw, -1)
        return used.transpose(1, 0, 2, 4, 3, 5, 6)

    def _images(self, used: np.ndarray) -> Views:
        """Views of the images in tiles, none where the tiles have to be lined up first."""
        n, h, w, c = self.dims
        depth, n = self.groups * self.texels, n * h * w if self.flat else n
        return images_in(used, n, depth, whole=c * self.texels == depth * 4)

    def _runs(self, tiles: np.ndarray) -> Views:
        """Views of the images in tiles (layers, all, height, width, lanes) that are lined up."""
        depth = self.groups * self.texels
        return [(0, tiles[:, : self.tiles].reshape(self.layers, -1, 1, 1, depth, *tiles.shape[2:]))]

    def _pairs(self, array: np.ndarray, views: Views) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Views of all values of an array, and of where they lie in the views of images."""
        x = array.reshape(-1, 1, 1, self.dims[3]) if self.flat else array.reshape(self.dims)  # a pixel is a tile
        for first, place in views:
            images = x[first : first + place.shape[1] * place.shape[2]]
            for phase, (i, j) in enumerate(np.ndindex(*self.block)):
                yield from groups_of(images[:, i :: self.block[0], j :: self.block[1]], place[phase])

    def unpack(self, parts: list[np.ndarray]) -> np.ndarray:
        """The array of `shape` from what `pack` made."""
        return self.unpacked(np.stack(parts))

    def unpacked(self, room: np.ndarray) -> np.ndarray:
        """The array of `shape` from (parts, layers, height, width, 4 // texels) values, unused rows left out."""
        if self.tile == self.block == (1, 1):  # tiles are texels, one after another
            groups = room.reshape(-1, room.shape[-1])[: self.tiles]
            pixels = groups.reshape(-1, self.groups * 4)[:, : self.dims[3]]
            return np.ascontiguousarray(pixels).reshape(self.shape)
        used, array = self._tiles(room), np.empty(self.shape, room.dtype)
        views = self._images(used) or self._runs(used.reshape(self.layers, -1, *used.shape[4:]))
        for values, there in self._pairs(array, views):
            values[...] = there
        return array

    def dead(self, parts: list[np.ndarray]) -> np.ndarray:
        """The values in lanes past the last channel and in pixels past the edge: a right writer leaves them zero."""
        live = self.pack(np.ones(self.shape, bool))
        tiles = [self._tile_mask(p) for p in range(self.parts)]
        return np.concatenate([p[~m & t] for p, m, t in zip(parts, live, tiles, strict=True)])

    def _tile_mask(self, part: int) -> np.ndarray:
        """True where a texel of a part belongs to a tile of the tensor."""
        rows = min(self.rows, self.part_rows)
        number = (np.arange(rows * self.columns) + part * rows * self.columns).reshape(rows, 1, self.columns, 1)
        mask = np.broadcast_to(number < self.tiles, (rows, self.tile[0], self.columns, self.tile[1]))
        return np.broadcast_to(
            mask.reshape(1, self.height, self.width, 1), (self.layers, self.height, self.width, 4 // self.texels)
        )


@lru_cache(4096)
def choose_layout(
    shape: tuple[int, ...],
    limits: Limits,
    blocked: bool = True,
    texels: int = 1,
    blocks: Blocks | None = None,
    rows: int = 0,
) -> Layout:
    """The layout of a tensor on a device; blocks: those of its network.

    rows: of pixels that its blocks have; 0: any number

    Raises LimitError where it does not fit, even split.
    """
    if 0 in shape:
        raise LimitError(f"a tensor of shape {shape} holds nothing: every size must be at least 1")
    n, h, w, _ = canonical(shape)
    limit = limits.max_texture_size
    stacked = limits.dialect != "es100"
    # Half arithmetic is emulated at every statement: texts of whole blocks would take compilers a minute.
    many = blocked and stacked and texels == 1 and limits.precision == "highp"
    block = (blocks or Blocks()).of(h, w, limits.draw_buffers, rows) if many else (1, 1)
    tile = ceil_div(h, block[0]), ceil_div(w, block[1])
    flat = max(tile) > limit
    probe = Layout(shape, (1, 1) if flat else block, flat, texels=texels)
    if probe.tiles >= MAX_TILES:
        raise LimitError(
            f"a tensor of shape {shape} needs {probe.tiles} tiles of texels; 1 to {MAX_TILES - 1} are possible"
        )
    columns = best_columns(probe.tiles, probe.tile, limit)
    layout = Layout(shape, probe.block, flat, columns, max(1, limit // probe.tile[0]), texels, limit, stacked)
    if layout.depth > limits.array_layers:
        if many and layout.layers > 1:  # fewer layers for pixels leave more for parts
            return choose_layout(shape, limits, False, texels, blocks)
        raise LimitError(
            f"a tensor of shape {shape} needs {layout.depth} layers of at most {limit} x {limit} texels; this device "
            f"has {limits.array_layers}. Use a smaller batch or image, or a device with larger textures"
        )
    if layout.textures > limits.texture_units - 1:
        raise LimitError(
            f"a tensor of shape {shape} needs {layout.parts} textures of at most {limit} x {limit} texels; with "
            f"{limits.texture_units} texture units at most {limits.texture_units - 1} can be read at once. "
            "Use a smaller batch or image, a device with larger textures, or dialect es300, which has array textures"
        )
    return layout
