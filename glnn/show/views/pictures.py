"""Arrays as pictures: a tile a channel, NaN and infinities marked, the value under the mouse.

What a picture shows lies in it as numbers, so that a saved notebook still tells the values.
"""

from __future__ import annotations

import base64
import json
import math
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from ...errors import InputError
from ...records import dataclass
from .. import html
from ..tables import number
from .png import data_uri, png

VALUES = 1 << 16  # that a picture holds at most: 350 KB in a notebook
TILES = 16  # channels that a picture shows at most
STRIP = 64  # values in a row of a vector's picture
SIDE = 480  # pixels of a picture's side on the screen, about
GAP = 1  # pixels between tiles
NOTHING = (128, 128, 128, 70)  # the colour of a 0 where no value lies
NAN, PLUS, MINUS = (255, 0, 255), (0, 215, 0), (0, 205, 255)  # colours that neither scale has
COLD, ZERO, WARM = (33, 102, 172), (247, 247, 247), (178, 24, 43)  # the scale of values of both signs

# What the mouse does, as an attribute: scripts of saved notebooks do not run everywhere, and this needs no other.
_HOVER = (
    "var d=this.dataset,g=JSON.parse(d.grid),r=this.getBoundingClientRect(),o=this.nextElementSibling,"
    "x=Math.floor((event.clientX-r.left)/r.width*g.width),y=Math.floor((event.clientY-r.top)/r.height*g.height),"
    "W=g.tile[1],H=g.tile[0],c=Math.floor(x/(W+g.gap)),k=Math.floor(y/(H+g.gap)),t=k*g.columns+c;"
    "x-=c*(W+g.gap);y-=k*(H+g.gap);"
    "var at=g.lanes?[(g.first+t)/g.lanes|0,y*g.step,x*g.step,(g.first+t)%g.lanes]:"
    "g.kind=='strip'?[g.first+y*W+x]:g.kind=='matrix'?[y*g.step,x*g.step]:[y*g.step,x*g.step,g.first+t];"
    "if(x<0||y<0||x>=W||y>=H||c>=g.columns||t>=g.tiles||(g.kind=='strip'&&at[0]>=g.size)){o.textContent='';return}"
    "if(!this.held){var b=atob(d.values),u=new Uint8Array(b.length);for(var i=0;i<b.length;i++)u[i]=b.charCodeAt(i);"
    "this.held=new Float32Array(u.buffer)}"
    "var v=this.held[(t*H+y)*W+x];o.textContent='['+g.lead.concat(at).join(', ')+'] = '+"
    "(Number.isFinite(v)?+v.toPrecision(7):v)"
)


