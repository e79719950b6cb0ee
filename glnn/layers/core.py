"""Dense, the layers that only move elements, and those that do nothing at inference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims, Shape, numbers, product, row_major
from ..primitives.base import Builder, Value
from ..primitives.functions import LINEAR, Function
from ..primitives.move import gather, permute, reshape
from .activation import finish
from .base import Activated, Layer, WeightSpec, register

DENSE_GROUPS = 1024  # input groups of one draw: sums of 4096 products keep 1e-6, far below the cap on loop turns
POINT = {"KH": 1, "KW": 1, "SH": 1, "SW": 1, "DH": 1, "DW": 1, "PT": 0, "PL": 0}  # a convolution of single pixels


@register("Dense")
@dataclass(frozen=True)
class Dense(Activated):
    """(N, ..., C) -> (N, ..., units): each vector of channels times a matrix, plus a bias."""

    renamed: ClassVar[Mapping[str, str]] = {"output_dim": "units", "bias": "use_bias"}
    units: int
    activation: Function = LINEAR
    use_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(self.units, "units")

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels = inputs[0][-1]
        if channels is None:
            raise ValueError(f"Dense must know its number of input channels, the last of {inputs[0]}")
        return [WeightSpec("kernel", (channels, self.units)), WeightSpec("bias", (self.units,))][: 1 + self.use_bias]

    def output_shape(self, *inputs: Dims) -> Dims:
        if len(inputs[0]) < 2:
            raise ValueError(f"Dense takes shapes of two or more dimensions, not {inputs[0]}")
        return self.activation.output_shape((*inputs[0][:-1], self.units))

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        y = inputs[0] @ weights["kernel"] + weights.get("bias", 0)
        return self.activation(y.astype(inputs[0].dtype, copy=False))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x, kernel = inputs[0], weights["kernel"]
        y = draw_matrix(b, x, kernel, weights.get("bias"), self.activation)
        return finish(b, y, self.activation)


def draw_matrix(b: Builder, x: Value, matrix: np.ndarray, bias: np.ndarray | None, function: Function) -> Value:
    """x (..., C) times a matrix (C, U), plus a bias (U,), with the function fused where it is pointwise: (..., U)."""
    channels, units = matrix.shape
    groups = -(-channels // 4)
    step = -(-groups // -(-groups // DENSE_GROUPS))
    y: Value | None = None
    for first in range(0, groups, step):
        last = min(first + step, groups)
        y = b.draw(
            "conv",
            (*x.shape[:-1], units),
            {"x": x} if y is None else {"x": x, "residual": y},
            cells={
                "weights": matrix[None, 4 * first : 4 * last],
                "bias": np.zeros(units, np.float32) if bias is None or first else bias,
            },
            const=POINT,
            param={"G0": first, "GN": last - first},
            activation=function.fused if last == groups else None,
        )
    if y is None:
        raise ValueError("Dense on an input of no channels")
    return y


@register("Flatten")
@dataclass(frozen=True)
class Flatten(Layer):
    """(N, ...) -> (N, size), row by row; with "channels_first" the channels, on axis 1, vary fastest."""

    data_format: str = "channels_last"

    def __post_init__(self) -> None:
        object.__setattr__(self, "data_format", self.data_format or "channels_last")

    def unsupported(self) -> list[str]:
        known = ("channels_last", "channels_first")
        return [] if self.data_format in known else [f"option data_format={self.data_format!r}"]

    def output_shape(self, *inputs: Dims) -> Dims:
        return (inputs[0][0], product(inputs[0][1:]))

    def order(self, rank: int) -> list[int]:
        """The order of axes in which the elements are read."""
        axes = list(range(rank))
        return [0, *axes[2:], 1] if self.data_format == "channels_first" and rank > 2 else axes

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        return x.transpose(self.order(x.ndim)).reshape(len(x), math.prod(x.shape[1:]))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        x = permute(b, inputs[0], self.order(len(inputs[0].shape)))
        return reshape(b, x, (x.shape[0], math.prod(x.shape[1:])))


@register("Reshape")
@dataclass(frozen=True)
class Reshape(Layer):
    """(N, ...) -> (N, *target_shape); one -1 stands for what is left."""

    renamed: ClassVar[Mapping[str, str]] = {"dims": "target_shape"}
    target_shape: Shape

    def __post_init__(self) -> None:  # TensorFlow.js has null for -1
        object.__setattr__(self, "target_shape", tuple(-1 if size is None else size for size in self.target_shape))
        for size in self.target_shape:
            whole(size, "a dimension of target_shape", least=-1)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"target_shape {self.target_shape} has -1 more than once")
        if len(self.target_shape) > 5:
            raise ValueError(f"target_shape {self.target_shape} has {len(self.target_shape)} dimensions, at most 5")

    def output_shape(self, *inputs: Dims) -> Dims:
        size, rest = product(inputs[0][1:]), math.prod(d for d in self.target_shape if d != -1)
        if size is None:
            return (inputs[0][0], *(None if d == -1 else d for d in self.target_shape))
        if (-1 not in self.target_shape and rest != size) or (-1 in self.target_shape and (not rest or size % rest)):
            raise ValueError(f"{size} elements of {inputs[0]} do not fit target_shape {self.target_shape}")
        return (inputs[0][0], *(size // rest if d == -1 else d for d in self.target_shape))

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0].reshape(numbers(self.output_shape(inputs[0].shape)))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        return reshape(b, inputs[0], numbers(self.output_shape(inputs[0].shape)))


@register("Permute")
@dataclass(frozen=True)
class Permute(Layer):
    """Output axis k is input axis dims[k - 1]; the batch stays axis 0."""

    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(self.dims))
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims {self.dims} must hold each axis from 1 to {len(self.dims)} once")

    @property
    def order(self) -> tuple[int, ...]:
        """The order of all axes, the batch with them."""
        return (0, *self.dims)

    def output_shape(self, *inputs: Dims) -> Dims:
        if len(inputs[0]) != len(self.order):
            raise ValueError(f"dims {self.dims} take a shape of {len(self.order)} dimensions, not {inputs[0]}")
        return tuple(inputs[0][axis] for axis in self.order)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0].transpose(self.order)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        return permute(b, inputs[0], self.order)


@register("RepeatVector")
@dataclass(frozen=True)
class RepeatVector(Layer):
    """(N, C) -> (N, n, C): the same vector n times."""

    n: int

    def __post_init__(self) -> None:
        whole(self.n, "n")

    def output_shape(self, *inputs: Dims) -> Dims:
        if len(inputs[0]) != 2:
            raise ValueError(f"RepeatVector takes shapes (N, C), not {inputs[0]}")
        return (inputs[0][0], self.n, inputs[0][1])

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.repeat(inputs[0][:, None], self.n, axis=1)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        step, lane = row_major(inputs[0].shape)
        return gather(b, inputs[0], numbers(self.output_shape(inputs[0].shape)), [step, 0, lane])


@register("Identity")
@dataclass(frozen=True)
class Identity(Layer):
    """What comes in goes out. Base of the layers that only act in training; a pass removes them."""

    ignored = frozenset("rate p sigma stddev l1 l2 data_format dim_ordering".split())

    def output_shape(self, *inputs: Dims) -> Dims:
        return inputs[0]

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0]

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        return inputs[0]


@register("InputLayer")
class InputLayer(Identity):
    """A model's input."""


@register("Dropout")
class Dropout(Identity):
    """Drops elements in training."""


@register("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
class SpatialDropout(Identity):
    """Drops whole channels in training."""


@register("GaussianDropout")
class GaussianDropout(Identity):
    """Multiplies by noise in training."""


@register("GaussianNoise")
class GaussianNoise(Identity):
    """Adds noise in training."""


@register("AlphaDropout")
class AlphaDropout(Identity):
    """Drops elements in training and keeps mean and variance."""


@register("ActivityRegularization")
class ActivityRegularization(Identity):
    """Adds to the loss in training."""


def whole(value: Any, name: str, least: int = 1) -> None:
    """Raises ValueError unless the value is an integer from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (least < 0 and value == 0):
        raise ValueError(f"{name} is {value!r}; allowed is an integer from {least} on")
