"""How far values are from others, counted piece by piece: NMSE, cosine, largest difference, ULP, NaN, infinities."""

from __future__ import annotations

import math

import numpy as np

from ...show.reports.comparison import Errors

MOST = float(np.finfo(np.float32).max)
MASK = 1e30  # what is beyond stands for an infinity, as in scores that are masked


class Tally:
    """Differences of tensors that belong together, added piece by piece; `errors` is what they come to.

    brief: without cosine and ULP, which take a third of the time.
    """

    def __init__(self, brief: bool = False) -> None:
        self.brief = brief
        self.error = self.power = self.dot = self.got_power = self.largest = self.ulp = self.scale = 0.0
        self.nans = self.infs = self.expected_nans = self.expected_infs = self.apart = self.dead = 0

    def add(self, got: np.ndarray, expected: np.ndarray, dead: int = 0) -> None:
        """Adds a piece: values that came out and those that were expected, of one shape. dead: see Errors.

        Beyond the range of float32 an infinity is expected.
        """
        self.dead += dead
        a, b = (np.asarray(v, np.float64).reshape(-1) for v in (got, expected))
        if not a.size:
            return
        scale = _largest(b)
        if not (scale <= MOST and _largest(a) <= MOST):  # also where one is NaN
            a, b = self._finite(a, b)
            if not a.size:
                return
            scale = _largest(b)
        if not self.brief:
            self.ulp = max(self.ulp, ulps(a, b))
        if scale >= MASK:
            a, b, scale = _as_large_as_the_rest(a, b)
        off = a - b
        self.error += _dot(off, off)
        self.power += _dot(b, b)
        self.largest = max(self.largest, _largest(off))
        self.scale = max(self.scale, scale)
        if not self.brief:
            self.got_power += _dot(a, a)
            self.dot += _dot(a, b)

    def _finite(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of both where both are finite; the others are counted."""
        b = np.where(np.abs(b) > MOST * (1 + 2.0**-25), np.copysign(np.inf, b), b)
        both = np.isfinite(a) & np.isfinite(b)
        same = both | (np.isnan(a) & np.isnan(b)) | (np.isinf(b) & (a == b))
        self.apart += int(a.size - np.count_nonzero(same))
        self.nans += int(np.count_nonzero(np.isnan(a)))
        self.infs += int(np.count_nonzero(np.isinf(a)))
        self.expected_nans += int(np.count_nonzero(np.isnan(b)))
        self.expected_infs += int(np.count_nonzero(np.isinf(b)))
        return a[both], b[both]

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


def _as_large_as_the_rest(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Pairs of values whose b stands for an infinity, made as large as the largest of the others; and how large.

    Beside -3e38 all other values of a layer would be rounding.
    """
    mask = np.abs(b) >= MASK
    rest = b[~mask]
    scale = _largest(rest) if rest.size else 0.0
    if not scale:
        return a, b, _largest(b)
    factor = np.where(mask, scale / np.where(mask, np.abs(b), 1.0), 1.0)
    return a * factor, b * factor, scale


def _largest(v: np.ndarray) -> float:
    """The largest magnitude; NaN where there is one."""
    return max(float(v.max()), -float(v.min()))


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    # Not `@`: what BLAS does in threads for a vector waits for cores that are busy.
    return float(np.einsum("i,i->", a, b))
