"""Where each element along an axis that changes its size comes from: tables of first source elements and weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

COORDINATES = (
    "half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric", "tf_half_pixel_for_nn",
    "align_corners_scaled",
)  # fmt: skip
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
METHODS = ("linear", "cubic", "nearest", "lanczos3", "lanczos5", "gaussian", "mitchell", "area")
# How far the functions of distance reach.
RADII: dict[str, float] = {"linear": 1, "cubic": 2, "lanczos3": 3, "lanczos5": 5, "gaussian": 1.5, "mitchell": 2}
Table = tuple[np.ndarray, np.ndarray]  # for each element of a result: the first source element, the weights (see table)
SNAP = 1e-9  # what lies nearer to an element than this lies on it


def places(size: int, out: int, scale: float, coordinates: str) -> np.ndarray:
    """Where each of `out` elements lies among `size`, whose first is at 0, float64; scale: out over size, or so."""
    i = np.arange(out, dtype=np.float64)
    if coordinates.startswith("align_corners"):
        width = scale * size if coordinates.endswith("scaled") else out
        at = i * ((size - 1) / (width - 1)) if out > 1 else 0 * i
    elif coordinates == "asymmetric":
        at = i / scale
    else:
        at = (i + 0.5) / scale - (0 if coordinates == "tf_half_pixel_for_nn" else 0.5)
        if coordinates == "pytorch_half_pixel" and out == 1:
            at = 0 * i
        if coordinates == "half_pixel_symmetric":
            at = at + size / 2 * (1 - out / (scale * size))
    whole = np.rint(at)
    return np.where(np.abs(at - whole) < SNAP, whole, at)


def rounded(at: np.ndarray, rounding: str) -> np.ndarray:
    """The element that each place is taken for."""
    near = {"round_prefer_floor": lambda: np.ceil(at - 0.5), "round_prefer_ceil": lambda: np.floor(at + 0.5)}
    return near.get(rounding, lambda: getattr(np, rounding)(at))()


def share(method: str, coefficient: float) -> Callable[[np.ndarray], np.ndarray]:
    """The weight of an element by its distance."""

    def cubic(t: np.ndarray) -> np.ndarray:
        a = coefficient
        near, far = ((a + 2) * t - (a + 3)) * t * t + 1, ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return np.where(t <= 1, near, np.where(t < 2, far, 0))

    def lanczos(t: np.ndarray) -> np.ndarray:
        radius = RADII[method]
        return np.where(t < radius, np.sinc(t) * np.sinc(t / radius), 0)

    def mitchell(t: np.ndarray) -> np.ndarray:
        near, far = (21 * t - 36) * t * t + 16, ((-7 * t + 36) * t - 60) * t + 32
        return np.where(t <= 1, near, np.where(t < 2, far, 0)) / 18

    def gaussian(t: np.ndarray) -> np.ndarray:  # of a standard deviation of 1/2
        return np.where(t < 1.5, np.exp(-2 * t * t), 0)

    own = {"linear": lambda t: np.maximum(1 - t, 0), "cubic": cubic, "mitchell": mitchell, "gaussian": gaussian}
    return own.get(method, lanczos)


def overlaps(size: int, out: int, scale: float) -> Table:
    """The table of "area": each element of the result is the mean of the stretch of the source that it covers."""
    ends = np.minimum(np.arange(out + 1) / scale, size)
    whole = np.rint(ends)
    ends = np.where(np.abs(ends - whole) < SNAP, whole, ends)
    taps = int((np.ceil(ends[1:]) - np.floor(ends[:-1])).max())
    first = np.minimum(np.floor(ends[:-1]).astype(int), size - taps)
    at = first[:, None] + np.arange(taps)
    shares = np.maximum(np.minimum(at + 1, ends[1:, None]) - np.maximum(at, ends[:-1, None]), 0)
    return first, shares / shares.sum(1, keepdims=True)


@lru_cache(256)
def table(
    size: int, out: int, scale: float, method: str, coordinates: str, rounding: str, coefficient: float,
    antialias: bool, exclude_outside: bool,
) -> Table:  # fmt: skip
    """(first element (out,), weights (out, taps) of it and those behind), float64. Each row of weights adds up to 1.

    exclude_outside: what lies beyond the ends has no weight; else it is as the end
    """
    at = places(size, out, scale, coordinates)
    if method == "area":
        return overlaps(size, out, scale)
    if method == "nearest":
        return np.clip(rounded(at, rounding), 0, size - 1).astype(int), np.ones((out, 1))
    wide = max(1.0, 1 / scale) if antialias else 1.0
    radius = int(np.ceil(RADII[method] * wide))
    first = np.floor(at).astype(int) - radius + 1
    near = first[:, None] + np.arange(2 * radius)
    weights = share(method, coefficient)(np.abs(near - at[:, None]) / wide)
    weights = np.where(np.abs(weights) < SNAP, 0, weights)
    if exclude_outside:
        weights = np.where((near >= 0) & (near < size), weights, 0)
    taps = min(2 * radius, size)
    start = np.clip(first, 0, size - taps)
    merged: Any = np.zeros((out, taps))
    np.add.at(
        merged, (np.arange(out)[:, None], np.clip(np.clip(near, 0, size - 1) - start[:, None], 0, taps - 1)), weights
    )
    total = merged.sum(1, keepdims=True)
    return start, merged / np.where(np.abs(total) < 1e-6, 1, total)


def applied(x: np.ndarray, axis: int, by: Table) -> np.ndarray:
    """x with an axis resampled by a table; what has no weight does not count, NaN neither."""
    first, shares = by
    along = np.moveaxis(x, axis, -1)
    made: Any = 0
    for k in range(shares.shape[1]):
        part = shares[:, k].astype(x.dtype)
        made = made + np.where(part == 0, 0, part * along[..., np.minimum(first + k, along.shape[-1] - 1)])
    return np.moveaxis(made.astype(x.dtype, copy=False), -1, axis)
