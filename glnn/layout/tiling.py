"""How products are cut into tiles for workgroups of compute shaders, and which pixels these make."""

from __future__ import annotations

from ..graph.shapes import ceil_div
from ..records import dataclass
from .tiles import Layout

# Numbers of tiles and pixels are divided by a multiplication: exact below 2^22, as (a + 0.5) / b is half of 1 / b away
# from the next whole number, and off by 2^-23 of a / b at most. A soft float takes four tiles.
MAX_NUMBER = 1 << 20
MULTIPROCESSORS = 132  # of the GPU that the rule was made on; each takes two workgroups or more at once
MAX_SHARES = 8  # a sum of so many shares is read in one draw
LEAST_STEPS = 4  # of a share
MAX_TURNS, LEAST_TERMS = 4, 1024  # of the widest tiles; measured as well, see docs/performance.md


@dataclass(frozen=True)
class Tiling:
    """How a product is cut: a workgroup makes `pixels` x `groups` (of four channels), an invocation p x q of them.

    inner: groups of input channels at a time; shares: workgroups that each sum a part of one tile
    """

    pixels: int
    groups: int
    p: int
    q: int
    inner: int = 4
    shares: int = 1

    @property
    def invocations(self) -> int:
        """Those of a workgroup: in waves of 32, 4 groups x 8 pixels, WAVES of them side by side."""
        return self.pixels * self.groups // (self.p * self.q)

    @property
    def consts(self) -> dict[str, int]:
        """What texts call its numbers."""
        loads = ceil_div(self.pixels * self.inner, self.invocations)
        names = dict(MT=self.pixels, NTG=self.groups, PM=self.p, PG=self.q, BKG=self.inner, SPLIT=self.shares)
        return names | {"INVOCATIONS": self.invocations, "LOADS": loads, "WAVES": self.groups // (4 * self.q)}


def choose_tiling(
    pixels: int, groups: int, inner: int, taps: int = 1, matrices: int = 1, least_shares: int = 1
) -> Tiling:
    """The tiles of a product of `pixels` rows and `groups` of columns, over `inner` groups of channels for each tap.

    matrices: how many such products there are

    Large ones where they are enough for all multiprocessors, else small ones whose sums are shared. An invocation of a
    large one has its registers full of results, so it holds little of the next tile.
    """
    few, step = (min(sizes, key=lambda n: ceil_div(inner, n) * (n + 0.5)) for sizes in ((2, 1), (4, 2, 1)))
    steps = taps * ceil_div(inner, step)

    def count(height: int, width: int) -> int:
        return matrices * ceil_div(pixels, height) * ceil_div(groups, width)

    width, q = (16, 2) if groups > 8 else (8, 1)
    if least_shares == 1:
        if _wide(count(128, 32), count(128, 16), 4 * inner * taps):
            return Tiling(128, 32, 8, 2, few)
        if count(128, width) >= 2 * MULTIPROCESSORS:
            return Tiling(128, width, 8, q, few)
        if count(64, width) >= MULTIPROCESSORS:
            return Tiling(64, width, 4, q, few)
    wanted = min(ceil_div(2 * MULTIPROCESSORS, count(32, 8)), steps // LEAST_STEPS, MAX_SHARES)
    return Tiling(32, 8, 4, 1, step, max(1, least_shares, wanted))


def _wide(wide: int, narrow: int, terms: int) -> bool:
    """Whether tiles of 128 x 128 are made sooner than those of 128 x 64, by how many there are and the terms of a sum.

    A multiprocessor is taken to have three of the narrow at a time, or a wide one, which takes as long as two. So it is
    the wide where the last turn of the narrow would find few busy, sums are long enough for what each tile begins and
    ends with, and there are few turns: many even out.
    """
    turns = ceil_div(wide, MULTIPROCESSORS)
    sooner = 2 * turns < 3 * ceil_div(narrow, 3 * MULTIPROCESSORS) and 2 * wide == narrow
    return sooner and turns <= MAX_TURNS and turns * MULTIPROCESSORS <= 1.1 * wide and terms * turns >= LEAST_TERMS


@dataclass(frozen=True)
class Grid:
    """The pixels that tiles make, by number: `sizes` (n, h, w) of them, for each share of a sum; with those of blocks
    past the edge, which become zero.

    rows:   tiles stay within a row (n, h), which is a matrix of its own
    images: so many tiles are of one image each, whatever its size; 0: tiles have a size
    """

    sizes: tuple[int, int, int]
    rows: bool = False
    images: int = 0

    def across(self, out: Layout) -> tuple[int, int, int]:
        """(n, h, w) of the pixels that are made of a tensor that lies so."""
        n, h, w = self.sizes
        return (n, h, w) if out.flat else (n, out.tile[0] * out.block[0], out.tile[1] * out.block[1])

    def tiles(self, out: Layout, height: int) -> int:
        """How many tiles of so many pixels there are."""
        n, h, w = self.across(out)
        if self.images:
            return n * self.images
        return n * h * ceil_div(w, height) if self.rows else ceil_div(n * h * w, height)
