"""Operators of elements: arithmetic, comparisons, functions, activations, choices, types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ...primitives import Sym
from ...primitives.einsum import with_ones
from ...primitives.functions import FUNCTIONS
from ..say import Misfit, Say
from . import tensorflow

BOOL = "bool"
ONE = {
    "Abs": "abs", "Neg": "negative", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Exp": "exp", "Expm1": "expm1", "Log": "log",
    "Log1p": "log1p", "Reciprocal": "reciprocal", "Floor": "floor", "Ceil": "ceil",
    "Round": "round", "Sign": "sign", "Erf": "erf", "Square": "square", "Sin": "sin", "Cos": "cos",
    "Tan": "tan", "Asin": "asin", "Acos": "acos", "Atan": "atan", "Sinh": "sinh", "Cosh": "cosh", "Asinh": "asinh",
    "Acosh": "acosh", "Atanh": "atanh", "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Relu6": "relu6",
    "Elu": "elu", "Selu": "selu", "Softplus": "softplus",
}  # fmt: skip
EXACT_ONE = {
    "Abs": np.abs,
    "Neg": np.negative,
    "Sign": np.sign,
    "Square": np.square,
    "Floor": np.floor,
    "Ceil": np.ceil,
}
TWO: dict[str, tuple[str, Any]] = {
    "Add": ("add", np.add), "AddV2": ("add", np.add), "Sub": ("subtract", np.subtract),
    "Mul": ("multiply", np.multiply), "Maximum": ("maximum", np.maximum), "Minimum": ("minimum", np.minimum),
    "Pow": ("power", None), "Atan2": ("atan2", None), "Mod": ("mod", None), "FloorMod": ("mod", None),
    "DivNoNan": ("divide_no_nan", None),
    "SquaredDifference": ("squared_difference", lambda x, y: np.square(x - y)),
}  # fmt: skip
COMPARISONS = {
    "Equal": ("equal", np.equal), "NotEqual": ("not_equal", np.not_equal), "Less": ("less", np.less),
    "LessEqual": ("less_equal", np.less_equal), "Greater": ("greater", np.greater),
    "GreaterEqual": ("greater_equal", np.greater_equal), "LogicalAnd": ("logical_and", np.logical_and),
    "LogicalOr": ("logical_or", np.logical_or),
}  # fmt: skip


def whole(x: Any) -> bool:
    """Whether the elements are integers."""
    return str(getattr(x, "dtype", "")).startswith(("int", "uint"))


def _one(word: str) -> Callable[..., Any]:
    return lambda t, x: OPERATORS[word].function(t, x)


def _two(word: str) -> Callable[..., Any]:
    return lambda t, x, y: OPERATORS[word].function(t, x, y)


for _name, _word in ONE.items():
    tensorflow(_name, exact=EXACT_ONE.get(_name))(_one(_word))
for _name, (_word, _exact) in TWO.items():
    tensorflow(_name, exact=_exact)(_two(_word))
for _name, (_word, _exact) in COMPARISONS.items():
    tensorflow(_name, gives=BOOL, exact=_exact)(_two(_word))
for _name, _word in (("IsNan", "isnan"), ("IsInf", "isinf"), ("IsFinite", "isfinite"), ("LogicalNot", "logical_not")):
    tensorflow(_name, gives=BOOL, exact=np.logical_not if _name == "LogicalNot" else None)(_one(_word))


@tensorflow("AddN")
def add_n(t: Say, *xs: Sym) -> Sym:
    """The sum of all."""
    return OPERATORS["add_n"].function(t, list(xs))


def _quotient(x: Any, y: Any) -> Any:
    return np.floor_divide(x, y) if x.dtype.kind in "iu" else np.true_divide(x, y)


@tensorflow("Div", "RealDiv", exact=_quotient)
def div(t: Say, x: Sym, y: Sym) -> Sym:
    """The quotient; of integers rounded down."""
    return floor_div(t, x, y) if whole(x) else t.apply("divide", x, y)


@tensorflow("FloorDiv", exact=np.floor_divide)
def floor_div(t: Say, x: Sym, y: Sym) -> Sym:
    """The quotient rounded down."""
    return OPERATORS["floor_divide"].function(t, x, y)


@tensorflow("BiasAdd")
def bias_add(t: Say, x: Sym, bias: Sym, *, data_format: str = "NHWC") -> Sym:
    """A number for each channel added."""
    return x + along_channels(t, bias, x, data_format)


def along_channels(t: Say, v: Sym, x: Sym, data_format: str) -> Sym:
    """A number for each channel of x, to be broadcast: (C,) -> (C, 1, ..) where the channels come first."""
    first = data_format.startswith("NC") and v.rank == 1 and x.rank > 2
    return with_ones(t, v, range(1, x.rank - 1)) if first else v


@tensorflow("LeakyRelu")
def leaky_relu(t: Say, x: Sym, *, alpha: float = 0.2) -> Sym:
    """x, below 0 times alpha."""
    return t.activation(x, FUNCTIONS["leaky_relu"].with_(negative_slope=alpha))


@tensorflow("Prelu")
def prelu(t: Say, x: Sym, alpha: Sym) -> Sym:
    """x, below 0 times alpha, which is a tensor."""
    return t.where(t.apply("less", x, 0.0), x * alpha, x)


@tensorflow("ClipByValue")
def clip_by_value(t: Say, x: Sym, low: Sym, high: Sym) -> Sym:
    """Between two bounds."""
    return t.minimum(t.maximum(x, low), high)


def _select(condition: Any, x: Any, y: Any) -> Any:
    condition = condition.reshape(condition.shape + (1,) * (x.ndim - 1)) if condition.ndim == 1 < x.ndim else condition
    return np.where(condition, x, y)


@tensorflow("Select", exact=_select)
def select(t: Say, condition: Sym, x: Sym, y: Sym) -> Any:
    """x where the condition holds, else y; a condition of one axis picks rows."""
    condition = with_ones(t, condition, range(1, x.rank)) if condition.rank == 1 < x.rank else condition
    return select_v2(t, condition, x, y)


@tensorflow("SelectV2", exact=np.where)
def select_v2(t: Say, condition: Sym, x: Sym, y: Sym) -> Any:
    """x where the condition holds, else y."""
    return t.give(t.where(condition, x, y), getattr(x, "dtype", None))


@tensorflow("Cast", exact=lambda x, *, DstT: x if x.dtype == object else x.astype(DstT))
def cast(t: Say, x: Any, *, DstT: str) -> Any:
    """In another type: fractions cut off, truth of what is not 0."""
    if DstT not in ("float32", "int32", BOOL):
        raise Misfit(f"a cast to {DstT} (only to numbers and bool)")
    if x.dtype == DstT:
        return x
    if DstT == BOOL:
        return t.give(t.apply("not_equal", x, 0.0), BOOL)
    return t.give(t.apply("trunc", x) if DstT == "int32" and x.dtype == "float32" else t.apply("add", x, 0.0), DstT)


@tensorflow("FakeQuantWithMinMaxVars")
def fake_quant(
    t: Say, x: Sym, low: Sym, high: Sym, *, num_bits: int = 8, narrow_range: bool = False
) -> Sym:  # fmt: skip
    """x as TensorFlow.js has it: unchanged."""
    return x
