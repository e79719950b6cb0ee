"""Normalization layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims, checked_axis
from ..primitives.base import Builder, Value
from ..primitives.functions import LINEAR, Function
from ..primitives.move import permute
from .activation import finish
from .base import Activated, WeightSpec, register

CENTRED = 2.0**103  # a mean up to here (half of the largest float's last bit) is subtracted without overflow


@register("BatchNormalization", "BatchNormalizationV1")
@dataclass(frozen=True)
class BatchNormalization(Activated):
    """(x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta, per element of `axis`.

    `activation`, which Keras' layer lacks, is where a pass puts the function that follows.
    """

    own_fields: ClassVar[frozenset[str]] = frozenset(("activation",))
    ignored: ClassVar[frozenset[str]] = frozenset(
        "synchronized renorm_clipping renorm_momentum adjustment running_mean_initializer "
        "running_variance_initializer".split()
    )
    axis: int | tuple[int, ...] = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    activation: Function = LINEAR

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        value = super().convert(key, value)
        return value[0] if key == "axis" and isinstance(value, tuple) and len(value) == 1 else value

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

    def output_shape(self, *inputs: Dims) -> Dims:
        self.where(inputs[0])
        return self.activation.output_shape(inputs[0])

    def factors(self, weights: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(scale, shift) in float64, both (C,): the layer is x * scale + shift."""
        centre, scale, shift = self.centred(weights)
        return scale, shift - centre * scale

    def centred(self, weights: Mapping[str, np.ndarray]) -> np.ndarray:
        """(centre, scale, shift) in float64, (3, C): the layer is (x - centre) * scale + shift (decision 012)."""
        wide = {name: np.asarray(value, np.float64) for name, value in weights.items()}
        mean = wide["moving_mean"]
        centre = np.where(np.abs(mean) < CENTRED, mean, 0.0)
        with np.errstate(all="ignore"):
            scale = wide.get("gamma", 1.0) / np.sqrt(wide["moving_variance"] + self.epsilon)
            return np.stack([centre, scale, wide.get("beta", 0.0) - (mean - centre) * scale])

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x = inputs[0]
        along = [-1 if axis == self.where(x.shape) else 1 for axis in range(x.ndim)]
        centre, scale, shift = (factor.reshape(along) for factor in self.centred(weights))
        with np.errstate(all="ignore"):
            return self.activation(((x - centre) * scale + shift).astype(x.dtype, copy=False))

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        shape = inputs[0].shape
        axis = self.where(shape)
        order = [k for k in range(len(shape)) if k != axis] + [axis]
        x = permute(b, inputs[0], order)
        factors = {"factors": self.centred(weights)}
        y = b.draw("scale_shift", x.shape, {"x": x}, cells=factors, activation=self.activation.fused)
        return finish(b, permute(b, y, [order.index(k) for k in range(len(shape))]), self.activation)
