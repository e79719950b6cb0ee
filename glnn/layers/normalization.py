"""Normalization layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..graph.shapes import Dims, Shape, checked_axis, numbers
from ..primitives import Sym, Trace
from ..primitives.move import Along, Size
from ..primitives.reduce import counted
from .base import Layer, WeightSpec, register

CENTRED = 2.0**103  # a mean up to here (half of the largest float's last bit) is subtracted without overflow


def one_axis(key: str, value: Any) -> Any:
    """An option of a config; an axis that stands alone in a list as a number."""
    return value[0] if key == "axis" and isinstance(value, tuple) and len(value) == 1 else value


@register("BatchNormalization", "BatchNormalizationV1")
@dataclass(frozen=True)
class BatchNormalization(Layer):
    """(x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta, per element of `axis`."""

    passes_mask: ClassVar[bool] = True
    ignored: ClassVar[frozenset[str]] = frozenset(
        "synchronized renorm_clipping renorm_momentum adjustment running_mean_initializer "
        "running_variance_initializer".split()
    )
    axis: int | tuple[int, ...] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return one_axis(key, super().convert(key, value))

    def unsupported(self) -> list[str]:
        return [f"option axis={list(self.axis)} (one axis only)"] if isinstance(self.axis, tuple) else []

    def where(self, shape: Dims) -> int:
        """The axis, counted from the front. Raises ValueError where the shape lacks it or it is the batch's."""
        axis = checked_axis(self.axis, len(shape)) if isinstance(self.axis, int) else 0
        if axis == 0:
            raise ValueError(f"BatchNormalization works along an axis after the batch, not {self.axis} of {shape}")
        return axis

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        size = inputs[0][self.where(inputs[0])]
        if size is None:
            raise ValueError(f"the size of axis {self.axis} of {inputs[0]} must be known")
        names = ["gamma"] * self.scale + ["beta"] * self.center + ["moving_mean", "moving_variance"]
        return [WeightSpec(name, (size,)) for name in names]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        """As (x - centre) * scale + shift (decision 012)."""
        sizes = [-1 if axis == self.where(x.shape) else 1 for axis in range(x.rank)]
        mean = w["moving_mean"]
        centre = t.where(abs(mean) < CENTRED, mean, 0.0)
        scale = (w["gamma"] if self.scale else 1.0) / t.apply("sqrt", w["moving_variance"] + self.epsilon)
        shift = (w["beta"] if self.center else 0.0) - (mean - centre) * scale
        along = (t.reshape(factor, sizes) for factor in (centre, scale, shift))
        return (x - next(along)) * next(along) + next(along)


class _Normalization(Layer):
    """What normalizes by sums along `axis`, one or several, and scales and shifts what comes out there."""

    axis: int | tuple[int, ...]

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return one_axis(key, super().convert(key, value))

    def axes(self, shape: Dims) -> tuple[int, ...]:
        """The axes, counted from the front. Raises ValueError where the shape lacks one."""
        return counted(self.axis, len(shape))

    def sizes(self, shape: Dims) -> Shape:
        """Of the axes. Raises ValueError where one is not known."""
        return numbers(tuple(shape[axis] for axis in self.axes(shape)))

    def along(self, t: Trace, x: Sym, weight: Sym) -> Sym:
        """A weight of the sizes of the axes, as it broadcasts with x."""
        axes = self.axes(x.shape)
        return t.reshape(weight, [weight.shape[axes.index(k)] if k in axes else 1 for k in range(x.rank)])


@register("LayerNormalization")
@dataclass(frozen=True)
class LayerNormalization(_Normalization):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance along `axis`; see Ba et al. 2016."""

    passes_mask: ClassVar[bool] = True
    axis: int | tuple[int, ...] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    rms_scaling: bool = False

    def unsupported(self) -> list[str]:
        return ["option rms_scaling=True (use RMSNormalization)"] if self.rms_scaling else []

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, self.sizes(inputs[0])) for name in ["gamma"] * self.scale + ["beta"] * self.center]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        y = standardized(t, x, self.axes(x.shape), self.epsilon)
        y = y * self.along(t, x, w["gamma"]) if self.scale else y
        return y + self.along(t, x, w["beta"]) if self.center else y


def standardized(t: Trace, x: Sym, axes: Sequence[int], epsilon: float) -> Sym:
    """x less its mean along axes, over the root of its variance there."""
    centred = x - t.reduce("mean", x, axes, keepdims=True)
    variance = t.reduce("mean", t.apply("square", centred), axes, keepdims=True)
    return centred / t.apply("sqrt", variance + epsilon)


@register("RMSNormalization")
@dataclass(frozen=True)
class RMSNormalization(_Normalization):
    """x / sqrt(mean of x^2 + epsilon) * scale, with the mean along `axis` (Zhang and Sennrich 2019)."""

    axis: int | tuple[int, ...] = -1
    epsilon: float = 1e-6

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("scale", self.sizes(inputs[0]))]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        mean = t.reduce("mean", t.apply("square", x), self.axes(x.shape), keepdims=True)
        return x / t.apply("sqrt", mean + self.epsilon) * self.along(t, x, w["scale"])


@register("UnitNormalization")
@dataclass(frozen=True)
class UnitNormalization(_Normalization):
    """x / sqrt(sum of x^2) along `axis`; the sum is 1e-24 at least."""

    passes_mask: ClassVar[bool] = True
    axis: int | tuple[int, ...] = -1

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return unit(t, x, self.axes(x.shape))


def unit(t: Trace, x: Sym, axes: int | Sequence[int]) -> Sym:
    """x over the root of the sum of x^2 along axes, which is 1e-24 at least."""
    total = t.reduce("sum", t.apply("square", x), axes, keepdims=True)
    return x / t.apply("sqrt", t.maximum(total, 1e-24))


@register("GroupNormalization")
@dataclass(frozen=True)
class GroupNormalization(_Normalization):
    """As LayerNormalization, over all but the batch, for `groups` of channels; -1: for each one (Wu and He 2018)."""

    passes_mask: ClassVar[bool] = True
    groups: int = 32
    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    weight_specs = LayerNormalization.weight_specs

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        (axis,), (channels,) = self.axes(x.shape), self.sizes(x.shape)
        groups = channels if self.groups == -1 else self.groups
        if groups < 1 or channels % groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} channels")
        order = [*(k for k in range(x.rank) if k != axis), axis]
        last, pixels = t.transpose(x, order), range(1, x.rank - 1)

        def mean(y: Sym) -> Sym:
            """The mean of each group, once for each of its channels."""
            means = t.reshape(t.reduce("mean", y, pixels), (Size(0), groups, channels // groups))
            spread = t.remap(t.reduce("mean", means, 2), (None, Along(None, div=channels // groups)))
            return t.reshape(spread, (Size(0), *(1 for _ in pixels), channels))

        centred = last - mean(last)
        y = centred / t.apply("sqrt", mean(t.apply("square", centred)) + self.epsilon)
        y = y * w["gamma"] if self.scale else y
        return t.transpose(y + w["beta"] if self.center else y, [order.index(k) for k in range(x.rank)])
