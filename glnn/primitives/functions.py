"""Activation functions: their names, constants and NumPy formulas, in one table.

shaders/lib/functions.glsl holds the GLSL of a pointwise function under the same name; softmax, log_softmax, sparsemax
and glu look along the last axis (see Trace.activation). What else is computed element by element: operations.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

import numpy as np

from ..graph.shapes import Dims
from ..records import dataclass

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, as in Keras


@dataclass(frozen=True)
class Function:
    """A function with its constants, callable on arrays: same shape out (glu: half the last axis).

    arity: how many arrays it takes
    infix: the sign by which GLSL writes it, if it does
    say: the function in the words of a Trace, (t, x) -> symbol, where it is none of the table's
    """

    name: str
    constants: tuple[tuple[str, float], ...] = ()
    formula: Callable[..., np.ndarray] = field(default=lambda x: x, compare=False, repr=False)
    pointwise: bool = True
    arity: int = 1
    infix: str = ""
    say: Callable[..., Any] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"Function({', '.join([repr(self.name), *(f'{name}={value!r}' for name, value in self.constants)])})"

    def __call__(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return self.formula(x, **dict(self.constants)).astype(x.dtype, copy=False)

    def output_shape(self, shape: Dims) -> Dims:
        """The shape that comes out for this shape. Raises ValueError where glu's last axis is odd."""
        if self.name != "glu" or shape[-1] is None:
            return tuple(shape)
        if shape[-1] % 2:
            raise ValueError(f"glu halves the last axis, which must be even, not {shape[-1]}")
        return (*shape[:-1], shape[-1] // 2)

    def with_(self, **constants: float) -> Function:
        """A copy with some constants changed. Raises TypeError for a constant that this function does not have."""
        known = dict(self.constants)
        for name, value in constants.items():
            if name not in known:
                raise TypeError(f"activation {self.name} has no constant {name!r}, only {sorted(known)}")
            known[name] = float(value)
        return replace(self, constants=tuple(known.items()))


FUNCTIONS: dict[str, Function] = {}
ALIASES = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "exp": "exponential",
    "logsigmoid": "log_sigmoid",
    "gelu_approximate": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "tanhshrink": "tanh_shrink",
    "softshrink": "soft_shrink",
    "hardshrink": "hard_shrink",
    "hardtanh": "hard_tanh",
    "softmax_v2": "softmax",
}


def _function(pointwise: bool = True, **constants: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(formula: Callable[..., Any]) -> Callable[..., Any]:
        name = formula.__name__.lstrip("_")
        pairs = tuple((key, float(value)) for key, value in constants.items())
        FUNCTIONS[name] = Function(name, pairs, formula, pointwise)
        return formula

    return add


@_function()
def linear(x: np.ndarray) -> np.ndarray:
    return x


@_function()
def relu(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, 0, x)


@_function()
def relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


@_function(negative_slope=0.2)
def leaky_relu(x: np.ndarray, negative_slope: float) -> np.ndarray:
    return np.where(x < 0, x * negative_slope, x)


@_function(negative_slope=0, threshold=0)
def relu_threshold(x: np.ndarray, negative_slope: float, threshold: float) -> np.ndarray:
    below = (x - threshold) * negative_slope if negative_slope else np.where(np.isnan(x), x, 0)
    return np.where(x > threshold, x, below)


@_function(negative_slope=0, threshold=0, max_value=6)
def relu_capped(x: np.ndarray, negative_slope: float, threshold: float, max_value: float) -> np.ndarray:
    return np.minimum(relu_threshold(x, negative_slope, threshold), max_value)


@_function(threshold=0, default_value=0)
def threshold(x: np.ndarray, threshold: float, default_value: float) -> np.ndarray:
    return np.where(x <= threshold, default_value, x)


@_function(alpha=1)
def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(x) * alpha)


@_function(alpha=1)
def celu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(x / alpha) * alpha)


@_function()
def selu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(x) * SELU_ALPHA) * SELU_SCALE


@_function()
def sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


@_function()
def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    """Keras 3: relu6(x + 3) / 6."""
    return np.clip(x + 3, 0, 6) / 6


