"""What `build` writes with: the words that make primitives of symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.shapes import checked_axis
from .base import spread
from .concat import Concat
from .conv import Conv
from .conv_transpose import ConvTranspose
from .einsum import einsum
from .expr import MOST_INPUTS, MOST_STEPS, Apply, Constant, Expr, In, Number, inputs, size
from .functions import ALIASES, FUNCTIONS, LINEAR, Function
from .matmul import product
from .move import Along, Remap, Reshape, Size
from .operations import OPERATIONS
from .pool import Window
from .reduce import Reduce, Softmax, Sparsemax, counted
from .standardize import standardize
from .symbols import Operand, Order, Sym
from .trace_index import IndexWords
from .trace_loop import LoopWords


class Trace(IndexWords, LoopWords):
    """The primitives of one layer, in the order in which they were asked for. Shapes have the batch first."""

    # ---- what goes in

    def number(self, value: float | Sequence[float]) -> Sym | float:
        """A number, or several as a weight (count,)."""
        return float(value) if isinstance(value, int | float) else self.weight(np.asarray(value, np.float64))

    def spread(self, weight: Sym, shape: Sequence[int]) -> Sym:
        """A weight broadcast to a shape."""
        return self.weight(self.value(weight).broadcast_to(shape))

    # ---- element by element

    def apply(self, function: str | Function, *operands: Operand) -> Sym:
        """A function of the tables, by name or itself, of symbols and numbers, broadcast as in NumPy."""
        if isinstance(function, str):
            function = OPERATIONS.get(function) or FUNCTIONS[ALIASES.get(function, function)]
        syms = [operand for operand in operands if isinstance(operand, Sym)]
        shape = spread((), [sym.shape for sym in syms])
        order = self._common_order(syms, len(shape))
        known = all(sym.constant for sym in syms)
        if not known:
            operands = tuple(self._as_weight(o) if isinstance(o, Sym) and o.constant else o for o in operands)
        args = [self._aligned(o, order) if isinstance(o, Sym) else Number(float(o)) for o in operands]
        many = len({number for arg in args for number in inputs(arg)}) > MOST_INPUTS + 1
        if (many or sum(map(size, args)) >= MOST_STEPS) and not known:  # what is long becomes a tensor
            args = [In(self._stored_as(arg)) if isinstance(arg, Apply) and inputs(arg) else arg for arg in args]
        return Sym(self, Apply(function, tuple(args)), shape, order)

    def _as_weight(self, sym: Sym) -> Sym:
        return sym if isinstance(sym.expr, Constant) else self.weight(self.value(sym))

    def _common_order(self, syms: Sequence[Sym], rank: int) -> Order:
        """The order of the largest operand that is a tensor; that of its axes where nothing says more."""
        orders = [sym.order for sym in syms if sym.rank == rank and not sym.constant]
        return orders[0] if orders else tuple(range(rank))

    def _aligned(self, sym: Sym, order: Order) -> Expr:
        """The expression of a symbol as it broadcasts with others that are stored in this order."""
        rank, plain = len(order), tuple(range(len(order)))
        if sym.order == order or not sym.rank or (order == plain and sym.order == tuple(range(sym.rank))):
            return sym.expr
        if sym.rank < rank:
            sym = self.reshape(sym, (*(1,) * (rank - sym.rank), *(Size(axis) for axis in range(sym.rank))))
        if sym.constant:
            turned = self.value(sym).transpose([order.index(axis) for axis in range(rank)])
            return self.weight(turned).expr
        return self.transposed(sym, order).expr

    def activation(self, x: Sym, function: Function) -> Sym:
        """A function of the table of activations: element by element, or along the last axis; or one said in words."""
        if function.say is not None:
            return function.say(self, x)
        if function.name in ("softmax", "log_softmax"):
            return self.softmax(x, -1, log=function.name == "log_softmax")
        if function.name == "sparsemax":
            return self.drawn(Sparsemax(), [self.plain(x)])
        if function.name == "glu":
            function.output_shape(x.shape)
            if x.shape[-1] is None:
                raise ValueError(f"glu halves the last axis, whose size must be known; of {x.shape} it is free")
            half = x.shape[-1] // 2
            return self.slice(x, -1, 0, half) * self.apply("sigmoid", self.slice(x, -1, half, half))
        return x if function == LINEAR else self.apply(function, x)

    def maximum(self, *xs: Operand) -> Sym:
        """The largest of symbols and numbers; NaN where one is."""
        return self._chained("maximum", xs)

    def minimum(self, *xs: Operand) -> Sym:
        """The smallest of symbols and numbers; NaN where one is."""
        return self._chained("minimum", xs)

    def _chained(self, function: str, xs: Sequence[Operand]) -> Any:
        made: Any = xs[0]
        for x in xs[1:]:
            made = self.apply(function, made, x)
        return made

    def where(self, condition: Operand, first: Operand, second: Operand) -> Sym:
        """`first` where the condition is not 0, else `second`."""
        return self.apply("where", condition, first, second)

    # ---- axes

    def transpose(self, x: Sym, axes: Sequence[int]) -> Sym:
        """Axis k is axis axes[k] of x: a matter of names, until something needs the elements in that order."""
        if x.constant:
            return self.weight(self.value(x).transpose(list(axes)))
        return Sym(self, x.expr, tuple(x.shape[axis] for axis in axes), tuple(x.order[axis] for axis in axes))

    def reshape(self, x: Sym, target: Sequence[Any]) -> Sym:
        """The elements in row-major order in another shape: numbers, sizes of x's own axes (Size), -1 once."""
        if x.constant:
            sizes: list[Any] = [x.shape[size.axis] if isinstance(size, Size) else size for size in target]
            return self.weight(self.value(x).reshape(*sizes))
        return self.drawn(Reshape(tuple(target)), [self.plain(x)])

    def remap(self, x: Sym, axes: Sequence[Along | None]) -> Sym:
        """Each axis moved by itself (see Along, whose `source` is set here); None: as it is."""
        whole = [Along(k) if along is None else _along(along, k) for k, along in enumerate(axes)]
        stored = [x.order.index(axis) for axis in range(x.rank)]
        made = self._draw(Remap(tuple(_along(whole[axis], k) for k, axis in enumerate(stored))), [x])
        shape = self.tensors[made][1]
        return Sym(self, In(made), tuple(shape[axis] for axis in x.order), x.order)

    def slice(self, x: Sym, axis: int, start: int, size: int) -> Sym:
        """`size` elements along an axis, from `start` on."""
        axis = checked_axis(axis, x.rank)
        return self.remap(x, [Along(None, size, add=start) if k == axis else None for k in range(x.rank)])

    def broadcast(self, x: Sym, axes: Sequence[Along]) -> Sym:
        """Axes of the result along axes of x by number; new ones (source None) of a size."""
        return self.drawn(Remap(tuple(axes)), [self.plain(x)])

    def concat(self, xs: Sequence[Sym], axis: int) -> Sym:
        """The tensors one after the other along an axis."""
        order = xs[0].order
        axis = checked_axis(axis, xs[0].rank)
        moved = [self.transposed(x, order) if x.rank == xs[0].rank else x for x in xs]
        made = self._draw(Concat(order[axis]), moved)
        shape = self.tensors[made][1]
        return Sym(self, In(made), tuple(shape[k] for k in order), order)

    # ---- sums and windows

    def reduce(self, kind: str, x: Sym, axes: int | Sequence[int] | None, keepdims: bool = False) -> Sym:
        """A kind of Reduce along axes (None: all); what is computed element by element is so while it is reduced."""
        gone = counted(range(x.rank) if axes is None else axes, x.rank)
        stored = tuple(sorted(x.order[axis] for axis in gone))
        reads = inputs(x.expr)
        if isinstance(x.expr, In) or x.expr in self._stored or not 0 < len(reads) <= MOST_INPUTS:
            made = self._draw(Reduce(kind, stored, keepdims), [x])
        else:
            of, weights, origins = self._own(x.expr)
            made = self._node(Reduce(kind, stored, keepdims, of), reads, weights, origins)
        if keepdims:
            order, shape = x.order, tuple(1 if k in gone else size for k, size in enumerate(x.shape))
        else:
            left = [axis for k, axis in enumerate(x.order) if k not in gone]
            order = tuple(sorted(left).index(axis) for axis in left)
            shape = tuple(size for k, size in enumerate(x.shape) if k not in gone)
        return Sym(self, In(made), shape, order)

    def standardize(self, x: Sym, axes: Sequence[int], epsilon: float, groups: int = 1) -> Sym:
        """(x - mean) / sqrt(variance + epsilon), with mean and variance along axes.

        groups: of channels that follow each other, where the last axis is among the axes: each group by itself
        """
        return standardize(self, x, axes, epsilon, groups)

    def matmul(self, a: Sym, b: Sym) -> Sym:
        """The product of matrices as np.matmul; a transpose of their last two axes costs nothing."""
        return product(self, a, b)

    def einsum(self, equation: str, *xs: Sym) -> Sym:
        """The sums of products that an equation such as "bthd,bshd->bhts" says, as np.einsum."""
        return einsum(self, equation, xs)

    def softmax(self, x: Sym, axes: int | Sequence[int], log: bool = False) -> Sym:
        """exp(x) over its sum along axes, or the logarithm of that."""
        stored = tuple(sorted(x.order[axis] for axis in counted(axes, x.rank)))
        last = (-1,) if stored == (x.rank - 1,) else stored
        return self.as_stored(Softmax(last, log), x)

    def conv(self, x: Sym, kernel: Sym, bias: Sym | None = None, **options: Any) -> Sym:
        """A convolution of x (N, *sizes, C) with a kernel (*taps, C / groups, filters); options: see Conv."""
        filters = options.pop("filters", None) or kernel.shape[-1] or 0
        return self.drawn(
            Conv(filters, use_bias=bias is not None, **options), [self.plain(x)], kernel=kernel, bias=bias
        )

    def conv_transpose(self, x: Sym, kernel: Sym, bias: Sym | None = None, **options: Any) -> Sym:
        """The transpose of a convolution, with a kernel (*taps, C, filters); options: see ConvTranspose."""
        filters = options.pop("filters", None) or kernel.shape[-1] or 0
        layer = ConvTranspose(filters, use_bias=bias is not None, **options)
        return self.drawn(layer, [self.plain(x)], kernel=kernel, bias=bias)

    def dense(self, x: Sym, matrix: Sym, bias: Sym | None = None, filters: int | None = None) -> Sym:
        """x (..., C) times a matrix (C, filters)."""
        return self.conv(x, matrix, bias, filters=filters)

    def backwards(self, x: Sym, axes: int | Sequence[int]) -> Sym:
        """x from its last element along axes to its first, however many these are."""
        turned = counted(axes, x.rank)
        return self.remap(x, [Along(None, mul=-1, add=-1, edge="end") if k in turned else None for k in range(x.rank)])

    def window(self, kind: str, x: Sym, **options: Any) -> Sym:
        """The "max" or "mean" of each window of x (N, *sizes, C); options: see Window."""
        return self.drawn(Window(kind, **options), [self.plain(x)])


def _along(along: Along, source: int) -> Along:
    return Along(source, along.size, along.mul, along.add, along.div, along.extra, along.edge)
