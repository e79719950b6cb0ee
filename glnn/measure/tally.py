"""How far values are from others, counted piece by piece: NMSE, cosine, largest difference, ULP, NaN, infinities."""

from __future__ import annotations

import math

import numpy as np

from ..show.comparison import Errors


class Tally:
    """Differences of tensors that belong together, added piece by piece; `errors` is what they come to."""

    def __init__(self) -> None:
        self.error = self.power = self.dot = self.got_power = self.largest = self.ulp = self.scale = 0.0
        self.values = self.nans = self.infs = self.expected_nans = self.expected_infs = self.apart = self.dead = 0

    def add(self, got: np.ndarray, expected: np.ndarray, dead: int = 0) -> None:
        """Adds a piece: values that came out and those that were expected, of one shape. dead: see Errors."""
        a, b = np.asarray(got, np.float64), np.asarray(expected, np.float64)
        finite = np.isfinite(b)
        both = np.isfinite(a) & finite
        self.values += a.size
        self.dead += dead
        if not both.all():
            same = both | (np.isnan(a) & np.isnan(b)) | ((a == b) & ~finite)
            self.apart += int(a.size - np.count_nonzero(same))
            self.nans += int(np.count_nonzero(np.isnan(a)))
            self.infs += int(np.count_nonzero(np.isinf(a)))
            self.expected_nans += int(np.count_nonzero(np.isnan(b)))
            self.expected_infs += int(np.count_nonzero(np.isinf(b)))
            a, b = a[both], b[both]
        if not a.size:
            return
        a, b = a.reshape(-1), b.reshape(-1)
        off = a - b
        self.error += float(off @ off)
        self.power += float(b @ b)
        self.got_power += float(a @ a)
        self.dot += float(a @ b)
        self.largest = max(self.largest, float(np.abs(off).max()))
        self.scale = max(self.scale, float(np.abs(b).max()))
        self.ulp = max(self.ulp, ulps(a, b))

    @property
    def errors(self) -> Errors:
        """What the pieces come to."""
        nmse = 0.0 if not self.error else self.error / self.power if self.power else math.inf
        norms = math.sqrt(self.power * self.got_power)
        cosine = self.dot / norms if norms else float(self.power == self.got_power)
        return Errors(
            nmse, min(1.0, cosine), self.largest, self.ulp, self.nans, self.infs, self.expected_nans,
            self.expected_infs, self.apart, self.dead,
        )  # fmt: skip


def ulps(a: np.ndarray, b: np.ndarray) -> float:
    """How many float32 numbers lie between two finite values at most, over all pairs."""
    with np.errstate(over="ignore"):
        x, y = (np.asarray(v, np.float32).view(np.int32).astype(np.int64) for v in (a, b))
    x, y = (np.where(v < 0, -(v & 0x7FFFFFFF), v) for v in (x, y))
    return float(np.abs(x - y).max(initial=0))
