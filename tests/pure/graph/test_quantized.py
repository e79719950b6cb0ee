"""Quantized arrays: views carry their scales along, as NumPy's own views of the decoded values would be."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glnn.graph.quantized import BITS, Quantized, pack4, shrunk, unpack4


@st.composite
def quantized(draw: Any, min_dims: int = 1) -> Quantized:
    """Codes of up to four axes; scale and low vary along some of the axes, each along its own."""
    codec = draw(st.sampled_from(list(BITS)))
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=4, max_side=4))
    codes = draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 2 ** BITS[codec] - 1)))
    pair = []
    for _ in range(2):
        varies = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
        sizes = tuple(n if v else 1 for n, v in zip(shape, varies, strict=True))
        pair.append(draw(hnp.arrays(np.float32, sizes, elements=st.floats(-100, 100, width=32))))
    return Quantized.make(codec, codes, *pair)


def decoded(q: Quantized) -> np.ndarray:
    """The formula, written out."""
    return (q.codes.astype(np.float64) * q.scale.astype(np.float64) + q.low.astype(np.float64)).astype(np.float32)


@settings(max_examples=200, deadline=None)
@given(quantized(), st.data())
def test_views_are_views_of_the_values(q: Quantized, data: Any) -> None:
    values = np.asarray(q)
    np.testing.assert_array_equal(values, decoded(q))
    assert q.shape == values.shape and q.ndim == values.ndim and q.size == values.size and len(q) == len(values)
    order = data.draw(st.permutations(range(q.ndim)))
    np.testing.assert_array_equal(np.asarray(q.transpose(*order)), values.transpose(*order))
    np.testing.assert_array_equal(np.asarray(q.transpose(tuple(order))), values.transpose(order))
    a, b = data.draw(st.integers(0, q.ndim - 1)), data.draw(st.integers(0, q.ndim - 1))
    np.testing.assert_array_equal(np.asarray(q.swapaxes(a, b)), values.swapaxes(a, b))
    key = data.draw(hnp.basic_indices(q.shape, allow_newaxis=True))
    np.testing.assert_array_equal(np.asarray(q[key]), values[key])
    np.testing.assert_array_equal(np.asarray(q.reshape(-1)), values.reshape(-1))
    np.testing.assert_array_equal(
        np.asarray(q.transpose(*order).reshape(q.size, 1)), values.transpose(order).reshape(-1, 1)
    )
    assert q.astype(np.float64).dtype == np.float64 and values.dtype == np.float32


@settings(max_examples=200, deadline=None)
@given(quantized())
def test_channels_are_told_where_they_hold(q: Quantized) -> None:
    told = q.channels()
    varies = [n > 1 for n in np.broadcast_shapes(shrunk(q.scale).shape, shrunk(q.low).shape)]
    assert (told is None) == any(varies[:-1])
    if told is not None:
        scale, low = told
        assert scale.shape == low.shape == q.shape[-1:]
        np.testing.assert_array_equal((q.codes * scale.astype(np.float64) + low).astype(np.float32), np.asarray(q))
    if q.per_tensor:
        assert not any(varies) and told is not None


@settings(max_examples=200, deadline=None)
@given(quantized(), st.data())
def test_times_multiplies_the_values_and_keeps_the_codes(q: Quantized, data: Any) -> None:
    factors = data.draw(hnp.arrays(np.float64, (*(1,) * (q.ndim - 1), q.shape[-1]), elements=st.floats(-8, 8)))
    product = q.times(factors)
    np.testing.assert_array_equal(product.codes, q.codes)
    room = 1e-6 * (np.abs(q.codes * q.scale.astype(np.float64)) + np.abs(q.low)) * np.abs(factors) + 1e-37
    assert (np.abs(np.asarray(product, np.float64) - np.asarray(q, np.float64) * factors) <= room).all()
    assert product.nbytes <= q.nbytes + 8 * q.shape[-1] * 4**3  # scales repeat as they did


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5), elements=st.integers(0, 15))
)
def test_four_bits_a_code(codes: np.ndarray) -> None:
    packed = pack4(codes)
    assert packed.dtype == np.uint8 and packed.shape == ((codes.size + 1) // 2,)
    np.testing.assert_array_equal(unpack4(packed, codes.shape), codes)
    flat = codes.reshape(-1)
    if codes.size > 1:
        assert packed[0] == flat[0] + 16 * flat[1]


@settings(max_examples=100, deadline=None)
@given(quantized())
def test_copies_are_as_small(q: Quantized) -> None:
    """Scales that repeat do so in a copy, which does not know the memory of the first."""
    for other in (copy.deepcopy(q), pickle.loads(pickle.dumps(q)), Quantized(q.codec, *map(np.copy, parts(q)))):
        assert other.nbytes == q.nbytes and (other.channels() is None) == (q.channels() is None)
        for one, two in zip(parts(q), parts(other), strict=True):
            np.testing.assert_array_equal(one, two)


def parts(q: Quantized) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return q.codes, q.scale, q.low


def test_bytes_count_codes_and_scales_once() -> None:
    codes = np.zeros((3, 3, 5, 7), np.uint8)
    assert Quantized.make("uint8", codes, 1, 0).nbytes == 315 + 8
    assert Quantized.make("uint4", codes, 1, 0).nbytes == 158 + 8
    channels = np.ones((1, 1, 1, 7), np.float32)
    assert Quantized.make("uint16", codes, channels, channels).nbytes == 630 + 56
    assert Quantized.make("uint8", codes, channels, channels).reshape(45, 7).nbytes == 315 + 56


@pytest.mark.parametrize(
    ("codec", "codes", "scale", "words"),
    [
        ("int8", [1], 1.0, "'int8': allowed are uint4, uint8, uint16"),
        ("uint4", [16], 1.0, "at most 15, not 16"),
        ("uint8", [3, 300], 1.0, "a uint8 code is a whole number from 0 to at most 255, not 300"),
        ("uint8", [-1], 1.0, "not -1"),
        ("uint16", [0.5], 1.0, "not 0.5"),
        ("uint16", [65536], 1.0, "not 65536"),
        ("uint8", [1], np.nan, "scale holds NaN"),
        ("uint8", [1], [1.0, 2.0], "broadcast|shape"),
    ],
)
def test_what_is_no_quantized_array_is_refused(codec: str, codes: Any, scale: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Quantized.make(codec, np.array(codes), scale, 0.0)