@dataclass(frozen=True, eq=False)
class Picture:
    """A sample of an array (sample, ..., height, width, channels) as tiles, one for each of its first channels.

    Arrays of two or three axes are shown as the image of their last two, what has one row as a strip.

    sample: which, along the first axis; for three axes and fewer, the image along all but the last two
    tiles:  how many channels, from channel `first` on
    values: how many values it may hold: of larger ones each `step`-th row and column is shown, but always one that is
            not finite
    lanes:  of texels (1, height, width, layers * lanes): how many a layer has; else 0
    live:   of the array's shape, which are values; where there is none 0 is grey, and all else as it is

    Raises InputError for a sample or channel that there is not.
    """

    array: np.ndarray
    sample: int = 0
    tiles: int = TILES
    first: int = 0
    values: int = VALUES
    lanes: int = 0
    live: np.ndarray | None = None

    def __post_init__(self) -> None:
        _ = self._cut

    @cached_property
    def _cut(self) -> tuple[str, list[int], np.ndarray]:
        """What is shown: "channels", "matrix" or "strip", the numbers in front of its indices, and (tile, h, w)."""
        a = np.asarray(self.array, np.float32)
        if not a.size:
            raise InputError(f"an array of shape {a.shape} holds nothing to show")
        lead = a.shape[:-3] if a.ndim > 3 else a.shape[:-2]
        count = samples_of(a.shape)
        if not 0 <= self.sample < count:
            raise InputError(f"sample={self.sample}: the array of shape {a.shape} has samples 0 to {count - 1}")
        at = [int(k) for k in np.unravel_index(self.sample, lead)] if lead else []
        if a.ndim > 3 and a.shape[-3] * a.shape[-2] > 1:
            if not 0 <= self.first < a.shape[-1]:
                raise InputError(
                    f"first={self.first}: the array of shape {a.shape} has channels 0 to {a.shape[-1] - 1}"
                )
            shown = a[tuple(at)][..., self.first : self.first + max(1, self.tiles)]
            return "channels", at, np.moveaxis(shown, -1, 0)
        image = a[tuple(at)].reshape(-1, a.shape[-1]) if a.ndim else a.reshape(1, 1)
        if len(image) > 1:
            return "matrix", at, image[None]
        return "strip", [*at, *(0 for _ in a.shape[len(at) : -1])], image[None]

    @property
    def kind(self) -> str:
        """ "channels", "matrix" or "strip"."""
        return self._cut[0]

    @cached_property
    def shown(self) -> tuple[int, np.ndarray]:
        """The step from row to row and column to column, and the values that are shown (tile, height, width)."""
        kind, _, tiles = self._cut
        if kind == "strip":
            row = tiles[0, 0, : self.values]
            wide = min(len(row), STRIP)
            room = np.zeros(-(-len(row) // wide) * wide, np.float32)
            room[: len(row)] = row
            return 1, room.reshape(1, -1, wide)
        count, height, width = tiles.shape
        step = 1
        while count * -(-height // step) * -(-width // step) > self.values and step < max(height, width):
            step += 1
        return step, _strided(tiles, step)

    @cached_property
    def span(self) -> tuple[float, float]:
        """The least and the greatest finite value that is shown; (0, 0) where there is none."""
        tiles = self._cut[2]
        finite = tiles[np.isfinite(tiles)]
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        _, (count, height, width) = self.shown[0], self.shown[1].shape
        wide = max(1, round(math.sqrt(count * (height + GAP) / (width + GAP))))
        each = self.lanes or 1  # those of a layer stay in a row
        return min(count, max(each, round(wide / each) * each))

    def pixels(self) -> np.ndarray:
        """The picture, (height, width, 4) of uint8: a pixel a value, transparent where there is none."""
        _, tiles = self.shown
        count, height, width = tiles.shape
        columns, rows = self.columns, -(-count // self.columns)
        out = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), np.uint8)
        shades = colours(tiles, *self.span)
        if self.live is not None:
            live = Picture(self.live, self.sample, self.tiles, self.first, self.values).shown[1]
            shades[(live == 0) & (tiles == 0)] = NOTHING
        for k, tile in enumerate(shades):
            y, x = (k // columns) * (height + GAP), (k % columns) * (width + GAP)
            out[y : y + height, x : x + width] = tile
        if self.kind == "strip":
            out.reshape(-1, 4)[min(self._cut[2].size, self.values) :] = 0
        return out

    def to_png(self, zoom: int = 1) -> bytes:
        """The picture as a PNG file, each pixel `zoom` times as wide and high."""
        return png(self.pixels().repeat(zoom, 0).repeat(zoom, 1))

    def _repr_html_(self) -> str:
        return html.view(self.to_html())

    def to_html(self) -> str:
        """The picture with its scale, for a view that has the common style."""
        kind, lead, cut = self._cut
        step, tiles = self.shown
        pixels = self.pixels()
        grid: dict[str, Any] = {
            "kind": kind, "lead": [] if self.lanes else lead, "tile": tiles.shape[1:], "tiles": len(tiles),
            "columns": self.columns,
            "gap": GAP, "lanes": self.lanes, "width": pixels.shape[1], "height": pixels.shape[0], "step": step,
            "first": self.first if kind == "channels" else 0, "size": min(cut.size, self.values),
        }  # fmt: skip
        zoom = max(1, min(16, SIDE // max(pixels.shape[:2])))
        held = base64.b64encode(np.ascontiguousarray(tiles, "<f4").tobytes()).decode()
        return (
            f'<div><img src="{data_uri(pixels)}" alt="{escape(self.told())}" style="image-rendering:pixelated;'
            f'width:{pixels.shape[1] * zoom}px;max-width:100%;height:auto;margin:2px 0" '
            f'data-grid=\'{json.dumps(grid)}\' data-values="{held}" onmousemove="{escape(_HOVER)}" '
            f"onmouseleave=\"this.nextElementSibling.textContent=''\">"
            f'<div style="min-height:1.45em"></div>{self._scale()}</div>'
        )

    def told(self) -> str:
        """What the picture shows, in words."""
        kind, lead, tiles = self._cut
        step, shape = self.shown[0], np.shape(self.array)
        if self.lanes:
            layers = -(-len(tiles) // self.lanes)
            more = f", the first {layers}" if self.first + len(tiles) < shape[-1] else ""
            return (
                f"layer, row, column, component of {shape[-1] // self.lanes} layers{more}; grey: 0 where no value lies"
            )
        what = {"matrix": f"the last two axes {tiles.shape[1:]}", "strip": f"{tiles.size:,} values"}.get(kind, "")
        if kind == "channels":
            last = self.first + len(tiles) - 1
            what = f"channel{'s' * (last > self.first)} {self.first}"
            what += f" to {last} of {shape[-1]}" if last > self.first else f" of {shape[-1]}"
        at = f" of sample {', '.join(map(str, lead))}" if lead and math.prod(shape[: len(lead)]) > 1 else ""
        cut = f"; one value for each {step} x {step}" if step > 1 else ""
        if kind == "strip" and tiles.size > self.values:
            cut = f"; the first {self.values:,}"
        return f"{what}{at}{cut}"

    def _scale(self) -> str:
        low, high = self.span
        steps = colours(np.linspace(*_ends(low, high), 64, dtype=np.float32)[None], low, high)
        ends = [number(end) for end in _ends(low, high)]
        bar = f'<img alt="scale" src="{data_uri(steps)}" style="width:120px;height:10px;vertical-align:middle">'
        marks = []
        tiles = self._cut[2]
        for words, colour, count in (
            ("NaN", NAN, int(np.isnan(tiles).sum())),
            ("+inf", PLUS, int((tiles == np.inf).sum())),
            ("-inf", MINUS, int((tiles == -np.inf).sum())),
        ):
            if count:
                swatch = f'<span style="background:rgb{colour};padding:0 6px;margin-left:10px"></span>'
                marks.append(f'{swatch} <span class="bad">{words}: {count:,}</span>')
        return f"<div>{ends[0]} {bar} {ends[1]}{''.join(marks)}{html.note(self.told())}</div>"


def colours(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The colours (..., 4) of values, uint8: greys from `low` to `high`; blue and red around 0 where it is between."""
    with np.errstate(invalid="ignore", over="ignore"):
        start, end = _ends(low, high)
        wide = np.asarray(values, np.float64)
        place = np.nan_to_num((wide - start) / (end - start), nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1)[..., None]
    if start < 0 < end:
        below, above = np.array([COLD, ZERO], float), np.array([ZERO, WARM], float)
        shade = np.where(
            place < 0.5,
            below[0] + (below[1] - below[0]) * 2 * place,
            above[0] + (above[1] - above[0]) * (2 * place - 1),
        )
    else:
        shade = np.repeat(24 + 231 * place, 3, -1)
    out = np.full((*np.shape(values), 4), 255, np.uint8)
    out[..., :3] = np.rint(shade)
    for mark, colour in ((np.isnan(values), NAN), (values == np.inf, PLUS), (values == -np.inf, MINUS)):
        out[mark, :3] = colour
    return out


def samples_of(shape: tuple[int, ...]) -> int:
    """How many samples an array of this shape has for a Picture."""
    return math.prod(shape[:-3] if len(shape) > 3 else shape[:-2])


def _ends(low: float, high: float) -> tuple[float, float]:
    """The ends of the scale: even around 0 for values of both signs, of some width for equal ones."""
    if low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _strided(tiles: np.ndarray, step: int) -> np.ndarray:
    """Each step-th row and column; of a square in which values are not finite, one of those."""
    count, height, width = tiles.shape
    if step == 1:
        return tiles
    room = np.zeros((count, -(-height // step) * step, -(-width // step) * step), np.float32)
    room[:, :height, :width] = tiles
    squares = room.reshape(count, room.shape[1] // step, step, room.shape[2] // step, step).swapaxes(2, 3)
    squares = squares.reshape(*squares.shape[:3], step * step)
    pick = np.argmax(~np.isfinite(squares), -1)[..., None]  # the first, where all are finite
    return np.take_along_axis(squares, pick, -1)[..., 0]
