"""RNN, LSTM and GRU: steps along a sequence in one direction or both (https://onnx.ai/onnx/operators)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...layers.recurrent import zeros
from ...primitives import Sym
from ...primitives.move import Size
from ...records import dataclass
from ..say import Misfit, Say
from ..shared.convolution import known
from . import onnx
from .gates import Steps
from .gates import activations as functions

Texts = Sequence[str]
Floats = Sequence[float]
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclass(frozen=True, eq=False)
class Recurrence:
    """x (T, N, C), or (N, T, C) with `layout` 1; weights, biases and states of each direction; lengths (N,)."""

    t: Say
    x: Sym
    w: Sym
    r: Sym
    b: Any
    lengths: Any
    states: Sequence[Any]
    backwards: tuple[bool, ...]
    layout: int
    peepholes: Any = None

    @classmethod
    def make(
        cls, t: Say, x: Sym, w: Sym, r: Sym, b: Any, lengths: Any, states: Sequence[Any], direction: str,
        hidden_size: int, layout: int, gates: int, peepholes: Any = None,
    ) -> Recurrence:  # fmt: skip
        """Raises Misfit for what does not fit."""
        if direction not in DIRECTIONS:
            raise Misfit(f"direction is {direction!r} (known are {', '.join(DIRECTIONS)})")
        made = cls(t, x, w, r, b, lengths, states, DIRECTIONS[direction], layout, peepholes)
        units, count = r.shape[-1], len(made.backwards)
        if hidden_size not in (0, units) or w.shape[:2] != r.shape[:2] or w.shape[:2] != (count, gates * (units or 0)):
            raise Misfit(f"weights of {w.shape} and {r.shape} for {count} directions and hidden_size {hidden_size}")
        return made

    @property
    def units(self) -> int:
        """The channels of a state."""
        return self.r.shape[-1] or 0

    def kernel(self, w: Sym, number: int) -> Sym:
        """The weights (channels, gates * units) of a direction."""
        return self.t.weight(self.t.value(known(self.t, w))[number].transpose((1, 0)))

    def biases(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The biases (gates * units,) of the inputs and of the state in a direction."""
        width = self.r.shape[1] or 0
        if self.b is None:
            return np.zeros(width), np.zeros(width)
        both = self.t.array(self.b).astype(np.float64)[number]
        return both[:width], both[width:]

    def start(self, state: Any, number: int) -> Sym:
        """(N, units) A state of a direction before the first step."""
        t = self.t
        if state is None:
            return zeros(t, self.x if self.layout else t.transpose(self.x, (1, 0, 2)), self.units)
        axis = self.layout
        return t.reshape(t.slice(state, axis, number, 1), [Size(k) for k in range(3) if k != axis])

    def open_steps(self) -> Sym | None:
        """1 where a step of x is one of its sequence, else 0: (T, N, 1) or (N, T, 1); None where all are."""
        t, lengths, steps = self.t, self.lengths, self.x.shape[self.layout]
        array = getattr(lengths, "array", None)
        if lengths is None or (array is not None and steps is not None and (array >= steps).all()):
            return None
        one = t.slice(self.x, 2, 0, 1)
        count = t.reshape(lengths, (-1, 1, 1) if self.layout else (1, -1, 1))
        return t.apply("less", t.index(one, self.layout), count)

    def run(self, biases: Sequence[np.ndarray], steps: Sequence[Callable[..., list[Sym]]]) -> tuple[Any, ...]:
        """(Y, the states after the last step of each sequence) of a bias of inputs and a step for each direction."""
        t, count, inside = self.t, len(self.states), self.open_steps()
        every, finals = [], []
        for number, (reverse, bias, apart) in enumerate(zip(self.backwards, biases, steps, strict=True)):

            def turn(*now: Sym, apart: Callable[..., list[Sym]] = apart) -> list[Sym]:
                before, x = now[:count], now[count]
                after = apart(t, x, *before)
                y = after[0]
                if inside is not None:
                    y = t.where(now[count + 1], y, 0.0)
                    after = [t.where(now[count + 1], new, old) for new, old in zip(after, before, strict=True)]
                return [*after, *([y] if t.wanted(0) else [])]

            z = t.dense(self.x, self.kernel(self.w, number), t.weight(bias))
            starts = [self.start(state, number) for state in self.states]
            sliced = [z] if inside is None else [z, inside]
            made = t.repeat(turn, starts, sliced, axis=self.layout, reverse=reverse, stack_reverse=reverse)
            finals.append(made[:count])
            every.append(made[count] if t.wanted(0) else None)
        y = self.beside(every, 1 + self.layout) if t.wanted(0) else None
        return y, *(self.beside(each, self.layout) for each in zip(*finals, strict=True))

    def beside(self, xs: Sequence[Any], axis: int) -> Sym:
        """Tensors of each direction as one, with a new axis."""
        widened = [self.t.reshape(x, [*map(Size, range(axis)), 1, *map(Size, range(axis, x.rank))]) for x in xs]
        return widened[0] if len(widened) == 1 else self.t.concat(widened, axis)


