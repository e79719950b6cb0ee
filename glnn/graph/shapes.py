"""Shapes: what they are, and the arithmetic on them that every wing shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Shape = tuple[int, ...]
Dims = tuple[int | None, ...]  # None: free

ANY: Any = (...,)  # the shape of a tensor of which not even the rank is known

EXACT = 1 << 24  # whole numbers up to here are float32 values of their own


def ceil_div(a: int, b: int) -> int:
    """a / b rounded up."""
    return -(-a // b)


def canonical(shape: Shape) -> tuple[int, int, int, int]:
    """Any shape of rank 0 to 6 as kernels see it, (n, h, w, c): right-aligned, leading axes multiplied into n."""
    padded = (1,) * (4 - len(shape)) + tuple(shape)
    return math.prod(padded[:-3]), padded[-3], padded[-2], padded[-1]


def product(sizes: Dims) -> int | None:
    """The product of sizes; None where one is free."""
    return None if None in sizes else math.prod(size or 0 for size in sizes)


def row_major(shape: Sequence[int]) -> list[int]:
    """How far apart neighbours along each axis lie in row-major order, in elements."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def numbers(shape: Dims) -> Shape:
    """A shape without free dimensions. Raises ValueError where one is free."""
    sizes = tuple(size for size in shape if size is not None)
    if len(sizes) != len(shape):
        raise ValueError(f"every dimension of {shape} must be known here")
    return sizes


def broadcast(first: Dims, second: Dims) -> Dims:
    """The shape of two of the same rank together; a free dimension wins over 1. Raises ValueError where they differ."""
    sizes: list[int | None] = []
    for a, b in zip(first, second, strict=True):
        if a == b or b == 1:
            sizes.append(a)
        elif a == 1 or a is None:
            sizes.append(b)
        elif b is None:
            sizes.append(a)
        else:
            raise ValueError(f"the shapes {first} and {second} do not fit: {a} and {b}")
    return tuple(sizes)


def checked_axis(axis: int, rank: int) -> int:
    """The axis counted from the front. Raises ValueError where a tensor of this rank lacks it."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is not one of a tensor of rank {rank}: allowed are {-rank} to {rank - 1}")
    return axis % rank


def shape_text(shape: Sequence[int | None]) -> str:
    """A shape for people: (None, 8, 8, 1) -> (?, 8, 8, 1), where ? is free."""
    if shape == ANY:
        return "(...)"
    return "(" + ", ".join("?" if d is None else str(d) for d in shape) + ("," if len(shape) == 1 else "") + ")"


def fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether a shape is the wanted one, None where free."""
    return (
        wanted == ANY or len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted, strict=True))
    )
