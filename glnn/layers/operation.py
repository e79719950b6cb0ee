"""Operators in models of layers: one of the table, on the arguments of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..graph.graph import as_tuple
from ..graph.shapes import Dims, Shape
from ..primitives import Sym, Trace
from ..primitives.expand import traced
from ..primitives.expr import Constant, In
from ..records import dataclass
from .base import Layer, WeightSpec, register
from .operators import OPERATORS
from .operators.sizes import SIZES

CALL = "call:"  # (CALL, name, args, options) stands for arithmetic with shapes, done when the model is built


@register("Operation")
@dataclass(frozen=True)
class Operation(Layer):
    """An operator by its name in OPERATORS, of arguments and options (name, value).

    In(k) among them is input k, Constant(name, shape) a weight; slices are ("slice:", start, stop, step), "..." all
    other axes; (CALL, ...) is arithmetic with shapes.
    """

    arity: ClassVar[int | None] = None
    own_fields = frozenset(("function", "args", "options", "constants"))

    function: str
    args: tuple[Any, ...] = ()
    options: tuple[Any, ...] = ()
    constants: tuple[Shape, ...] = ()

    def unsupported(self) -> list[str]:
        if self.function not in OPERATORS:
            return [f"operator {self.function!r}"]
        problem = OPERATORS[self.function].misfit(self.args, dict(self.options))
        return [f"operator {self.function!r}: {problem}"] if problem else []

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(f"constant{k}", shape) for k, shape in enumerate(self.constants)]

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Any:
        made = OPERATORS[self.function].function(
            t, *_valued(self.args, xs, w), **{name: _valued(value, xs, w) for name, value in self.options}
        )
        results = [_computed(t, one, xs) for one in (made if isinstance(made, list | tuple) else [made])]
        return results if isinstance(made, list | tuple) else results[0]

    @property
    def sized(self) -> bool:
        """Whether sizes of inputs are among its arguments."""
        return _has_call((self.args, self.options))

    def unsure(self, free: Sequence[Dims], known: Sequence[Dims]) -> str | None:
        """What shape a build for free sizes makes of `known` ones, if that is not what is meant; else None."""
        trace, made = traced(self, free)
        stored = [trace.stored(sym) for sym in made]
        shapes = {f"x{k}": shape for k, shape in enumerate(known)}
        for node in trace.nodes:
            out = as_tuple(node.layer.output_shape(*(shapes[name] for name in node.inputs)))
            shapes |= zip(node.outputs, out, strict=True)
        for (name, _, order), meant in zip(stored, as_tuple(self.output_shape(*known)), strict=True):
            found = tuple(shapes[name][axis] for axis in order)
            if any(size is not None and size != other for size, other in zip(meant, found, strict=True)):
                return f"{found} where {meant} is meant"
        return None


def _valued(value: Any, xs: Sequence[Sym], w: Mapping[str, Sym]) -> Any:
    """An argument with symbols for its inputs and weights."""
    if isinstance(value, In):
        return xs[value.number]
    if isinstance(value, Constant):
        return w[value.name]
    if is_call(value):
        _, name, args, options = value
        return SIZES[name](*_valued(args, xs, w), **{key: _valued(item, xs, w) for key, item in options})
    return tuple(_valued(item, xs, w) for item in value) if isinstance(value, tuple) else value


def is_call(value: Any) -> bool:
    """Whether this stands for arithmetic with shapes."""
    return isinstance(value, tuple) and len(value) == 4 and value[0] == CALL


def _has_call(value: Any) -> bool:
    return is_call(value) or (isinstance(value, tuple) and any(map(_has_call, value)))


def _computed(t: Trace, made: Sym, xs: Sequence[Sym]) -> Sym:
    """A result as a tensor: what is known has 0 of an input added, which no NaN there changes."""
    if not made.constant:
        return made
    return t.apply("add", made, t.reduce("sum", t.where(0.0, xs[0], 0.0), None))
