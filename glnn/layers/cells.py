"""Cells: what a recurrent layer computes in one step. The layers that take the steps are in `recurrent`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ..errors import UnsupportedError
from ..graph.quantized import Quantized
from ..graph.shapes import Dims, Shape, numbers
from ..graph.weight import Weight
from ..primitives import Sym, Trace
from ..primitives.functions import FUNCTIONS, Function
from ..records import dataclass
from .base import LAYERS, Layer, WeightSpec, register, resolve
from .core import whole

TRAINING = frozenset(  # what training or speed alone sees
    "dropout recurrent_dropout implementation unit_forget_bias recurrent_initializer recurrent_regularizer "
    "recurrent_constraint forget_bias_init inner_init consume_less dropout_U dropout_W U_regularizer use_cudnn".split()
)
Words = Mapping[str, Sym]
Step = tuple[Sym, list[Sym]]  # what a step gives, and the states after it


class Cell(Layer):
    """Base of cells, with states of so many channels as `states` says; the first is what a step gives.

    `project` is what a step computes of its input alone, said for all steps at once; `step` is the rest of it.
    """

    ignored: ClassVar[frozenset[str]] = TRAINING

    axes: ClassVar[int] = 0  # between the batch and the channels of what a step takes and gives

    @property
    def output_state(self) -> int:
        """The number of the state that is what a step gives."""
        return 0

    @property
    def states(self) -> list[int]:
        """The channels of each of its states."""
        raise NotImplementedError

    @property
    def state_names(self) -> list[str]:
        """What its states are called, for those who look at the steps."""
        return ["h", "c", *(f"state {k}" for k in range(2, len(self.states)))][: len(self.states)]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        """The weights for steps of inputs (N, C)."""
        raise NotImplementedError

    def project(self, t: Trace, x: Sym, w: Words) -> Sym:
        """Inputs (N, T, C) of all steps, or (N, C) of one -> what each step needs of them."""
        raise NotImplementedError

    def step(self, t: Trace, x: Sym, states: Sequence[Sym], w: Words) -> Step:
        """One step on what was projected for it, (N, ..)."""
        raise NotImplementedError


class GatedCell(Cell):
    """Base of cells of `units` with one kernel and one recurrent kernel for all their gates."""

    gates: ClassVar[int] = 1
    units: int
    activation: Function
    use_bias: bool

    def __post_init__(self) -> None:
        for name in ("activation", "recurrent_activation"):
            if hasattr(self, name):
                object.__setattr__(self, name, resolve(getattr(self, name)))
        whole(self.units, "units")

    @property
    def states(self) -> list[int]:
        return [self.units]

    @property
    def bias_shape(self) -> Shape:
        """The shape of the bias."""
        return (self.gates * self.units,)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        if inputs[0][-1] is None:
            raise ValueError(f"{type(self).__name__} must know its number of input channels, the last of {inputs[0]}")
        width, shape = self.gates * self.units, self.bias_shape
        kernels = [WeightSpec(n, (c, width)) for n, c in (("kernel", inputs[0][-1]), ("recurrent_kernel", self.units))]
        return [*kernels, *([WeightSpec("bias", shape)] if self.use_bias else [])]

    def project(self, t: Trace, x: Sym, w: Words) -> Sym:
        return t.dense(x, w["kernel"], w.get("bias"), self.gates * self.units)

    def recur(self, t: Trace, h: Sym, kernel: Sym, bias: Sym | None = None) -> Sym:
        """What a step computes of h for its gates; of two cells beside each other, each of its own channels."""
        rows, width = numbers(kernel.shape)
        cells = self.units // rows
        return t.conv(h, kernel, bias, groups=cells, rounds=width // self.units if cells > 1 else 1)

    def beside(self, t: Trace, one: Words, other: Words) -> tuple[GatedCell, dict[str, Sym]] | None:
        """Two cells of these weights as one with the units of both, and its weights; None where that is no gain.

        The channels of each gate are those of the one, then those of the other, and so are those of the states. Weights
        that are integers stay so, in cells of their own.
        """
        roots = [(name, t.value(one[name]), t.value(other[name])) for name in one]
        if self.units % 4 or any(isinstance(w.values, Quantized) or not w.ndim for _, *pair in roots for w in pair):
            return None
        cell = replace(self, units=2 * self.units)  # type: ignore[type-var]
        return cell, {name: t.weight(interleaved(a, b, self.units)) for name, a, b in roots}


@register("SimpleRNNCell")
@dataclass(frozen=True)
class SimpleRNNCell(GatedCell):
    """h' = activation(x W + h U + b)."""

    units: int
    activation: Function = FUNCTIONS["tanh"]
    use_bias: bool = True

    def step(self, t: Trace, x: Sym, states: Sequence[Sym], w: Words) -> Step:
        h = t.activation(x + self.recur(t, states[0], w["recurrent_kernel"]), self.activation)
        return h, [h]


class LongShort(GatedCell):
    """Gates i, f, g, o of x W + h U + b: c' = f c + i g, h' = o activation(c')."""

    gates: ClassVar[int] = 4
    recurrent_activation: Function

    @property
    def states(self) -> list[int]:
        return [self.units] * 2

    def step(self, t: Trace, x: Sym, states: Sequence[Sym], w: Words) -> Step:
        h, c = states
        i, f, g, o = split(t, x + self.recur(t, h, w["recurrent_kernel"]), 4)
        c = self.gate(t, f) * c + self.gate(t, i) * t.activation(g, self.activation)
        h = self.gate(t, o) * t.activation(c, self.activation)
        return h, [h, c]

    def gate(self, t: Trace, x: Sym) -> Sym:
        """How far a gate is open."""
        return t.activation(x, self.recurrent_activation)


