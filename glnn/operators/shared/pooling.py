"""Pooling, channels last: the largest, the sum or the mean of windows with pads, dilation, sizes rounded up; places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field

import numpy as np

from ...graph.shapes import ceil_div
from ...primitives import Sym
from ...primitives.move import Along
from ...primitives.window import Padding, paddings
from ...records import dataclass
from ..say import Misfit, Say
from .convolution import each, spatial

EXACT = 2**24  # whole numbers that float32 tells apart


@dataclass(frozen=True)
class Row:
    """The windows along one axis of `size` pixels: window i has `taps` pixels from i * stride - before on."""

    size: int
    taps: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    ceil: bool = False

    @property
    def count(self) -> int:
        """How many windows there are; with `ceil` the last may reach beyond, where it starts inside."""
        room = self.size + self.before + self.after - (self.taps - 1) * self.dilation - 1
        if room < 0 and not (self.ceil and room > -self.stride):
            raise Misfit(f"a window of {(self.taps - 1) * self.dilation + 1} pixels does not fit into {self.size}")
        made = (ceil_div(room, self.stride) if self.ceil else room // self.stride) + 1
        return made - (self.ceil and (made - 1) * self.stride >= self.size + self.before)

    @property
    def margins(self) -> tuple[int, int]:
        """Pixels before and after that the windows reach."""
        end = (self.count - 1) * self.stride + (self.taps - 1) * self.dilation + 1
        return self.before, max(end - self.size - self.before, 0)

    def starts(self, tap: int = 0) -> np.ndarray:
        """(count,) The pixel of each window's tap, which may lie outside."""
        return np.arange(self.count) * self.stride + tap * self.dilation - self.before

    def counts(self, pads: bool) -> np.ndarray:
        """(count,) How many taps lie in the image, or in it and its pads."""
        low, high = (-self.before, self.size + self.after) if pads else (0, self.size)
        taps = np.stack([self.starts(tap) for tap in range(self.taps)])
        return ((taps >= low) & (taps < high)).sum(0)


@dataclass(frozen=True)
class Pool:
    """Windows over x (N, *sizes, C), each of these with a number for each spatial axis.

    ceil: a last window that is not whole counts as well
    """

    taps: tuple[int, ...]
    strides: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    padding: Padding = "valid"
    ceil: bool = False
    ones: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        axes = len(self.taps)
        if axes not in (1, 2, 3):
            raise Misfit(f"windows of {self.taps} pixels (1 to 3 spatial axes are known)")
        for name in ("strides", "dilation"):
            object.__setattr__(self, name, each(getattr(self, name), axes, name))
        object.__setattr__(self, "ones", (1,) * axes)

    @property
    def plain(self) -> bool:
        """Whether the sizes of an image need not be known."""
        return not self.ceil and self.dilation == self.ones

    def rows(self, x: Sym) -> list[Row]:
        """The windows along each axis. Raises NeedsShape."""
        sizes = spatial(x)
        pads = paddings(self.padding, sizes, self.taps, self.strides, self.dilation)
        sides = zip(sizes, self.taps, self.strides, self.dilation, pads, strict=True)
        return [Row(size, k, s, d, *pair, self.ceil) for size, k, s, d, pair in sides]

    def margins(self, x: Sym) -> Padding:
        """The padding that makes whole windows of all. Raises NeedsShape where that depends on the sizes."""
        return self.padding if self.plain else tuple(row.margins for row in self.rows(x))


def largest(t: Say, x: Sym, pool: Pool) -> Sym:
    """(N, *windows, C): the largest of each window."""
    if pool.dilation == pool.ones:
        return t.window("max", x, size=pool.taps, strides=pool.strides, padding=pool.margins(x))
    return _folded(t, x, pool, "maximum", -math.inf)


def sums(t: Say, x: Sym, pool: Pool) -> Sym:
    """(N, *windows, C): the sum of each window; beyond the image there is 0."""
    if pool.dilation != pool.ones:
        return _folded(t, x, pool, "add", 0.0)
    y = t.window("mean", x, size=pool.taps, strides=pool.strides, padding=pool.margins(x))
    if pool.plain and pool.padding in ("valid", ((0, 0),) * len(pool.taps)):
        return y * math.prod(pool.taps)
    return _weighted(t, y, counts(pool.rows(x), False), 1)


