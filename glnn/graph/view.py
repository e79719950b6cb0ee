"""Views told by numbers: which elements of an array they show, in which order. No memory is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ..records import dataclass
from .shapes import Shape, row_major


@dataclass(frozen=True)
class View:
    """Element (i0, i1, ...) is the root's row-major element offset + i0 * strides[0] + i1 * strides[1] + ...

    Views of the same elements in the same order and shape are equal, however they were come by (see `of`).
    """

    shape: Shape
    strides: tuple[int, ...]
    offset: int = 0

    @classmethod
    def of(cls, shape: Sequence[int], strides: Sequence[int], offset: int = 0) -> View:
        """The view of these numbers; a stride along fewer than two elements says nothing and is 0."""
        if 0 in shape:
            return cls(tuple(shape), (0,) * len(shape))
        return cls(tuple(shape), tuple(s if n > 1 else 0 for n, s in zip(shape, strides, strict=True)), offset)

    @classmethod
    def whole(cls, shape: Sequence[int]) -> View:
        """All of a root of this shape."""
        return _whole(tuple(shape))

    @property
    def span(self) -> tuple[int, int] | None:
        """(first, last + 1) of the root's elements where they are all of those between, in their order; else None."""
        between = self.strides == View.whole(self.shape).strides
        return (self.offset, self.offset + math.prod(self.shape)) if between else None

    @cached_property
    def text(self) -> str:
        """The view as text, equal for equal views: `[first:last]` or `[offset/strides]`, then the shape."""
        span = self.span
        where = ":".join(map(str, span)) if span else f"{self.offset}/{','.join(map(str, self.strides))}"
        return f"[{where}]{'x'.join(map(str, self.shape))}"

    def taken(self, key: Any) -> View | None:
        """What an index that fits takes of it; None for an index that picks elements (an array, a mask)."""
        items = list(key) if isinstance(key, tuple) else [key]
        if not all(item is None or item is Ellipsis or isinstance(item, slice) or is_whole(item) for item in items):
            return None
        left = len(self.shape) - sum(item is not None and item is not Ellipsis for item in items)
        at = next((k for k, item in enumerate(items) if item is Ellipsis), len(items))
        items[at : at + 1] = [slice(None)] * left
        axes = zip(self.shape, self.strides, strict=True)
        shape, strides, offset = [], [], self.offset
        for item in items:
            size, stride = (1, 0) if item is None else next(axes)
            if item is not None and not isinstance(item, slice):
                offset += item % size * stride
                continue
            start, stop, step = (item or slice(None)).indices(size)
            shape.append(len(range(start, stop, step)))
            strides.append(stride * step)
            offset += start * stride
        return View.of(shape, strides, int(offset))

    def turned(self, order: Sequence[int]) -> View:
        """Axis k is axis order[k] of this one."""
        return View.of([self.shape[axis] for axis in order], [self.strides[axis] for axis in order], self.offset)

    def spread(self, shape: Sequence[int]) -> View:
        """Repeated to a shape as NumPy broadcasts."""
        return View.of(shape, (*(0,) * (len(shape) - len(self.shape)), *self.strides), self.offset)

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same elements in row-major order in another shape; None where no strides tell that."""
        runs: list[tuple[int, int]] = []  # the axes, as few as can be: (size, stride), the innermost last
        for size, stride in zip(self.shape, self.strides, strict=True):
            if size > 1 and runs and runs[-1][1] == size * stride:
                runs[-1] = runs[-1][0] * size, stride
            elif size > 1:
                runs.append((size, stride))
        strides: list[int] = []
        for size in reversed(shape):
            if size < 2:
                strides.append(0)
                continue
            if not runs or runs[-1][0] % size:
                return None
            most, stride = runs.pop()
            strides.append(stride)
            if most > size:
                runs.append((most // size, stride * size))
        return View.of(shape, strides[::-1], self.offset)


def is_whole(item: Any) -> bool:
    """Whether an index is a whole number (True and False are masks)."""
    return isinstance(item, int | np.integer) and not isinstance(item, bool)


@lru_cache(1024)
def _whole(shape: Shape) -> View:
    return View.of(shape, row_major(shape))
