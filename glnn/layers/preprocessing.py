"""Layers that prepare numbers for a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims, Shape, numbers
from ..primitives import Sym, Trace
from ..primitives.reduce import counted
from .base import Layer, WeightSpec, register
from .normalization import one_axis

LEAST = 1e-7  # what a standard deviation counts for at least, as Keras' epsilon


@register("Rescaling")
@dataclass(frozen=True)
class Rescaling(Layer):
    """x * scale + offset; each is one number, or one for each channel."""

    passes_mask: ClassVar[bool] = True
    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return x * t.number(self.scale) + t.number(self.offset)


@register("Normalization")
@dataclass(frozen=True)
class Normalization(Layer):
    """(x - mean) / sqrt(variance), with `invert` x * sqrt(variance) + mean; they were learned, or are options."""

    passes_mask: ClassVar[bool] = True
    axis: int | tuple[int, ...] | None = -1
    mean: Any = None
    variance: Any = None
    invert: bool = False

    @classmethod
    def convert(cls, key: str, value: Any) -> Any:
        value = one_axis(key, super().convert(key, value))
        return None if key == "axis" and value == () else value

    def sizes(self, shape: Dims) -> Shape:
        """Of the axes along which mean and variance differ. Raises ValueError where one is not known."""
        return () if self.axis is None else numbers(tuple(shape[k] for k in counted(self.axis, len(shape))))

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        learned = [WeightSpec(name, self.sizes(inputs[0])) for name in ("mean", "variance")]
        return [] if self.mean is not None else [*learned, WeightSpec("count", ())]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        given = (w.get(name) or t.weight(np.asarray(getattr(self, name), float)) for name in ("mean", "variance"))
        axes = () if self.axis is None else counted(self.axis, x.rank)
        sizes = [(x.shape[k] or 0) if k in axes else 1 for k in range(x.rank)]
        mean, variance = (t.reshape(t.spread(value, self.sizes(x.shape)), sizes) for value in given)
        deviation = t.maximum(t.apply("sqrt", variance), LEAST)
        return x * deviation + mean if self.invert else (x - mean) / deviation