@_function()
def hard_sigmoid_keras2(x: np.ndarray) -> np.ndarray:
    """Keras 1 and 2: clip(0.2 x + 0.5, 0, 1)."""
    return np.clip(0.2 * x + 0.5, 0, 1)


@_function()
def silu(x: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(x), 0, x * sigmoid(x))


@_function()
def hard_silu(x: np.ndarray) -> np.ndarray:
    return np.where(x <= -3, 0, x * hard_sigmoid(x))


@_function()
def log_sigmoid(x: np.ndarray) -> np.ndarray:
    return -softplus(-x)


@_function()
def tanh(x: np.ndarray) -> np.ndarray:
    return np.tanh(x)


@_function()
def hard_tanh(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -1, 1)


@_function()
def tanh_shrink(x: np.ndarray) -> np.ndarray:
    t = x * x  # near 0 by the series of the difference, which cancels there
    series = t * (62 / 2835 - t * (1382 / 155925 - t * (21844 / 6081075 - t * (929569 / 638512875))))
    return np.where(np.abs(x) > 0.3, x - np.tanh(x), x * t * (1 / 3 - t * (2 / 15 - t * (17 / 315 - series))))


@_function()
def sparse_plus(x: np.ndarray) -> np.ndarray:
    return np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) * (x + 1) / 4))


@_function()
def sparse_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip((x + 1) / 2, 0, 1)


@_function()
def softplus(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0 * np.isnan(x)) + np.log1p(np.exp(-np.abs(x)))


@_function()
def softsign(x: np.ndarray) -> np.ndarray:
    return np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))


@_function()
def exponential(x: np.ndarray) -> np.ndarray:
    return np.exp(x)


@_function()
def mish(x: np.ndarray) -> np.ndarray:
    return np.where(np.isneginf(x), 0, x * np.tanh(softplus(x)))


@_function(b=4)
def squareplus(x: np.ndarray, b: float) -> np.ndarray:
    """(x + sqrt(x^2 + b)) / 2, by the other root where x is negative: no cancellation."""
    half = np.abs(x) / 2 + np.hypot(x, math.sqrt(b)) / 2
    return np.where(x < 0, b / 4 / half, half)


@_function(threshold=0.5)
def hard_shrink(x: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(np.abs(x) <= threshold, 0, x)


@_function(threshold=0.5)
def soft_shrink(x: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(np.abs(x) <= threshold, 0, x - np.copysign(threshold, x))


@_function()
def gelu(x: np.ndarray) -> np.ndarray:
    """x times the normal distribution's cumulative function (Hendrycks and Gimpel 2016), by erfc."""
    erfc = np.vectorize(math.erfc, otypes=[x.dtype])(x / -math.sqrt(2))
    return np.where(np.isneginf(x), 0, x * (erfc / 2))


@_function()
def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """The usual approximation of gelu by tanh: (1 + tanh(u)) / 2 is the sigmoid of 2 u, without cancellation."""
    return np.where(np.isneginf(x), 0, x * sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)))


@_function(pointwise=False)
def softmax(x: np.ndarray, axis: int | tuple[int, ...] = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@_function(pointwise=False)
def log_softmax(x: np.ndarray, axis: int | tuple[int, ...] = -1) -> np.ndarray:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


@_function(pointwise=False)
def sparsemax(x: np.ndarray) -> np.ndarray:
    """Projection on the probability simplex along the last axis (Martins and Astudillo 2016, algorithm 1)."""
    x = x - x.max(axis=-1, keepdims=True)  # sums of the largest keep their digits
    z = -np.sort(-x, axis=-1)
    total = np.cumsum(z, axis=-1)
    count = np.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    k = np.maximum((1 + count * z > total).sum(axis=-1, keepdims=True), 1)
    tau = (np.take_along_axis(total, k - 1, axis=-1) - 1) / k
    return np.maximum(x - tau, 0)


@_function(pointwise=False)
def glu(x: np.ndarray) -> np.ndarray:
    value, gate = np.split(x, 2, axis=-1)
    return value * sigmoid(gate)


LINEAR = FUNCTIONS["linear"]