@register("LSTMCell")
@dataclass(frozen=True)
class LSTMCell(LongShort):
    """A long short-term memory: see LongShort."""

    units: int
    activation: Function = FUNCTIONS["tanh"]
    recurrent_activation: Function = FUNCTIONS["sigmoid"]
    use_bias: bool = True


@register("GRUCell")
@dataclass(frozen=True)
class GRUCell(GatedCell):
    """Gates z, r and the candidate g of x W + b: h' = z h + (1 - z) activation(g + (r h) U), or g + r (h U + b)."""

    gates: ClassVar[int] = 3
    units: int
    activation: Function = FUNCTIONS["tanh"]
    recurrent_activation: Function = FUNCTIONS["sigmoid"]
    use_bias: bool = True
    reset_after: bool = True

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str = "") -> Layer:
        return super().from_config({"reset_after": False, **config}, where)  # what does not say it is older than it

    @property
    def bias_shape(self) -> Shape:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def project(self, t: Trace, x: Sym, w: Words) -> Sym:
        bias = self.bias(t, w, 0) if self.reset_after else w.get("bias")
        return t.dense(x, w["kernel"], bias, 3 * self.units)

    def bias(self, t: Trace, w: Words, k: int) -> Sym | None:
        """The bias of the inputs (0) or of the state (1), where these are apart."""
        return t.weight(t.value(w["bias"])[k]) if self.use_bias else None

    def step(self, t: Trace, x: Sym, states: Sequence[Sym], w: Words) -> Step:
        (h,), kernel = states, t.value(w["recurrent_kernel"])
        if self.reset_after:
            inner = split(t, self.recur(t, h, w["recurrent_kernel"], self.bias(t, w, 1)), 3)
            given = split(t, x, 3)
            z, r = (t.activation(given[k] + inner[k], self.recurrent_activation) for k in (0, 1))
            candidate = given[2] + r * inner[2]
        else:
            most = 2 * self.units
            both = t.slice(x, -1, 0, most) + self.recur(t, h, t.weight(kernel[:, :most]))
            z, r = split(t, t.activation(both, self.recurrent_activation), 2)
            candidate = t.slice(x, -1, most, self.units) + self.recur(t, r * h, t.weight(kernel[:, most:]))
        h = z * h + (1 - z) * t.activation(candidate, self.activation)
        return h, [h]


@register("StackedRNNCells")
@dataclass(frozen=True)
class StackedRNNCells(Cell):
    """Cells one after the other in each step; weights are called by the number of their cell, "0/kernel"."""

    cells: tuple[Cell, ...]

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return tuple(cell_of(cell) for cell in value) if key == "cells" else value

    @property
    def states(self) -> list[int]:
        return [size for cell in self.cells for size in cell.states]

    @property
    def state_names(self) -> list[str]:
        return [f"{k}/{name}" for k, cell in enumerate(self.cells) for name in cell.state_names]

    @property
    def output_state(self) -> int:
        return len(self.states) - len(self.cells[-1].states)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        shape, specs = inputs[0], []
        for k, cell in enumerate(self.cells):
            specs += [WeightSpec(f"{k}/{spec.name}", spec.shape) for spec in cell.weight_specs(shape)]
            shape = (shape[0], cell.states[cell.output_state])
        return specs

    def project(self, t: Trace, x: Sym, w: Words) -> Sym:
        return self.cells[0].project(t, x, part(w, "0/"))

    def step(self, t: Trace, x: Sym, states: Sequence[Sym], w: Words) -> Step:
        made: list[Sym] = []
        for k, cell in enumerate(self.cells):
            own, mine = part(w, f"{k}/"), states[len(made) : len(made) + len(cell.states)]
            x = cell.project(t, x, own) if k else x
            x, after = cell.step(t, x, mine, own)
            made += after
        return x, made


def cell_of(value: Any) -> Cell:
    """The cell that a config means: a Cell, Keras' serialised form of one, or a list of several.

    Raises UnsupportedError for what is none.
    """
    if isinstance(value, Cell):
        return value
    if isinstance(value, list | tuple):
        return StackedRNNCells(tuple(map(cell_of, value)))
    name = str(value.get("class_name")) if isinstance(value, Mapping) else repr(value)
    kind = LAYERS.get(name)
    if not is_cell(kind) or not isinstance(value.get("config"), Mapping):
        known = sorted(name for name, each in LAYERS.items() if is_cell(each))
        raise UnsupportedError("RNN", [f"cell {name} (known are {', '.join(known)})"])
    return kind.from_config(value["config"], name)


def is_cell(kind: Any) -> bool:
    """Whether this is a class of cells, not of layers that go through a sequence with one."""
    return isinstance(kind, type) and issubclass(kind, Cell) and not kind.by_steps


def part(w: Words, prefix: str) -> dict[str, Sym]:
    """The weights whose names begin so, without that."""
    return {name.removeprefix(prefix): sym for name, sym in w.items() if name.startswith(prefix)}


def interleaved(one: Weight, other: Weight, units: int) -> Weight:
    """Two weights (..., gates * units) as one (..., gates * 2 * units): gate by gate, first of the one."""
    parts = [np.asarray(w).reshape(*w.shape[:-1], -1, units) for w in (one, other)]
    return Weight.root(f"{one.origin}~{other.origin}", np.concatenate(parts, -1).reshape(*one.shape[:-1], -1))


def split(t: Trace, x: Sym, count: int) -> list[Sym]:
    """So many equal parts of the channels."""
    size = (x.shape[-1] or 0) // count
    return [t.slice(x, -1, k * size, size) for k in range(count)]
