"""Operators whose shapes depend on values: NumPy computes them of what is read back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators.table import flat
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.boxes import corners, suppressed
from ..shared.gathers import rows
from . import onnx


@onnx("NonZero", since=9, host=True, gives="int64")
def nonzero(x: np.ndarray) -> np.ndarray:
    """The places (rank, count) of the elements that are not 0."""
    return np.array(np.nonzero(np.atleast_1d(x)), np.int64).reshape(max(x.ndim, 1), -1)


@onnx("Unique", since=11, host=True, gives=("same", "int64", "int64", "int64"))
def unique(x: np.ndarray, *, axis: int | None = None, sorted: int = 1) -> tuple[np.ndarray, ...]:
    """Different elements, or parts along an axis; the first place of each, which one each is, how often it occurs."""
    if axis is None:
        x = x.reshape(-1)
    values, first, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=None if axis is None else axis % x.ndim
    )
    inverse = inverse.reshape(-1)
    if not sorted:
        order = np.argsort(first)
        place = np.argsort(order)
        values = np.take(values, order, 0 if axis is None else axis)
        first, counts, inverse = first[order], counts[order], place[inverse]
    return values, *(array.astype(np.int64) for array in (first, inverse, counts))


@onnx("Compress", since=9)
def compress(t: Say, x: Sym, condition: Sym, *, axis: int | None = None) -> Sym:
    """Those parts along an axis (None: elements of all) for which a condition holds."""
    if axis is None:
        x, axis = flat(t, x), 0
    axis = checked_axis(axis, x.rank)
    chosen = np.flatnonzero(t.array(condition).reshape(-1))
    size = t.static(x)[axis]
    return rows(t, x, t.give(chosen[chosen < size].astype(np.int64)), axis)


@onnx("NonMaxSuppression", since=10, host=True, gives="int64")
def non_max_suppression(
    boxes: np.ndarray, scores: np.ndarray, most: Any = None, overlap: Any = None, least: Any = None, *,
    center_point_box: int = 0,
) -> np.ndarray:  # fmt: skip
    """(batch, class, box) of the boxes that are chosen."""
    if boxes.ndim != 3 or scores.ndim != 3 or boxes.shape[-1] != 4 or boxes.shape[1] != scores.shape[2]:
        raise Misfit(f"boxes (N, K, 4) and scores (N, classes, K) are needed, not {boxes.shape} and {scores.shape}")
    count, share, score = (None if v is None or not v.size else v.reshape(-1)[0] for v in (most, overlap, least))
    shaped, made = corners(boxes, bool(center_point_box)), []
    for n, kinds in enumerate(scores):
        for kind, own in enumerate(kinds):
            found = suppressed(
                shaped[n], own, int(count or 0), float(share or 0), None if score is None else float(score)
            )
            made += [(n, kind, k) for k in found]
    return np.array(made, np.int64).reshape(-1, 3)
