"""Products drawn by tiles in shared memory (shaders/tiles), where a device has compute shaders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.shapes import Shape, canonical, ceil_div
from ..layout.limits import Limits
from ..layout.tiling import Grid, Tiling, choose_tiling
from .base import Builder, Epilogue, Recipe, Value, after
from .expr import Apply, Constant, Expr, In
from .operations import OPERATIONS

LONGEST = 4096  # products in a row that keep float32's tolerance in the sums of a dense layer
LEAST_ROWS = 8  # of a matrix: tiles of 32 would be mostly empty
FEW_FILTERS = 4  # of which no tile is full: drawn otherwise in 0.6 of the time (9x9 of 32 channels, H200)
BIAS = "bias of all shares"


def with_tiles(
    others: Sequence[Recipe], shape: Shape, x: Value, taps: Any, bias: Any, geometry: Mapping[str, int]
) -> list[Recipe]:
    """The recipes of a convolution, one by tiles before the others, which draws as the first of them where it cannot;
    behind them for few filters of several taps.

    shape: of what it makes; taps: weights (KH * KW, in, out); geometry: the params of shaders/tiles/conv.glsl
    """

    def draw(b: Builder, finish: Epilogue | None) -> Value:
        if not b.tiles(shape, x):
            made: Value = others[0].draw(b, finish)
            return made
        return draw_tiles(b, shape, x, taps, bias, geometry, finish)

    tiled = Recipe("tiles", draw, fits=computes)
    return [*others, tiled] if shape[-1] <= FEW_FILTERS and taps.shape[0] > 1 else [tiled, *others]


def computes(limits: Limits) -> bool:
    """Whether a device has tiles: compute shaders, whose arithmetic is not rounded to half floats."""
    return limits.stage == "compute" and limits.precision == "highp"


def draw_tiles(
    b: Builder, shape: Shape, x: Value, taps: Any, bias: Any, geometry: Mapping[str, int], finish: Epilogue | None
) -> Value:
    """The draws of a convolution by tiles: one, or one of shares of sums and one that adds them up."""
    n, h, w, filters = canonical(shape)
    inner = ceil_div(taps.shape[1], 4)
    tiling = choose_tiling(
        n * h * w, ceil_div(filters, 4), inner, taps.shape[0], least_shares=ceil_div(taps.shape[1], LONGEST)
    )
    own = {name: geometry[name] for name in ("KH", "KW", "SH", "SW", "DH", "DW", "PT", "PL")}
    none = np.zeros(filters, np.float32)

    def product(shape: Shape, grid: Grid, start: Any, end: Epilogue | None) -> Value:
        cells = {"weights": taps, "bias": start}
        return b.draw("conv", shape, {"x": x}, cells=cells, const=tiling.consts, param=own, finish=end, grid=grid)

    if tiling.shares == 1:
        return product(shape, Grid((n, h, w)), none if bias is None else bias, finish)
    return draw_shares(b, shape, tiling, lambda whole, grid: product(whole, grid, none, None), bias, finish)


def draw_product(
    b: Builder, shape: Shape, rows: Value, matrix: Value, const: Mapping[str, int], param: Mapping[str, int],
    finish: Epilogue | None,
) -> Value:  # fmt: skip
    """The draws of a product of computed matrices by tiles. const, param: of shaders/tiles/matmul.glsl."""
    n, h, w, columns = canonical(shape)
    inner = rows.shape[-1]
    tiling = choose_tiling(
        w, ceil_div(columns, 4), ceil_div(inner, 4), matrices=n * h, least_shares=ceil_div(inner, LONGEST)
    )

    def product(shape: Shape, grid: Grid, end: Epilogue | None) -> Value:
        read, consts = {"a": rows, "b": matrix}, {"HEADS": 0, **const, **tiling.consts}
        return b.draw(
            "matmul", shape, read, const=consts, param={**param, "HG": 1}, finish=end, grid=replace(grid, rows=True)
        )

    if tiling.shares == 1:
        return product(shape, Grid((n, h, w)), finish)
    return draw_shares(b, shape, tiling, lambda whole, grid: product(whole, grid, None), None, finish)


def draw_shares(b: Builder, shape: Shape, tiling: Tiling, product: Any, bias: Any, finish: Epilogue | None) -> Value:
    """`product` of a tensor that holds the shares one after another as images, then their sum."""
    n, *sizes = canonical(shape)
    whole = product((tiling.shares * n, *sizes), Grid((n, sizes[0], sizes[1])))
    read = {-1 - k: share for k, share in enumerate(b.images(whole, shape))}
    terms: list[Expr] = [In(number) for number in read]
    if bias is not None:
        terms.append(Constant(BIAS, (shape[-1],)))
    end = after(finish, added(terms), read)
    weights = end.weights if bias is None else {**end.weights, BIAS: bias}
    return b.draw("map", shape, {}, finish=Epilogue(end.expr, end.tensors, weights))


def added(terms: Sequence[Expr]) -> Expr:
    """The sum of expressions, in pairs."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return Apply(OPERATIONS["add"], (added(terms[:half]), added(terms[half:])))
