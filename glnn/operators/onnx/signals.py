"""Operators of signals: Fourier transforms as products with matrices, windows, mel scales; determinants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators.table import kept
from ...primitives import Sym
from ...primitives.move import Size
from ..say import Misfit, NeedsShape, Say, plain_type
from ..types import type_named
from . import onnx

MOST_WEIGHTS = 1 << 25  # of a transform's matrix: 2,048 complex numbers, or 5,000 real ones of which half is asked for


def _matrix(transform: Callable[[np.ndarray], np.ndarray], count: int, parts: int) -> np.ndarray:
    """(count, parts, ...): what a transform makes of each number that is 1 alone, and of each that is i."""
    ones = np.eye(count)
    return np.stack([transform(one) for one in (ones, 1j * ones)][:parts], 1)


def _apart(x: np.ndarray) -> np.ndarray:
    """Real and imaginary parts along a new last axis; real numbers alone along one of size 1."""
    return np.stack([x.real, x.imag], -1) if np.iscomplexobj(x) else x[..., None]


def _transform(length: int, inverse: bool, onesided: bool) -> Callable[[np.ndarray], np.ndarray]:
    """The discrete Fourier transform of rows, of so many numbers, or its inverse; onesided: what real numbers have."""

    def make(rows: np.ndarray) -> np.ndarray:
        if inverse:
            return _apart((np.fft.irfft if onesided else np.fft.ifft)(rows, length))
        return _apart(np.fft.fft(rows, length)[:, : length // 2 + 1 if onesided else None])

    return make


def _size(x: Sym, axis: int) -> int:
    size = x.shape[axis]
    if size is None:
        raise NeedsShape(f"the transform along axis {axis} of {x.shape} needs its size")
    return size


def _dft(t: Say, x: Any, length: Any, axis: int, inverse: int, onesided: int) -> Sym:
    axis, parts = checked_axis(axis, x.rank), _size(x, -1)
    if axis == x.rank - 1 or parts not in (1, 2):
        raise Misfit("the last axis is that of real and imaginary parts")
    if onesided and (parts == 2) != bool(inverse):
        raise Misfit("onesided transforms real numbers, and the inverse complex ones")
    size = _size(x, axis)
    count = 2 * (size - 1) if inverse and onesided else size
    count = count if length is None else int(t.number(length))
    whole = count // 2 + 1 if inverse and onesided else count
    x = t.slice(x, axis, 0, whole) if size > whole else x
    size = min(size, whole)
    matrix = _matrix(_transform(count, bool(inverse), bool(onesided)), size, parts)
    if matrix.size > MOST_WEIGHTS:
        raise Misfit(f"a transform of {count} numbers: its matrix would have {matrix.size} weights")
    others = [k for k in range(x.rank - 1) if k != axis]
    rows = t.reshape(t.transpose(x, [*others, axis, x.rank - 1]), [*kept(x)[: len(others)], size * parts])
    rows = rows if others else t.reshape(rows, [1, size * parts])
    made = t.dense(rows, t.weight(matrix.reshape(size * parts, -1)))
    made = t.reshape(made, [*[Size(k) for k in range(len(others))], *matrix.shape[2:]])
    return t.transpose(made, [*range(axis), len(others), *range(axis, len(others)), x.rank - 1])


@onnx("DFT", since=17)
def dft_17(t: Say, x: Any, length: Any = None, *, axis: int = 1, inverse: int = 0, onesided: int = 0) -> Sym:
    return _dft(t, x, length, axis, inverse, onesided)


@onnx("DFT", since=20)
def dft(t: Say, x: Any, length: Any = None, axis: Any = None, *, inverse: int = 0, onesided: int = 0) -> Sym:
    """The Fourier transform of complex numbers, whose parts lie along the last axis, along another."""
    return _dft(t, x, length, -2 if axis is None else int(t.number(axis)), inverse, onesided)


@onnx("STFT", since=17)
def stft(t: Say, signal: Any, step: Any, window: Any = None, length: Any = None, *, onesided: int = 1) -> Sym:
    """The transforms (N, frames, numbers, 2) of frames of a signal (N, length, 1 or 2): a convolution with windows."""
    hop, parts = int(t.number(step)), _size(signal, -1)
    if length is not None:
        size = int(t.number(length))
    else:
        size = _size(signal, 1) if window is None else _size(window, 0)
    if onesided and parts == 2:
        raise Misfit("onesided transforms real numbers; the signal is complex")
    matrix = _matrix(_transform(size, False, bool(onesided)), size, parts)
    if window is not None:
        matrix = matrix * np.asarray(t.array(window), np.float64).reshape(-1, 1, 1, 1)
    if matrix.size > MOST_WEIGHTS:
        raise Misfit(f"a transform of {size} numbers: its matrix would have {matrix.size} weights")
    places: dict[str, Any] = {"kernel_size": (size,), "strides": (hop,), "dilation": (1,)}
    made = t.conv(signal, t.weight(matrix.reshape(size, parts, -1)), **places)
    return t.reshape(made, [*kept(made, (0, 1)), *matrix.shape[2:]])


# ---- windows


def _window(name: str, formula: Callable[[np.ndarray], np.ndarray]) -> None:
    @onnx(name, since=17)
    def make(t: Say, size: Any, *, output_datatype: int = 1, periodic: int = 1) -> Any:
        count, dtype = int(t.number(size)), type_named(output_datatype)
        turns = np.arange(count) * 2 * np.pi / max(count if periodic else count - 1, 1)
        return t.give(formula(turns).astype(plain_type(dtype)), dtype)


_window("HannWindow", lambda a: 0.5 - 0.5 * np.cos(a))
_window("HammingWindow", lambda a: 25 / 46 - 21 / 46 * np.cos(a))
_window("BlackmanWindow", lambda a: 0.42 - 0.5 * np.cos(a) + 0.08 * np.cos(2 * a))


@onnx("MelWeightMatrix", since=17)
def mel_weight_matrix(
    t: Say, bins: Any, length: Any, rate: Any, low: Any, high: Any, *, output_datatype: int = 1
) -> Any:  # fmt: skip
    """(numbers of a spectrum, bins): triangles whose corners lie evenly on the mel scale."""
    count, size, hertz = (int(t.number(x)) for x in (bins, length, rate))
    ends = [2595 * math.log10(1 + float(t.number(x)) / 700) for x in (low, high)]
    mels = ends[0] + np.arange(count + 2) * (ends[1] - ends[0]) / (count + 2)
    corners = ((size + 1) * 700 * (10 ** (mels / 2595) - 1) // hertz).astype(int)
    places = np.arange(size // 2 + 1)[:, None]
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising = np.where(middle > left, (places - left) / np.maximum(middle - left, 1), places == middle)
    falling = (right - places) / np.maximum(right - middle, 1)
    made = np.where((places >= left) & (places <= middle), rising, 0.0)
    made = np.where((places >= middle) & (places < right), falling, made)
    dtype = type_named(output_datatype)
    return t.give(made.astype(plain_type(dtype)), dtype)


# ---- determinants


@onnx("Det", since=11)
def det(t: Say, x: Any) -> Sym:
    """The determinants of matrices along the last two axes: of what is left without the largest of the first column."""
    size = _size(x, -1)
    if x.rank < 2 or _size(x, -2) != size:
        raise Misfit(f"determinants are those of square matrices, not of {x.shape}")
    made: Any = 1.0
    for left in range(size, 1, -1):
        column = t.slice(x, -1, 0, 1)
        place = t.reduce("argmax", t.apply("abs", column), -2, keepdims=True)
        row = t.reduce("sum", t.where(t.apply("equal", t.index(x, -2), place), x, 0.0), -2, keepdims=True)
        pivot = t.slice(row, -1, 0, 1)
        odd = place - t.apply("floor", place * 0.5) * 2.0
        made = t.apply("multiply", made, t.where(odd, -pivot, pivot))
        rest = x - column * (row / t.where(t.apply("equal", pivot, 0.0), 1.0, pivot))
        rest = t.slice(rest, -1, 1, left - 1)
        above, below = t.slice(rest, -2, 0, left - 1), t.slice(rest, -2, 1, left - 1)
        x = t.where(t.apply("less", t.index(above, -2), place), above, below)
    return t.reduce("sum", t.apply("multiply", made, x), (-2, -1))
