"""What is computed element by element, as a tree: of a draw of its own (`Map`), or at the end of another (`finish`).

One tree has two printers: `values` computes it in NumPy, `printed` writes it as GLSL. Further down a draw's own result
is In(0), and what else it reads In(1), In(2), ...
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from ..graph.shapes import Shape
from ..records import dataclass
from .functions import Function


@dataclass(frozen=True)
class In:
    """The tensor of this number, broadcast as in NumPy."""

    number: int


@dataclass(frozen=True)
class Number:
    """One number, known only at the draw: it makes no program of its own."""

    value: float


@dataclass(frozen=True)
class Constant:
    """A weight of the node by name, of this shape, broadcast as in NumPy."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Index:
    """Each element's number along an axis of what is computed; axes are counted from the end: -1 is the last."""

    axis: int

    def __post_init__(self) -> None:
        if not -6 <= self.axis < 0:
            raise ValueError(f"the axis of an index is {self.axis}; allowed are -6 to -1, counted from the end")


@dataclass(frozen=True)
class Apply:
    """A function of expressions. What two of them share is one object, so that a tree may be large and cost little.

    size:   how many functions it is written with, what is used twice twice
    inputs: the numbers of the tensors that it reads, by size
    """

    function: Function
    args: tuple[Expr, ...]
    size: int = field(init=False, compare=False, repr=False)
    inputs: tuple[int, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", 1 + sum(map(size, self.args)))
        object.__setattr__(self, "inputs", tuple(sorted({number for arg in self.args for number in inputs(arg)})))

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """What it is made of besides functions, each once, in the order of the text."""
        return tuple(dict.fromkeys(leaf for arg in self.args for leaf in leaves(arg)))

    @cached_property
    def long(self) -> bool:
        """Whether it is written with a function whose text is long."""
        return self.function.name in LONG or any(arg.long for arg in self.args if isinstance(arg, Apply))

    @cached_property
    def _hash(self) -> int:
        return hash((self.function, self.args))

    def __hash__(self) -> int:
        return self._hash


Leaf = In | Number | Constant | Index
Expr = Leaf | Apply
RESULT = In(0)  # as an epilogue: nothing is done
MOST_INPUTS = 4  # tensors that an expression reads beside one, what a draw made: textures are few
LONG = frozenset({"power"})  # functions that drivers compile for ten seconds where they stand for eight pixels each
MOST_STEPS = 64  # functions of one expression, so that its text is of moderate size
EACH = Function("each")  # of several expressions: all of them, which are several results


def leaves(expr: Expr) -> tuple[Leaf, ...]:
    """What it is made of besides functions, each once, in the order of the text."""
    return expr.leaves if isinstance(expr, Apply) else (expr,)


def size(expr: Expr) -> int:
    """How many functions it is written with, what is used twice twice."""
    return expr.size if isinstance(expr, Apply) else 0


def has_long(expr: Expr) -> bool:
    """Whether it is written with a function whose text is long: one pixel at a time is enough of that."""
    return isinstance(expr, Apply) and expr.long


def inputs(expr: Expr) -> tuple[int, ...]:
    """The numbers of the tensors that it reads, by size."""
    if isinstance(expr, Apply):
        return expr.inputs
    return (expr.number,) if isinstance(expr, In) else ()


def constants(expr: Expr) -> dict[str, Shape]:
    """The weights that it reads, with their shapes."""
    return {leaf.name: leaf.shape for leaf in leaves(expr) if isinstance(leaf, Constant)}


def replaced(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The expression with each part, leaves first, replaced by what `change` gives for it, where that is not None."""
    done: dict[int, Expr] = {}  # by which object it is: what is shared is one

    def of(part: Expr) -> Expr:
        if id(part) not in done:
            made = part
            if isinstance(part, Apply):
                args = tuple(map(of, part.args))
                made = part if all(map(operator.is_, args, part.args)) else Apply(part.function, args)
            done[id(part)] = change(made) or made
        return done[id(part)]

    return of(expr)


def with_leaves(expr: Expr, others: Mapping[Expr, Expr]) -> Expr:
    """The expression with others in the places of these leaves."""
    return replaced(expr, lambda part: None if isinstance(part, Apply) else others.get(part))


def without_spreads(expr: Expr) -> Expr:
    """The expression where its shape is known: what takes but the shape of a tensor does not read it."""
    return replaced(
        expr, lambda part: part.args[0] if isinstance(part, Apply) and part.function.name == "spread" else None
    )


def in_order(expr: Expr) -> Expr:
    """The expression with RESULT first where it is added to something or multiplied: layers that say it the other way
    round then have the same text, and make the same bits."""

    def turned(part: Expr) -> Expr | None:
        if not isinstance(part, Apply) or part.function.name not in ("add", "multiply") or part.args[1] != RESULT:
            return None
        return Apply(part.function, (RESULT, part.args[0]))

    return replaced(expr, turned)


def values(expr: Expr, tensors: Mapping[int, Any], weights: Mapping[str, Any]) -> Any:
    """The expression of tensors by number and weights by name, in the type of the tensors."""
    done: dict[int, Any] = {}  # by which object it is: what is shared is one

    def of(part: Expr) -> Any:
        if id(part) not in done:
            done[id(part)] = compute(part)
        return done[id(part)]

    def compute(part: Expr) -> Any:
        if isinstance(part, In):
            return tensors[part.number]
        if isinstance(part, Constant):
            return weights[part.name]
        if isinstance(part, Number):
            return part.value
        if isinstance(part, Index):
            return numbered(part.axis, [*tensors.values(), *(weights[name] for name in constants(expr))])
        return part.function.formula(*map(of, part.args), **dict(part.function.constants))

    with np.errstate(all="ignore"):
        return of(expr)


def numbered(axis: int, operands: Sequence[Any]) -> np.ndarray:
    """The numbers of elements along an axis of the shape that arrays have together, to be broadcast."""
    arrays = [np.asarray(array) for array in operands]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return np.arange(shape[axis], dtype=np.result_type(*arrays)).reshape(-1, *(1,) * (-axis - 1))


def told(expr: Expr, names: Mapping[str, str]) -> str:
    """An expression in words, its weights by other names where these are given: equal words, equal values."""
    if isinstance(expr, Apply):
        numbers = (f"{key}={value!r}" for key, value in expr.function.constants)
        return f"{expr.function.name}({','.join([*(told(arg, names) for arg in expr.args), *numbers])})"
    if isinstance(expr, Constant):
        return names.get(expr.name, expr.name)
    return repr(expr.value if isinstance(expr, Number) else expr)


@dataclass(frozen=True)
class Printed:
    """An expression as GLSL: statements that end in a return, the functions they call, the values of their numbers."""

    text: str
    functions: tuple[tuple[str, int, int], ...]  # name, arguments, numbers after them
    numbers: tuple[float, ...]


def printed(expr: Expr, leaves: Mapping[Expr, str], number: str) -> Printed:
    """The GLSL of an expression whose leaves have these names; its numbers are called `number` and a count from 0.

    What is used more than once is computed once. Of EACH the statements end in r0, r1, .. in place of the return.
    """
    uses: Counter[Expr] = Counter()

    def count(part: Expr) -> None:
        uses[part] += 1
        if uses[part] == 1 and isinstance(part, Apply):
            for arg in part.args:
                count(arg)

    count(expr)
    numbers: list[float] = []
    functions: dict[tuple[str, int, int], None] = {}
    names: dict[Expr, str] = {}
    lines: list[str] = []

    def uniform(value: float) -> str:
        numbers.append(value)
        return f"{number}{len(numbers) - 1}"

    def text(part: Expr, inner: bool = True) -> str:
        if isinstance(part, Number):
            return uniform(part.value)
        if not isinstance(part, Apply):
            return leaves[part]
        if part not in names:
            made = applied(part, inner)
            if uses[part] == 1:
                return made
            names[part] = f"e{len(lines)}"
            lines.append(f"vec4 {names[part]} = {made};")
        return names[part]

    def applied(part: Apply, inner: bool) -> str:
        function, sign = part.function, part.function.infix
        if sign and not (sign == "-" and len(part.args) == 2 and part.args[0] == part.args[1]):
            args = [text(arg) for arg in part.args]
            made = f" {sign} ".join(args) if len(args) > 1 else f"{sign}{args[0]}"
            return f"({made})" if inner else made
        args = [f"vec4({text(arg)})" if isinstance(arg, Number) else text(arg, False) for arg in part.args]
        functions[function.name, len(args), len(function.constants)] = None
        return f"act_{function.name}({', '.join([*args, *(uniform(value) for _, value in function.constants)])})"

    several = isinstance(expr, Apply) and expr.function == EACH
    results = expr.args if isinstance(expr, Apply) and several else (expr,)
    for k, one in enumerate(results):
        result = text(one, False)
        if isinstance(one, Number):
            result = f"vec4({result})"
        lines.append(f"vec4 r{k} = {result};" if several else f"return {result};")
    return Printed("\n".join(lines), tuple(functions), tuple(numbers))
