"""Numbers as integers with scales: quantizing, its reverse, and sums of products of integers, which are exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph.quantized import Quantized
from ...graph.weight import Weight
from ...primitives import Sym
from ...primitives.move import Along
from ..say import Misfit, Say, Tensor, plain_type

EXACT = 2**24  # whole numbers that float32 tells apart
DIGIT = 16  # of weights whose sums may pass that


def along(t: Say, x: Any, axis: int, rank: int, size: int | None = None, block: int = 0) -> Any:
    """A scale or zero point as it broadcasts with a tensor: one number, one for each place of an axis, or in blocks."""
    if x is None or x.rank == 0 or (x.rank == 1 and x.shape[0] == 1):
        return x if x is None or not x.rank else t.reshape(x, ()) if not x.constant else one(t, x)
    if block:
        if size is None:
            raise Misfit("blocks along an axis whose size is free")
        if x.constant:
            return t.weight(
                np.repeat(t.array(x), block, axis)[(slice(None),) * axis + (slice(size),)].astype(np.float64)
            )
        return t.remap(x, [Along(None, size, div=block) if k == axis else None for k in range(rank)])
    if x.rank != 1:
        raise Misfit(f"a scale or zero point of shape {x.shape} (one number, or one for each place of an axis)")
    return t.reshape(x, (-1, *(1,) * (rank - 1 - axis)))


def one(t: Say, x: Any) -> Tensor:
    """A known tensor of one element, without axes."""
    return t.give(t.array(x).reshape(()), x.dtype)


def nothing(x: Any) -> bool:
    """Whether this is left out, or known to be 0."""
    array = getattr(x, "array", None)
    return x is None or (array is not None and array.size > 0 and not np.any(array))


def limits(dtype: str) -> tuple[float, float]:
    """The least and the greatest number of a type of integers."""
    if dtype in ("int4", "uint4"):
        return (-8.0, 7.0) if dtype == "int4" else (0.0, 15.0)
    info = np.iinfo(plain_type(dtype))
    return float(info.min), float(info.max)


def to_integers(t: Say, x: Sym, scale: Any, zero: Any, dtype: str) -> Tensor:
    """round(x / scale) + zero, halves to even, within what the type holds."""
    made = t.apply("round", x / scale)
    made = made if nothing(zero) else made + zero
    return t.give(t.apply("clip", made, *limits(dtype)), dtype)


def centred(t: Say, x: Sym, zero: Any) -> Sym:
    """x - zero."""
    return x if nothing(zero) else x - zero


def to_floats(t: Say, x: Sym, scale: Any, zero: Any, dtype: str) -> Tensor:
    """(x - zero) * scale; a known x of 8 or 16 bits keeps its integers."""
    if all(s is None or s.constant for s in (x, scale, zero)) and getattr(x, "dtype", "") in CODES and x.rank > 1:
        low = np.float64(0) if zero is None else wide(t, zero)
        return t.give(kept(t, t.array(x), wide(t, scale), low, getattr(x, "dtype", "")), dtype)
    return t.give(centred(t, x, zero) * scale, dtype)


CODES = {  # the codec that holds integers of a type, and which of its codes stands for 0
    "uint8": ("uint8", 0), "int8": ("uint8", 128), "uint16": ("uint16", 0), "int16": ("uint16", 32768),
    "uint4": ("uint4", 0), "int4": ("uint4", 8),
}  # fmt: skip


def wide(t: Say, x: Any) -> np.ndarray:
    """The elements of a known scale or zero point in float64."""
    return np.asarray(t.value(x) if isinstance(x, Sym) else x, np.float64)


def kept(t: Say, integers: np.ndarray, scale: Any, zero: Any, dtype: str = "") -> Sym:
    """(integers - zero) * scale as a weight of codes."""
    codec, start = CODES[dtype or integers.dtype.name]
    codes = (integers.astype(np.int32) + start).astype(np.uint16 if codec == "uint16" else np.uint8)
    return coded(t, codec, codes, scale, -(zero + start) * np.asarray(scale, np.float64))


def coded(t: Say, codec: str, codes: np.ndarray, scale: Any, low: Any) -> Sym:
    """codes * scale + low as a weight."""
    return t.weight(Weight.root(f"{t.name}~{len(t.weights)}", Quantized.make(codec, codes, scale, low)))


def largest(x: Any, zero: Any) -> int:
    """The largest that |x - zero| may be, for x of a type of 8 bits."""
    low, high = limits(x.dtype)
    array = getattr(zero, "array", None)
    at = [0] if zero is None else [low, high] if array is None else [float(array.min()), float(array.max())]
    return int(max(abs(bound - z) for bound in (low, high) for z in at))


def exact_sums(
    t: Say, most: int, w: np.ndarray, zero: np.ndarray | float, apply: Callable[[Sym], Sym], axes: Sequence[int]
) -> Sym:
    """`apply` of the weight w - zero, whole numbers, where its results are sums along `axes` of products with others.

    most: the largest of those. Where sums may pass 2^24 the weight goes in two digits: each sum is exact, and what they
    make is rounded once. Raises Misfit where even those may.
    """
    whole = w.astype(np.int64) - np.asarray(zero, np.int64)
    if most * int(np.abs(whole).sum(tuple(axes)).max(initial=0)) <= EXACT:
        return apply(kept(t, w, 1.0, np.asarray(zero, np.float64)))
    upper = (whole + DIGIT // 2) // DIGIT
    parts = ((upper, "uint8", 128), (whole - upper * DIGIT, "uint4", DIGIT // 2))
    made = []
    for part, codec, start in parts:
        if most * int(np.abs(part).sum(tuple(axes)).max(initial=0)) > EXACT:
            raise Misfit(f"sums of products of integers that may pass {EXACT}, which float32 tells apart")
        made.append(apply(coded(t, codec, (part + start).astype(np.uint8), 1.0, float(-start))))
    return made[0] * float(DIGIT) + made[1]


def exact_product(t: Say, a: Sym, b: Sym, most: int, inner: int, multiply: Callable[[Sym, Sym], Sym]) -> Sym:
    """The product of two computed matrices of whole numbers up to `most` in size, `inner` products to a sum."""
    if most * most * inner <= EXACT:
        return multiply(a, b)
    if most * max(DIGIT // 2, most // DIGIT + 1) * inner > EXACT:
        raise Misfit(f"sums of {inner} products of integers, which may pass {EXACT}: float32 tells no more apart")
    upper = t.apply("floor", b * (1.0 / DIGIT) + 0.5)
    return multiply(a, upper) * float(DIGIT) + multiply(a, b - upper * float(DIGIT))
