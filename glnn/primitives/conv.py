"""Convolution over 0 to 3 spatial axes, channels last: 0 is a matrix for each vector of channels (a dense layer)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from ..graph.shapes import Dims, Shape, ceil_div, numbers
from ..graph.weight import WeightSpec
from ..records import dataclass
from .base import Builder, Epilogue, Primitive, Recipe, Value, Window, at_least
from .expr import RESULT, Expr
from .sums import groups_per_draw, in_turns, summed
from .tiles import with_tiles
from .window import (
    IMAGE,
    Padding,
    Planes,
    Sizes,
    block_span,
    check_padding,
    paddings,
    triple,
    window_sizes,
    windows,
)
from .winograd import TAPS, with_winograd

UNROLLED_TAPS = 64  # a kernel of more taps is drawn in bands of rows, or with real loops where one row is too long
UNROLLED_PIXELS = 256  # likewise where the windows of a block of 8 pixels span more input pixels than this
ROW_BY_ROW_PIXELS = 60  # windows of more keep the loop over the kernel's rows: they would not fit registers
LOOP_TURNS = 30000  # no draw loops more often: llvmpipe stops at 65535 turns without a word
# a convolution of single pixels
POINT = {"VOLUME": 0, "KD": 1, "KH": 1, "KW": 1, "SH": 1, "SW": 1, "DH": 1, "DW": 1, "PT": 0, "PL": 0}
BY_ROW = ", row by row"


@dataclass(frozen=True)
class Conv(Primitive):
    """(N, *sizes, C) -> (N, *windows, filters), with weights kernel (*kernel_size, C / groups, filters) and a bias.

    `padding` is "valid", "same" or ((before, after), ...) pixels of zeros for each spatial axis. Without spatial axes
    any rank goes: (..., C) -> (..., filters).

    With `groups` each run of filters sees its own run of channels. With `rounds` there are as many runs of filters for
    each of channels, that go through them in turn: of two groups a, b and three rounds a, b, a, b, a, b.
    """

    filters: int
    kernel_size: Sizes = ()
    strides: Sizes = ()
    dilation: Sizes = ()
    padding: Padding = "valid"
    groups: int = 1
    rounds: int = 1
    use_bias: bool = True
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        at_least(1, filters=self.filters, groups=self.groups, rounds=self.rounds, kernel_size=self.kernel_size)
        at_least(1, strides=self.strides, dilation=self.dilation)
        check_padding(self.padding, len(self.kernel_size))
        if len({*map(len, (self.kernel_size, self.strides, self.dilation))}) > 1 or len(self.kernel_size) > 3:
            sizes = self.kernel_size, self.strides, self.dilation
            raise ValueError(f"kernel, strides and dilation are {sizes}; each has one number for each of 0 to 3 axes")

    def shape(self, *inputs: Dims) -> Dims:
        x = inputs[0]
        if x[-1] is not None:
            self.weights(x)
        if not self.kernel_size:
            return (*x[:-1], self.filters)
        sizes = window_sizes(self.padding, x[1:-1], self.kernel_size, self.strides, self.dilation)
        return (x[0], *sizes, self.filters)

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        channels = inputs[0][-1]
        if channels is None:
            raise ValueError(f"the number of channels of {inputs[0]} must be known")
        if channels % self.groups or self.filters % (self.groups * self.rounds):
            raise ValueError(
                f"{self.groups} groups divide {channels} channels or, in {self.rounds} rounds, {self.filters} filters "
                "unevenly"
            )
        kernel = WeightSpec("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        return [kernel, WeightSpec("bias", (self.filters,))][: 1 + self.use_bias]

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x, kernel, bias = inputs[0], weights["kernel"], weights["bias"] if self.use_bias else 0
        if not self.kernel_size:
            each = zip(np.split(x, self.groups, -1) * self.rounds, self._runs(kernel), strict=True)
            y = np.concatenate([part @ matrix for part, matrix in each], axis=-1)
            return (y + bias).astype(x.dtype, copy=False)
        pads = paddings(self.padding, x.shape[1:-1], self.kernel_size, self.strides, self.dilation)
        seen = windows(x, pads, self.kernel_size, self.strides, self.dilation)
        rank = len(self.kernel_size)
        taps = tuple(range(rank + 2, 2 * rank + 2))
        if self.groups == x.shape[-1] and self.rounds == 1:
            split = kernel.reshape(*self.kernel_size, self.groups, -1)
            letters = "abc"[:rank]
            sums = np.einsum(f"...i{letters},{letters}im->...im", seen, split)
            y = sums.reshape(*sums.shape[:-2], self.filters)
        else:
            axes = (*taps, rank + 1), tuple(range(rank + 1))
            each = zip(np.split(seen, self.groups, rank + 1) * self.rounds, self._runs(kernel), strict=True)
            y = np.concatenate([np.tensordot(part, weight, axes) for part, weight in each], axis=-1)
        return (y + bias).astype(x.dtype, copy=False)

    def _runs(self, kernel: np.ndarray) -> list[np.ndarray]:
        """The kernel of each run of filters."""
        return np.split(kernel, self.groups * self.rounds, -1)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x, kernel, bias = inputs[0], weights["kernel"], weights["bias"] if self.use_bias else None
        shape = numbers(self.shape(x.shape))
        if not self.kernel_size and self.groups == 1:
            matrix = partial(draw_matrix, x=x, matrix=kernel, bias=bias)
            turns = in_turns(matrix, groups_per_draw(ceil_div(x.shape[-1], 4)))
            return with_tiles([Recipe("rows", matrix), *turns], shape, x, kernel[None], bias, POINT)
        sizes, rank = x.shape[1:-1] if self.kernel_size else (), len(self.kernel_size)
        pads = paddings(self.padding, sizes, self.kernel_size, self.strides, self.dilation)
        (kd, kh, kw), (sd, *strides), (dd, *dilation) = map(triple, (self.kernel_size, self.strides, self.dilation))
        kernel = kernel.reshape(kd, kh, kw, *kernel.shape[-2:])
        front, *corner = triple([before for before, _ in pads], 0)
        made = shape[1:-1] if self.kernel_size else ()
        planes = Planes(kd, triple(made)[0], triple(sizes)[0], sd, dd, front)
        channels, filters = kernel.shape[3], self.filters // (self.groups * self.rounds)
        inner = channels if self.groups > 1 and (channels % 4 or filters % 4) else ceil_div(channels, 4)
        draw = partial(
            draw_conv, shape=shape, x=x, bias=bias, corner=corner, strides=strides, dilation=dilation, planes=planes,
            inner=inner,
        )  # fmt: skip
        rows = rows_unrolled((kh, kw), strides, dilation)
        geometry = dict(KH=kh, KW=kw, SH=strides[0], SW=strides[1], DH=dilation[0], DW=dilation[1])
        geometry |= dict(PT=corner[0], PL=corner[1])
        extent = (kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1
        wide = kh > 1 and block_span(extent, (strides[0], strides[1])) > ROW_BY_ROW_PIXELS
        if self.groups == x.shape[-1] == self.filters and channels == 1:
            split = kernel.reshape(kd, kh, kw, self.filters)
            whole = _recipe(draw, "depthwise", weights=split, blocked=True)
            by_row = _recipe(draw, "depthwise", BY_ROW, weights=split, blocked=True, rolled=True)
            loops = _recipe(draw, "depthwise", " in loops", weights=split, looped=True)
            first = [whole, by_row] if rows == kh else [by_row] if rows else []
            return [*(first[::-1] if wide else first[: 1 if kh == 1 else 2]), loops]
        lanes = self.groups > 1 and bool(channels % 4 or filters % 4)
        looped = rows_looped(kw, inner)
        if lanes:
            bands = None if self.groups == x.shape[-1] else looped
            return [
                _recipe(draw, "conv_lanes", weights=kernel, rows=bands, CI=channels, CO=filters, GROUPS=self.groups)
            ]
        name, of_groups = "conv", {}
        if self.groups > 1:
            name, of_groups = "conv_grouped", dict(GI=channels // 4, GO=filters // 4, GROUPS=self.groups)
        loops = _recipe(draw, name, " in loops", weights=kernel, rows=looped, looped=True, **of_groups)
        if not rows:
            return self._with_tiles([loops], shape, x, kernel, bias, geometry)
        options: Any = dict(weights=kernel, blocked=True, **of_groups)
        drawn = [_recipe(draw, name, rows=rows, **options)]
        if kh > 1:
            most = LOOP_TURNS // (inner + 1) - 1
            drawn.insert(0 if wide else 1, _recipe(draw, name, BY_ROW, rows=most, rolled=True, **options))
        if (
            (kd, kh) == (1, TAPS)
            and {1} == {self.groups, *strides, *dilation}
            and rows == kh
            and not wide
            and rank == 2
        ):
            drawn = with_winograd(drawn, shape, x, kernel[0], bias, corner)
        turns = in_turns(partial(draw, name=name, rows=rows, **options), inner, rows * kw) if self.groups == 1 else []
        return self._with_tiles([*drawn, loops, *turns], shape, x, kernel, bias, geometry)

    def _with_tiles(
        self, drawn: list[Recipe], shape: Shape, x: Value, kernel: Any, bias: Any, geometry: Mapping[str, int]
    ) -> list[Recipe]:
        """Tiles before these recipes, where each filter sees all channels of images that are no volumes."""
        if self.groups > 1 or len(self.kernel_size) > 2:
            return drawn
        taps = kernel.reshape(-1, *kernel.shape[-2:])
        return with_tiles(drawn, shape, x, taps, bias, geometry)


def _recipe(draw: Any, kernel: str, how: str = "", **options: Any) -> Recipe:
    """The draws of a kernel, called as it is and how it is drawn."""
    return Recipe(kernel + how, partial(draw, name=kernel, **options))


def rows_unrolled(kernel: Sequence[int], strides: Sequence[int] = (1, 1), dilation: Sequence[int] = (1, 1)) -> int:
    """How many rows of a kernel (height, width) an unrolled text of moderate size can hold; 0 if none."""
    (kh, kw), (dh, dw) = kernel, dilation

    def fits(rows: int) -> bool:
        extent = (rows - 1) * dh + 1, (kw - 1) * dw + 1
        return rows * kw <= UNROLLED_TAPS and block_span(extent, (strides[0], strides[1])) <= UNROLLED_PIXELS

    return max((rows for rows in range(1, kh + 1) if fits(rows)), default=0)


def rows_looped(width: int, inner: int) -> int:
    """How many rows of a kernel of this width a text with real loops may take, `inner` turns for each tap."""
    return LOOP_TURNS // ((width + 1) * (inner + 1))


def draw_matrix(b: Builder, finish: Epilogue | None, x: Value, matrix: Any, bias: Any, **const: int) -> Value:
    """x (..., C) times a matrix (C, U), plus a bias (U,): (..., U). Long sums are added up by several draws."""
    channels, units = matrix.shape
    groups = ceil_div(channels, 4)
    if not groups:
        raise ValueError("a dense layer on an input of no channels")
    step = groups_per_draw(groups)
    y: Value | None = None
    for first in range(0, groups, step):
        last = min(first + step, groups)
        cells = {
            "weights": matrix[None, 4 * first : 4 * last],
            "bias": np.zeros(units, np.float32) if bias is None or first else bias,
        }
        end = summed(y, finish if last == groups else None)
        param = {"G0": first, "GN": last - first, **IMAGE.numbers()}
        y = b.draw(
            "conv", (*x.shape[:-1], units), {"x": x}, cells=cells, const={**POINT, **const}, param=param, finish=end
        )
    assert y is not None
    return y


def draw_conv(
    b: Builder,
    finish: Epilogue | None,
    name: str,
    shape: Shape,
    x: Value,
    weights: Any,
    bias: Any,
    corner: Sequence[int],
    *,
    strides: Sequence[int] = (1, 1),
    dilation: Sequence[int] = (1, 1),
    planes: Planes = IMAGE,
    inner: int = 1,
    rows: int | None = None,
    blocked: bool = False,
    looped: bool = False,
    rolled: bool = False,
    **const: int,
) -> Value:
    """The kernel `name` with weights (KD, KH, KW, ..., Cout).

    `corner`: zeros (above, left of) the image. `inner`: turns of a loop for each tap. `rows`: rows of weights per draw;
    each draw adds to the one before. `looped`: a blocked kernel with real loops, for a kernel of too many taps to be
    written out; `rolled`: where one row is written out, and a real loop goes over the rows.
    """
    kd, kh, kw = weights.shape[:3]
    rows = ceil_div(kh, ceil_div(kh, kh if rows is None else max(1, rows)))
    turns = (rows + 1) * (inner + 1) if rolled else inner if blocked else (rows + 1) * (kw + 1) * (inner + 1)
    deep = ceil_div(kd, ceil_div(kd, max(1, LOOP_TURNS // (turns + 1))))
    value: Value | None = None
    steps = dict(SH=strides[0], SW=strides[1], DH=dilation[0], DW=dilation[1])
    bands = list(product(range(0, kd, deep), range(0, kh, rows)))
    for first, top in bands:
        part = weights[first : first + deep, top : top + rows]
        cells = {"bias": np.zeros(weights.shape[-1], np.float32) if bias is None or (first, top) != (0, 0) else bias}
        taps = part.reshape(part.shape[0] * part.shape[1] * kw, *part.shape[3:])
        window = dict(VOLUME=int(planes.volume), KD=len(part), KH=part.shape[1], KW=kw)
        window |= dict(PT=corner[0] - top * steps["DH"], PL=corner[1])
        constant = name == "conv_lanes"
        param = planes.numbers(first)
        if rolled:
            param |= {key: window.pop(key) for key in ("KH", "PT")}
        value = b.draw(
            name,
            shape,
            {"x": x},
            cells=cells if constant else {"weights": taps, **cells},
            tensors={"weights": taps} if constant else None,
            const=window | steps | const,
            param=param,
            window={"x": Window(mul=(strides[0], strides[1]))} if blocked or looped else None,
            looped=looped,
            rolled=("a",) * rolled,
            finish=summed(value, finish if (first, top) == bands[-1] else None),
        )
    assert value is not None
    return value
