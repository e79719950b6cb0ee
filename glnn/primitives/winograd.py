"""Convolutions by Winograd's algorithm F(4, 3) along the height: six products in place of twelve for four pixels.

Of six rows of pixels, which begin four apart, a draw makes six combinations; a second one convolves each along the
width with weights that were combined alike; a third one makes four rows of the six sums (Lavin and Gray 2015). The
points are 0, +-3/4, +-3/2 and infinity, with errors like those of the plain sum: 0, +-1, +-2 double them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.mixed import Mixed
from ..graph.shapes import Shape, ceil_div
from ..layout.blocks import best_block, tap_cost
from ..layout.limits import MAX_LOOP_TURNS, Limits
from .base import Builder, Epilogue, Recipe, Value, Window

ROWS, PLANES, TAPS = 4, 6, 3  # of pixels that a tile makes, of combinations of it, of weights along the height
TERMS = 4  # rows of pixels in a combination, at most
LARGEST = 1e38  # of weights: combinations of larger ones might overflow
# What three rows of weights are multiplied with: (1, q, q * q) / product(q - r for other points r); at last infinity's.
WEIGHTS = (
    (64 / 81, 0.0, 0.0),
    (-128 / 243, -32 / 81, -8 / 27),
    (-128 / 243, 32 / 81, -8 / 27),
    (32 / 243, 16 / 81, 8 / 27),
    (32 / 243, -16 / 81, 8 / 27),
    (0.0, 0.0, 1.0),
)
# Estimated ns of llvmpipe: of eight lanes, to make four channels of a combination, of a pixel.
COMBINED, MADE, LANES = 85.0, 105.0, 16
# A first prediction compiles 0.1 s longer and uploads twice the weights: this many ns are to be saved in each one.
SAVED, WORTH = 2.5e6, 1.2  # and a part of the time, since estimates err


def with_winograd(
    others: Sequence[Recipe], shape: Shape, x: Value, kernel: Any, bias: Any, corner: Sequence[int]
) -> list[Recipe]:
    """The recipes of a convolution of images, without strides, by weights (3, KW, C, F): one by this algorithm after
    the others, where channels are whole groups of four and weights float32.

    shape: of what it makes; corner: zeros (above, left of) the image
    """
    values = getattr(kernel, "values", kernel)
    _, kw, channels, filters = kernel.shape
    inner, outer = channels // 4, filters // 4
    turns = 8 * inner * (TAPS * (kw + 1) + 2)  # of the loops that convolve a block plainly
    whole = channels % 4 == filters % 4 == 0
    if not whole or turns > MAX_LOOP_TURNS or getattr(values, "dtype", None) != np.float32:
        return list(others)
    n, h, w, _ = shape
    tiles = ceil_div(h, ROWS)

    def draw(b: Builder, finish: Epilogue | None) -> Value:
        if not max(np.max(values), -np.min(values)) < LARGEST:
            made: Value = others[0].draw(b, finish)
            return made
        weights: Any = Mixed(kernel, WEIGHTS)
        start = np.zeros(filters, np.float32) if bias is None else bias
        v = b.draw(
            "winograd_in", (n, tiles, x.shape[2], PLANES * channels), {"x": x},
            param=dict(PT=corner[0], TERMS=TERMS), window={"x": Window(mul=(ROWS, 1))}, rolled=("k",),
        )  # fmt: skip
        m = b.draw(
            "winograd", (n, tiles, w, PLANES * filters), {"x": v},
            cells={"weights": weights}, const=dict(KW=kw, PL=corner[1]), param=dict(GI=inner, GO=outer),
        )  # fmt: skip
        return b.draw(
            "winograd_out", shape, {"m": m, "x": x}, cells={"weights": weights, "bias": start}, finish=finish,
            param=dict(PLANES=PLANES, KW=kw, PT=corner[0], PL=corner[1], GI=inner), window={"m": Window(div=(ROWS, 1))},
        )  # fmt: skip

    def plain(limits: Limits) -> float:
        block = best_block(h, w, limits.draw_buffers)
        return tap_cost(h, w, block, (TAPS, kw)) * TAPS * kw * inner * outer * n * h * w / LANES

    def ours(limits: Limits) -> float:
        product = tap_cost(tiles, w, best_block(1, w, limits.draw_buffers), (1, kw)) * kw * inner * outer
        return WORTH * (PLANES * tiles * (product + COMBINED * inner) + h * MADE * outer) * n * w / LANES + SAVED

    first = replace(others[0], cost=plain) if others[0].cost is None else others[0]
    return [first, *others[1:], Recipe("winograd", draw, fits=fits, cost=ours)]


def fits(limits: Limits) -> bool:
    """Whether a device draws, to float32: sums of the algorithm in half floats would be off by 1e-2."""
    floats = limits.float_target == "float32" and limits.precision == "highp"
    return floats and limits.stage == "fragment" and limits.dialect != "es100" and limits.draw_buffers > 1
