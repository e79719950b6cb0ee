"""Where the values of a tensor lie in textures: logical axes <-> texels, layers, textures. Owns every size limit.

A shape is first *canonical*: right-aligned to (n, h, w, c); leading axes beyond four are multiplied into n. Channels are
packed four to a texel; a *group* is four channels. Pixels are cut into blocks of BH x BW; the pixel's place in its block
(its *phase*) is the layer of a 2D-array texture, the block's place is the texel. The blocks of one (n, group) pair form
a *tile* of PH x PW texels; tiles fill the texture row by row, `columns` to a row. Where the rows of tiles outgrow the
size limit they continue in further textures (*parts*). An image whose single tile outgrows the limit is *flat*: every
pixel is a tile of one texel, so that it folds anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from .errors import LimitError

# Tile numbers are divided in float arithmetic in the shaders (exact below 2**24 with one correction).
MAX_TILES = 1 << 24
# llvmpipe ends all loops of an invocation after 65,535 turns in total, silently; half of that leaves room for its own count.
MAX_LOOP_TURNS = 1 << 15
# Blocks (height, width) of pixels that one invocation may produce, where the device has the draw buffers.
BLOCKS = ((2, 4), (1, 8), (1, 7), (1, 6), (2, 3), (1, 5), (2, 2), (1, 4), (1, 3), (1, 2), (1, 1))


@dataclass(frozen=True)
class Limits:
    """What a device can do: sizes in texels, counts, the best target that can be rendered to and read back, the dialect."""

    max_texture_size: int = 4096
    draw_buffers: int = 8
    texture_units: int = 16
    float_target: str = "float32"
    dialect: str = "es300"
    array_layers: int = 256


def canonical(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Any shape of rank 0 to 6 as (n, h, w, c)."""
    padded = (1,) * (4 - len(shape)) + tuple(shape)
    return (math.prod(padded[:-3]), *padded[-3:])  # type: ignore[return-value]


