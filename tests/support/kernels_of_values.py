"""Devices of each dialect and limit for the user's own kernels, and NumPy's answers to neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

import glnn

# name -> arguments of Device: each dialect, no blocks, textures so small that everything is split, bytes, half floats.
DEVICES: dict[str, dict] = {
    "es300": {},
    "gl330": {"dialect": "gl330"},
    "es100": {"dialect": "es100"},
    "one buffer": {"draw_buffers": 1},
    "split": {"max_texture_size": 16, "array_layers": 2048},
    "es100 split": {"dialect": "es100", "max_texture_size": 64},
    "bytes": {"dialect": "es100", "float_targets": "rgba8"},
    "numpy": {"index": "numpy"},
    "numpy es100": {"index": "numpy", "dialect": "es100"},
    "numpy float64": {"index": "numpy", "precision": "float64"},
    "float16": {"float_targets": "float16"},
}
# Those that go through all that others do by halves; the others run in the whole matrix.
SOME = [
    name if name in ("es300", "split", "bytes", "numpy") else pytest.param(name, marks=pytest.mark.whole)
    for name in DEVICES
]
TOLERANCES = {"float16": 4e-3}  # of a result whose values are about 1; elsewhere float32's
PADS = {"zero": "constant", "edge": "edge", "wrap": "wrap", "reflect": "reflect"}
REACH = 6


@contextmanager
def opened(name: str) -> Iterator[glnn.Device]:
    """A device of the table."""
    with glnn.Device(**DEVICES[name]) as device:
        yield device


def tolerance(name: str) -> float:
    """How far a device's values may be off."""
    return TOLERANCES.get(name, 2e-5)


class Around:
    """An array with what lies beyond it by a rule: `at(-1, 0)` is the array moved by so many elements."""

    def __init__(self, array: np.ndarray, rule: str):
        self.array = array
        self.padded = np.pad(array.astype(np.float64), REACH, mode=PADS[rule])  # type: ignore[call-overload]

    def __call__(self, *offsets: int) -> np.ndarray:
        places = zip(offsets, self.array.shape, strict=True)
        return self.padded[tuple(slice(REACH + d, REACH + d + size) for d, size in places)]
