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

from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np

from ..errors import LimitError
from ..graph.shapes import canonical, ceil_div
from ..records import dataclass
from .blocks import Blocks, best_columns, busiest
from .limits import MAX_TILES, Limits

UNEVEN = 1.5  # how much busier another layout may keep a thread


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

    @property
    def groups(self) -> int:
        """Groups of four channels."""
        return ceil_div(self.dims[3], 4)

    @property
    def tile(self) -> tuple[int, int]:
        """(height, width) of a tile in texels."""
        if self.flat:
            return 1, 1
        return ceil_div(self.dims[1], self.block[0]), ceil_div(self.dims[2], self.block[1])

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        n, h, w, _ = self.dims
        return n * self.groups * self.texels * (h * w if self.flat else 1)

    @property
    def rows(self) -> int:
        """Rows of tiles over all parts."""
        return ceil_div(self.tiles, self.columns)

    @property
    def parts(self) -> int:
        """Number of parts."""
        return max(1, ceil_div(self.rows, self.part_rows))

    @property
    def layers(self) -> int:
        """Layers of a part: the pixels of a block."""
        return self.block[0] * self.block[1]

    @property
    def textures(self) -> int:
        """Number of textures."""
        return 1 if self.stacked else self.parts

    @property
    def depth(self) -> int:
        """Layers of each texture."""
        return self.layers * self.parts if self.stacked else self.layers

    @property
    def width(self) -> int:
        """Texels of a row that are used."""
        return self.columns * self.tile[1]

    @property
    def height(self) -> int:
        """Rows of texels that are used (in the last part perhaps fewer)."""
        return min(self.rows, self.part_rows) * self.tile[0]

    @property
    def used(self) -> tuple[int, int]:
        """(width, height) of what is used of each texture."""
        return self.width, self.height

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of each texture: a little more than what is used (see `uneven`)."""
        return uneven(self.width, self.limit), uneven(self.height, self.limit)

    def within(self, width: int) -> Layout | None:
        """The same in textures of at most this width, where that is as good to draw; None where it is not."""
        columns = min(self.tiles, width // self.tile[1])
        if columns in (0, self.columns) or self.parts > 1:
            return None
        other = replace(self, columns=columns)
        good = other.parts == 1 and other.size[0] <= width and busiest(*other.used) <= UNEVEN * busiest(*self.used)
        return other if good else None

    def part_height(self, part: int) -> int:
        """Texel rows of one part that hold values (the last part may be shorter)."""
        return min(self.part_rows, self.rows - part * self.part_rows) * self.tile[0]

    def pack(self, array: np.ndarray) -> list[np.ndarray]:
        """(layers, height, width, 4 // texels) values for each part, dead lanes, pixels and tiles zero."""
        return list(self.packed(array, (self.width, self.height)))

    def packed(self, array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(parts, layers, *size, 4 // texels) values in textures of this (width, height), zeros where none belong."""
        n, h, w, c = self.dims
        (bh, bw), (ph, pw), lanes = self.block, self.tile, 4 // self.texels
        x, depth = array.reshape(n, h, w, c), self.groups * self.texels
        if self.flat:  # every pixel is a tile
            n, ph, pw, x = n * h * w, 1, 1, x.reshape(n * h * w, 1, 1, c)
        rows = min(self.rows, self.part_rows)
        tiles = np.zeros((self.layers, self.parts * rows * self.columns, ph, pw, lanes), array.dtype)
        # n by bx i j g l, of which the last pixels and lanes are not there
        places = tiles[:, : self.tiles].reshape(bh, bw, n, depth, ph, pw, lanes).transpose(2, 4, 5, 0, 1, 3, 6)
        for i, j in np.ndindex(bh, bw):
            pixels = x[:, i::bh, j::bw]
            there = places[:, : pixels.shape[1], : pixels.shape[2], i, j]
            whole = c // lanes
            there[..., :whole, :] = pixels[..., : whole * lanes].reshape(*pixels.shape[:3], whole, lanes)
            if c % lanes:
                there[..., whole, : c % lanes] = pixels[..., whole * lanes :]
        width, height = size
        room = np.zeros((self.parts, self.layers, height, width, lanes), array.dtype)
        used = room[:, :, : rows * ph, : self.columns * pw]
        used = used.reshape(self.parts, self.layers, rows, ph, self.columns, pw, lanes)
        used[...] = tiles.reshape(self.layers, self.parts, rows, self.columns, ph, pw, lanes).transpose(
            1, 0, 2, 4, 3, 5, 6
        )
        return room

    def unpack(self, parts: list[np.ndarray]) -> np.ndarray:
        """The array of `shape` from what `pack` made."""
        n, h, w, c = self.dims
        (bh, bw), (ph, pw), lanes = self.block, self.tile, 4 // self.texels
        x = (
            np.stack(parts, 1)
            .reshape(self.layers, self.parts, -1, ph, self.columns, pw, lanes)
            .transpose(0, 1, 2, 4, 3, 5, 6)
        )
        x = x.reshape(bh, bw, -1, ph, pw, lanes)[:, :, : self.tiles]
        if self.flat:
            return x.reshape(n, h, w, -1)[..., :c].reshape(self.shape)
        x = x.reshape(bh, bw, n, self.groups * self.texels, ph, pw, lanes).transpose(2, 4, 0, 5, 1, 3, 6)
        return x.reshape(n, ph * bh, pw * bw, -1)[:, :h, :w, :c].reshape(self.shape)

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
    row: bool = False,
) -> Layout:
    """The layout of a tensor on a device; blocks: those of its network.

    row: its blocks lie along rows of pixels

    Raises LimitError where it does not fit, even split.
    """
    if 0 in shape:
        raise LimitError(f"a tensor of shape {shape} holds nothing: every size must be at least 1")
    n, h, w, _ = canonical(shape)
    limit = limits.max_texture_size
    stacked = limits.dialect != "es100"
    # Half arithmetic is emulated at every statement: texts of whole blocks would take compilers a minute.
    many = blocked and stacked and texels == 1 and limits.precision == "highp"
    block = (blocks or Blocks()).of(h, w, limits.draw_buffers, row) if many else (1, 1)
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
