"""Layers of several inputs: sums, products, extremes, concatenation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import ClassVar

from ..graph.shapes import checked_axis, numbers
from ..primitives import Sym, Trace
from ..primitives.move import Size
from ..records import dataclass
from .base import Layer, register
from .normalization import unit


@dataclass(frozen=True)
class _Merge(Layer):
    """Combines two or more inputs element by element; sizes of 1 are repeated, ranks aligned after the batch."""

    arity: ClassVar[int | None] = None
    passes_mask: ClassVar[bool] = True
    op: ClassVar[str]

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:
        return reduce(lambda a, b: t.apply(self.op, a, b), self.aligned(t, xs))

    def aligned(self, t: Trace, xs: tuple[Sym, ...]) -> list[Sym]:
        """The inputs with ones after the batch, as Keras aligns ranks. Raises ValueError where one is alone."""
        name = type(self).__name__
        if len(xs) < 2 or (self.arity and len(xs) != self.arity):
            raise ValueError(f"{name} takes {'two' if self.arity else 'two or more'} inputs, not {len(xs)}")
        rank = max(x.rank for x in xs)
        sizes = [(Size(0), *(1,) * (rank - x.rank), *(Size(axis) for axis in range(1, x.rank))) for x in xs]
        return [x if x.rank == rank else t.reshape(x, size) for x, size in zip(xs, sizes, strict=True)]


@register("Add")
class Add(_Merge):
    """The sum of the inputs."""

    op = "add"


@register("Subtract")
class Subtract(_Merge):
    """The first input minus the second."""

    arity = 2
    op = "subtract"


@register("Multiply")
class Multiply(_Merge):
    """The product of the inputs."""

    op = "multiply"


@register("Average")
class Average(_Merge):
    """The mean of the inputs, as a sum of their parts: finite even where the sum of the inputs is not."""

    op = "sum_of_parts"

    def aligned(self, t: Trace, xs: tuple[Sym, ...]) -> list[Sym]:
        return [x * (1.0 / len(xs)) for x in super().aligned(t, xs)]


@register("Maximum")
class Maximum(_Merge):
    """The largest of the inputs; NaN where one is."""

    op = "maximum"


@register("Minimum")
class Minimum(_Merge):
    """The smallest of the inputs; NaN where one is."""

    op = "minimum"


@register("Concatenate")
@dataclass(frozen=True)
class Concatenate(Layer):
    """The inputs one after the other along `axis`."""

    arity: ClassVar[int | None] = None
    passes_mask: ClassVar[bool] = True
    axis: int = -1

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.concat(xs, self.axis)


@register("Dot")
@dataclass(frozen=True)
class Dot(Layer):
    """The sums of products of two inputs along an axis of each, by sample; with `normalize` of vectors of length 1."""

    arity: ClassVar[int | None] = 2
    axes: int | tuple[int, int] = 1
    normalize: bool = False

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:
        return dot(t, xs[0], xs[1], self.axes, self.normalize)


def dot(t: Trace, x: Sym, y: Sym, axes: int | tuple[int, int], normalize: bool = False) -> Sym:
    """The sums of products along an axis of each, sample by sample: (N, ...), (N, ...) -> (N, ..., ...)."""
    given = (axes, axes) if isinstance(axes, int) else axes
    one, two = (checked_axis(axis, z.rank) for axis, z in zip(given, (x, y), strict=True))
    if 0 in (one, two):
        raise ValueError(f"Dot multiplies along axes after the batch, not {axes}")
    x, y = (unit(t, z, k) if normalize else z for z, k in ((x, one), (y, two)))
    rows, columns = (tuple(k for k in range(1, z.rank) if k != axis) for z, axis in ((x, one), (y, two)))
    sizes = *_sizes(x, rows, 1), *_sizes(y, columns, 2)
    x = t.transpose(x, (0, *rows, one))
    x = x if len(rows) == 1 else t.reshape(x, (Size(0), -1 if rows else 1, Size(x.rank - 1)))
    y = t.transpose(y, (0, two, *columns))
    y = y if len(columns) == 1 else t.reshape(y, (Size(0), Size(1), -1 if columns else 1))
    z = t.matmul(x, y)
    return z if sizes == (Size(1), Size(2)) else t.reshape(z, (Size(0), *(sizes or (1,))))


def _sizes(x: Sym, axes: tuple[int, ...], at: int) -> tuple[int | Size, ...]:
    """Of these axes in a product of matrices, which has the only one as its axis `at`."""
    return (Size(at),) if len(axes) == 1 else numbers(tuple(x.shape[k] for k in axes))
