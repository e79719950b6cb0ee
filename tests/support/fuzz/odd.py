"""Values that no argument of glnn is meant to be, most of the time."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np


def nothing(*args: Any, **named: Any) -> None:
    """A function that takes all and gives nothing."""


ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 2.5, -0.0, 1e308, float("nan"), float("inf"), 10**30, -(10**30), 1j, "", "x",
    "0", "\0", "é" * 300, "\udc80", "float32", "auto", "/dev/null/x", b"x", [], [[]], [None], ["x"], [1, [2]], [-1],
    [1e9], (), (1, 2, 3), {}, {"x": 1}, {"x": None}, {1: 2}, {"y": np.ones(3)}, set(), {"x"}, range(3), object(),
    nothing, str, Path("/dev/null"), Path("x"), ..., Decimal("nan"), Fraction(1, 3), slice(None), np.float64("nan"),
    np.int8(-1), np.bool_(True), np.str_("x"), np.array(3), np.array("x"), np.zeros(0), np.zeros((0, 3)),
    np.zeros((2, 0)), np.zeros((1,) * 20), np.ones((2, 4)), np.ones((2, 3), complex), np.array(["a", "b"]),
    np.array([None, 1], object), np.array("2020-01-01", "M8[D]"), np.ones((2, 3), [("a", "f4")]),
    np.full((2, 3), np.nan), np.full((2, 3), 1e300), np.ones((2, 3), np.float16), np.ones((2, 3), bool),
    np.ma.masked_array(np.ones((2, 3)), True), [[1, 2, 3], [4, 5]], "x" * 100_000,
)  # fmt: skip

TEXTS = (  # of a command line
    "", "-", "--", "x", "0", "1", "-1", "2.5", "1e9", "nan", "inf", "9" * 400, "0x10", "٣", "é" * 300, "\udc80", "a b",
    "\n", "1,2", "1,,2", "224,224,3", "8x8x1", "0,0,0", "*.png", "[", "**", "/dev/null/x", "/dev/null/x.npz:k",
    "/dev/null", "file://x", "http://", "http://[", "=", "@x", "--nope", "--scale", "--scale=half", "--json",
    "--batch", "--shape", "--top=0", "--version", "-h", "--help", "-o", "numpy", "keras", "auto", "uint8", "none",
    "webgl2", "m.glnn", "x.npy", "x.html", "x.json", "x.npz", "page", "text.txt",
)  # fmt: skip
