"""Activation functions as layers, and `finish`, which draws the functions that look along the last axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import LimitError
from ..graph.quantized import broadcast
from ..graph.shapes import Dims, Shape, checked_axis
from ..primitives.base import Activation as Fused
from ..primitives.base import Builder, Value
from ..primitives.functions import FUNCTIONS, LINEAR, Function, softmax
from ..primitives.map import draw_binary
from ..primitives.move import permute, reshape
from .base import Activated, Layer, WeightSpec, register

SOFTMAX_GROUPS = 64  # a softmax over more groups of 4 channels first sums up 8 chunks of them, or more of ...
SOFTMAX_CHUNK = 1500  # ... at most so many: twice that, for blocks of 8 pixels, stays under 30,000 turns of loops
SPARSEMAX_GROUPS = 200  # 17 rounds over the groups, for blocks of 8 pixels, stay under 30,000 turns of loops


def finish(b: Builder, value: Value, function: Function) -> Value:
    """The value itself where `function` is pointwise (a draw has fused it), else the draws that apply it."""
    if function.pointwise:
        return value
    if function.name in ("softmax", "log_softmax"):
        return draw_softmax(b, value, log=function.name == "log_softmax")
    groups = -(-value.shape[-1] // 4)
    if function.name == "sparsemax":
        if groups > SPARSEMAX_GROUPS:
            raise LimitError(
                f"sparsemax over {value.shape[-1]} channels: at most {4 * SPARSEMAX_GROUPS} fit the loops that every "
                "driver runs; split the last axis or use softmax"
            )
        threshold = b.draw("sparsemax_threshold", (*value.shape[:-1], 2), {"x": value})
        return b.draw("sparsemax", value.shape, {"x": value, "threshold": threshold})
    shape = tuple(int(size or 0) for size in function.output_shape(value.shape))
    return b.draw("glu", shape, {"x": value})


def draw_softmax(b: Builder, value: Value, log: bool = False) -> Value:
    """Softmax (or its logarithm) over the last axis: one draw, for many channels two."""
    groups, const = -(-value.shape[-1] // 4), {"LOG": int(log)}
    if groups <= SOFTMAX_GROUPS:
        return b.draw("softmax", value.shape, {"x": value}, const=const)
    chunk = min(-(-groups // 8), SOFTMAX_CHUNK)
    shape = (*value.shape[:-1], 4 * -(-groups // chunk))
    sums = b.draw("softmax_sums", shape, {"x": value}, param={"CHUNK": chunk})
    return b.draw("softmax_chunked", value.shape, {"x": value, "sums": sums}, const=const)


class Functional(Layer):
    """A layer that is one function of its input, element by element or along the last axis."""

    @property
    def function(self) -> Function:
        """The function with this layer's constants; a pass may fuse it into the layer before."""
        raise NotImplementedError

    def output_shape(self, *inputs: Dims) -> Dims:
        return self.function.output_shape(inputs[0])

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.function(inputs[0])

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        return apply(b, inputs[0], self.function)


def apply(b: Builder, value: Value, function: Function) -> Value:
    """The function of a value: one draw where it is pointwise (none for linear), else those of `finish`."""
    fused: Fused | None = function.fused
    if fused is None:
        return finish(b, value, function)
    return b.draw("pointwise", value.shape, {"x": value}, activation=fused)


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
    """exp(x) over its sum along `axis`, which may be several."""

    axis: int | tuple[int, ...] = -1

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

    def output_shape(self, *inputs: Dims) -> Dims:
        self.axes(inputs[0])
        return inputs[0]

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        with np.errstate(all="ignore"):
            return softmax(inputs[0], self.axes(inputs[0].shape))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        shape = inputs[0].shape
        axes = self.axes(shape)
        order = tuple(axis for axis in range(len(shape)) if axis not in axes) + axes
        moved = permute(b, inputs[0], order)
        merged = reshape(b, moved, (*moved.shape[: len(shape) - len(axes)], math.prod(shape[axis] for axis in axes)))
        spread = reshape(b, draw_softmax(b, merged), moved.shape)
        return permute(b, spread, tuple(order.index(axis) for axis in range(len(shape))))


@register("PReLU")
@dataclass(frozen=True)
class PReLU(Layer):
    """x, times its own learned alpha where it is negative; `shared_axes` (from 1) share one alpha."""

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

    def output_shape(self, *inputs: Dims) -> Dims:
        if len(inputs[0]) < 2:
            raise ValueError(f"PReLU takes shapes of two or more dimensions, not {inputs[0]}")
        return inputs[0]

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        return np.where(x < 0, x * weights["alpha"], x)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        shape = inputs[0].shape
        alpha = weights["alpha"]
        if alpha.size in (1, shape[-1]) and alpha.size == self.alpha_shape(shape)[-1]:
            slopes = broadcast(alpha.reshape(-1), (shape[-1],))
            return b.draw("prelu", shape, {"x": inputs[0]}, cells={"slopes": slopes})
        return draw_binary(b, "prelu", inputs[0], alpha)


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
