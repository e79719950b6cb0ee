"""Expressions of tests in kernels' files: NumPy's functions and operators on arrays, and nothing else of Python.

No text is evaluated by Python itself: its syntax tree is walked, and what is not in these tables is refused.
"""

from __future__ import annotations

import ast
import operator
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST = 1 << 24  # elements of an array that an expression makes

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.Pow: lambda a, b: np.power(np.asarray(a, np.float64), b), ast.MatMult: operator.matmul,
    ast.BitAnd: np.logical_and, ast.BitOr: np.logical_or, ast.BitXor: np.logical_xor,
}  # fmt: skip
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: np.logical_not}
CONSTANTS: dict[str, Any] = {"nan": np.nan, "inf": np.inf, "pi": np.pi, "newaxis": None, "None": None}
# NumPy's own, under its own names. None of them reads files, calls functions that are handed to it, or writes in place.
_NUMPY = (
    "abs absolute all amax amin any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort "
    "around average broadcast_to cbrt ceil clip concatenate copysign cos cosh cumprod cumsum diff divide dot einsum "
    "exp exp2 expand_dims expm1 eye fabs flip floor floor_divide fmax fmin fmod full heaviside hypot isfinite isinf "
    "isnan ldexp linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor matmul max "
    "maximum mean median min minimum mod moveaxis nan_to_num nanmax nanmean nanmin nansum negative ones ones_like "
    "outer pad power prod ptp ravel reciprocal remainder repeat reshape rint roll rot90 round sign sin sinh sort split "
    "sqrt square squeeze stack std subtract sum swapaxes take tan tanh tensordot tile transpose tril triu trunc var "
    "where zeros zeros_like"
)
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in _NUMPY.split()}
FUNCTIONS["windows"] = np.lib.stride_tricks.sliding_window_view
_KEYWORDS = frozenset("axis axes keepdims mode constant_values ddof initial seed low high decimals shift".split())
_PLAIN = (bool, int, float, str, type(None), type(...))
_ATTRIBUTES = frozenset(("T", "shape", "size", "ndim"))