def _gates(
    t: Say, names: Texts, defaults: Texts, alphas: Floats, betas: Floats, clip: float | None, directions: int
) -> list[list[Any]]:
    """The functions of each direction."""
    whole = list(names) or list(defaults) * directions
    if len(whole) != len(defaults) * directions:
        raise Misfit(f"activations {whole}; {len(defaults) * directions} are needed")
    made = functions(t, whole, alphas, betas, clip)
    return [made[k : k + len(defaults)] for k in range(0, len(made), len(defaults))]


@onnx("RNN")
def rnn(
    t: Say, x: Sym, w: Sym, r: Sym, b: Any = None, sequence_lens: Any = None, initial_h: Any = None, *,
    activation_alpha: Floats = (), activation_beta: Floats = (), activations: Texts = ("Tanh", "Tanh"),
    clip: float | None = None, direction: str = "forward", hidden_size: int = 0, layout: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """h' = f(x W + h R + b), step by step."""
    whole = Recurrence.make(t, x, w, r, b, sequence_lens, (initial_h,), direction, hidden_size, layout, 1)
    names = activations[: len(whole.backwards)]
    gates = _gates(t, names, ("Tanh",), activation_alpha, activation_beta, clip, len(whole.backwards))
    steps = [Steps(gate, whole.kernel(r, k)).rnn for k, gate in enumerate(gates)]
    return whole.run([np.add(*whole.biases(k)) for k in range(len(steps))], steps)


@onnx("LSTM")
def lstm(
    t: Say, x: Sym, w: Sym, r: Sym, b: Any = None, sequence_lens: Any = None, initial_h: Any = None,
    initial_c: Any = None, p: Any = None, *, activation_alpha: Floats = (), activation_beta: Floats = (),
    activations: Texts = (), clip: float | None = None, direction: str = "forward", hidden_size: int = 0,
    input_forget: int = 0, layout: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """Gates i, o, f and the candidate g; see Steps.lstm."""
    whole = Recurrence.make(t, x, w, r, b, sequence_lens, (initial_h, initial_c), direction, hidden_size, layout, 4)
    defaults = ("Sigmoid", "Tanh", "Tanh")
    options = activations, defaults, activation_alpha, activation_beta
    clipped, plain = (_gates(t, *options, most, len(whole.backwards)) for most in (clip, None))
    gates = [[*one[:2], other[2]] for one, other in zip(clipped, plain, strict=True)]  # as onnxruntime: not the cell
    seen = [() if p is None else [t.weight(part) for part in np.split(t.array(p)[k], 3)] for k in range(len(gates))]
    steps = [Steps(g, whole.kernel(r, k), None, seen[k], bool(input_forget)).lstm for k, g in enumerate(gates)]
    return whole.run([np.add(*whole.biases(k)) for k in range(len(steps))], steps)


@onnx("GRU")
def gru(
    t: Say, x: Sym, w: Sym, r: Sym, b: Any = None, sequence_lens: Any = None, initial_h: Any = None, *,
    activation_alpha: Floats = (), activation_beta: Floats = (), activations: Texts = (), clip: float | None = None,
    direction: str = "forward", hidden_size: int = 0, layout: int = 0, linear_before_reset: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """Gates z, r and the candidate g; see Steps.gru."""
    whole = Recurrence.make(t, x, w, r, b, sequence_lens, (initial_h,), direction, hidden_size, layout, 3)
    defaults = ("Sigmoid", "Tanh")
    gates = _gates(t, activations, defaults, activation_alpha, activation_beta, clip, len(whole.backwards))
    steps, biases = [], []
    for k, gate in enumerate(gates):
        one, other = whole.biases(k)
        apart = t.weight(np.where(np.arange(len(other)) < 2 * whole.units, 0, other)) if linear_before_reset else None
        biases.append(one + (other if apart is None else np.asarray(other - np.asarray(t.value(apart)))))
        steps.append(Steps(gate, whole.kernel(r, k), apart, after=bool(linear_before_reset)).gru)
    return whole.run(biases, steps)
