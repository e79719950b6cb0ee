"""Padding, and cutting off what is padded by less than nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Misfit, Say
from .empty import blank
from .slices import picked

MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}  # ONNX' names and NumPy's
Pairs = Sequence[tuple[int, int]]


def padded(t: Say, x: Sym, pairs: Pairs, mode: str = "constant", value: Any = 0.0) -> Sym:
    """x with elements before and after along each axis; less than 0: cut off. modes: NumPy's; value: of "constant"."""
    x = picked(t, x, _key(pairs))
    wide = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if not any(map(any, wide)):
        return x
    if 0 in x.shape:
        return t.give(_pad(blank(x.shape), wide, mode, value).astype(np.float64), getattr(x, "dtype", "float32"))
    if mode != "constant":
        return OPERATORS["pad"].function(t, x, tuple(wide), mode)
    number = float(t.number(value))
    if math.isfinite(number):
        return OPERATORS["pad"].function(t, x, tuple(wide), "constant", number)
    made = OPERATORS["pad"].function(t, x, tuple(wide), "constant", 0.0)
    inside = OPERATORS["pad"].function(t, t.apply("spread", 1.0, x), tuple(wide), "constant", 0.0)
    return t.where(inside, made, number)


def padded_array(x: np.ndarray, pairs: Pairs, mode: str, value: Any) -> np.ndarray:
    """The same in NumPy."""
    return _pad(x[_key(pairs)], [(max(a, 0), max(b, 0)) for a, b in pairs], mode, value)


def _key(pairs: Pairs) -> tuple[slice, ...]:
    return tuple(slice(-a if a < 0 else None, b if b < 0 else None) for a, b in pairs)


def _pad(x: np.ndarray, pairs: Pairs, mode: str, value: Any) -> np.ndarray:
    options: Any = {"constant_values": np.asarray(value).reshape(())} if mode == "constant" else {}
    return np.pad(x, list(pairs), mode, **options)  # type: ignore[call-overload]


def pairs_of(rank: int, pads: Sequence[int], axes: Sequence[int] | None = None) -> list[tuple[int, int]]:
    """ONNX' pads, all begins before all ends, as pairs for each axis."""
    places = list(range(rank)) if axes is None else [checked_axis(axis, rank) for axis in axes]
    if len(pads) != 2 * len(places):
        raise Misfit(f"{len(pads)} pads; {2 * len(places)} are needed, two for each of {len(places)} axes")
    made = [(0, 0)] * rank
    for k, axis in enumerate(places):
        made[axis] = (int(pads[k]), int(pads[k + len(places)]))
    return made
