"""What `build` writes with: the words that make primitives of symbols."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph.graph import Node, as_tuple
from ..graph.shapes import Dims, checked_axis
from ..graph.view import View
from ..graph.weight import Weight
from .base import Primitive, spread
from .conv import Conv
from .conv_transpose import ConvTranspose
from .expr import (
    MOST_INPUTS,
    MOST_STEPS,
    Apply,
    Constant,
    Expr,
    In,
    Number,
    constants,
    inputs,
    replaced,
    size,
    told,
    values,
)
from .functions import ALIASES, FUNCTIONS, LINEAR, Function
from .map import Map
from .matmul import product
from .move import Along, Concat, Remap, Reshape, Size
from .operations import OPERATIONS
from .pool import Window
from .reduce import Reduce, Softmax, Sparsemax, counted
from .symbols import Operand, Order, Sym
from .trace_index import IndexWords


class Trace(IndexWords):
    """The primitives of one layer, in the order in which they were asked for. Shapes have the batch first."""

    def __init__(self, name: str, label: str = "", kind: str = ""):
        self.name, self.label, self.kind = name, label or name, kind
        self.nodes: list[Node] = []
        self.tensors: list[tuple[str, Dims]] = []  # by number: the name and the stored shape
        self.weights: dict[str, Weight] = {}  # by the name of a Constant
        self.roots: dict[str, Dims] = {}  # the shapes of the layer's own
        self._stored: dict[Expr, int] = {}  # expressions that have become tensors
        self._folded: dict[Expr, Weight] = {}  # ... and weights
        self._count = 0

    # ---- what goes in

    def tensor(self, name: str, shape: Dims, order: Order | None = None) -> Sym:
        """A tensor that is there, of this shape as it is stored."""
        self.tensors.append((name, tuple(shape)))
        order = order or tuple(range(len(shape)))
        return Sym(self, In(len(self.tensors) - 1), tuple(shape[axis] for axis in order), order)

    def weight(self, weight: Weight | np.ndarray | float) -> Sym:
        """A weight, or what was computed of weights."""
        if not isinstance(weight, Weight):
            array = np.asarray(weight)
            weight = Weight.root(f"{self.name}~{len(self.weights)}", array)
        self.weights[weight.key] = weight
        return Sym(self, Constant(weight.key, weight.shape), weight.shape, tuple(range(weight.ndim)))

    def number(self, value: float | Sequence[float]) -> Sym | float:
        """A number, or several as a weight (count,)."""
        return float(value) if isinstance(value, int | float) else self.weight(np.asarray(value, np.float64))

    def spread(self, weight: Sym, shape: Sequence[int]) -> Sym:
        """A weight broadcast to a shape."""
        return self.weight(self.value(weight).broadcast_to(shape))

    def value(self, sym: Sym) -> Weight:
        """The values of a constant symbol; what was computed of weights is so in float64, and named by what it is.

        Raises ValueError for one that is no constant.
        """
        if not sym.constant:
            raise ValueError("a weight is needed here, not a tensor that is computed")
        if isinstance(sym.expr, Constant):
            return self.weights[sym.expr.name]
        if sym.expr not in self._folded:
            self._folded[sym.expr] = self._computed(sym.expr)
        return self._folded[sym.expr]

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
            operands = tuple(self.weight(self.value(o)) if isinstance(o, Sym) and o.constant else o for o in operands)
        args = [self._aligned(o, order) if isinstance(o, Sym) else Number(float(o)) for o in operands]
        many = len({number for arg in args for number in inputs(arg)}) > MOST_INPUTS + 1
        if (many or sum(map(size, args)) >= MOST_STEPS) and not known:  # what is long becomes a tensor
            args = [In(self._stored_as(arg)) if isinstance(arg, Apply) and inputs(arg) else arg for arg in args]
        return Sym(self, Apply(function, tuple(args)), shape, order)

    def _computed(self, expr: Expr) -> Weight:
        given = {name: np.asarray(self.weights[name], np.float64) for name in constants(expr)}
        first, by = next(iter(given)), hashlib.sha256(told(expr, {}).encode()).hexdigest()[:8]
        name = f"{self.weights[first].name.rpartition('/')[0]}/~{by}"
        return Weight.root(name, np.asarray(values(expr, {}, given)))

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
            return self._emit(Sparsemax(), self.plain(x))
        if function.name == "glu":
            function.output_shape(x.shape)
            half = (x.shape[-1] or 0) // 2
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

    def transposed(self, x: Sym, order: Order) -> Sym:
        """The same tensor, stored in this order."""
        if x.order == order:
            return x
        stored = [order.index(axis) for axis in range(x.rank)]  # the axis that lies there then
        made = self._draw(Remap(tuple(Along(x.order[axis]) for axis in stored)), [x])
        return Sym(self, In(made), x.shape, order)

    def plain(self, x: Sym) -> Sym:
        """The same tensor, stored in the order of its axes."""
        return self.transposed(x, tuple(range(x.rank)))

    def reshape(self, x: Sym, target: Sequence[Any]) -> Sym:
        """The elements in row-major order in another shape: numbers, sizes of x's own axes (Size), -1 once."""
        if x.constant:
            sizes: list[Any] = [x.shape[size.axis] if isinstance(size, Size) else size for size in target]
            return self.weight(self.value(x).reshape(*sizes))
        return self._emit(Reshape(tuple(target)), self.plain(x))

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
        return self._emit(Remap(tuple(axes)), self.plain(x))

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
            index: dict[Expr, Expr] = {In(number): In(k) for k, number in enumerate(reads)}
            of, weights, origins = self._own_weights(replaced(x.expr, index.get))
            made = self._node(Reduce(kind, stored, keepdims, of), reads, weights, origins)
        if keepdims:
            order, shape = x.order, tuple(1 if k in gone else size for k, size in enumerate(x.shape))
        else:
            left = [axis for k, axis in enumerate(x.order) if k not in gone]
            order = tuple(sorted(left).index(axis) for axis in left)
            shape = tuple(size for k, size in enumerate(x.shape) if k not in gone)
        return Sym(self, In(made), shape, order)

    def matmul(self, a: Sym, b: Sym) -> Sym:
        """The product of matrices as np.matmul; a transpose of their last two axes costs nothing."""
        return product(self, a, b)

    def softmax(self, x: Sym, axes: int | Sequence[int], log: bool = False) -> Sym:
        """exp(x) over its sum along axes, or the logarithm of that."""
        stored = tuple(sorted(x.order[axis] for axis in counted(axes, x.rank)))
        last = (-1,) if stored == (x.rank - 1,) else stored
        return Sym(self, In(self._draw(Softmax(last, log), [x])), x.shape, x.order)

    def conv(self, x: Sym, kernel: Sym, bias: Sym | None = None, **options: Any) -> Sym:
        """A convolution of x (N, *sizes, C) with a kernel (*taps, C / groups, filters); options: see Conv."""
        filters = options.pop("filters", None) or kernel.shape[-1] or 0
        return self._emit(Conv(filters, use_bias=bias is not None, **options), self.plain(x), kernel=kernel, bias=bias)

    def conv_transpose(self, x: Sym, kernel: Sym, bias: Sym | None = None, **options: Any) -> Sym:
        """The transpose of a convolution, with a kernel (*taps, C, filters); options: see ConvTranspose."""
        filters = options.pop("filters", None) or kernel.shape[-1] or 0
        layer = ConvTranspose(filters, use_bias=bias is not None, **options)
        return self._emit(layer, self.plain(x), kernel=kernel, bias=bias)

    def dense(self, x: Sym, matrix: Sym, bias: Sym | None = None, filters: int | None = None) -> Sym:
        """x (..., C) times a matrix (C, filters)."""
        return self.conv(x, matrix, bias, filters=filters)

    def window(self, kind: str, x: Sym, **options: Any) -> Sym:
        """The "max" or "mean" of each window of x (N, *sizes, C); options: see Window."""
        return self._emit(Window(kind, **options), self.plain(x))

    # ---- nodes

    def stored(self, x: Sym) -> tuple[str, Dims, Order]:
        """The tensor that holds a symbol, drawn now if it is not: its name, its shape as stored, its order."""
        name, shape = self.tensors[self._number(x)]
        return name, shape, x.order

    def _number(self, x: Sym) -> int:
        """The number of the tensor that holds a symbol's expression."""
        return self._stored_as(x.expr)

    def _stored_as(self, whole: Expr) -> int:
        if isinstance(whole, In):
            return whole.number
        if whole not in self._stored:
            reads = inputs(whole)
            if not reads:
                raise ValueError("a tensor is needed here, not a weight")
            index: dict[Expr, Expr] = {In(number): In(k) for k, number in enumerate(reads)}
            expr, weights, origins = self._own_weights(replaced(whole, index.get))
            self._stored[whole] = self._node(Map(expr), list(reads), weights, origins)
        return self._stored[whole]

    def _own_weights(self, expr: Expr) -> tuple[Expr, dict[str, Any], dict[str, str]]:
        """The expression with its weights named w0, w1, ..; these by name, and where they came from."""
        leaves = [Constant(key, shape) for key, shape in constants(expr).items()]
        made: dict[Expr, Expr] = {leaf: Constant(f"w{k}", leaf.shape) for k, leaf in enumerate(leaves)}
        given = {f"w{k}": self.weights[leaf.name] for k, leaf in enumerate(leaves)}
        return (
            replaced(expr, made.get),
            {name: weight.values for name, weight in given.items()},
            {name: self._origin(weight) for name, weight in given.items()},
        )

    def _draw(self, primitive: Primitive, xs: Sequence[Sym]) -> int:
        return self._node(primitive, [self._number(x) for x in xs], {}, {})

    def drawn(self, primitive: Primitive, xs: Sequence[Sym]) -> Sym:
        """What a primitive makes of symbols as they are stored."""
        made = self._draw(primitive, xs)
        shape = self.tensors[made][1]
        return Sym(self, In(made), shape, tuple(range(len(shape))))

    def _emit(self, primitive: Primitive, x: Sym, **weights: Sym | None) -> Sym:
        """A primitive of one plain tensor, with weights by name."""
        given = {name: self.value(sym) for name, sym in weights.items() if sym is not None}
        values_ = {name: weight.values for name, weight in given.items()}
        number = self._node(primitive, [self._number(x)], values_, {n: self._origin(w) for n, w in given.items()})
        shape = self.tensors[number][1]
        return Sym(self, In(number), shape, tuple(range(len(shape))))

    def _origin(self, weight: Weight) -> str:
        """The name of a weight: its root's where it is all of that in its own shape, else one that tells the view."""
        whole = weight.shape == self.roots.get(weight.name, weight.shape) and weight.view == View.whole(weight.shape)
        return weight.name if whole else weight.key

    def _node(
        self, primitive: Primitive, reads: Sequence[int], weights: Mapping[str, Any], origins: Mapping[str, str]
    ) -> int:
        shapes = as_tuple(primitive.output_shape(*(self.tensors[number][1] for number in reads)))
        name = f"{self.name}~{self._count}"
        self._count += 1
        made = (name, *(f"{name}.{k}" for k in range(1, len(shapes))))
        names = tuple(self.tensors[number][0] for number in reads)
        self.nodes.append(Node(name, primitive, names, made, weights, self.label, origins, self.kind))
        self.tensors += zip(made, shapes, strict=True)
        return len(self.tensors) - len(made)


def _along(along: Along, source: int) -> Along:
    return Along(source, along.size, along.mul, along.add, along.div, along.extra, along.edge)
