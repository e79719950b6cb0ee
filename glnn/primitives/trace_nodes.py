"""What a trace has said so far: tensors, weights, and the nodes that make one of the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.graph import Node, as_tuple
from ..graph.shapes import Dims, numbers
from ..graph.view import View
from ..graph.weight import Weight
from .base import Primitive
from .expr import Constant, Expr, In, constants, inputs, told, values, with_leaves
from .map import Map
from .move import Along, Remap
from .symbols import Operand, Order, Sym

if TYPE_CHECKING:
    from .functions import Function


class Nodes:
    """A part of Trace: its nodes in the order in which they were asked for, and the symbols of what they make."""

    literals = False  # whether a weight is drawn where a tensor is needed

    def __init__(self, name: str, label: str = "", kind: str = ""):
        self.name, self.label, self.kind = name, label or name, kind
        self.nodes: list[Node] = []
        self.tensors: list[tuple[str, Dims]] = []  # by number: the name and the stored shape
        self.weights: dict[str, Weight] = {}  # by the name of a Constant
        self.roots: dict[str, Dims] = {}  # the shapes of the layer's own
        self._stored: dict[Expr, int] = {}  # expressions that have become tensors
        self._folded: dict[Expr, Weight] = {}  # ... and weights
        self._over: list[range] = []  # tensors, by number, of turns that are said
        self._count = 0
        self.shapes_only = False  # nobody asks for values: what is computed of weights is zeros

    def apply(self, function: str | Function, *operands: Operand) -> Sym:
        """See Trace: what the arithmetic of symbols is said by."""
        raise NotImplementedError

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

    def value(self, sym: Sym) -> Weight:
        """The values of a constant symbol; what was computed of weights is so in float64, and named by what it is.

        Raises ValueError for one that is no constant.
        """
        if not sym.constant:
            raise ValueError("a weight is needed here, not a tensor that is computed")
        if isinstance(sym.expr, Constant):
            return self.weights[sym.expr.name]
        if sym.expr not in self._folded:
            self._folded[sym.expr] = self._blank(sym) if self.shapes_only else self._computed(sym.expr)
        return self._folded[sym.expr]

    def _blank(self, sym: Sym) -> Weight:
        return Weight.root(f"{self.name}~0{len(self._folded)}", np.broadcast_to(np.float32(0), numbers(sym.shape)))

    def _computed(self, expr: Expr) -> Weight:
        given = {name: np.asarray(self.weights[name], np.float64) for name in constants(expr)}
        first, by = next(iter(given)), hashlib.sha256(told(expr, {}).encode()).hexdigest()[:8]
        name = f"{self.weights[first].name.rpartition('/')[0]}/~{by}"
        return Weight.root(name, np.asarray(values(expr, {}, given)))

    def computed(
        self, formula: Callable[..., Sequence[np.ndarray]], numbers: str, first: Sym, **others: Sym
    ) -> list[Sym]:
        """What a formula in NumPy makes of weights in float64; `numbers` tells what else it depends on."""
        given, named = self.value(first), {name: self.value(sym) for name, sym in others.items()}
        with np.errstate(all="ignore"):
            arrays = formula(np.asarray(given, np.float64), **{n: np.asarray(w, np.float64) for n, w in named.items()})
        by = hashlib.sha256(" ".join([formula.__qualname__, numbers, *named]).encode()).hexdigest()[:8]
        folder = given.name.rpartition("/")[0]
        return [self.weight(Weight.root(f"{folder}/~{by}{k}", np.asarray(array))) for k, array in enumerate(arrays)]

    # ---- in the order of axes

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

    # ---- nodes

    def stored(self, x: Sym) -> tuple[str, Dims, Order]:
        """The tensor that holds a symbol, drawn now if it is not: its name, its shape as stored, its order."""
        number = self._number(x)
        self._check_reads([number])
        name, shape = self.tensors[number]
        return name, shape, x.order

    def _number(self, x: Sym) -> int:
        """The number of the tensor that holds a symbol's expression."""
        return self._stored_as(x.expr)

    def _stored_as(self, whole: Expr) -> int:
        if isinstance(whole, In):
            return whole.number
        if whole not in self._stored:
            reads = inputs(whole)
            if not reads and not self.literals:
                raise ValueError("a tensor is needed here, not a weight")
            expr, weights, origins = self._own(whole)
            self._stored[whole] = self._node(Map(expr), list(reads), weights, origins)
        return self._stored[whole]

    def _own(self, expr: Expr) -> tuple[Expr, dict[str, Any], dict[str, str]]:
        """The expression as a node's own: of its inputs In(0), In(1), .. and of its weights w0, w1, ..

        The weights come by name, and where they came from.
        """
        made: dict[Expr, Expr] = {In(number): In(k) for k, number in enumerate(inputs(expr))}
        given: dict[str, Weight] = {}
        for k, (key, shape) in enumerate(constants(expr).items()):
            made[Constant(key, shape)] = Constant(f"w{k}", shape)
            given[f"w{k}"] = self.weights[key]
        return (
            with_leaves(expr, made),
            {name: weight.values for name, weight in given.items()},
            {name: self._origin(weight) for name, weight in given.items()},
        )

    def _draw(self, primitive: Primitive, xs: Sequence[Sym]) -> int:
        return self._node(primitive, [self._number(x) for x in xs], {}, {})

    def drawn(self, primitive: Primitive, xs: Sequence[Sym], **weights: Sym | None) -> Sym:
        """What a primitive makes of symbols as they are stored, and of weights by name."""
        given = {name: self.value(sym) for name, sym in weights.items() if sym is not None}
        values_, origins = {n: w.values for n, w in given.items()}, {n: self._origin(w) for n, w in given.items()}
        made = self._node(primitive, [self._number(x) for x in xs], values_, origins)
        shape = self.tensors[made][1]
        return Sym(self, In(made), shape, tuple(range(len(shape))))

    def as_stored(self, primitive: Primitive, x: Sym) -> Sym:
        """What a primitive makes of a symbol as it is stored, of the same shape: axes lie in the order that x has."""
        return Sym(self, In(self._draw(primitive, [x])), x.shape, x.order)

    def _origin(self, weight: Weight) -> str:
        """The name of a weight: its root's where it is all of that in its own shape, else one that tells the view."""
        whole = weight.shape == self.roots.get(weight.name, weight.shape) and weight.view == View.whole(weight.shape)
        return weight.name if whole else weight.key

    def _node(
        self, primitive: Primitive, reads: Sequence[int], weights: Mapping[str, Any], origins: Mapping[str, str]
    ) -> int:
        self._check_reads(reads)
        shapes = as_tuple(primitive.output_shape(*(self.tensors[number][1] for number in reads)))
        name = f"{self.name}~{self._count}"
        self._count += 1
        made = (name, *(f"{name}.{k}" for k in range(1, len(shapes))))
        names = tuple(self.tensors[number][0] for number in reads)
        self.nodes.append(Node(name, primitive, names, made, weights, self.label, origins, self.kind))
        self.tensors += zip(made, shapes, strict=True)
        return len(self.tensors) - len(made)

    def _check_reads(self, numbers: Sequence[int]) -> None:
        if any(number in over for over in self._over for number in numbers):
            raise ValueError("what a turn makes is read in it alone; give it to be carried or stacked")