def ceil_div(a: int, b: int) -> int:
    """a / b rounded up."""
    return -(-a // b)


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
    """How a tensor of `shape` lies in `parts` textures of (layers, height, width) texels."""

    shape: tuple[int, ...]
    block: tuple[int, int] = (1, 1)
    flat: bool = False
    columns: int = 1  # tiles in a row of the texture
    part_rows: int = 1  # rows of tiles in one texture
    texels: int = 1  # texels per group: 1, or 4 where a codec holds one value per texel
    limit: int = 1 << 24  # largest side of a texture

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
        """Number of textures."""
        return max(1, ceil_div(self.rows, self.part_rows))

    @property
    def layers(self) -> int:
        """Layers of each texture: the pixels of a block."""
        return self.block[0] * self.block[1]

    @property
    def width(self) -> int:
        """Texels of a row that are used."""
        return self.columns * self.tile[1]

    @property
    def height(self) -> int:
        """Rows of texels that are used (in the last part perhaps fewer)."""
        return min(self.rows, self.part_rows) * self.tile[0]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of each texture: a little more than what is used (see `uneven`)."""
        return uneven(self.width, self.limit), uneven(self.height, self.limit)

    def part_height(self, part: int) -> int:
        """Texel rows of one part that hold values (the last part may be shorter)."""
        return min(self.part_rows, self.rows - part * self.part_rows) * self.tile[0]

    def pack(self, array: np.ndarray) -> list[np.ndarray]:
        """(layers, height, width, 4 // texels) values for each part, dead lanes, pixels and tiles zero."""
        n, h, w, c = self.dims
        (bh, bw), (ph, pw), lanes = self.block, self.tile, 4 // self.texels
        x = np.zeros((n, h if self.flat else ph * bh, w if self.flat else pw * bw, self.groups * 4), array.dtype)
        x[:, :h, :w, :c] = array.reshape(n, h, w, c)
        if self.flat:
            x = x.reshape(1, 1, self.tiles, 1, 1, lanes)
        else:  # n by i bx j g l -> i j (n g) by bx l
            x = x.reshape(n, ph, bh, pw, bw, self.groups * self.texels, lanes).transpose(2, 4, 0, 5, 1, 3, 6)
            x = x.reshape(bh, bw, self.tiles, ph, pw, lanes)
        full = np.zeros((*x.shape[:2], self.parts * min(self.rows, self.part_rows) * self.columns, *x.shape[3:]), x.dtype)
        full[:, :, : self.tiles] = x
        full = full.reshape(self.layers, self.parts, -1, self.columns, ph, pw, lanes).transpose(1, 0, 2, 4, 3, 5, 6)
        return [np.ascontiguousarray(p).reshape(self.layers, self.height, self.width, lanes) for p in full]

    def unpack(self, parts: list[np.ndarray]) -> np.ndarray:
        """The array of `shape` from what `pack` made."""
        n, h, w, c = self.dims
        (bh, bw), (ph, pw), lanes = self.block, self.tile, 4 // self.texels
        x = np.stack(parts, 1).reshape(self.layers, self.parts, -1, ph, self.columns, pw, lanes).transpose(0, 1, 2, 4, 3, 5, 6)
        x = x.reshape(bh, bw, -1, ph, pw, lanes)[:, :, : self.tiles]
        if self.flat:
            return x.reshape(n, h, w, -1)[..., :c].reshape(self.shape)
        x = x.reshape(bh, bw, n, self.groups * self.texels, ph, pw, lanes).transpose(2, 4, 0, 5, 1, 3, 6)
        return x.reshape(n, ph * bh, pw * bw, -1)[:, :h, :w, :c].reshape(self.shape)

    def dead(self, parts: list[np.ndarray]) -> np.ndarray:
        """The values that lie in lanes past the last channel and pixels past the edge: a right writer leaves them zero."""
        live = self.pack(np.ones(self.shape, bool))
        tiles = [self._tile_mask(p) for p in range(self.parts)]
        return np.concatenate([p[~m & t] for p, m, t in zip(parts, live, tiles, strict=True)])

    def _tile_mask(self, part: int) -> np.ndarray:
        """True where a texel of a part belongs to a tile of the tensor."""
        rows = min(self.rows, self.part_rows)
        number = (np.arange(rows * self.columns) + part * rows * self.columns).reshape(rows, 1, self.columns, 1)
        mask = np.broadcast_to(number < self.tiles, (rows, self.tile[0], self.columns, self.tile[1]))
        return np.broadcast_to(mask.reshape(1, self.height, self.width, 1), (self.layers, self.height, self.width, 4 // self.texels))


def block_cost(h: int, w: int, block: tuple[int, int]) -> float:
    """Relative time per pixel of a convolution over an h x w image in blocks of this size (fetches and arithmetic, ns)."""
    bh, bw = block
    n = bh * bw
    wasted = ceil_div(h, bh) * bh * ceil_div(w, bw) * bw / (h * w)
    one_by_one = 28 + n * (4.6 + 7.0)
    three_by_three = 28 + n * 4.6 + 7.0 * (bh + 2) * (bw + 2) / 9
    return wasted * (one_by_one + three_by_three) / n


@lru_cache(4096)
def best_block(h: int, w: int, draw_buffers: int) -> tuple[int, int]:
    """The block for an image of h x w pixels alone; a function of the size, so that tensors of one size always match."""
    return min(_fitting(h, w, draw_buffers), key=lambda b: block_cost(h, w, b))


def _fitting(h: int, w: int, draw_buffers: int) -> list[tuple[int, int]]:
    return [b for b in BLOCKS if b[0] * b[1] <= draw_buffers and (b[0] <= h or b[0] == 1) and (b[1] <= w or b[1] == 1)]


# A network may take this much longer with one block for all its sizes: it has half the programs to compile.
COMMON_BLOCK_COST = 1.12
# ... and a single size may be this much off; beyond, it gets its own block.
OWN_BLOCK_COST = 1.35


def common_block(texels: Mapping[tuple[int, int], int], draw_buffers: int) -> tuple[int, int] | None:
    """The block that suits all image sizes (h, w) of a network, given the texels at each size; None if none does."""
    sizes = {size: count for size, count in texels.items() if size[1] > 1}
    if len(sizes) < 2:
        return None

    def cost(block: tuple[int, int] | None) -> float:
        return sum(
            n * h * w * block_cost(h, w, _own_or(h, w, block, draw_buffers)) for (h, w), n in sizes.items()
        )

    def kinds(block: tuple[int, int] | None) -> int:
        """How many texts a kernel needs: one for each block, with and without edges that a block overhangs."""
        own = {(h, w): _own_or(h, w, block, draw_buffers) for h, w in sizes}
        return len({(b, h % b[0] > 0, w % b[1] > 0) for (h, w), b in own.items()})

    candidates = [None, *sorted({best_block(h, w, draw_buffers) for h, w in sizes})]
    fast = [b for b in candidates if cost(b) <= COMMON_BLOCK_COST * cost(None)]
    return min(fast, key=lambda b: (kinds(b), cost(b)))


def _own_or(h: int, w: int, common: tuple[int, int] | None, draw_buffers: int) -> tuple[int, int]:
    """The common block where it suits the size, else the size's own."""
    own = best_block(h, w, draw_buffers)
    suits = common in _fitting(h, w, draw_buffers) and block_cost(h, w, common) <= OWN_BLOCK_COST * block_cost(h, w, own)
    return common if suits and common else own


def _columns(tiles: int, tile: tuple[int, int], limit: int) -> int:
    """Tiles per row of a texture: few parts first, then an even load on the threads of a software renderer."""
    widest = min(max(1, limit // tile[1]), tiles)

    def cost(columns: int) -> tuple[int, int, int]:
        rows = ceil_div(tiles, columns)
        width, height = columns * tile[1], rows * tile[0]
        parts = ceil_div(rows, max(1, limit // tile[0]))
        return parts, sum(_longest(width, min(height, limit), threads) * threads for threads in (2, 4)), abs(width - height)

    candidates = set(range(1, min(widest, 64) + 1))
    candidates |= {min(widest, max(1, size // tile[1])) for size in (64, 128, 256, 512, 1024, 2048, limit)}
    candidates |= {min(widest, max(1, math.isqrt(tiles * tile[0] * tile[1]) // tile[1]))}
    return min(candidates, key=cost)


def _longest(width: int, height: int, threads: int) -> int:
    """Units of 4x4 texels that the busiest thread shades: llvmpipe hands out squares of 64x64 texels, whole units each."""
    across, down = divmod(width, 64), divmod(height, 64)
    widths = [16] * across[0] + [ceil_div(across[1], 4)] * (across[1] > 0)
    heights = [16] * down[0] + [ceil_div(down[1], 4)] * (down[1] > 0)
    if len(widths) * len(heights) > 16 * threads:  # many squares even out
        return sum(widths) * sum(heights) // threads
    load = [0] * threads
    for units in sorted((w * h for w in widths for h in heights), reverse=True):
        load[load.index(min(load))] += units
    return max(load)


@lru_cache(4096)
def choose_layout(
    shape: tuple[int, ...], limits: Limits, blocked: bool = True, texels: int = 1, common: tuple[int, int] | None = None
) -> Layout:
    """The layout of a tensor on a device, in the `common` block of its network where that suits.

    Raises LimitError where it does not fit, even split.
    """
    if 0 in shape:
        raise LimitError(f"a tensor of shape {shape} holds nothing: every size must be at least 1")
    n, h, w, _ = canonical(shape)
    limit = limits.max_texture_size
    many = blocked and limits.dialect != "es100" and texels == 1
    block = _own_or(h, w, common, limits.draw_buffers) if many else (1, 1)
    tile = ceil_div(h, block[0]), ceil_div(w, block[1])
    flat = max(tile) > limit
    probe = Layout(shape, (1, 1) if flat else block, flat, texels=texels)
    if probe.tiles >= MAX_TILES:
        raise LimitError(f"a tensor of shape {shape} needs {probe.tiles} tiles of texels; 1 to {MAX_TILES - 1} are possible")
    columns = _columns(probe.tiles, probe.tile, limit)
    layout = Layout(shape, probe.block, flat, columns, max(1, limit // probe.tile[0]), texels, limit)
    if layout.parts > limits.texture_units - 1:
        raise LimitError(
            f"a tensor of shape {shape} needs {layout.parts} textures of at most {limit} x {limit} texels; with "
            f"{limits.texture_units} texture units at most {limits.texture_units - 1} can be read at once. "
            "Use a smaller batch or image, or a device with larger textures"
        )
    return layout


@dataclass(frozen=True)
class CellLayout:
    """How weights lie for inner loops: cells of `texels` texels, one for each (column, row, tap).

    A mat4 cell holds a 4 x 4 block (4 texels of float), a vec4 cell four channels. The taps of one (column, row) pair
    are a *run* of texels in one row of the texture (a single cell each, where a whole run is wider than the limit).
    """

    rows: int  # groups of input channels (1 for vectors)
    cols: int  # groups of output channels
    taps: int
    texels: int  # per cell
    run_taps: int  # taps in a run: all, or 1
    columns: int  # runs in a row of the texture
    part_rows: int  # rows in one texture, and the largest side of one

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of each texture: a little more than what is used (see `uneven`)."""
        return uneven(self.width, self.part_rows), uneven(self.height, self.part_rows)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return self.rows * self.cols * (self.taps // self.run_taps)

    @property
    def run_texels(self) -> int:
        """Texels of a run."""
        return self.run_taps * self.texels

    @property
    def height_all(self) -> int:
        """Texel rows over all parts."""
        return ceil_div(self.runs, self.columns)

    @property
    def parts(self) -> int:
        """Number of textures."""
        return ceil_div(self.height_all, self.part_rows)

    @property
    def width(self) -> int:
        """Width of each texture in texels."""
        return self.columns * self.run_texels

    @property
    def height(self) -> int:
        """Height of each texture in texels."""
        return min(self.height_all, self.part_rows)

    @property
    def aligned(self) -> bool:
        """True where each column's runs are exactly one row of the texture, so that no division finds them."""
        return self.run_taps == self.taps and self.columns == self.rows

    def pack(self, array: np.ndarray) -> list[np.ndarray]:
        """(1, height, width, 4) float texels for each part, from (taps, in, out) or (taps, channels) values."""
        cells = matrix_cells(array) if array.ndim == 3 else vector_cells(array)
        flat = cells.reshape(-1, 4)
        full = np.zeros((self.parts * self.height * self.width, 4), array.dtype)
        full[: len(flat)] = flat
        return list(full.reshape(self.parts, 1, self.height, self.width, 4))


def matrix_cells(array: np.ndarray) -> np.ndarray:
    """(out groups, in groups, taps, 4 input lanes, 4 output lanes) of a (taps, in, out) array, zero-padded."""
    taps, cin, cout = array.shape
    padded = np.zeros((taps, ceil_div(cin, 4) * 4, ceil_div(cout, 4) * 4), array.dtype)
    padded[:, :cin, :cout] = array
    return np.ascontiguousarray(padded.reshape(taps, -1, 4, padded.shape[2] // 4, 4).transpose(3, 1, 0, 2, 4))


def vector_cells(array: np.ndarray) -> np.ndarray:
    """(groups, taps, 4 lanes) of a (taps, channels) array, zero-padded."""
    taps, channels = array.shape
    padded = np.zeros((taps, ceil_div(channels, 4) * 4), array.dtype)
    padded[:, :channels] = array
    return np.ascontiguousarray(padded.reshape(taps, -1, 4).transpose(1, 0, 2))


@lru_cache(4096)
def choose_cells(shape: tuple[int, ...], limits: Limits, name: str = "weights") -> CellLayout:
    """The layout of (taps, in, out) or (taps, channels) weights. Raises LimitError where they do not fit, even split."""
    taps, limit = shape[0], limits.max_texture_size
    rows, cols, texels = (ceil_div(shape[1], 4), ceil_div(shape[2], 4), 4) if len(shape) == 3 else (1, ceil_div(shape[1], 4), 1)
    run_taps = taps if taps * texels <= limit else 1
    runs = rows * cols * (taps // run_taps)
    widest = limit // (run_taps * texels)
    if run_taps == taps and rows <= widest and (rows > 1 or cols <= limit):
        columns = rows
    else:
        columns = min(widest, runs)
    layout = CellLayout(rows, cols, taps, texels, run_taps, columns, limit)
    if layout.parts > limits.texture_units - 1 or runs >= MAX_TILES:
        raise LimitError(
            f"{name}: weights of shape {shape} need {layout.parts} textures of at most {limit} x {limit} texels; "
            f"at most {limits.texture_units - 1} can be read at once on this device"
        )
    return layout
