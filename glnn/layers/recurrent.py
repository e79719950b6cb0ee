"""Recurrent layers: a cell, step after step along the second axis; in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar

import numpy as np

from ..errors import UnsupportedError
from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..primitives.blank import Blank
from ..primitives.move import Size
from ..records import dataclass
from .base import LAYERS, Layer, WeightSpec, register
from .cells import TRAINING, Cell, GatedCell, GRUCell, LSTMCell, SimpleRNNCell, Words, cell_of, part, split

MERGE_MODES = ("concat", "sum", "mul", "ave", None)


@dataclass(frozen=True, kw_only=True)
class Recurrent(Layer):
    """(N, T, C) -> what a cell gives in the last step, (N, units), or in each, (N, T, units).

    Further inputs: the states before the first step, all of them or none, then, where `masked`, a mask (N, T): where it
    is 0 states stay as they are, and the output is that of the step before, with `zero_output_for_mask` 0.

    return_state: the states after the last step are outputs as well
    go_backwards: the last step of the input is taken first; the output is in the order of the steps taken
    """

    arity: ClassVar[int | None] = None
    by_steps: ClassVar[bool] = True
    ignored: ClassVar[frozenset[str]] = TRAINING | {"unroll"}
    own_fields: ClassVar[frozenset[str]] = frozenset(("masked", "zero_start"))
    call_arguments: ClassVar[tuple[str, ...]] = ("initial_state",)
    takes_masks: ClassVar[bool] = True
    passes_mask: ClassVar[bool] = True
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    zero_output_for_mask: bool = False
    time_major: bool = False
    masked: bool = False
    zero_start: bool = False  # where the first steps are masked the output is 0, not the state before them

    @property
    def cell(self) -> Cell:
        """What is computed in a step: by default the cell that the class derives from."""
        kind = next(base for base in type(self).__mro__ if issubclass(base, Cell) and not issubclass(base, Recurrent))
        return kind(**{field.name: getattr(self, field.name) for field in fields(kind)})  # type: ignore[arg-type]

    def unsupported(self) -> list[str]:
        return ["option time_major=True (the batch must come first)"] if self.time_major else []

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return self.cell.weight_specs((inputs[0][0], *inputs[0][2:]))

    def build(self, t: Trace, *xs: Sym, w: Words) -> list[Sym]:
        given, mask = (xs[:-1], xs[-1]) if self.masked else (xs, None)
        return self.run(t, given[0], given[1:], mask, w)

    def run(
        self, t: Trace, x: Sym, states: Sequence[Sym], mask: Sym | None, w: Words, stack_reverse: bool = False
    ) -> list[Sym]:
        """The output and, if they are asked for, the states. Raises ValueError for shapes that do not fit."""
        cell = self.cell
        self.check(x, states)
        return self.steps(t, cell, cell.project(t, x, w), states, mask, w, stack_reverse)

    def check(self, x: Sym, states: Sequence[Sym]) -> None:
        """Raises ValueError for shapes that do not fit."""
        rank, count = 3 + self.cell.axes, len(self.cell.states)
        if x.rank != rank:
            raise ValueError(f"{type(self).__name__} takes a sequence of {rank} axes, not {x.shape}")
        if len(states) not in (0, count):
            raise ValueError(f"{len(states)} initial states; allowed are none or {count}")

    def steps(
        self, t: Trace, cell: Cell, x: Sym, states: Sequence[Sym], mask: Sym | None, w: Words, stack_reverse: bool
    ) -> list[Sym]:
        """What a cell makes of what was projected for it: the output and, if they are asked for, the states."""
        sizes, main, rank = cell.states, cell.output_state, x.rank
        given, count, sliced = bool(states), len(sizes), [x]
        states = list(states) or [zeros(t, sliced[0], size) for size in sizes]
        follows = mask is None or not (self.zero_output_for_mask or (self.zero_start and given))
        carried = states if follows else [*states, zeros(t, sliced[0], sizes[main])]
        if mask is not None:
            if mask.rank == 3 and rank == 3:  # of the steps of each step: one counts where it leaves any of them
                mask = t.reduce("any", mask, 2)
            sliced.append(t.reshape(mask, (Size(0), Size(1), *(1,) * (rank - 2))))

        def step(*turn: Sym) -> list[Sym]:
            before, (now, *open_) = turn[:count], turn[len(carried) : len(carried) + len(sliced)]
            y, after = cell.step(t, now, before, w)
            for m in open_:
                after = [t.where(m, new, old) for new, old in zip(after, before, strict=True)]
                last = after[main] if follows else t.where(m, y, 0.0 if self.zero_output_for_mask else turn[count])
            y = last if open_ else y
            return [*after, *([] if follows else [y]), *([y] if self.return_sequences else [])]

        names = [*cell.state_names, *(() if follows else ("y",))]
        made = t.repeat(
            step, carried, sliced, axis=1, reverse=self.go_backwards, stack_reverse=stack_reverse, names=names
        )
        output = made[-1] if self.return_sequences else made[main if follows else count]
        return [output, *(made[:count] if self.return_state else ())]


@register("SimpleRNN")
@dataclass(frozen=True)
class SimpleRNN(Recurrent, SimpleRNNCell):
    """A SimpleRNNCell, step after step."""


@register("LSTM")
@dataclass(frozen=True)
class LSTM(Recurrent, LSTMCell):
    """An LSTMCell, step after step."""


@register("GRU")
@dataclass(frozen=True)
class GRU(Recurrent, GRUCell):
    """A GRUCell, step after step."""


@register("RNN")
@dataclass(frozen=True)
class RNN(Recurrent):
    """A cell, or several one after the other, step after step."""

    cell: Cell = SimpleRNNCell(1)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "") -> Layer:
        """TensorFlow.js says the cell's options in the layer's config a second time; what differs there is refused."""
        cell, own = config.get("cell"), {field.name for field in fields(cls)}
        told = cell.get("config") if isinstance(cell, Mapping) else None
        again = told.items() if isinstance(told, Mapping) else ()
        said = {key for key, value in again if key not in own and key in config and config[key] == value}
        return super().from_config({key: value for key, value in config.items() if key not in said}, where)

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return cell_of(value) if key == "cell" else super().convert(key, value)


@register("Bidirectional")
@dataclass(frozen=True)
class Bidirectional(Layer):
    """A recurrent layer and one that goes backwards, on one sequence; what they give is merged step by step.

    Further inputs: the states of the one and of the other before the first step, then, where `masked`, a mask.
    """

    by_steps: ClassVar[bool] = True
    arity: ClassVar[int | None] = None
    own_fields: ClassVar[frozenset[str]] = frozenset(("masked",))
    call_arguments: ClassVar[tuple[str, ...]] = ("initial_state",)
    takes_masks: ClassVar[bool] = True
    passes_mask: ClassVar[bool] = True
    layer: Recurrent
    backward_layer: Recurrent | None = None
    merge_mode: str | None = "concat"
    masked: bool = False

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return recurrent_of(value) if key in ("layer", "backward_layer") else super().convert(key, value)

    def __post_init__(self) -> None:
        one, other = self.layer, self.backward_layer or replace(self.layer, go_backwards=not self.layer.go_backwards)
        object.__setattr__(self, "backward_layer", other)
        if self.merge_mode not in MERGE_MODES:
            raise ValueError(f"merge_mode is {self.merge_mode!r}; allowed are {MERGE_MODES}")
        for option in ("return_sequences", "return_state", "stateful"):
            if getattr(one, option) != getattr(other, option):
                raise ValueError(f"{option} of the backward layer differs from that of the forward one")
        if one.go_backwards == other.go_backwards:
            raise ValueError("go_backwards of the backward layer is that of the forward one")

    @property
    def return_sequences(self) -> bool:
        """Whether each step is given."""
        return self.layer.return_sequences

    def unsupported(self) -> list[str]:
        return [*self.layer.unsupported(), *(self.backward_layer or self.layer).unsupported()]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        layers = (("forward", self.layer), ("backward", self.backward_layer or self.layer))
        return [WeightSpec(f"{n}/{s.name}", s.shape) for n, layer in layers for s in layer.weight_specs(*inputs)]

    def build(self, t: Trace, *xs: Sym, w: Words) -> list[Sym]:
        given, mask = (xs[:-1], xs[-1]) if self.masked else (xs, None)
        if len(xs) == 1 and (both := self.at_once(t, xs[0], w)):
            return both
        half, made = (len(given) - 1) // 2, []
        for k, (name, layer) in enumerate((("forward/", self.layer), ("backward/", self.backward_layer))):
            assert layer is not None
            if layer.return_sequences:  # as Keras does, whatever the layer's own config says
                layer = replace(layer, zero_output_for_mask=True)
            states = given[1 + k * half : 1 + (k + 1) * half] if half else ()
            made.append(layer.run(t, given[0], states, mask, part(w, name), stack_reverse=k == 1))
        (one, *first), (other, *second) = made
        return [*self.merged(t, one, other), *first, *second]

    def at_once(self, t: Trace, x: Sym, w: Words) -> list[Sym] | None:
        """Both directions as one cell of both their units; None where they differ, or that is no gain.

        What is projected for the one that goes backwards is turned around before, and what it gives afterwards.
        """
        layer, other = self.layer, self.backward_layer
        assert other is not None
        cell = layer.cell
        if cell != other.cell or cell.axes or not isinstance(cell, GatedCell):
            return None
        layer.check(x, ())
        beside = cell.beside(t, part(w, "forward/"), part(w, "backward/"))
        if beside is None:
            return None
        wide, weights = beside
        z = wide.project(t, x, weights)
        ahead = np.tile(np.repeat((1.0, 0.0), cell.units), wide.gates)  # 1 for channels of the forward layer
        turned = t.backwards(z, 1)
        z = t.where(t.weight(ahead), *((turned, z) if layer.go_backwards else (z, turned)))
        made = replace(layer, go_backwards=False).steps(t, wide, z, (), None, weights, False)
        one, another = zip(*(split(t, y, 2) for y in made), strict=True)
        output = t.backwards(another[0], 1) if layer.return_sequences else another[0]
        return [*self.merged(t, one[0], output), *one[1:], *another[1:]]

    def merged(self, t: Trace, one: Sym, other: Sym) -> list[Sym]:
        """What both directions give, as one tensor or, without a merge_mode, as two."""
        if self.merge_mode is None:
            return [one, other]
        if self.merge_mode == "concat":
            return [t.concat([one, other], -1)]
        return [one * other if self.merge_mode == "mul" else (one + other) / (1 + (self.merge_mode == "ave"))]


def recurrent_of(value: Any) -> Recurrent | None:
    """The recurrent layer that a config means. Raises UnsupportedError for what is none."""
    if value is None or isinstance(value, Recurrent):
        return value
    name = str(value.get("class_name")) if isinstance(value, Mapping) else repr(value)
    kind = LAYERS.get(name)
    if kind is None or not issubclass(kind, Recurrent) or not isinstance(value.get("config"), Mapping):
        raise UnsupportedError("Bidirectional", [f"layer {name}, which is no recurrent layer that glnn knows"])
    return kind.from_config(value["config"], name)


def zeros(t: Trace, x: Sym, channels: int) -> Sym:
    """(N, ..., channels) of zeros, for a sequence x (N, T, ..., C)."""
    sizes = (Size(x.order[axis]) for axis in (0, *range(2, x.rank - 1)))
    return t.drawn(Blank((*sizes, channels)), [x])
