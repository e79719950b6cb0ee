"""Normalization layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims, Shape, numbers
from ..primitives import Sym, Trace
from ..primitives.reduce import counted
from ..records import dataclass
from .base import Layer, WeightSpec, register

CENTRED = 2.0**103  # a mean up to here (half of the largest float's last bit) is subtracted without overflow


def one_axis(key: str, value: Any) -> Any:
    """An option of a config; an axis that stands alone in a list as a number, none as None."""
    if key != "axis" or not isinstance(value, tuple) or len(value) > 1:
        return value
    return value[0] if value else None


class AlongAxes(Layer):
    """A layer with an option `axis`, one axis or several, along which its weights lie."""

    axis: Any

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        return one_axis(key, super().convert(key, value))

    def axes(self, shape: Dims) -> tuple[int, ...]:
        """The axes, counted from the front. Raises ValueError where the shape lacks one."""
        return () if self.axis is None else counted(self.axis, len(shape))

    def sizes(self, shape: Dims) -> Shape:
        """Of the axes. Raises ValueError where one is not known."""
        return numbers(tuple(shape[axis] for axis in self.axes(shape)))

    def along(self, t: Trace, x: Sym, weight: Sym) -> Sym:
        """A weight of the sizes of the axes, as it broadcasts with x."""
        axes = self.axes(x.shape)
        return t.reshape(weight, [weight.shape[axes.index(k)] if k in axes else 1 for k in range(x.rank)])


class Affine(AlongAxes):
    """What scales and shifts along its axes what it normalized, where `scale` and `center` say so."""

    scale: bool
    center: bool

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, self.sizes(inputs[0])) for name in ["gamma"] * self.scale + ["beta"] * self.center]

    def affine(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        """x * gamma + beta."""
        x = x * self.along(t, x, w["gamma"]) if self.scale else x
        return x + self.along(t, x, w["beta"]) if self.center else x


@register("BatchNormalization", "BatchNormalizationV1")
@dataclass(frozen=True)
class BatchNormalization(AlongAxes):
    """(x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta, per element of `axis`, or of several."""

    passes_mask: ClassVar[bool] = True
    ignored: ClassVar[frozenset[str]] = frozenset(
        "synchronized renorm_clipping renorm_momentum adjustment running_mean_initializer "
        "running_variance_initializer".split()
    )
    axis: int | tuple[int, ...] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    def axes(self, shape: Dims) -> tuple[int, ...]:
        """The axes, counted from the front. Raises ValueError where the shape lacks one or it is the batch's."""
        if 0 in (axes := super().axes(shape)):
            raise ValueError(f"BatchNormalization works along axes after the batch, not {self.axis} of {shape}")
        return axes

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        axes, sizes = self.axes(inputs[0]), self.sizes(inputs[0])
        if len(axes) > 1:  # then Keras 2 keeps the axes between as well
            sizes = tuple(sizes[axes.index(k)] if k in axes else 1 for k in range(len(inputs[0])))
        names = ["gamma"] * self.scale + ["beta"] * self.center + ["moving_mean", "moving_variance"]
        return [WeightSpec(name, sizes) for name in names]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        """As (x - centre) * scale + shift (decision 012)."""
        axes, shape = self.axes(x.shape), w["moving_mean"].shape
        sizes = shape if len(axes) > 1 else [-1 if k in axes else 1 for k in range(x.rank)]

        def factors(mean: Any, moving_variance: Any, gamma: Any = 1.0, beta: Any = 0.0) -> list[np.ndarray]:
            centre = np.where(abs(mean) < CENTRED, mean, 0.0)
            scale = gamma / np.sqrt(moving_variance + self.epsilon)
            return [factor.reshape(sizes) for factor in (centre, scale, beta - (mean - centre) * scale)]

        others = {name: weight for name, weight in w.items() if name != "moving_mean"}
        centre, scale, shift = t.computed(factors, f"{self.epsilon} {sizes}", w["moving_mean"], **others)
        return (x - centre) * scale + shift


@register("LayerNormalization")
@dataclass(frozen=True)
class LayerNormalization(Affine):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance along `axis`; see Ba et al. 2016."""

    passes_mask: ClassVar[bool] = True
    axis: int | tuple[int, ...] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    rms_scaling: bool = False

    def unsupported(self) -> list[str]:
        return ["option rms_scaling=True (use RMSNormalization)"] if self.rms_scaling else []

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return self.affine(t, t.standardize(x, self.axes(x.shape), self.epsilon), w)


@register("RMSNormalization")
@dataclass(frozen=True)
class RMSNormalization(AlongAxes):
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
class UnitNormalization(AlongAxes):
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
class GroupNormalization(Affine):
    """As LayerNormalization, over all but the batch, for `groups` of channels; -1: for each one (Wu and He 2018)."""

    passes_mask: ClassVar[bool] = True
    groups: int = 32
    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        (axis,), (channels,) = self.axes(x.shape), self.sizes(x.shape)
        order = [*(k for k in range(x.rank) if k != axis), axis]
        last, groups = t.transpose(x, order), channels if self.groups == -1 else self.groups
        y = t.standardize(last, range(1, x.rank), self.epsilon, groups)
        return self.affine(t, t.transpose(y, [order.index(k) for k in range(x.rank)]), w)


@register("InstanceNormalization")
@dataclass(frozen=True)
class InstanceNormalization(GroupNormalization):
    """As GroupNormalization, for each channel alone (TensorFlow Addons); without `groups` as keras_contrib has it:

    (x - mean) / (deviation + epsilon) * gamma + beta, with mean and deviation over all axes but the batch and `axis`.
    """

    groups: int | None = None  # type: ignore[assignment]
    axis: int | None = None  # type: ignore[assignment]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        specs = super().weight_specs(*inputs)
        return [WeightSpec(spec.name, (1,)) for spec in specs] if self.axis is None else specs

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if self.groups is not None:
            return super().build(t, x, w)
        over = [k for k in range(1, x.rank) if k not in self.axes(x.shape)]
        centred = x - t.reduce("mean", x, over, keepdims=True)
        deviation = t.apply("sqrt", t.reduce("mean", t.apply("square", centred), over, keepdims=True))
        return self.affine(t, centred / (deviation + self.epsilon), w)
