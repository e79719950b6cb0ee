"""How images are cut into blocks of pixels, and tiles laid into rows of a texture: choices by estimated time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

from ..graph.shapes import ceil_div
from ..records import dataclass

# Blocks (height, width) of pixels that one invocation may produce, where the device has the draw buffers.
BLOCKS = ((2, 4), (1, 8), (1, 7), (1, 6), (2, 3), (1, 5), (2, 2), (1, 4), (1, 3), (1, 2), (1, 1))


def block_cost(h: int, w: int, block: tuple[int, int]) -> float:
    """Relative time per pixel (ns) of a convolution over an h x w image in blocks of this size."""
    return tap_cost(h, w, block, (1, 1)) + tap_cost(h, w, block, (3, 3))


def tap_cost(h: int, w: int, block: tuple[int, int], kernel: tuple[int, int]) -> float:
    """Relative time per pixel (ns) of each tap of a kernel (height, width): weights, products, pixels to fetch."""
    (bh, bw), (kh, kw) = block, kernel
    wasted = ceil_div(h, bh) * bh * ceil_div(w, bw) * bw / (h * w)
    return wasted * (28 + bh * bw * 4.6 + 7.0 * (bh + kh - 1) * (bw + kw - 1) / (kh * kw)) / (bh * bw)


@lru_cache(4096)
def best_block(h: int, w: int, draw_buffers: int) -> tuple[int, int]:
    """The block for an image of h x w pixels alone; a function of the size, so that tensors of one size match."""
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
        return sum(n * h * w * block_cost(h, w, own_block(h, w, block, draw_buffers)) for (h, w), n in sizes.items())

    def kinds(block: tuple[int, int] | None) -> int:
        """How many texts a kernel needs: one for each block, with and without edges that a block overhangs."""
        own = {(h, w): own_block(h, w, block, draw_buffers) for h, w in sizes}
        return len({(b, h % b[0] > 0, w % b[1] > 0) for (h, w), b in own.items()})

    candidates = [None, *sorted({best_block(h, w, draw_buffers) for h, w in sizes})]
    fast = [b for b in candidates if cost(b) <= COMMON_BLOCK_COST * cost(None)]
    return min(fast, key=lambda b: (kinds(b), cost(b)))


def own_block(h: int, w: int, common: tuple[int, int] | None, draw_buffers: int) -> tuple[int, int]:
    """The common block where it suits the size, else the size's own."""
    own = best_block(h, w, draw_buffers)
    suits = common in _fitting(h, w, draw_buffers) and block_cost(h, w, common) <= OWN_BLOCK_COST * block_cost(
        h, w, own
    )
    return common if suits and common else own


@dataclass(frozen=True)
class Blocks:
    """The blocks (height, width) of a network's images: what was chosen for a size (h, w), else what the times tell.

    common: the block of all sizes that it suits
    """

    common: tuple[int, int] | None = None
    chosen: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()

    def of(self, h: int, w: int, draw_buffers: int, rows: int = 0) -> tuple[int, int]:
        """The block of an image of h x w pixels; rows: how many it is to have, or 1; 0: any."""
        if rows > 1:
            if draw_buffers < rows:
                return 1, 1
            return rows, ceil_div(w, ceil_div(w, draw_buffers // rows))
        block = dict(self.chosen).get((h, w))
        if block in _fitting(h, w, draw_buffers) and not (rows and block[0] > 1):
            return block
        return best_block(1, w, draw_buffers) if rows else own_block(h, w, self.common, draw_buffers)


def best_columns(tiles: int, tile: tuple[int, int], limit: int) -> int:
    """Tiles per row of a texture: few parts first, then an even load on the threads of a software renderer."""
    widest = min(max(1, limit // tile[1]), tiles)

    def cost(columns: int) -> tuple[int, int, int]:
        rows = ceil_div(tiles, columns)
        width, height = columns * tile[1], rows * tile[0]
        parts = ceil_div(rows, max(1, limit // tile[0]))
        return (
            parts,
            busiest(width, min(height, limit)),
            abs(width - height),
        )

    candidates = set(range(1, min(widest, 64) + 1))
    candidates |= {min(widest, max(1, size // tile[1])) for size in (64, 128, 256, 512, 1024, 2048, limit)}
    candidates |= {min(widest, max(1, math.isqrt(tiles * tile[0] * tile[1]) // tile[1]))}
    return min(candidates, key=cost)


def busiest(width: int, height: int) -> int:
    """Units of 4x4 texels that the busiest of 2 and of 4 threads shades, times the threads, added up.

    llvmpipe hands out squares of 64x64 texels.
    """
    across, down = divmod(width, 64), divmod(height, 64)
    widths = [16] * across[0] + [ceil_div(across[1], 4)] * (across[1] > 0)
    heights = [16] * down[0] + [ceil_div(down[1], 4)] * (down[1] > 0)
    units = sorted([w * h for w in widths for h in heights], reverse=True) if len(widths) * len(heights) <= 64 else []
    made = 0
    for threads in (2, 4):
        if len(widths) * len(heights) > 16 * threads:  # many squares even out
            made += sum(widths) * sum(heights) // threads * threads
            continue
        load = [0] * threads
        for unit in units:
            load[load.index(min(load))] += unit
        made += max(load) * threads
    return made
