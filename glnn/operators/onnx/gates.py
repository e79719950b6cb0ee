"""The activations of recurrent operators by ONNX' names, and what RNN, LSTM and GRU compute in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...layers.cells import split
from ...primitives import Sym
from ...primitives.functions import FUNCTIONS
from ...records import dataclass
from ..say import Misfit, Say

Gate = Callable[[Sym], Sym]  # clipped, then activated

# By name: a function of t, x and constants, and what these are where nobody says more.
ACTIVATIONS: dict[str, tuple[Callable[..., Sym], tuple[float, ...]]] = {
    "relu": (lambda t, x: t.activation(x, FUNCTIONS["relu"]), ()),
    "tanh": (lambda t, x: t.activation(x, FUNCTIONS["tanh"]), ()),
    "sigmoid": (lambda t, x: t.activation(x, FUNCTIONS["sigmoid"]), ()),
    "softsign": (lambda t, x: t.activation(x, FUNCTIONS["softsign"]), ()),
    "softplus": (lambda t, x: t.activation(x, FUNCTIONS["softplus"]), ()),
    "affine": (lambda t, x, a, b: a * x + b, (1.0, 0.0)),
    "scaledtanh": (lambda t, x, a, b: a * t.activation(b * x, FUNCTIONS["tanh"]), (1.0, 1.0)),
    "hardsigmoid": (lambda t, x, a, b: t.apply("clip", a * x + b, 0.0, 1.0), (0.2, 0.5)),
    "leakyrelu": (lambda t, x, a: t.activation(x, FUNCTIONS["leaky_relu"].with_(negative_slope=a)), (0.01,)),
    "thresholdedrelu": (
        lambda t, x, a: t.activation(x, FUNCTIONS["threshold"].with_(threshold=a, default_value=0.0)),
        (1.0,),
    ),
    "elu": (lambda t, x, a: t.activation(x, FUNCTIONS["elu"].with_(alpha=a)), (1.0,)),
}


def activations(
    t: Say, names: Sequence[str], alphas: Sequence[float], betas: Sequence[float], clip: float | None
) -> list[Gate]:
    """The functions of these names, which take their constants from the lists in turn. Raises Misfit."""
    given = [list(alphas), list(betas)]
    made = []
    for name in names:
        if name.lower() not in ACTIVATIONS:
            raise Misfit(f"activation {name!r} (known are {', '.join(ACTIVATIONS)})")
        function, constants = ACTIVATIONS[name.lower()]
        own = [values.pop(0) if values else default for default, values in zip(constants, given, strict=False)]
        made.append(_gate(t, function, own, clip))
    return made


def _gate(t: Say, function: Callable[..., Sym], constants: Sequence[float], clip: float | None) -> Gate:
    """A function of what is clipped first."""
    if clip is None:
        return lambda x: function(t, x, *constants)
    return lambda x: function(t, t.apply("clip", x, -clip, clip), *constants)


@dataclass(frozen=True, eq=False)
class Steps:
    """A step of an operator in one direction: its functions, the recurrent kernel (units, gates * units), peepholes.

    bias:         that of the recurrent part alone, where it is apart
    input_forget: what the input gate lets in is forgotten
    after:        a GRU resets what its kernel made, not what goes in
    """

    gates: list[Gate]
    kernel: Sym
    bias: Sym | None = None
    peepholes: Sequence[Sym] = ()
    input_forget: bool = False
    after: bool = False

    def rnn(self, t: Say, x: Sym, h: Sym) -> list[Sym]:
        """h' = f(x W + h R + b)."""
        return [self.gates[0](x + t.conv(h, self.kernel))]

    def lstm(self, t: Say, x: Sym, h: Sym, c: Sym) -> list[Sym]:
        """Gates i, o, f, g: c' = f c + i g, h' = o h(c'); with peepholes they see c as well, o sees c'."""
        i, o, f, g = split(t, x + t.conv(h, self.kernel), 4)
        first, second, last = self.gates
        pi, po, pf = self.peepholes or (None, None, None)
        opened = first(_seen(i, pi, c))
        left = 1 - opened if self.input_forget else first(_seen(f, pf, c))
        cell = left * c + opened * second(g)
        return [first(_seen(o, po, cell)) * last(cell), cell]

    def gru(self, t: Say, x: Sym, h: Sym) -> list[Sym]:
        """Gates z, r, g: h' = (1 - z) g(x + (r h) R + b) + z h; linear before the reset: g(x + r (h R + b))."""
        units = self.kernel.shape[0] or 0
        first, second = self.gates[:2]
        given = split(t, x, 3)
        if self.after:
            inner = split(t, t.conv(h, self.kernel, self.bias), 3)
            z, r = (first(given[k] + inner[k]) for k in (0, 1))
            candidate = given[2] + r * inner[2]
        else:
            kernel = t.value(self.kernel)
            both = t.slice(x, -1, 0, 2 * units) + t.conv(h, t.weight(kernel[:, : 2 * units]))
            z, r = split(t, first(both), 2)
            candidate = given[2] + t.conv(r * h, t.weight(kernel[:, 2 * units :]))
        return [(1 - z) * second(candidate) + z * h]


def _seen(gate: Sym, peephole: Any, cell: Sym) -> Sym:
    return gate if peephole is None else gate + peephole * cell
