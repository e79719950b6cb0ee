"""What a primitive is, and what it is drawn with: values, windows, epilogues, and the builder that takes the draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, Protocol

import numpy as np

from ..graph.shapes import Dims, Shape, broadcast
from ..graph.weight import WeightSpec
from ..layout.limits import Limits
from ..layout.tiling import Grid
from ..records import dataclass
from .expr import RESULT, Apply, Expr, constants, values, with_leaves
from .expr import inputs as read
from .functions import Function


@dataclass(frozen=True)
class Value:
    """A tensor during lowering: its concrete shape, and a number that is its own."""

    id: int
    shape: Shape


class Builder(Protocol):
    """What a layer's `lower` draws with; the planner implements it (plan/builder.py)."""

    def draw(
        self,
        kernel: Any,
        shape: Shape,
        inputs: Mapping[str, Source],
        *,
        cells: Mapping[str, np.ndarray] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
        const: Mapping[str, int | float] | None = None,
        param: Mapping[str, int] | None = None,
        uniform: Mapping[str, float] | None = None,
        finish: Epilogue | Function | None = None,
        window: Mapping[str, Window] | None = None,
        looped: bool = False,
        grid: Grid | None = None,
        rolled: tuple[str, ...] = (),
        parts: Parts | None = None,
    ) -> Value:
        """One draw of the kernel of this name that makes a tensor of `shape`: what its pragmas declare, by name.

        kernel:  its name, or a KernelSource that is nowhere known by its name
        cells:   weights by name for inner loops: (taps, in, out) a matrix, (channels,) or (taps, channels) a vector
        tensors: constants by name, read by the kernel like an input
        const:   numbers that the text of the kernel holds (unroll bounds, kernel sizes)
        param:   integers that may change with the shapes; they do not make a new program
        uniform: floats by name that the text of the kernel reads; they do not make a new program
        finish:  what is computed with each value before it is written, maybe of further tensors; it may enlarge the
                 shape to that of these, broadcast
        window:  how the block's origin in an input follows from the output's (see Window)
        looped:  a blocked kernel for a pixel at a time, with real loops: for what is too large to be written out. Its
                 consts may be given as `param`, so that new values of them need no new program
        grid:    of a kernel of tiles (shaders/tiles), the pixels that it makes
        rolled:  variables of a blocked kernel whose loops stay loops, the others written out; what bounds them may be
                 given as `param`
        parts:   what is made of parts of the channels, of a blocked kernel that makes BH of them for BW pixels of a
                 row: `shape` is that of the results, one before the other, `finish` is computed before
        """
        ...

    def room(self, weights: Mapping[str, np.ndarray], *read: Value) -> bool:
        """Whether a draw has texture units for these weights in cells, and for what else it reads."""
        ...

    def tiles(self, shape: Shape, *read: Value) -> bool:
        """Whether a kernel of tiles can make a tensor of this shape of others here: in compute shaders, in no turn."""
        ...

    def images(self, whole: Value, shape: Shape) -> list[Value]:
        """The tensors of this shape that lie one after another in a tensor of four axes, as some of its images."""
        ...

    def choose(self, primitive: Primitive, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Recipe:
        """Which of a primitive's recipes draws it here."""
        ...

    def part(self, value: Value, axis: int, start: int, size: int) -> Value | None:
        """`size` elements along an axis of a value, from `start` on, read where they lie; None where they cannot be."""
        ...

    def element(self, value: Value, axis: int, number: int) -> Value | None:
        """What lies at one place along an axis of a value, read where it lies; None where it cannot be."""
        ...

    def block_of(self, h: int, w: int) -> tuple[int, int]:
        """The block of images of this size that blocked kernels draw, where these lie in blocks."""
        ...

    def exact(self, value: Value) -> Value:
        """The value itself, stored from now on such that whole numbers up to 2^24 stay what they are."""
        ...


@dataclass(frozen=True)
class Window:
    """Where a blocked kernel's taps start: input pixel = output pixel * mul // div, along height and width."""

    mul: tuple[int, int] = (1, 1)
    div: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Epilogue:
    """An expression at the end of a draw, with the tensors and weights that it reads; In(0) is what the draw made.

    Where `tensors` has number 0 as well, what the kernel made is not used.
    """

    expr: Expr
    tensors: Mapping[int, Value] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """What a draw makes of `count` equal parts of the channels that its kernel computes, In(0), In(1), ...

    of: EACH of its results, with the tensors (from In(count) on) and weights that they read
    """

    count: int
    of: Epilogue

    @property
    def results(self) -> int:
        """How many results there are."""
        return len(self.of.expr.args) if isinstance(self.of.expr, Apply) else 1


@dataclass(frozen=True)
class Computed:
    """An input that no texture holds, of `shape`: an expression of tensors by number and of weights, broadcast."""

    shape: Shape
    of: Epilogue


@dataclass(frozen=True)
class Joined:
    """An input that no texture holds: tensors one after the other along an axis, counted from the front."""

    values: tuple[Value, ...]
    axis: int

    @property
    def shape(self) -> Shape:
        """The shape of all together."""
        sizes = list(self.values[0].shape)
        sizes[self.axis] = sum(value.shape[self.axis] for value in self.values)
        return tuple(sizes)


Source = Value | Computed | Joined  # a kernel of one texel at a time reads them all alike


def anywhere(limits: Limits) -> bool:
    """The condition of a recipe that every device can draw."""
    return True


@dataclass(frozen=True)
class Recipe:
    """A way to draw a primitive: its name, unlike its others', and the draws, for a Builder and an epilogue.

    fits: whether a device of these limits can draw it
    cost: its time on a device of these limits, estimated, in units that are the same for all recipes of a primitive;
          None: nobody has estimated it, and only a measured table takes it before an earlier one
    """

    name: str
    draw: Callable[[Builder, Epilogue | None], Any]  # a Value, or a list of those of several outputs
    fits: Callable[[Limits], bool] = anywhere
    cost: Callable[[Limits], float] | None = None


PRIMITIVES: dict[str, type[Primitive]] = {}  # by the name that files know each by


class Primitive:
    """Base of all primitives: frozen dataclasses of what is computed, whatever format it came from.

    Shapes have the batch first; in `shape` any dimension may be None (free). Those with a field `finish` compute this
    with each value that they make: In(0) is that value, In(1), In(2), .. the inputs after the primitive's own.
    Subclasses have `shape`, `compute` and `recipes`; what a graph asks of an Op follows from these.
    """

    arity: ClassVar[int | None] = 1  # inputs of its own; None: one or more
    exact_inputs: ClassVar[tuple[int, ...]] = ()
    """Inputs (by number) that hold whole numbers: stored with full precision where the device can."""

    def __init_subclass__(cls, filed: bool = True, **options: Any) -> None:
        """filed: whether files may name it."""
        super().__init_subclass__(**options)
        if filed:
            PRIMITIVES.setdefault(re.sub("(?<!^)([A-Z])", r"_\1", cls.__name__).lower(), cls)

    def shape(self, *inputs: Dims) -> Dims:
        """The shape of what it makes of inputs of these shapes. Raises ValueError where they do not fit."""
        raise NotImplementedError

    def weights(self, *inputs: Dims) -> list[WeightSpec]:
        """The weights of its own for inputs of these shapes."""
        return []

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        """What it makes, in NumPy and the type of its inputs, without the finish."""
        raise NotImplementedError

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        """The ways to draw it. The first that fits is drawn, unless another's cost is less or was measured as less."""
        raise NotImplementedError

    # ---- as an Op

    def own(self, count: int) -> int:
        """How many of `count` inputs are its own; the others are the finish's."""
        return count - len([k for k in read(finish_of(self)) if k]) if self.arity is None else self.arity

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        """The weights with those of the finish."""
        own = self.weights(*inputs[: self.own(len(inputs))])
        return [*own, *(WeightSpec(name, shape) for name, shape in constants(finish_of(self)).items())]

    def output_shape(self, *inputs: Dims) -> Dims:
        """The shape that comes out, the finish's inputs broadcast with it."""
        own, finish = self.own(len(inputs)), finish_of(self)
        if own < 0 or max(read(finish), default=0) > len(inputs) - own:
            raise ValueError(f"it reads more tensors than the {len(inputs)} that it is given")
        return spread(self.shape(*inputs[:own]), [*inputs[own:], *constants(finish).values()])

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        """What comes out, in NumPy."""
        own, finish = self.own(len(inputs)), finish_of(self)
        with np.errstate(all="ignore"):
            made = self.compute(inputs[:own], weights)
            if finish == RESULT:
                return made
            result = values(finish, dict(enumerate([made, *inputs[own:]])), weights)
            return np.asarray(result).astype(made.dtype, copy=False)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Value:
        """Its draws, by the recipe that the builder chooses."""
        own, finish = self.own(len(inputs)), finish_of(self)
        epilogue = None
        if finish != RESULT:
            epilogue = Epilogue(finish, dict(enumerate(inputs[own:], 1)), {n: weights[n] for n in constants(finish)})
        return b.choose(self, inputs[:own], weights).draw(b, epilogue)


def at_least(least: int, **values: int | Sequence[int]) -> None:
    """Raises ValueError for a number, or one of several, that is less."""
    for name, value in values.items():
        numbers = (value,) if isinstance(value, int) else value
        if any(number < least for number in numbers):
            raise ValueError(f"{name} is {value}; allowed is {least} or more")


def one_of(names: Iterable[str], **values: str) -> None:
    """Raises ValueError for a value that is none of the names."""
    for name, value in values.items():
        if value not in names:
            raise ValueError(f"{name} is {value!r}; allowed are {', '.join(map(repr, names))}")


def finish_of(primitive: Any) -> Expr:
    """What it computes with each value that it makes; In(0) where it can do no such thing."""
    return getattr(primitive, "finish", RESULT)


def spread(shape: Dims, others: Sequence[Dims]) -> Dims:
    """The shape, broadcast with others as in NumPy; a free size wins over 1. Raises ValueError where they differ."""
    for other in others:
        if other == shape:
            continue
        rank = max(len(shape), len(other))
        shape = broadcast(*((1,) * (rank - len(s)) + tuple(s) for s in (shape, other)))
    return shape


def after(epilogue: Epilogue | None, expr: Expr, tensors: Mapping[int, Value]) -> Epilogue:
    """`expr` of a draw's own result In(0) and of tensors by numbers below 0, then the epilogue of what comes of it."""
    whole = epilogue or Epilogue(RESULT)
    return Epilogue(with_leaves(whole.expr, {RESULT: expr}), {**whole.tensors, **tensors}, whole.weights)