def means(t: Say, x: Sym, pool: Pool, pads: bool = False) -> Sym:
    """(N, *windows, C): the mean of what each window holds of the image, or with `pads` of it and the zeros around."""
    whole = pool.plain and pool.padding in ("valid", ((0, 0),) * len(pool.taps))
    if pool.dilation == pool.ones:
        y = t.window("mean", x, size=pool.taps, strides=pool.strides, padding=pool.margins(x))
        if whole or not pads:
            return y
        rows = pool.rows(x)
        return _weighted(t, y, counts(rows, False), counts(rows, True))
    return _weighted(t, _folded(t, x, pool, "add", 0.0), 1, counts(pool.rows(x), pads))


def counts(rows: Sequence[Row], pads: bool) -> np.ndarray:
    """(*windows, 1) How many pixels each window holds."""
    made = np.ones((), np.int64)
    for row in rows:
        made = made[..., None] * row.counts(pads)
    return made[..., None]


def _weighted(t: Say, y: Sym, over: np.ndarray | int, under: np.ndarray | int) -> Sym:
    """y times one and divided by the other; 0 where a window holds nothing."""
    factor = np.asarray(over / np.maximum(under, 1))
    if (factor == 1).all():
        return y
    made = y * t.weight(factor)
    return t.where(t.weight((factor > 0) + 0.0), made, 0.0) if (factor == 0).any() else made


def _taken(t: Say, x: Sym, axis: int, row: Row, tap: int, fill: float) -> Sym:
    """One tap of each window along an axis; `fill` outside of the image."""
    along = Along(None, row.count, mul=row.stride, add=int(row.starts(tap)[0]), edge="clamp" if fill else "zero")
    made = t.remap(x, [along if k == axis else None for k in range(x.rank)])
    at = row.starts(tap)
    inside = (at >= 0) & (at < row.size)
    return made if inside.all() or not fill else t.where(_column(t, inside, axis, x.rank), made, fill)


def _column(t: Say, numbers: np.ndarray, axis: int, rank: int) -> Sym:
    """Numbers along an axis, as a weight."""
    return t.weight((numbers + 0.0).reshape(-1, *(1,) * (rank - 1 - axis)))


def _folded(t: Say, x: Sym, pool: Pool, function: str, fill: float) -> Sym:
    """A function of each window's taps, axis by axis."""
    for axis, row in enumerate(pool.rows(x), 1):
        made = _taken(t, x, axis, row, 0, fill)
        for tap in range(1, row.taps):
            made = t.apply(function, made, _taken(t, x, axis, row, tap, fill))
        x = made
    return x


def largest_and_places(t: Say, x: Sym, pool: Pool, turned: bool = False) -> tuple[Sym, Sym]:
    """The largest of each window, and the number of its element in (N, C, *sizes), the first of equal ones.

    turned: numbers go along the first spatial axis first
    """
    if math.prod(t.static(x)) > EXACT:
        raise Misfit(f"places in a tensor of {math.prod(t.static(x))} elements (at most {EXACT} are told apart)")
    rows, places = pool.rows(x), dict[int, Sym]()
    for axis in range(x.rank - 2, 0, -1):  # the last axis first: of equal elements that of the least number is kept
        row, held = rows[axis - 1], places
        best, places = x, {}
        for tap in range(row.taps):
            now = _taken(t, x, axis, row, tap, -math.inf)
            found = {k: _taken(t, place, axis, row, tap, 0.0) for k, place in held.items()}
            at = t.apply("spread", _column(t, row.starts(tap), axis, x.rank), now)
            if tap == 0:
                best, places = now, {axis: at, **found}
                continue
            better = t.apply("less", best, now)
            places = {k: t.where(better, place, places[k]) for k, place in {axis: at, **found}.items()}
            best = t.where(better, now, best)
        x = best
    return x, _numbered(t, x, places, [row.size for row in rows], turned)


def _numbered(t: Say, x: Sym, places: dict[int, Sym], sizes: Sequence[int], turned: bool) -> Sym:
    """The numbers of elements in (N, C, *sizes) of those at places in the image of each element of x."""
    made = t.index(x, 0) * float(x.shape[-1] or 0) + t.index(x, x.rank - 1)
    made = made * float(math.prod(sizes))
    stride = 1
    for axis in range(1, x.rank - 1) if turned else range(x.rank - 2, 0, -1):
        made = made + places[axis] * float(stride)
        stride *= sizes[axis - 1]
    return made
