"""Elements taken by strides: what a permutation of axes, a slice with steps and heads put together are drawn as."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import LimitError
from ..graph.shapes import Shape
from .base import Builder, Computed, Epilogue, Value

EXACT_INDEX = 2**24  # integers that a kernel divides exactly


def gather(
    b: Builder, value: Value, shape: Shape, strides: Sequence[int], start: int = 0, finish: Epilogue | None = None,
    inner: tuple[int, int] = (0, 0),
) -> Value:  # fmt: skip
    """Element (i0, i1, ...) of the output is the value's row-major element start + i0 * strides[0] + i1 * ...

    inner: where two axes lie along the last one, the size of the inner one and the stride of the outer
    """
    lead = _merged_axes(list(zip(shape[:-3], strides[:-3], strict=True)))
    sizes = (*(size for size, _ in lead), *((1,) * (3 - len(shape)) + tuple(shape))[-3:])
    steps = (*(step for _, step in lead), *((0,) * (3 - len(shape)) + tuple(strides))[-3:])
    whole = all(number % 4 == 0 for number in (shape[-1], value.shape[-1], start, *steps[:5]))
    aligned = int(whole and steps[5] == 1)
    check_size(value, aligned)
    param = {"A1": sizes[1], "A2": sizes[2], "START": start} | {f"S{k}": step for k, step in enumerate(steps)}
    const, param["S6"] = {"ALIGNED": aligned, "INNER": inner[0]}, inner[1]
    return b.draw("permute", tuple(shape), {"x": value}, const=const, param=param, finish=finish)


def _merged_axes(axes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(size, stride) of the three axes that these are: those of size 1 are none, and some go on as others do.

    Raises LimitError where more are left.
    """
    left: list[tuple[int, int]] = []
    for size, step in axes:
        if left and size > 1 and left[-1][1] == size * step:
            left[-1] = (left[-1][0] * size, step)
        elif size > 1:
            left.append((size, step))
    if len(left) > 3:
        raise LimitError(
            f"axes of the sizes {[size for size, _ in axes]} before the last three: at most 3 can be moved; "
            "reshape to fewer before"
        )
    return [(1, 0)] * (3 - len(left)) + left


def check_size(value: Value | Computed, aligned: int) -> None:
    """Raises LimitError where a kernel could not number the elements of a value, or its texels if these stay whole."""
    limit = EXACT_INDEX * (4 if aligned else 1)
    if math.prod(value.shape) > limit:
        raise LimitError(
            f"rearranging a tensor of shape {value.shape}: {math.prod(value.shape)} elements, at most {limit} can be "
            "numbered exactly on every device; use a smaller batch"
        )