def _random(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


def normal(name: str, *shape: int, seed: int = 0) -> np.ndarray:
    """float32 values of a normal distribution, others for each name and seed."""
    return _random(name, seed).standard_normal(shape).astype(np.float32)


def uniform(name: str, *shape: int, low: float = 0.0, high: float = 1.0, seed: int = 0) -> np.ndarray:
    """float32 values between low and high."""
    return _random(name, seed).uniform(low, high, shape).astype(np.float32)


def integers(name: str, *shape: int, low: int = 0, high: int = 10, seed: int = 0) -> np.ndarray:
    """Whole numbers from low to high - 1, float32."""
    return _random(name, seed).integers(low, high, shape).astype(np.float32)


def special(name: str, *shape: int, seed: int = 0) -> np.ndarray:
    """Normal values, every seventh or so NaN, infinite, the largest half float, tiny, or a zero of either sign."""
    random, values = _random(name, seed), normal(name, *shape, seed=seed)
    strewn = np.array([np.nan, np.inf, -np.inf, 65504.0, -65504.0, 2.0**-126, 1e-40, 0.0, -0.0], np.float32)
    return np.where(random.random(shape) < 0.15, random.choice(strewn, shape), values).astype(np.float32)


MAKERS: dict[str, Callable[..., np.ndarray]] = {
    "normal": normal, "uniform": uniform, "integers": integers, "special": special,
}  # fmt: skip


class BadExpression(ValueError):
    """What is no expression of the tables here: `column` is its place in the text, from 0."""

    def __init__(self, message: str, column: int = 0):
        self.column = column
        super().__init__(message)


@dataclass(frozen=True)
class Expression:
    """An expression that was read: its text and the names of the values that it takes."""

    text: str
    names: frozenset[str]
    tree: ast.expr

    @classmethod
    def read(cls, text: str) -> Expression:
        """The expression that a text is. Raises BadExpression."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            column = (getattr(error, "offset", None) or 1) - 1
            raise BadExpression(f"no expression: {getattr(error, 'msg', error)}", column) from None
        return cls.of(tree, text)

    @classmethod
    def of(cls, tree: ast.expr, text: str) -> Expression:
        """The expression of a syntax tree. Raises BadExpression."""
        names: set[str] = set()
        _check(tree, names)
        return cls(text, frozenset(names), tree)

    def value(self, values: Mapping[str, Any], name: str = "") -> Any:
        """What it comes to, for values by name; `name` is what random numbers are drawn for. Raises BadExpression."""
        try:
            with np.errstate(all="ignore"):
                return _value(self.tree, values, name)
        except BadExpression:
            raise
        except Exception as error:  # what NumPy says of shapes and arguments
            raise BadExpression(f"{self.text.strip()}: {type(error).__name__}: {error}") from error


def _check(e: ast.AST, names: set[str]) -> None:
    """Raises BadExpression for what no table has; adds the names of values."""
    if isinstance(e, ast.Name) and e.id not in CONSTANTS:
        names.add(e.id)
    fault = _CHECKS[type(e)](e) if type(e) in _CHECKS else f"{type(e).__name__} is no part of an expression of a test"
    if fault:
        raise BadExpression(fault, getattr(e, "col_offset", 0))
    parts = [*e.args, *(k.value for k in e.keywords)] if isinstance(e, ast.Call) else ast.iter_child_nodes(e)
    for part in parts:
        if not isinstance(part, ast.operator | ast.unaryop | ast.cmpop | ast.expr_context):
            _check(part, names)


def _call_fault(e: ast.Call) -> str:
    called = _called(e)
    if called is None:
        return "only functions of NumPy are called, by their names: sum(x, axis=1)"
    if called not in FUNCTIONS and called not in MAKERS:
        return f"there is no function {called}; known are {', '.join(MAKERS)}, and NumPy's {', '.join(FUNCTIONS)}"
    extra = [k.arg or "**" for k in e.keywords if k.arg not in _KEYWORDS]
    return f"{called} takes no {extra[0]}= here; known are {', '.join(sorted(_KEYWORDS))}" if extra else ""


def _binary_fault(e: ast.BinOp) -> str:
    if type(e.op) is ast.FloorDiv:
        return "// begins a comment in GLSL: write floor_divide(a, b)"
    return "" if type(e.op) in _BINARY else "this operator is not known here"


# What is wrong with a node, by its kind; the kinds that are not here are no part of an expression.
_CHECKS: dict[type, Callable[[Any], str]] = {
    ast.Constant: lambda e: "" if isinstance(e.value, _PLAIN) else f"{e.value!r} is no number",
    ast.Name: lambda e: f"{e.id} is a function: call it" if e.id in FUNCTIONS or e.id in MAKERS else "",
    ast.Call: _call_fault,
    ast.BinOp: _binary_fault,
    ast.UnaryOp: lambda e: "" if type(e.op) in _UNARY else "write ~a for the opposite of a",
    ast.Compare: lambda e: (
        "" if len(e.ops) == 1 and type(e.ops[0]) in _COMPARE else "one comparison at a time, by < <= > >= == !="
    ),
    ast.Attribute: lambda e: "" if e.attr in _ATTRIBUTES else f".{e.attr} is unknown: .T .shape .size .ndim",
    **dict.fromkeys((ast.Subscript, ast.Slice, ast.Tuple, ast.List), lambda e: ""),
}


def _called(e: ast.Call) -> str | None:
    """The function that is called: sum(..) or np.sum(..)."""
    f = e.func
    if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id in ("np", "numpy"):
        return f.attr
    return f.id if isinstance(f, ast.Name) else None


def _value(e: Any, values: Mapping[str, Any], name: str) -> Any:
    def of(part: Any) -> Any:
        return None if part is None else _value(part, values, name)

    if isinstance(e, ast.Constant):
        return e.value
    if isinstance(e, ast.Name):
        if e.id not in values and e.id not in CONSTANTS:
            raise BadExpression(f"{e.id!r} is no value here; known are {', '.join(values) or 'none'}", e.col_offset)
        return values.get(e.id, CONSTANTS.get(e.id))
    if isinstance(e, ast.BinOp):
        return _sized(_BINARY[type(e.op)](_array(of(e.left)), _array(of(e.right))))
    if isinstance(e, ast.UnaryOp):
        return _UNARY[type(e.op)](_array(of(e.operand)))
    if isinstance(e, ast.Compare):
        return _COMPARE[type(e.ops[0])](_array(of(e.left)), _array(of(e.comparators[0])))
    if isinstance(e, ast.Subscript):
        whole = of(e.value)
        return (whole if isinstance(whole, tuple) else np.asarray(whole))[of(e.slice)]
    if isinstance(e, ast.Slice):
        return slice(of(e.lower), of(e.upper), of(e.step))
    if isinstance(e, ast.Tuple | ast.List):
        parts = [of(part) for part in e.elts]
        return tuple(parts) if isinstance(e, ast.Tuple) else parts
    if isinstance(e, ast.Attribute):
        return getattr(np.asarray(of(e.value)), e.attr)
    called = _called(e) or ""
    args, named = [of(part) for part in e.args], {k.arg: of(k.value) for k in e.keywords}
    if called not in MAKERS:
        return _sized(FUNCTIONS[called](*args, **named))
    shape = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
    if np.prod(np.asarray([1, *shape], np.float64)) > MOST:
        raise BadExpression(f"{called}{tuple(shape)}: at most {MOST} elements are made", e.col_offset)
    return MAKERS[called](name, *shape, **named)


def _array(value: Any) -> Any:
    """A list as an array, so that [1, 2] * 2 is what NumPy makes of it."""
    return np.asarray(value) if isinstance(value, list | tuple) else value


def _sized(value: Any) -> Any:
    """A value. Raises BadExpression for more elements than an expression may make."""
    if getattr(value, "size", 0) > MOST:
        raise BadExpression(f"an array of {value.size} elements; at most {MOST} are made")
    return value
