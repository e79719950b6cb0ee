"""Moving elements without computing: axis arithmetic and the draws of reshape, permute and broadcast."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import LimitError
from ..graph.shapes import Shape, row_major
from .base import Builder, Value

MAX_RANK = 6
EXACT_INDEX = 2**24  # integers that a kernel divides exactly


def reshape(b: Builder, value: Value, shape: Shape) -> Value:
    """The same elements in row-major order with another shape of the same size; nothing is drawn if it is the same."""
    if tuple(shape) == tuple(value.shape):
        return value
    aligned = int(value.shape[-1] % 4 == 0 and shape[-1] % 4 == 0)
    _check_size(value, aligned)
    return b.draw("reshape", tuple(shape), {"x": value}, const={"ALIGNED": aligned})


def permute(b: Builder, value: Value, order: Sequence[int]) -> Value:
    """Output axis k is input axis order[k]; nothing is drawn for the order 0, 1, 2..."""
    strides = row_major(value.shape)
    if list(order) == list(range(len(order))):
        return value
    return gather(b, value, tuple(value.shape[axis] for axis in order), [strides[axis] for axis in order])


def expand(b: Builder, value: Value, shape: Shape) -> Value:
    """The value broadcast to `shape` (of its own rank); nothing is drawn if it has that shape."""
    if tuple(shape) == tuple(value.shape):
        return value
    strides = [s if size > 1 else 0 for s, size in zip(row_major(value.shape), value.shape, strict=True)]
    return gather(b, value, shape, strides)


def gather(b: Builder, value: Value, shape: Shape, strides: Sequence[int]) -> Value:
    """Element (i0, i1, ...) of the output is the value's row-major element i0 * strides[0] + i1 * strides[1] + ..."""
    sizes = (1,) * (MAX_RANK - len(shape)) + tuple(shape)
    steps = (0,) * (MAX_RANK - len(shape)) + tuple(strides)
    whole = all(number % 4 == 0 for number in (shape[-1], value.shape[-1], *steps[:5]))
    aligned = int(whole and steps[5] == 1)
    _check_size(value, aligned)
    param = {"A1": sizes[1], "A2": sizes[2]} | {f"S{k}": step for k, step in enumerate(steps)}
    return b.draw("permute", tuple(shape), {"x": value}, const={"ALIGNED": aligned}, param=param)


def _check_size(value: Value, aligned: int) -> None:
    limit = EXACT_INDEX * (4 if aligned else 1)
    if math.prod(value.shape) > limit:
        raise LimitError(
            f"rearranging a tensor of shape {value.shape}: {math.prod(value.shape)} elements, at most {limit} can be "
            "numbered exactly on every device; use a smaller batch"
        )
