"""Where the weights of inner loops lie in textures: in cells of 4 x 4 weights or of 4 channels, tap after tap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ..errors import LimitError
from ..graph.shapes import ceil_div
from ..records import dataclass
from .limits import MAX_TILES, Limits
from .tiles import uneven


@dataclass(frozen=True)
class CellLayout:
    """How weights lie for inner loops: cells of `texels` texels, one for each (column, row, tap).

    A mat4 cell holds a 4 x 4 block (4 texels of float), a vec4 cell four channels. The taps of one (column, row) pair
    are a *run* of texels in one row of the texture (a single cell each, where a whole run is wider than the limit).
    Parts are layers or textures, as a tensor's are.
    """

    rows: int  # groups of input channels (1 for vectors)
    cols: int  # groups of output channels
    taps: int
    texels: int  # per cell
    run_taps: int  # taps in a run: all, or 1
    columns: int  # runs in a row of the texture
    part_rows: int  # rows in one part, and the largest side of one
    lanes: int = 4  # values in a texel
    stacked: bool = False  # parts are layers of one array texture

    def __repr__(self) -> str:
        cells = f"{self.rows} x {self.cols} cells x {self.taps} taps x {self.texels} texels"
        return f"<CellLayout: {cells}, parts: {self.parts} x {self.size[1]} x {self.size[0]} texels>"

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
        """Number of parts."""
        return ceil_div(self.height_all, self.part_rows)

    @property
    def textures(self) -> int:
        """Number of textures."""
        return 1 if self.stacked else self.parts

    @property
    def depth(self) -> int:
        """Layers of each texture; 0: a plain 2D texture."""
        return self.parts if self.stacked and self.parts > 1 else 0

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
        """(1, height, width, lanes) values for each part, from (taps, in, out) or (taps, channels) values."""
        return list(self.packed(array, (self.width, self.height)))

    def packed(self, array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(parts, 1, *size, lanes) values in textures of this (width, height), zeros where none belong."""
        room = np.zeros((self.parts, 1, size[1], size[0], self.lanes), array.dtype)
        used = room[:, :, : self.height, : self.width]
        fill = matrix_cells if array.ndim == 3 else vector_cells
        if self.aligned and self.parts == 1:  # a column of cells is a row of the texture: straight to their places
            fill(array, used[0, 0].reshape(self.cols, -1))
        else:
            full = np.zeros(used.shape, array.dtype)
            fill(array, full.reshape(1, -1)[:, : self.runs * self.run_texels * self.lanes])
            used[...] = full
        return room


def matrix_cells(array: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
    """(out groups, in groups, taps, 4 input lanes, 4 output lanes) of a (taps, in, out) array, zero-padded.

    room: zeros of any shape in this order, which become the cells.
    """
    taps, cin, cout = array.shape
    shape = ceil_div(cout, 4), ceil_div(cin, 4), taps, 4, 4
    cells = np.zeros(shape, array.dtype) if room is None else room.reshape(shape)
    for (i, x), (j, y) in itertools.product(quads(cin), quads(cout)):
        part = cells[j, i, :, : x.step, : y.step].transpose(2, 1, 3, 0, 4)
        part[...] = array[:, x.start : x.stop, y.start : y.stop].reshape(part.shape)
    return cells


def vector_cells(array: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
    """(groups, taps, 4 lanes) of a (taps, channels) array, zero-padded. room: as for `matrix_cells`."""
    taps, channels = array.shape
    shape = ceil_div(channels, 4), taps, 4
    cells = np.zeros(shape, array.dtype) if room is None else room.reshape(shape)
    for i, x in quads(channels):
        part = cells[i, :, : x.step].transpose(1, 0, 2)
        part[...] = array[:, x.start : x.stop].reshape(part.shape)
    return cells


def quads(count: int) -> Iterator[tuple[slice, range]]:
    """Channels in whole groups of four, then what is left: (groups, channels in steps of the lanes that these fill)."""
    whole = count // 4
    if whole:
        yield slice(0, whole), range(0, 4 * whole, 4)
    if count % 4:
        yield slice(whole, whole + 1), range(4 * whole, count, count % 4)


@lru_cache(4096)
def choose_cells(shape: tuple[int, ...], limits: Limits, name: str = "weights", lanes: int = 4) -> CellLayout:
    """The layout of (taps, in, out) or (taps, channels) weights, `lanes` values to a texel.

    Raises LimitError where they do not fit, even split.
    """
    taps, limit = shape[0], limits.max_texture_size
    rows, cols, values = (
        (ceil_div(shape[1], 4), ceil_div(shape[2], 4), 16) if len(shape) == 3 else (1, ceil_div(shape[1], 4), 4)
    )
    texels = values // lanes
    if limit < texels:
        raise LimitError(f"{name}: textures of at most {limit} x {limit} texels hold no cell, which takes {texels}")
    run_taps = taps if taps * texels <= limit else 1
    runs = rows * cols * (taps // run_taps)
    widest = limit // (run_taps * texels)
    if run_taps == taps and rows <= widest and (rows > 1 or cols <= limit):
        columns = rows
    else:
        columns = min(widest, runs)
    layout = CellLayout(rows, cols, taps, texels, run_taps, columns, limit, lanes, limits.dialect != "es100")
    most = limits.array_layers if layout.stacked else limits.texture_units - 1
    if layout.parts > most or runs >= MAX_TILES:
        raise LimitError(
            f"{name}: weights of shape {shape} need {layout.parts} parts of at most {limit} x {limit} texels; "
            f"at most {most} can be read at once on this device"
        )
    return layout
