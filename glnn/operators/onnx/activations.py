"""Activation functions of ONNX, with their constants; those of com.microsoft as well."""

from __future__ import annotations

from typing import Any

from ...layers.operators import OPERATORS
from ...primitives import Sym
from ...primitives.functions import FUNCTIONS
from ..say import Misfit, Say
from . import onnx

MICROSOFT = "com.microsoft"

for _name, _word in (
    ("Sigmoid", "sigmoid"), ("Relu", "relu"), ("Softplus", "softplus"), ("Softsign", "softsign"), ("Mish", "mish"),
    ("HardSwish", "hard_silu"),
):  # fmt: skip
    onnx(_name)(lambda t, x, _word=FUNCTIONS[_word]: t.activation(x, _word))


def _with(t: Say, x: Sym, name: str, **constants: float) -> Sym:
    return t.activation(x, FUNCTIONS[name].with_(**constants))


@onnx("LeakyRelu", since=6)
def leaky_relu(t: Say, x: Sym, *, alpha: float = 0.01) -> Sym:
    return _with(t, x, "leaky_relu", negative_slope=alpha)


@onnx("PRelu", since=7)
def prelu(t: Say, x: Sym, slope: Sym) -> Sym:
    return t.where(t.apply("less", x, 0.0), t.apply("multiply", x, slope), x)


@onnx("Elu", since=6)
def elu(t: Say, x: Sym, *, alpha: float = 1.0) -> Sym:
    return _with(t, x, "elu", alpha=alpha)


@onnx("Celu", since=12)
def celu(t: Say, x: Sym, *, alpha: float = 1.0) -> Sym:
    return _with(t, x, "celu", alpha=alpha)


@onnx("Selu", since=6)
def selu(t: Say, x: Sym, *, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Sym:
    return gamma * _with(t, x, "elu", alpha=alpha)


@onnx("ThresholdedRelu", since=10)
def thresholded_relu(t: Say, x: Sym, *, alpha: float = 1.0) -> Sym:
    return _with(t, x, "relu_threshold", threshold=alpha)


@onnx("HardSigmoid", since=6)
def hard_sigmoid(t: Say, x: Sym, *, alpha: float = 0.2, beta: float = 0.5) -> Sym:
    return t.minimum(t.maximum(x * alpha + beta, 0.0), 1.0)


@onnx("Swish", since=24)
def swish(t: Say, x: Sym, *, alpha: float = 1.0) -> Sym:
    """x times the sigmoid of alpha x."""
    if alpha == 1:
        return t.activation(x, FUNCTIONS["silu"])
    return x * t.apply("sigmoid", x * alpha)


@onnx("SwiGLU", since=28)
def swiglu(t: Say, gate: Sym, x: Sym, *, alpha: float = 1.0) -> Sym:
    return swish(t, gate, alpha=alpha) * x


@onnx("Gelu", since=20)
def gelu(t: Say, x: Sym, *, approximate: str = "none") -> Sym:
    if approximate not in ("none", "tanh"):
        raise Misfit(f"approximate={approximate!r} (known are 'none' and 'tanh')")
    return OPERATORS["gelu"].function(t, x, approximate == "tanh")


@onnx("Shrink", since=9)
def shrink(t: Say, x: Any, *, bias: float = 0.0, lambd: float = 0.5) -> Sym:
    """x moved towards 0 by `bias`, and 0 where it is not farther off than `lambd`."""
    low = t.where(t.apply("less", x, -lambd), x + bias, 0.0)
    return t.where(t.apply("greater", x, lambd), x - bias, low)


@onnx("Gelu", domain=MICROSOFT)
def gelu_exact(t: Say, x: Sym) -> Sym:
    return OPERATORS["gelu"].function(t, x, False)


@onnx("BiasGelu", domain=MICROSOFT)
def bias_gelu(t: Say, x: Sym, bias: Sym) -> Sym:
    return gelu_exact(t, x + bias)


@onnx("FastGelu", domain=MICROSOFT)
def fast_gelu(t: Say, x: Sym, bias: Sym | None = None) -> Sym:
    return OPERATORS["gelu"].function(t, x if bias is None else x + bias, True)


@onnx("QuickGelu", domain=MICROSOFT)
def quick_gelu(t: Say, x: Sym, *, alpha: float = 1.702) -> Sym:
    return x * t.apply("sigmoid", x * alpha)
