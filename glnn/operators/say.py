"""What functions of operators are written with: a Trace whose tensors know their types, and their values if known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.quantized import Quantized
from ..graph.types import plain_type, typed
from ..graph.weight import Weight
from ..primitives import Sym, Trace
from ..primitives.expr import Apply, Constant, In
from ..records import dataclass

WIDE = np.float64  # in which what is known is computed


@dataclass(frozen=True, eq=False)
class Tensor(Sym):
    """A value of an operator graph. `array`: its elements in their own type, where they are known before inputs come.

    dtype: its type by the name that NumPy has for it, "bfloat16" besides
    name:  what the graph calls it
    """

    dtype: str = "float32"
    array: Any = None
    name: str = ""


class NeedsValue(Exception):
    """The elements of tensors must be known for what follows: `names`; `call`: the label of what asks for them.

    live: the tensors that are made and are read later, by name
    """

    def __init__(self, names: Sequence[str], call: str = ""):
        super().__init__(", ".join(names))
        self.names, self.call = tuple(names), call
        self.live: dict[str, Tensor] = {}


class NeedsShape(ValueError):
    """A size must be known that is free."""


class Misfit(ValueError):
    """Something that an operator cannot do, in words: an attribute, a type, a rank."""


class Say(Trace):
    """The words of a Trace for operators; see also `layers.operators`, whose functions take it as well."""

    literals = True
    outputs: tuple[bool, ...] = (True,)  # which outputs of the call somebody wants
    sized = False  # whether something was computed of sizes that are free

    def wanted(self, number: int) -> bool:
        """Whether somebody wants the output of this number of the call that is said."""
        return number < len(self.outputs) and self.outputs[number]

    def apply(self, function: Any, *operands: Any) -> Sym:
        """See Trace; what is known to be one number is a number, which no texture holds."""
        rank = max((x.rank for x in operands if isinstance(x, Sym) and not is_number(x)), default=-1)
        plain = [float(x.array.reshape(())) if is_number(x) and x.rank <= rank else x for x in operands]
        return super().apply(function, *plain)

    # ---- what is known

    def array(self, x: Any) -> np.ndarray:
        """The elements of a tensor in its own type. Raises NeedsValue where they are computed of inputs."""
        if not isinstance(x, Sym):
            return np.asarray(x)
        known = getattr(x, "array", None)
        if known is None:
            if not x.constant:
                if not getattr(x, "name", ""):
                    raise Misfit("the elements of what is made within an operator are not known")
                raise NeedsValue([x.name])  # type: ignore[attr-defined]
            known = typed(np.asarray(self.value(x), WIDE), getattr(x, "dtype", "float32"))
        return known

    def sizes(self, x: Any) -> tuple[Any, ...]:
        """Whole numbers, of a tensor with one axis or none, or of an attribute, as a tuple. See `array`."""
        if isinstance(x, tuple | list):
            return tuple(int(k) for k in x)
        array = self.array(x).reshape(-1)
        return tuple(k if not isinstance(k, int | np.integer | float | np.floating) else int(k) for k in array.tolist())

    def number(self, x: Any) -> Any:
        """The one number of a tensor of one element, or of an attribute. See `array`."""
        array = self.array(x)
        if array.size != 1:
            raise Misfit(f"one number is needed, not a tensor of shape {array.shape}")
        return array.reshape(-1)[0].item() if array.dtype != object else array.reshape(-1)[0]

    def static(self, x: Sym) -> tuple[int, ...]:
        """The shape of a tensor. Raises NeedsShape where a size is free."""
        if None in x.shape:
            raise NeedsShape(f"the sizes of {x.shape} must be known")
        return tuple(int(size) for size in x.shape if size is not None)

    # ---- what is made

    def as_tensor(self, x: Sym) -> Sym:
        """A weight as a tensor, which a draw makes; others as they are."""
        return Sym(self, In(self._number(x)), x.shape, x.order) if x.constant else x

    def give(self, value: Any, dtype: str | None = None, name: str = "") -> Tensor:
        """A tensor of a type: of a symbol, or of an array, whose elements are known then.

        What an operator makes of symbols has the type of its first input where nobody says another.
        """
        if isinstance(value, Sym):
            old = getattr(value, "dtype", None)
            array = getattr(value, "array", None) if dtype in (None, old) else None
            if 0 in value.shape and array is None:
                array = np.zeros(self.static(value), plain_type(dtype or old or "float32"))
            kind = dtype or old or "float32"
            return Tensor(value.trace, value.expr, value.shape, value.order, kind, array, name)
        if isinstance(value, Quantized):  # its integers go into textures
            sym = self.weight(Weight.root(name or self.fresh(), value))
            return Tensor(self, sym.expr, sym.shape, sym.order, dtype or "float32", None, name)
        array = np.asarray(value)
        if array.dtype == object:  # with sizes that are free
            self.sized = True
            return Tensor(
                self, Constant(f"{self.name}~sizes", array.shape), array.shape, (0,) * array.ndim, "int64", array, name
            )
        sym = self.weight(Weight.root(name or self.fresh(), array if array.dtype == np.float32 else floats(array)))
        kind = dtype or name_of(array.dtype)
        own = array if array.dtype == plain_type(kind) else None  # halves of what computes as float32 stay halves
        return Tensor(self, sym.expr, sym.shape, sym.order, kind, own, name)

    def rounded(self, x: Any, dtype: str) -> Any:
        """What was computed of weights, in a type, as any runtime rounds it: a floor later may turn on the last bit.

        Views of weights stay views.
        """
        if isinstance(x, list):
            return [self.rounded(one, dtype) for one in x]
        if not isinstance(x, Sym) or not isinstance(x.expr, Apply):
            return x
        dtype = getattr(x, "dtype", dtype)
        return self.give(typed(np.asarray(self.value(x), WIDE), dtype), dtype)

    def fresh(self) -> str:
        """A name for a weight that nobody named."""
        return f"{self.name}~{len(self.weights)}"


def is_number(x: Any) -> bool:
    """Whether this is a tensor of one element, which is known."""
    array = getattr(x, "array", None)
    return array is not None and array.size == 1 and array.dtype != object


def name_of(dtype: Any) -> str:
    """What a type of NumPy is called here."""
    return str(np.dtype(dtype).name)


def floats(array: np.ndarray) -> np.ndarray:
    """An array as computing goes on with it: whole numbers in the widest floats, others as they are."""
    return array if array.dtype.kind == "f" else array.astype(np.float64)
