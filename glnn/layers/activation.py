"""Activation functions as layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims, Shape, checked_axis
from ..primitives import Sym, Trace
from ..primitives.functions import FUNCTIONS, LINEAR, Function
from ..records import dataclass
from .attention import masked
from .base import Activated, Layer, WeightSpec, register


class Functional(Layer):
    """A layer that is one function of its input, element by element or along the last axis."""

    passes_mask: ClassVar[bool] = True

    @property
    def function(self) -> Function:
        """The function with this layer's constants."""
        raise NotImplementedError

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.activation(x, self.function)


@register("Activation")
@dataclass(frozen=True)
class Activation(Functional, Activated):
    """Any activation function, by name or in Keras' serialised form."""

    activation: Function = LINEAR

    @property
    def function(self) -> Function:
        return self.activation


@register("ReLU")
@dataclass(frozen=True)
class ReLU(Functional):
    """x above `threshold` (at most `max_value`), negative_slope * (x - threshold) below."""

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def __post_init__(self) -> None:
        for name in ("max_value", "negative_slope", "threshold"):
            value = scalar(getattr(self, name), name, none=0.0 if name != "max_value" else None)
            if value is not None and value < 0:
                raise ValueError(f"{name} is {value}; it may not be negative")
            object.__setattr__(self, name, value)

    @property
    def function(self) -> Function:
        if self.max_value is not None:
            if (self.max_value, self.negative_slope, self.threshold) == (6, 0, 0):
                return FUNCTIONS["relu6"]
            return FUNCTIONS["relu_capped"].with_(
                negative_slope=self.negative_slope, threshold=self.threshold, max_value=self.max_value
            )
        if self.threshold:
            return FUNCTIONS["relu_threshold"].with_(negative_slope=self.negative_slope, threshold=self.threshold)
        return _leaky(self.negative_slope)


@register("LeakyReLU")
@dataclass(frozen=True)
class LeakyReLU(Functional):
    """x, times `negative_slope` (in Keras 1 and 2: alpha) where it is negative."""

    renamed: ClassVar[Mapping[str, str]] = {"alpha": "negative_slope"}
    negative_slope: float = 0.3

    def __post_init__(self) -> None:
        object.__setattr__(self, "negative_slope", scalar(self.negative_slope, "negative_slope"))

    @property
    def function(self) -> Function:
        return _leaky(self.negative_slope)


@register("ELU")
@dataclass(frozen=True)
class ELU(Functional):
    """x, and alpha * (exp(x) - 1) where it is negative."""

    alpha: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", scalar(self.alpha, "alpha"))

    @property
    def function(self) -> Function:
        return FUNCTIONS["elu"].with_(alpha=self.alpha)


@register("GELU")
@dataclass(frozen=True)
class GELU(Functional):
    """gelu, or its approximation by tanh (TensorFlow Addons)."""

    approximate: bool  # told by its file: a class of this name that does not is someone else's

    @property
    def function(self) -> Function:
        return FUNCTIONS["gelu_tanh" if self.approximate else "gelu"]


@register("ThresholdedReLU")
@dataclass(frozen=True)
class ThresholdedReLU(Functional):
    """x where it is above `theta`, else 0."""

    theta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", scalar(self.theta, "theta"))

    @property
    def function(self) -> Function:
        return FUNCTIONS["threshold"].with_(threshold=self.theta)


@register("Softmax")
@dataclass(frozen=True)
class Softmax(Layer):
    """exp(x) over its sum along `axis`, which may be several, of what a mask leaves.

    given: the names of the inputs; zeroed: where a mask leaves nothing, all is 0, as Keras has it since 3.10
    """

    arity: ClassVar[int | None] = None
    passes_mask: ClassVar[bool] = True
    signature: ClassVar[tuple[str, ...]] = ("inputs", "mask")
    ignored = frozenset(("robust_masking",))  # how scores are put aside: with masks of 0 and 1 the result is the same
    own_fields = frozenset(("given", "zeroed"))

    axis: int | tuple[int, ...] = -1
    zeroed: bool = True
    given: tuple[str, ...] = ("inputs",)

    @property
    def function(self) -> Function:
        """Softmax as an activation. Raises ValueError where it is not along the last axis."""
        if self.axis not in (-1, (-1,)):
            raise ValueError(f"Softmax as an activation works along the last axis (-1), not {self.axis}")
        return FUNCTIONS["softmax"]

    def axes(self, shape: Dims) -> tuple[int, ...]:
        """The axes, counted from the front. Raises ValueError where the shape lacks one."""
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return tuple(sorted(checked_axis(axis, len(shape)) for axis in axes))

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:
        if self.given not in (("inputs",), ("inputs", "mask")) or len(xs) != len(self.given):
            raise ValueError(f"Softmax takes a tensor, and a mask, not {len(xs)} inputs {self.given}")
        x, axes = xs[0], self.axes(xs[0].shape)
        if len(xs) == 1:
            return t.softmax(x, axes)
        kept = t.apply("greater", xs[1], 0.5)
        made = t.softmax(masked(t, x, kept), axes)
        return t.where(kept, made, 0.0) if self.zeroed else made


@register("PReLU")
@dataclass(frozen=True)
class PReLU(Layer):
    """x, times its own learned alpha where it is negative; `shared_axes` (from 1) share one alpha."""

    passes_mask: ClassVar[bool] = True
    shared_axes: tuple[int, ...] | None = None

    def alpha_shape(self, shape: Dims) -> Shape:
        """The shape of alpha, without the batch. Raises ValueError where a dimension that it needs is free."""
        shared = {checked_axis(axis, len(shape)) for axis in self.shared_axes or ()}
        sizes = [1 if axis in shared else size for axis, size in enumerate(shape)][1:]
        if None in sizes:
            raise ValueError(f"alpha has a value per element: the dimensions of {shape} after the batch must be known")
        return tuple(size or 0 for size in sizes)

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("alpha", self.alpha_shape(inputs[0]))]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank < 2:
            raise ValueError(f"PReLU takes shapes of two or more dimensions, not {x.shape}")
        return t.where(x < 0, x * w["alpha"], x)


def scalar(value: Any, name: str, none: float | None = None) -> Any:
    """A number of a config as a float: None is `none`, Keras' serialised arrays of one number are unpacked."""
    if isinstance(value, Mapping):
        value = value.get("value", (value.get("config") or {}).get("value", value))
    if value is None:
        return none
    if isinstance(value, bool) or np.ndim(value) != 0:
        raise ValueError(f"{name} is {value!r}; allowed is one number")
    return float(value)


def _leaky(slope: float) -> Function:
    return FUNCTIONS["leaky_relu"].with_(negative_slope=slope) if slope else FUNCTIONS["relu"]
