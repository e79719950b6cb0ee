"""Operators of types and bits: casts, bits of integers, what passes a tensor on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.integers import bits, cast, cast_arrays, is_narrow, wrapped
from ..types import type_named
from . import onnx

BY = 8  # powers of 2 by which a number of 16 bits is shifted at most, and one more
FLOAT8 = ("saturate", "round_mode")  # attributes that tell of floats of 8 bits alone


@onnx("Cast", since=6, exact=lambda x, to: cast_arrays(x, type_named(to)), ignores=FLOAT8)
def cast_to(t: Say, x: Any, *, to: int) -> Sym:
    """x in the type of this number."""
    return t.give(cast(t, x, x.dtype, type_named(to)), type_named(to))


@onnx("CastLike", since=15, ignores=FLOAT8)
def cast_like(t: Say, x: Any, like: Any) -> Sym:
    """x in the type of another tensor."""
    if x.array is not None and (x.array.dtype.kind != "f" or x.array.size <= BY * BY):
        return t.give(cast_arrays(x.array, like.dtype), like.dtype)
    return t.give(cast(t, x, x.dtype, like.dtype), like.dtype)


def _views(kinds: Sequence[str], to: int) -> bool:
    """Whether bits are not told by arithmetic: those of floats, and of more than 16."""
    return not (is_narrow(kinds[0]) and is_narrow(type_named(to)))


@onnx("BitCast", since=26, reads=_views)
def bit_cast(t: Say, x: Any, *, to: int) -> Any:
    """The bits of x as those of another type as wide. Of more than 16 bits its values must be known."""
    source, dtype = x.dtype, type_named(to)
    if "bfloat16" in (source, dtype) and source != dtype:
        raise Misfit(f"the bits of {source} as {dtype}")
    wide, narrow = (np.dtype("float32" if kind == "bfloat16" else kind) for kind in (source, dtype))
    if wide.itemsize != narrow.itemsize:
        raise Misfit(f"{source} and {dtype} are not of as many bits")
    if wide.kind in "iu" and narrow.kind in "iu" and is_narrow(dtype):
        return t.give(wrapped(t, x, dtype), dtype)
    return np.ascontiguousarray(t.array(x)).reshape(x.shape).view(narrow)


@onnx("Identity")
def identity(t: Say, x: Any) -> Any:
    return x


@onnx("Dropout", since=7, ignores=("ratio", "seed"))
def dropout(t: Say, x: Any) -> tuple[Any, Sym]:
    """x, and that all of it is kept."""
    return x, t.give(t.apply("spread", 1.0, x), x.dtype)


@onnx("Dropout", since=10, ignores=("ratio", "seed"))
def dropout_with_mask(t: Say, x: Any) -> tuple[Any, Sym]:
    return x, t.give(t.apply("spread", 1.0, x), "bool")


@onnx("Dropout", since=12, ignores=("seed",))
def dropout_of_inputs(t: Say, x: Any, ratio: Any = None, training_mode: Any = None) -> tuple[Any, Sym]:
    """x, and that all of it is kept: nothing is dropped but in training."""
    if training_mode is not None and t.number(training_mode) and (ratio is None or t.number(ratio)):
        raise Misfit("training_mode drops elements at random, which glnn does not do; export the model for inference")
    return dropout_with_mask(t, x)


onnx.refuse(
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    why="random numbers, which are others on each run; give them to the model as an input",
)  # fmt: skip


# ---- bits


def _wide(kinds: Sequence[str], **options: Any) -> bool:
    """Whether floats do not hold the bits of a type."""
    return not is_narrow(kinds[0])


def _bitwise(function: Callable[..., Any], word: str) -> Any:
    def make(t: Say, x: Any, y: Any) -> Any:
        if _wide([x.dtype]):
            return function(t.array(x), t.array(y))
        u, v = (wrapped(t, z, f"uint{bits(x.dtype)}") for z in (x, y))
        both = _common_bits(t, u, v, bits(x.dtype))
        made = {"and": lambda: both, "or": lambda: u + v - both, "xor": lambda: u + v - both * 2.0}[word]()
        return wrapped(t, made, x.dtype)

    return make


for _name, _function in (("And", np.bitwise_and), ("Or", np.bitwise_or), ("Xor", np.bitwise_xor)):
    onnx(f"Bitwise{_name}", since=18, exact=_function, reads=_wide)(_bitwise(_function, _name.lower()))


def _common_bits(t: Say, u: Sym, v: Sym, count: int) -> Sym:
    """The sum of the powers of 2 that both of two numbers hold, which are not negative."""
    total: Any = None
    for k in range(count):
        one, two = (t.apply("floor", x * 0.5**k) - t.apply("floor", x * 0.5 ** (k + 1)) * 2.0 for x in (u, v))
        common = one * two * 2.0**k
        total = common if total is None else total + common
    return total


@onnx("BitwiseNot", since=18, exact=np.bitwise_not, reads=_wide)
def bitwise_not(t: Say, x: Any) -> Any:
    if _wide([x.dtype]):
        return np.bitwise_not(t.array(x))
    return (2.0 ** bits(x.dtype) if x.dtype.startswith("u") else 0.0) - 1.0 - x


def shifted(x: np.ndarray, y: np.ndarray, *, direction: str) -> np.ndarray:
    """Integers with their bits moved; by negative numbers, or by all bits, nothing is left but the sign."""
    count = x.dtype.itemsize * 8
    beyond = (y < 0) | (y >= count)
    by = np.where(beyond, 0, y).astype(x.dtype)
    made = np.left_shift(x, by) if direction == "LEFT" else np.right_shift(x, by)
    rest = np.where(x < 0, -1, 0) if direction == "RIGHT" and x.dtype.kind == "i" else np.zeros_like(x)
    return np.where(beyond, rest.astype(x.dtype), made)


@onnx("BitShift", since=11, exact=shifted, reads=_wide)
def bit_shift(t: Say, x: Any, y: Any, *, direction: str) -> Any:
    if direction not in ("LEFT", "RIGHT"):
        raise Misfit(f"direction={direction!r} (LEFT or RIGHT)")
    if _wide([x.dtype]):
        return shifted(t.array(x), t.array(y), direction=direction)
    count = bits(x.dtype)
    beyond = t.apply("logical_or", t.apply("less", y, 0.0), t.apply("greater_equal", y, float(count)))
    by = t.where(beyond, float(count), y)
    if direction == "LEFT":
        return wrapped(t, x * t.apply("power", 2.0, by), x.dtype)
    return t.apply("floor", x * t.apply("power", 2.0, -by))
