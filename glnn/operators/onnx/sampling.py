"""Operators that take images at other places: by grids, by regions, back from windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.empty import void
from ..shared.pads import padded
from ..shared.sampling import grid_sampled
from ..shared.sizing import reshaped, shape_of
from . import onnx

onnx.refuse("ImageDecoder", why="image files are decoded before a model (glnn.image reads them)")

KINDS = {"bilinear": "linear", "bicubic": "cubic"}


@onnx("GridSample", since=16)
def grid_sample_old(
    t: Say, x: Sym, grid: Sym, *, align_corners: int = 0, mode: str = "bilinear", padding_mode: str = "zeros"
) -> Sym:
    """Images (N, C, *sizes) at places (N, *out, axes) -> (N, C, *out)."""
    shape = (*x.shape[:2], *grid.shape[1:-1])
    if 0 in shape:
        return void(t, x, [int(size or 0) for size in shape])
    if grid.rank != x.rank or grid.shape[-1] != x.rank - 2:
        raise Misfit(f"a grid of shape {grid.shape} is none for images of shape {x.shape}")
    return grid_sampled(t, x, grid, KINDS.get(mode, mode), padding_mode, bool(align_corners))


@onnx("GridSample", since=20)
def grid_sample(
    t: Say, x: Sym, grid: Sym, *, align_corners: int = 0, mode: str = "linear", padding_mode: str = "zeros"
) -> Sym:
    return grid_sample_old(t, x, grid, align_corners=align_corners, mode=mode, padding_mode=padding_mode)


@onnx("AffineGrid", since=20)
def affine_grid(t: Say, theta: Sym, size: Sym, *, align_corners: int = 0) -> Sym:
    """The places (N, *sizes, axes) where an affine map (N, axes, axes + 1) takes the pixels of an image of a size."""
    _, _, *sizes = t.sizes(size)
    axes = len(sizes)
    lines = []  # of coordinates, the last axis first
    for k, count in reversed(list(enumerate(sizes))):
        step = 2 / max(count - 1, 1) if align_corners else 2 / count
        line = np.arange(count) * step + (-1 if align_corners else step / 2 - 1)
        lines.append(t.weight(line.reshape([1, *(-1 if k == axis else 1 for axis in range(axes)), 1])))
    lead = shape_of(theta)[0]
    columns = [reshaped(t, t.slice(theta, 2, k, 1), [lead, *[1] * axes, axes]) for k in range(axes + 1)]
    made: Any = columns[-1]
    for column, line in zip(columns, lines, strict=False):
        made = made + column * line
    return made


@onnx("Col2Im", since=18)
def col2im(
    t: Say, x: Sym, image_shape: Sym, block_shape: Sym, *, dilations: Any = None, pads: Any = None, strides: Any = None
) -> Sym:
    """Columns (N, C * taps, blocks) -> images (N, C, *sizes): each pixel is the sum of what blocks have for it."""
    image, block = t.sizes(image_shape), t.sizes(block_shape)
    axes, taps = len(image), math.prod(block)
    n, c, _ = t.static(x)
    steps, apart = tuple(strides or (1,) * axes), tuple(dilations or (1,) * axes)
    begins, ends = (tuple((pads or (0,) * 2 * axes)[k * axes : (k + 1) * axes]) for k in (0, 1))
    counts = tuple(
        (size + a + b - (k - 1) * d - 1) // s + 1
        for size, a, b, k, d, s in zip(image, begins, ends, block, apart, steps, strict=True)
    )
    if c % taps or x.shape[2] != math.prod(counts):
        raise Misfit(
            f"columns {x.shape} are not those of blocks {block} in {image}: {math.prod(counts)} of {taps} taps"
        )
    columns = reshaped(t, x, [n * c // taps, taps, *counts])
    made = _folded(
        t, columns, block, steps, apart, [size + a + b for size, a, b in zip(image, begins, ends, strict=True)]
    )
    cut = padded(t, made, [(0, 0), *((-a, -b) for a, b in zip(begins, ends, strict=True))])
    return reshaped(t, cut, [n, c // taps, *image])


def _folded(t: Say, x: Sym, block: Any, steps: Any, apart: Any, sizes: Sequence[int]) -> Sym:
    """(M, taps, *counts) -> (M, *sizes)."""
    axes = len(block)
    if axes <= 3:
        kernel = np.eye(math.prod(block)).reshape(*block, math.prod(block), 1)
        last = t.transpose(x, (0, *range(2, axes + 2), 1))
        options: Any = {"kernel_size": tuple(block), "strides": steps, "dilation": apart, "extra": (1,) * axes}
        made = t.conv_transpose(last, t.weight(kernel), sizes=tuple(sizes), **options)
        return t.reshape(made, (x.shape[0], *sizes))
    raise Misfit(f"images of {axes} axes; allowed are 1 to 3")


@onnx("MaxUnpool", since=9)
def max_unpool(
    t: Say, x: Sym, places: Sym, output_shape: Sym | None = None, *, kernel_shape: Any, pads: Any = None,
    strides: Any = None,
) -> Sym:  # fmt: skip
    """Each element where its number says, which counts the elements of the whole result; zeros elsewhere."""
    n, c, *sizes = t.static(x)
    axes = len(sizes)
    steps, sides = strides or (1,) * axes, pads or (0,) * 2 * axes
    whole = [
        (size - 1) * step - sides[k] - sides[k + axes] + kernel
        for k, (size, step, kernel) in enumerate(zip(sizes, steps, kernel_shape, strict=True))
    ]
    count = math.prod(whole)
    numbers = reshaped(t, places, [n * c, math.prod(sizes)])
    own = numbers - t.index(numbers, 0) * float(count)
    own = t.where(t.apply("less", own, 0.0), float(count), own)  # in the image before: no place of this one
    zeros = t.weight(np.zeros((n * c, count)))
    made = t.scatter(zeros, own, reshaped(t, x, [n * c, math.prod(sizes)]), "set", 1, "along")
    made = reshaped(t, made, [n, c, *whole])
    if output_shape is None:
        return made
    goal = t.sizes(output_shape)[2:]
    return padded(t, made, [(0, 0), (0, 0), *((0, out - size) for out, size in zip(goal, whole, strict=True))])
