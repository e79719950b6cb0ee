"""The table of operators: functions of tensors by NumPy's names, for all formats that have operators instead of layers.

A format says which of its names and arguments mean which of these; what an operator computes is said here, once. An
operator is a function of a Trace and arguments: symbols, numbers, tuples of these, and whatever its options are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from numbers import Number
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym, Trace
from ...primitives.move import Size
from ...records import dataclass

OPERATORS: dict[str, Operator] = {}
SAME, FLOAT, INTEGER, TRUTH = "same", "float32", "int32", "bool"  # the type of what an operator makes


@dataclass(frozen=True)
class Operator:
    """A function of a Trace and arguments. `gives`: the type of what it makes; "same" as its operands."""

    function: Callable[..., Any]
    gives: str = SAME

    @property
    def signature(self) -> inspect.Signature:
        """Its arguments without the Trace."""
        whole = inspect.signature(self.function)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def misfit(self, args: Sequence[Any], options: dict[str, Any]) -> str | None:
        """How arguments do not fit it, in words; None where they do."""
        try:
            self.signature.bind(*args, **options)
        except TypeError as error:
            return str(error)
        return None


@dataclass(frozen=True, eq=False)
class Free:
    """A size that is not known before inputs come: of an axis of x; None: of several, or computed of such."""

    x: Sym | None = None
    axis: int = 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Free) and other.x is self.x is not None:
            return other.axis == self.axis
        if isinstance(other, Free) or (isinstance(other, Number) and other >= 0):  # type: ignore[operator]
            raise TypeError("a size that is free may be any")
        return False

    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Free:
        return self if isinstance(other, Number) and other == 0 else Free()

    __radd__ = __sub__ = __add__

    def __rsub__(self, other: Any) -> Free:
        return Free()

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Number) and other == 0:
            return 0
        return self if isinstance(other, Number) and other == 1 else Free()

    def __floordiv__(self, other: Any) -> Free:
        return self if isinstance(other, Number) and other == 1 else Free()

    __rmul__, __truediv__ = __mul__, __floordiv__
    __rfloordiv__ = __rtruediv__ = __rsub__


def operator(gives: str = SAME, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: puts a function into the table under its name."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATORS[name or function.__name__.rstrip("_")] = Operator(function, gives)
        return function

    return add


# ---- arguments as operators want them


def tensor(t: Trace, value: Any) -> Sym:
    """A symbol, or what numbers in tuples are as a weight. Raises ValueError for sizes that are not known."""
    if isinstance(value, Sym):
        return value
    return t.weight(np.asarray(plain(value), np.float64))


def operand(t: Trace, value: Any) -> Sym | float:
    """A symbol or one number."""
    if isinstance(value, Sym | tuple | list):
        return tensor(t, value)
    return float(plain(value))


def plain(value: Any) -> Any:
    """Numbers, nested in tuples. Raises ValueError for sizes that are not known before inputs come, and for others."""
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    if isinstance(value, Free):
        raise ValueError("it computes with the size of an axis that is free; give the model's inputs all their sizes")
    if isinstance(value, bool | int | float):
        return value
    raise ValueError(f"a number is needed, not {value!r:.60}")


def whole(value: Any) -> Any:
    """Integers, nested in tuples, of these or of a weight. Raises ValueError for anything else."""
    if isinstance(value, Sym):
        value = value.trace.value(value)
        return tuple_of(np.asarray(value, np.float64))
    if isinstance(value, tuple | list):
        return tuple(map(whole, value))
    number = plain(value)
    if number != int(number):
        raise ValueError(f"an integer is needed, not {number!r}")
    return int(number)


def tuple_of(array: np.ndarray) -> Any:
    """An array of whole numbers as tuples."""
    made = array.astype(np.int64)
    if (made != array).any():
        raise ValueError("integers are needed, not fractions")
    return _nested(made.tolist())


def _nested(value: Any) -> Any:
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def several(value: Any) -> tuple[int, ...]:
    """One integer, or several, as a tuple."""
    value = whole(value)
    return value if isinstance(value, tuple) else (value,)


def counted_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the front; None: all."""
    return tuple(range(rank)) if axis is None else tuple(checked_axis(k, rank) for k in several(axis))


def listed(t: Trace, values: Any) -> list[Sym]:
    """Several tensors."""
    if isinstance(values, Sym):
        raise ValueError("a list of tensors is needed, not one")
    return [tensor(t, value) for value in values]


def flat(t: Trace, x: Sym) -> Sym:
    """All elements in one axis."""
    return x if x.rank == 1 else t.reshape(x, (-1,))


def kept(x: Sym, axes: Sequence[int] = ()) -> list[Size]:
    """The sizes of x's axes, or of these."""
    return [Size(k) for k in axes or range(x.rank)]


def known(x: Sym, axis: int, why: str) -> int:
    """The size of an axis. Raises ValueError where it is free."""
    size = x.shape[axis]
    if size is None:
        raise ValueError(f"{why} along axis {axis} of {x.shape} needs its size, which is free")
    return size


def number_of(x: Sym | float) -> float:
    """The one number of an operand that is a number or a weight of one element."""
    return float(np.asarray(x.trace.value(x), np.float64).reshape(())) if isinstance(x, Sym) else float(x)
