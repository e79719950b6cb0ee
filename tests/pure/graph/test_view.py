"""Views told by numbers: which elements NumPy's own views hold, equal for equal ones, and names that stay with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glnn.graph.quantized import Quantized, broadcast
from glnn.graph.view import View
from glnn.graph.weight import Weight


def told(view: View, root: np.ndarray) -> np.ndarray:
    """The values that a view's numbers tell, one by one."""
    flat = root.reshape(-1)
    made = np.empty(view.shape, root.dtype)
    for place in np.ndindex(*view.shape):
        made[place] = flat[view.offset + sum(i * s for i, s in zip(place, view.strides, strict=True))]
    return made


def changed(array: Any, data: Any) -> Any:
    """What one step of a layer's lowering makes of an array or a Weight."""
    step = data.draw(st.sampled_from(["take", "turn", "swap", "reshape", "flat", "spread"]))
    if step == "take":
        return array[data.draw(hnp.basic_indices(array.shape, allow_newaxis=True, max_dims=6))]
    if step == "turn":
        return array.transpose(data.draw(st.permutations(range(array.ndim))))
    if step == "swap" and array.ndim:
        axes = [data.draw(st.integers(-array.ndim, array.ndim - 1)) for _ in range(2)]
        return np.swapaxes(array, *axes)
    if step == "reshape" and array.ndim > 1:
        at = data.draw(st.integers(0, array.ndim - 2))
        return array.reshape(*array.shape[:at], array.shape[at] * array.shape[at + 1], *array.shape[at + 2 :])
    if step == "spread":
        shape = tuple(2 if n == 1 and data.draw(st.booleans()) else n for n in array.shape)
        return broadcast(array, (*data.draw(st.sampled_from([(), (1,), (2,)])), *shape))
    return array.reshape(-1)


def a_root(data: Any) -> np.ndarray:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def a_view(root: np.ndarray, data: Any) -> Weight:
    weight = Weight.root("root", root)
    for _ in range(data.draw(st.integers(0, 4))):
        weight = changed(weight, data)
        if weight.size > 500 or weight.ndim > 5:
            break
    return weight


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_view_tells_what_numpy_shows(data: Any) -> None:
    """A root of numbers that tell their place: what a view tells of it is what NumPy's view holds."""
    root = a_root(data)
    weight = a_view(root, data)
    assert isinstance(weight.values, np.ndarray) and weight.shape == weight.values.shape == weight.view.shape
    if weight.name == "root":
        np.testing.assert_array_equal(told(weight.view, root), weight.values)
    else:  # a reshape that no strides tell: from there on a root of its own
        assert weight.name[0] == "(" and weight.name.startswith(("(root[", "(("))
    flat, span = weight.values.reshape(-1), weight.view.span
    if weight.name == "root" and flat.size > 1:
        assert (span is not None) == bool((np.diff(flat) == 1).all())
        assert span is None or span == (flat[0], flat[-1] + 1)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_keys_are_equal_where_values_are(data: Any) -> None:
    root = a_root(data)
    one, other = a_view(root, data), a_view(root, data)
    assert (one.key == other.key) == (one.name == other.name and np.array_equal(one.values, other.values))


def test_quantized_weights_go_the_same_ways() -> None:
    codes = np.arange(48, dtype=np.uint8).reshape(2, 3, 4, 2)
    kernel = Weight.root("k", Quantized.make("uint8", codes, np.full((1, 1, 1, 2), [0.5, 2]), 1))
    band = np.swapaxes(kernel[1:], 2, 3).reshape(3, 2, 4)
    assert isinstance(band.values, Quantized) and band.dtype == np.float32 and band.size == 24
    np.testing.assert_array_equal(band.values.codes, told(band.view, codes))
    np.testing.assert_array_equal(np.asarray(band), np.asarray(kernel)[1:].swapaxes(2, 3).reshape(3, 2, 4))


@pytest.mark.parametrize(
    ("view", "key"),
    [
        (lambda w: w, "conv/kernel[0:48]2x3x4x2"),
        (lambda w: w[1:].reshape(3, 4, 2), "conv/kernel[24:48]3x4x2"),
        (lambda w: w.reshape(48)[24:].reshape(1, 3, 4, 2)[0], "conv/kernel[24:48]3x4x2"),
        (lambda w: w[:, 2:0:-1, None, 0, 1], "conv/kernel[17/24,-8,0]2x2x1"),
        (lambda w: w.T, "conv/kernel[0/1,2,8,24]2x4x3x2"),
        (lambda w: broadcast(w[0, 0, 0], (3, 2)), "conv/kernel[0/0,1]3x2"),
        (lambda w: w[::-1].reshape(6, 8), "(conv/kernel[24/-24,8,2,1]2x3x4x2)[0:48]6x8"),
    ],
)
def test_keys_can_be_read(view: Any, key: str) -> None:
    assert view(Weight.root("conv/kernel", np.zeros((2, 3, 4, 2), np.float32))).key == key


def test_what_is_computed_or_picked_has_no_name() -> None:
    weight = Weight.root("w", np.arange(6, dtype=np.float32).reshape(2, 3))
    made = [weight * 2, 1 - weight, weight @ weight.T, np.sqrt(weight), weight[[1, 0]], weight[weight > 2]]
    values = weight.values
    wanted = [values * 2, 1 - values, values @ values.T, np.sqrt(values), values[[1, 0]], values[values > 2]]
    for got, want in zip(made, wanted, strict=True):
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, want)
    assert weight.astype(np.float64).dtype == np.float64 and np.array(weight) is not values and len(weight) == 2
