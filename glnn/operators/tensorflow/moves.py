"""Operators that move elements: other shapes, orders, repetitions, margins, blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS, Free
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.empty import bounded, void
from ..shared.pads import padded, padded_array
from ..shared.sizing import both, reshaped, spread
from . import tensorflow


def _exactly_reshaped(x: Any, shape: Any) -> Any:
    return np.reshape(x, np.reshape(shape, -1).tolist())


@tensorflow("Reshape", exact=_exactly_reshaped)
def reshape(t: Say, x: Sym, shape: Any) -> Sym:
    """The elements in another shape."""
    return reshaped(t, x, t.sizes(shape))


@tensorflow("Transpose", exact=lambda x, perm: np.transpose(x, np.reshape(perm, -1).tolist()))
def transpose(t: Say, x: Sym, perm: Any) -> Sym:
    """The axes in another order."""
    return OPERATORS["transpose"].function(t, x, t.sizes(perm))


@tensorflow("ExpandDims", exact=lambda x, axis: np.expand_dims(x, tuple(np.reshape(axis, -1).tolist())))
def expand_dims(t: Say, x: Sym, axis: Any) -> Sym:
    """A new axis of size 1."""
    return OPERATORS["expand_dims"].function(t, x, t.sizes(axis))


@tensorflow("Squeeze", exact=lambda x, *, squeeze_dims=(), axis=(): np.squeeze(x, tuple(squeeze_dims or axis) or None))
def squeeze(t: Say, x: Sym, *, squeeze_dims: Sequence[int] = (), axis: Sequence[int] = ()) -> Sym:
    """Without axes of size 1: these, or all."""
    return OPERATORS["squeeze"].function(t, x, tuple(squeeze_dims or axis))


def _tiled(x: Any, multiples: Any) -> Any:
    counts = np.reshape(multiples, -1).tolist()
    bounded([x.size, *counts])
    return np.tile(x, counts)


@tensorflow("Tile", exact=_tiled)
def tile(t: Say, x: Sym, multiples: Any) -> Any:
    """All of x again and again along each axis."""
    counts = t.sizes(multiples)
    if 0 in counts or 0 in x.shape:
        return void(t, x, [size * count for size, count in zip(t.static(x), counts, strict=True)])
    return OPERATORS["tile"].function(t, x, counts)


@tensorflow("BroadcastTo", exact=lambda x, shape: np.broadcast_to(x, bounded(np.reshape(shape, -1).tolist())))
def broadcast_to(t: Say, x: Sym, shape: Any) -> Sym:
    """Sizes of 1 repeated to a shape."""
    return spread(t, x, t.sizes(shape))


@tensorflow("BroadcastArgs")
def broadcast_args(t: Say, first: Any, second: Any) -> Any:
    """The shape of two shapes together."""
    made = both(t.sizes(first), t.sizes(second))
    return np.asarray(made, object if any(isinstance(size, Free) for size in made) else np.int32)


def _grown(x: Any, paddings: Any) -> Any:
    pairs = np.reshape(paddings, (-1, 2)).tolist()
    bounded([size + a + b for size, (a, b) in zip(x.shape, pairs, strict=True)])
    return pairs


@tensorflow("Pad", "PadV2", exact=lambda x, p, value=0: padded_array(x, _grown(x, p), "constant", value))
def pad(t: Say, x: Sym, paddings: Any, value: Any = None) -> Sym:
    """Elements of one value before and after along each axis."""
    return padded(t, x, _pairs(t, paddings), "constant", 0.0 if value is None else value)


@tensorflow("MirrorPad")
def mirror_pad(t: Say, x: Sym, paddings: Any, *, mode: str = "REFLECT") -> Sym:
    """The ends mirrored before and after along each axis."""
    return padded(t, x, _pairs(t, paddings), mode.lower())


def _pairs(t: Say, paddings: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in t.array(paddings).reshape(-1, 2))


@tensorflow("ReverseV2", exact=lambda x, axis: np.flip(x, tuple(np.reshape(axis, -1).tolist())))
def reverse(t: Say, x: Sym, axis: Any) -> Sym:
    """Backwards along axes."""
    axes = t.sizes(axis)
    return t.backwards(x, [checked_axis(k, x.rank) for k in axes]) if axes else x


@tensorflow("Reverse")
def reverse_v1(t: Say, x: Sym, dims: Any) -> Sym:
    """Backwards along the axes whose flags are set."""
    axes = [k for k, flag in enumerate(t.array(dims).reshape(-1)) if flag]
    return t.backwards(x, axes) if axes else x


@tensorflow("DepthToSpace")
def depth_to_space(t: Say, x: Sym, *, block_size: int, data_format: str = "NHWC") -> Sym:
    """Channels put into blocks of pixels."""
    return OPERATORS["depth_to_space"].function(t, x, block_size, _format(data_format))


@tensorflow("SpaceToDepth")
def space_to_depth(t: Say, x: Sym, *, block_size: int, data_format: str = "NHWC") -> Sym:
    """Blocks of pixels put into channels."""
    return OPERATORS["space_to_depth"].function(t, x, block_size, _format(data_format))


def _format(data_format: str) -> str:
    if data_format not in ("NHWC", "NCHW"):
        raise Misfit(f"data_format {data_format!r} (only NHWC and NCHW)")
    return "channels_first" if data_format == "NCHW" else "channels_last"


@tensorflow("SpaceToBatchND")
def space_to_batch(t: Say, x: Sym, block_shape: Any, paddings: Any) -> Sym:
    """(N, *sizes, ...) padded -> (blocks * N, *sizes / block, ...): every block-th pixel, by where in the block."""
    blocks, widths = t.sizes(block_shape), _pairs(t, paddings)
    n = len(blocks)
    x = padded(t, x, ((0, 0), *widths, *((0, 0),) * (x.rank - n - 1)))
    batch, *sizes = t.static(x)
    split = [part for size, block in zip(sizes, blocks, strict=False) for part in (size // block, block)]
    y = t.reshape(x, (batch, *split, *sizes[n:]))
    inside, between = [2 * k + 2 for k in range(n)], [2 * k + 1 for k in range(n)]
    y = t.transpose(y, (*inside, 0, *between, *range(2 * n + 1, y.rank)))
    shape = [size // block for size, block in zip(sizes, blocks, strict=False)]
    return t.reshape(y, (batch * int(np.prod(blocks)), *shape, *sizes[n:]))


@tensorflow("BatchToSpaceND")
def batch_to_space(t: Say, x: Sym, block_shape: Any, crops: Any) -> Sym:
    """The inverse of SpaceToBatchND, cropped."""
    blocks, cuts = t.sizes(block_shape), _pairs(t, crops)
    n = len(blocks)
    batch, *sizes = t.static(x)
    batch //= int(np.prod(blocks))
    y = t.reshape(x, (*blocks, batch, *sizes))
    order = [n, *(axis for k in range(n) for axis in (n + 1 + k, k)), *range(2 * n + 1, y.rank)]
    shape = [size * block for size, block in zip(sizes, blocks, strict=False)]
    y = t.reshape(t.transpose(y, order), (batch, *shape, *sizes[n:]))
    for axis, (before, after) in enumerate(cuts, 1):
        if before or after:
            y = t.slice(y, axis, before, shape[axis - 1] - before - after)
    return y


@tensorflow("MatrixBandPart")
def matrix_band_part(t: Say, x: Sym, lower: Any, upper: Any) -> Sym:
    """The elements of a band about the diagonal."""
    return OPERATORS["band_part"].function(t, x, t.number(lower), t.number(upper))
