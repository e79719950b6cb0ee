"""Operators of elements: arithmetic, comparisons, functions, activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ...primitives import Sym
from ...primitives.functions import FUNCTIONS
from ..say import Say
from . import onnx

BOOL = "bool"


def _one(name: str) -> Any:
    return lambda t, x: OPERATORS[name].function(t, x)


def _two(name: str) -> Any:
    return lambda t, x, y: OPERATORS[name].function(t, x, y)


for _names, _word in (
    ("Abs", "abs"), ("Neg", "negative"), ("Sqrt", "sqrt"), ("Exp", "exp"), ("Log", "log"), ("Reciprocal", "reciprocal"),
    ("Floor", "floor"), ("Ceil", "ceil"), ("Round", "round"), ("Sign", "sign"), ("Erf", "erf"), ("Sin", "sin"),
    ("Cos", "cos"), ("Tan", "tan"), ("Asin", "arcsin"), ("Acos", "arccos"), ("Atan", "arctan"), ("Sinh", "sinh"),
    ("Cosh", "cosh"), ("Asinh", "arcsinh"), ("Acosh", "arccosh"), ("Atanh", "arctanh"), ("Tanh", "tanh"),
    ("Sigmoid", "sigmoid"), ("Relu", "relu"), ("Softplus", "softplus"), ("Softsign", "softsign"), ("Mish", "mish"),
    ("HardSwish", "hard_silu"),
):  # fmt: skip
    onnx(_names)(_one(_word))
for _names, _word, _exact in (
    ("Add", "add", np.add),
    ("Sub", "subtract", np.subtract),
    ("Mul", "multiply", np.multiply),
):
    onnx(_names, since=7, exact=_exact)(_two(_word))


@onnx("Selu")
def selu(t: Say, x: Sym, *, alpha: float = 1.6732632423543772, gamma: float = 1.0507009873554805) -> Sym:
    return gamma * t.activation(x, FUNCTIONS["elu"].with_(alpha=alpha))
