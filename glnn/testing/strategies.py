"""Hypothesis strategies for kernels: shapes at texture limits, values where floats end. Needs hypothesis.

from hypothesis import given
from glnn.testing import assert_matches, strategies

@given(strategies.arrays(strategies.shapes(limit=16)))
def test_twice(x):
    assert_matches("twice.glsl", lambda x: 2 * x, [x], limits=[{"max_texture_size": 16}])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp
except ImportError as error:
    raise ImportError("glnn.testing.strategies needs hypothesis: pip install hypothesis (or glnn[test])") from error

HALF = 65504.0  # the largest half float; 65519.996.. rounds to it, 65520 to infinity
LARGEST = float(np.finfo(np.float32).max)
TINY = 2.0**-126  # the smallest normal float32
# Where codecs and drivers part: the ends of halves and floats, of whole numbers, of 8 bits; ties of rounding.
EDGES = (
    0.0, -0.0, 1.0, -1.0, 0.5, 255.0, 256.0, 2.0**11 + 1, 2.0**24, 2.0**24 + 2, HALF, -HALF, 65519.0, 65520.0, -65520.0,
    LARGEST, -LARGEST, 1.0 + 2.0**-11, 1.0 + 2.0**-23,
)  # fmt: skip
DENORMAL = (TINY, -TINY, TINY / 2, 1e-40, -1e-40, 1.4e-45, 2.0**-14, 2.0**-15, 2.0**-24)  # of floats and of halves
NOT_FINITE = (math.nan, math.inf, -math.inf)


def shapes(
    limit: int = 16, min_dims: int = 1, max_dims: int = 4, elements: int = 1 << 14, batch: int | None = None
) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes whose sizes lie where textures of `limit` texels a side fill up, fold or split, of 1 to 4 axes or more.

    limit:    largest texture side that the kernel will be tried with
    elements: that a tensor has at most
    batch:    the first size, None: any

    Sizes are mostly 1, 2, what four lanes leave over (3, 4, 5), and the limit, one less and one more, also of groups of
    four channels; what is too large is cut down. Raises InputError for a limit below 2 or a wrong number of axes.
    """
    if limit < 2 or not 1 <= min_dims <= max_dims or elements < 1:
        told = f"shapes: limit={limit}, {min_dims} to {max_dims} axes, {elements} elements came"
        raise InputError(f"{told}; the limit is 2 or more, axes and elements 1 or more")
    near = {1, 2, 3, 4, 5, 7, 8, limit - 1, limit, limit + 1, 2 * limit + 1, 4 * limit, 4 * limit + 1}
    size = st.one_of(st.sampled_from(sorted(near)), st.integers(1, 2 * limit))

    def fitting(sizes: list[int]) -> tuple[int, ...]:
        made = [batch, *sizes[1:]] if batch is not None else list(sizes)
        while math.prod(made) > elements:  # the largest is cut: those at the limit shall stay where they can
            at = max(range(len(made)), key=made.__getitem__)
            made[at] = max(1, made[at] // 2)
        return tuple(made)

    return st.lists(size, min_size=min_dims, max_size=max_dims).map(fitting)


def values(
    *, nan: bool = True, infinity: bool = True, denormal: bool = True, largest: float = LARGEST
) -> st.SearchStrategy[float]:
    """float32 values, often those where codecs and drivers part: NaN, infinities, 65504 and beyond, denormals, -0.0.

    largest: magnitude of finite values at most; 65504 for what shall fit halves
    """
    edges = [v for v in EDGES if abs(v) <= largest] + [v for v in DENORMAL if denormal and abs(v) <= largest]
    edges += [v for v in NOT_FINITE if (nan if v != v else infinity)]
    bound = float(np.float32(largest))
    plain = st.floats(-bound, bound, width=32, allow_nan=False, allow_infinity=False, allow_subnormal=denormal)
    return st.one_of(st.floats(-8, 8, width=32, allow_subnormal=denormal), st.sampled_from(edges), plain)


def arrays(
    shape: st.SearchStrategy[tuple[int, ...]] | Sequence[int], elements: st.SearchStrategy[float] | None = None
) -> st.SearchStrategy[Any]:
    """float32 arrays of a shape (or of shapes that a strategy gives); elements: `values()` unless others are given."""
    made = shape if isinstance(shape, st.SearchStrategy) else tuple(shape)
    given = (values() if elements is None else elements).map(lambda v: float(np.float32(v)))
    return hnp.arrays(np.float32, made, elements=given, fill=st.sampled_from((0.5, -3.0)))
