"""Operators on images: convolution, pooling, resizing, normalization, attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...primitives import Sym, Trace
from ...primitives.einsum import with_ones
from ...primitives.move import Along
from ..attention import both, causal, masked
from .shaping import first, last
from .table import FLOAT, operand, operator, several, tensor, whole


def _each(value: Any, count: int) -> tuple[int, ...]:
    """A number for each spatial axis."""
    given = several(value)
    if len(given) == count + 2:
        if (given[0], given[-1]) != (1, 1):
            raise ValueError(f"{given} along the batch or the channels must be 1")
        given = given[1:-1]
    return given * count if len(given) == 1 else given


def _padding(padding: Any) -> Any:
    if isinstance(padding, str):
        return padding.lower()
    pairs = whole(padding)
    return pairs[1:-1]  # TensorFlow's, of batch and channels as well


def _on_images(t: Trace, x: Any, data_format: str | None, make: Callable[[Sym], Sym]) -> Sym:
    """What is made of images with their channels last, and put back."""
    return first(t, make(t.plain(last(t, tensor(t, x), data_format))), data_format)


@operator(FLOAT)
def conv(
    t: Trace, inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Sym:  # fmt: skip
    """A convolution with a known kernel (*taps, C / groups, filters)."""
    k = tensor(t, kernel)
    axes = k.rank - 2
    steps: dict[str, Any] = {"strides": _each(strides, axes), "dilation": _each(dilation_rate, axes)}

    def make(x: Sym) -> Sym:
        groups = (x.shape[-1] or 0) // (k.shape[-2] or 1)
        sizes = tuple(int(size or 0) for size in k.shape[:-2])
        return t.conv(x, k, kernel_size=sizes, padding=_padding(padding), groups=groups, **steps)

    return _on_images(t, inputs, data_format, make)


@operator(FLOAT)
def depthwise_conv(
    t: Trace, inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Sym:  # fmt: skip
    """A convolution of each channel by itself with a known kernel (*taps, C, multiplier)."""
    k = tensor(t, kernel)
    *sizes, channels, each = (int(size or 0) for size in k.shape)
    grouped = t.reshape(k, (*sizes, 1, channels * each))
    return conv(t, inputs, grouped, strides, padding, data_format, dilation_rate)


@operator(FLOAT)
def separable_conv(
    t: Trace, inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: Any = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Sym:  # fmt: skip
    """A convolution of each channel by itself, then one of single pixels."""
    middle = depthwise_conv(t, inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(t, middle, pointwise_kernel, 1, "valid", data_format)


def _pool(t: Trace, kind: str, x: Any, size: Any, strides: Any, padding: Any, data_format: str | None) -> Sym:
    axes = tensor(t, x).rank - 2
    windows = _each(size, axes)
    steps = windows if strides is None else _each(strides, axes)
    options = {"size": windows, "strides": steps, "padding": _padding(padding)}
    return _on_images(t, x, data_format, lambda images: t.window(kind, images, **options))


@operator()
def max_pool(
    t: Trace, inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: str | None = None
) -> Sym:
    return _pool(t, "max", inputs, pool_size, strides, padding, data_format)


@operator(FLOAT)
def average_pool(
    t: Trace, inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: str | None = None
) -> Sym:
    return _pool(t, "mean", inputs, pool_size, strides, padding, data_format)


METHODS: dict[str, dict[str, Any]] = {  # of Keras and TensorFlow -> of the primitive
    "bilinear": {"method": "linear"},
    "nearest": {"method": "nearest", "coordinates": "half_pixel", "rounding": "round_prefer_ceil"},
    "bicubic": {"method": "cubic", "cubic": -0.5, "exclude_outside": True},
    "lanczos3": {"method": "lanczos3", "exclude_outside": True},
    "lanczos5": {"method": "lanczos5", "exclude_outside": True},
}


@operator(FLOAT)
def resize(
    t: Trace, images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
    data_format: str | None = None,
) -> Sym:  # fmt: skip
    """Images (N, H, W, C) or (H, W, C) in another size, by the centres of pixels."""
    x, sizes = tensor(t, images), several(size)
    if interpolation not in METHODS:
        raise ValueError(f"interpolation {interpolation!r}; allowed are {', '.join(METHODS)}")
    options: dict[str, Any] = dict(METHODS[interpolation], sizes=sizes)
    if antialias and interpolation != "nearest":
        options |= {"antialias": True, "exclude_outside": True}
    batch = with_ones(t, x, [0]) if x.rank == 3 else x
    made = _on_images(t, batch, data_format, lambda one: t.resample(one, **options))
    return made if x.rank == 4 else t.reshape(made, made.shape[1:])


@operator()
def rgb_to_grayscale(t: Trace, images: Any, data_format: str | None = None) -> Sym:
    """How bright each pixel is, of the weights 0.2989, 0.587 and 0.114."""
    x = tensor(t, images)
    axis = -3 if data_format == "channels_first" else -1
    weights = tensor(t, (0.2989, 0.587, 0.114))
    weighted = x * (weights if axis == -1 else t.reshape(weights, (3, 1, 1)))
    return t.reduce("sum", weighted, axis, True)


def _stretched(t: Trace, value: Any, x: Sym, axis: Any) -> Any:
    """A vector along an axis of x, to be broadcast."""
    v = operand(t, value)
    if isinstance(v, float) or v.rank != 1:
        return v
    (place,) = (k % x.rank for k in several(axis))
    return v if place == x.rank - 1 else t.reshape(v, [-1 if k == place else 1 for k in range(x.rank)])


@operator(FLOAT)
def batch_normalization(
    t: Trace, x: Any, mean: Any, variance: Any, axis: Any = -1, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Sym:  # fmt: skip
    """(x - mean) / sqrt(variance + epsilon) * scale + offset."""
    x = tensor(t, x)
    mean, variance, offset, scale = (
        None if v is None else _stretched(t, v, x, axis) for v in (mean, variance, offset, scale)
    )
    made = (x - mean) / t.apply("sqrt", variance + float(epsilon))
    made = made if scale is None else made * scale
    return made if offset is None else made + offset


@operator(FLOAT)
def rms_normalization(t: Trace, x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Sym:
    """x over the root of the mean of x^2, times a scale."""
    x = tensor(t, x)
    squares = t.reduce("mean", t.apply("square", x), several(axis), True)
    made = x / t.apply("sqrt", squares + (1e-7 if epsilon is None else float(epsilon)))
    return made if scale is None else made * operand(t, scale)


@operator(FLOAT)
def layer_normalization(
    t: Trace, x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Sym:
    """x less its mean, over its deviation, times gamma, plus beta."""
    x = tensor(t, x)
    centred = x - t.reduce("mean", x, several(axis), True)
    spread = t.reduce("mean", t.apply("square", centred), several(axis), True)
    made = centred / t.apply("sqrt", spread + (1e-7 if epsilon is None else float(epsilon)))
    made = made if gamma is None else made * operand(t, gamma)
    return made if beta is None else made + operand(t, beta)


@operator(FLOAT)
def dot_product_attention(
    t: Trace, query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
    is_causal: bool = False, flash_attention: Any = None, attn_logits_soft_cap: float | None = None,
) -> Sym:  # fmt: skip
    """softmax(q k^T * scale + bias) v of (B, T, heads, width) each; keys may have fewer heads. All masked: the mean."""
    q, k, v = (tensor(t, x) for x in (query, key, value))
    k, v = (shared_heads(t, x, q.shape[2]) for x in (k, v))
    factor = 1 / math.sqrt(q.shape[-1] or 1) if scale is None else float(scale)
    scores = t.einsum("btnh,bsnh->bnts", q, k) * factor
    scores = scores if bias is None else scores + operand(t, bias)
    if attn_logits_soft_cap is not None:
        cap = float(attn_logits_soft_cap)
        scores = t.apply("tanh", scores / cap) * cap
    given = None if mask is None else tensor(t, mask)
    kept = both(t, given, causal(t, scores) if is_causal else None)
    scores = scores if kept is None else masked(t, scores, kept, alike=True)
    return t.einsum("bnts,bsnh->btnh", t.softmax(scores, -1), v)


def shared_heads(t: Trace, x: Sym, heads: int | None) -> Sym:
    """(B, S, groups, H) -> (B, S, heads, H): each head for as many queries that follow each other."""
    groups = x.shape[2]
    if groups == heads or groups is None or heads is None:
        return x
    if heads % groups:
        raise ValueError(f"{groups} heads of keys do not divide {heads} heads of queries")
    return t.remap(x, [None, None, Along(None, div=heads // groups), None])
