"""Operators that normalize: by given statistics, or by those of axes, groups, windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...layers.operators.table import kept
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.windows import local_mean
from . import onnx

MICROSOFT = "com.microsoft"


def by_channel(t: Say, x: Sym, weight: Any, axis: int = 1) -> Any:
    """A vector as it broadcasts along an axis of x."""
    after = x.rank - 1 - axis
    return t.reshape(weight, [*kept(weight), *(1,) * after]) if after else weight


def with_statistics(t: Say, x: Sym, axes: Sequence[int], epsilon: float) -> tuple[Sym, Sym, Sym]:
    """x less its mean along axes, over the root of its variance; the mean; 1 over that root."""
    mean = t.reduce("mean", x, axes, keepdims=True)
    scale = t.apply("rsqrt", t.reduce("mean", t.apply("square", x - mean), axes, keepdims=True) + epsilon)
    return t.standardize(x, axes, epsilon), mean, scale


def affine(x: Sym, scale: Any, bias: Any = None) -> Sym:
    """x times a scale, plus a bias if there is one."""
    return x * scale if bias is None else x * scale + bias


# ---- by given statistics


def _normalized(
    t: Say, x: Any, scale: Any, bias: Any, mean: Any, var: Any, epsilon: float, spatial: bool = True
) -> Sym:
    factor = t.apply("divide", scale, t.apply("sqrt", t.apply("add", var, epsilon)))
    if spatial:
        mean, factor, bias = (by_channel(t, x, weight) for weight in (mean, factor, bias))
    return affine(x - mean, factor, bias)


@onnx("BatchNormalization", since=7, ignores=("momentum",))
def batch_normalization(
    t: Say, x: Any, scale: Any, bias: Any, mean: Any, var: Any, *, epsilon: float = 1e-5, spatial: int = 1
) -> Sym:
    return _normalized(t, x, scale, bias, mean, var, epsilon, bool(spatial))


@onnx("BatchNormalization", since=14)
def batch_normalization_14(
    t: Say, x: Any, scale: Any, bias: Any, mean: Any, var: Any, *, epsilon: float = 1e-5, momentum: float = 0.9,
    training_mode: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """x normalized by running statistics; in training by its own, with which the running ones are mixed."""
    if not training_mode:
        return (_normalized(t, x, scale, bias, mean, var, epsilon),)
    axes = [0, *range(2, x.rank)]
    own = t.reduce("mean", x, axes)
    spread = t.reduce("mean", t.apply("square", x - by_channel(t, x, own)), axes)
    made = _normalized(t, x, scale, bias, own, spread, epsilon)
    mixed = (t.apply("add", t.apply("multiply", old, momentum), new * (1 - momentum)) for old, new in
             ((mean, own), (var, spread)))  # fmt: skip
    return (made, *(t.give(new, old.dtype) for new, old in zip(mixed, (mean, var), strict=True)))


# ---- by those of axes


@onnx("InstanceNormalization", since=6)
def instance_normalization(t: Say, x: Any, scale: Any, bias: Any, *, epsilon: float = 1e-5) -> Sym:
    made, _, _ = with_statistics(t, x, range(2, x.rank), epsilon)
    return affine(made, by_channel(t, x, scale), by_channel(t, x, bias))


def _by_groups(t: Say, x: Any, groups: int, epsilon: float) -> Sym:
    last = t.transpose(x, [0, *range(2, x.rank), 1])
    made = t.standardize(last, range(1, x.rank), epsilon, groups)
    return t.transpose(made, [0, x.rank - 1, *range(1, x.rank - 1)])


@onnx("GroupNormalization", since=18)
def group_normalization_18(t: Say, x: Any, scale: Any, bias: Any, *, num_groups: int, epsilon: float = 1e-5) -> Sym:
    """x normalized by groups of channels, of which each has a scale and a bias."""
    channels = x.shape[1]
    if channels is None or channels % num_groups:
        raise Misfit(f"{num_groups} groups do not divide {channels} channels")
    places = t.weight(np.arange(channels) // (channels // num_groups))
    spread = [t.take(weight, places) for weight in (scale, bias)]
    return group_normalization(t, x, *spread, num_groups=num_groups, epsilon=epsilon)


@onnx("GroupNormalization", since=21, ignores=("stash_type",))
def group_normalization(t: Say, x: Any, scale: Any, bias: Any, *, num_groups: int, epsilon: float = 1e-5) -> Sym:
    """x normalized by groups of channels; each channel has a scale and a bias."""
    made = _by_groups(t, x, num_groups, epsilon)
    return affine(made, by_channel(t, x, scale), by_channel(t, x, bias))


@onnx("LayerNormalization", since=17, ignores=("stash_type",))
def layer_normalization(
    t: Say, x: Any, scale: Any, bias: Any = None, *, axis: int = -1, epsilon: float = 1e-5
) -> tuple[Sym, Sym, Sym]:
    """x normalized along an axis and all after it; the mean; 1 over the root of the variance."""
    made, mean, factor = with_statistics(t, x, range(checked_axis(axis, x.rank), x.rank), epsilon)
    return affine(made, scale, bias), t.give(mean, "float32"), t.give(factor, "float32")


@onnx("RMSNormalization", since=23, ignores=("stash_type",))
def rms_normalization(t: Say, x: Any, scale: Any, *, axis: int = -1, epsilon: float = 1e-5) -> Sym:
    """x over the root of the mean of its squares along an axis and all after it."""
    return t.give(_rms(t, x, scale, axis, epsilon)[0], scale.dtype)


def _rms(t: Say, x: Any, scale: Any, axis: int, epsilon: float) -> tuple[Sym, Sym]:
    axes = range(checked_axis(axis, x.rank), x.rank)
    factor = t.apply("rsqrt", t.reduce("mean", t.apply("square", x), axes, keepdims=True) + epsilon)
    return x * factor * scale, factor


@onnx("MeanVarianceNormalization", since=9)
def mean_variance_normalization(t: Say, x: Any, *, axes: Any = (0, 2, 3)) -> Sym:
    """x less its mean over its deviation, which 1e-9 keeps from 0."""
    centred = x - t.reduce("mean", x, axes, keepdims=True)
    spread = t.reduce("mean", t.apply("square", centred), axes, keepdims=True)
    return centred / (t.apply("sqrt", spread) + 1e-9)


@onnx("LpNormalization")
def lp_normalization(t: Say, x: Any, *, axis: int = -1, p: int = 2) -> Sym:
    """x over its norm along an axis; 0 where that is 0."""
    if p not in (1, 2):
        raise Misfit(f"p={p} (1 or 2)")
    return OPERATORS["divide_no_nan"].function(t, x, OPERATORS["norm"].function(t, x, p, axis, True))


@onnx("LRN")
def local_response_normalization(
    t: Say, x: Any, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Sym:
    """x over a power of the mean of squares of channels that are near."""
    squares = local_mean(t, t.apply("square", x), 1, (size - 1) // 2, size - 1 - (size - 1) // 2)
    return x / _power(t, squares * alpha + bias, beta)


def _power(t: Say, x: Sym, beta: float) -> Sym:
    """x to the beta, which is 3/4 mostly: by roots, whose text is short."""
    root = t.apply("sqrt", x)
    roots = {0.5: (root,), 0.75: (root, t.apply("sqrt", root)), 1.0: (x,)}
    if beta not in roots:
        return t.apply("power", x, beta)
    one, *others = roots[beta]
    return one * others[0] if others else one


# ---- com.microsoft


@onnx("SimplifiedLayerNormalization", ignores=("stash_type",))
def simplified_layer_normalization(
    t: Say, x: Any, scale: Any, *, axis: int = -1, epsilon: float = 1e-5
) -> tuple[Sym, Sym]:
    made, factor = _rms(t, x, scale, axis, epsilon)
    return made, t.give(factor, "float32")


onnx("SimplifiedLayerNormalization", domain=MICROSOFT, ignores=("stash_type",))(simplified_layer_normalization)


@onnx("SkipLayerNormalization", domain=MICROSOFT)
def skip_layer_normalization(
    t: Say, x: Any, skip: Any, gamma: Any, beta: Any = None, bias: Any = None, *, epsilon: float = 1e-5
) -> tuple[Sym, Sym, Sym, Sym]:
    """The sum of two tensors and a bias, normalized along the last axis; statistics; that sum."""
    total = x + skip if bias is None else x + skip + bias
    made, mean, factor = with_statistics(t, total, [-1], epsilon)
    return affine(made, gamma, beta), t.give(mean, "float32"), t.give(factor, "float32"), t.give(total, x.dtype)


@onnx("SkipSimplifiedLayerNormalization", domain=MICROSOFT)
def skip_simplified_layer_normalization(
    t: Say, x: Any, skip: Any, gamma: Any, bias: Any = None, *, epsilon: float = 1e-5
) -> tuple[Sym, None, Sym, Sym]:
    """The sum of two tensors and a bias over the root of the mean of its squares; None; 1 over that root; the sum."""
    total = x + skip if bias is None else x + skip + bias
    made, factor = _rms(t, total, gamma, -1, epsilon)
    return made, None, t.give(factor, "float32"), t.give(total, x.dtype)
