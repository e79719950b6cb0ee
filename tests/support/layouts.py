"""Strategies and checks for layouts."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import assume, settings
from hypothesis import strategies as st

from glnn.errors import LimitError
from glnn.layout.cells import CellLayout
from glnn.layout.limits import Limits
from glnn.layout.tiles import Layout, choose_layout

SIZES = st.sampled_from([4, 5, 8, 16, 61, 64, 256, 1024, 4096])
BUFFERS = st.sampled_from([1, 4, 8])
SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=6).map(tuple) | st.lists(
    st.sampled_from([1, 2, 4, 31]), min_size=1, max_size=4
).map(tuple)
QUICK = settings(max_examples=150, deadline=None)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    dialect = draw(st.sampled_from(["es300", "es100", "gl330"]))
    units, layers = draw(st.sampled_from([3, 8, 16])), draw(st.sampled_from([8, 64, 256]))
    return Limits(draw(SIZES), draw(BUFFERS), units, dialect=dialect, array_layers=layers)


def check_counts(layout: Layout | CellLayout, limits: Limits) -> None:
    """Parts are layers of one texture where there are array textures, else as many textures as can be read at once."""
    if limits.dialect == "es100":
        assert layout.textures == layout.parts <= limits.texture_units - 1 and layout.depth <= 1
    else:
        assert layout.textures == 1 and layout.depth <= limits.array_layers


def layout_or_skip(shape: tuple[int, ...], limits: Limits, blocked: bool = True, texels: int = 1) -> Layout:
    try:
        return choose_layout(shape, limits, blocked, texels)
    except LimitError:
        assume(False)
        raise


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """1, 2, 3, ...: every value is known by itself, none is zero."""
    return np.arange(1, math.prod(shape) + 1, dtype=np.float64).reshape(shape)
