"""Layers that prepare numbers for a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..records import dataclass
from .base import Layer, WeightSpec, register
from .normalization import AlongAxes

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
class Normalization(AlongAxes):
    """(x - mean) / sqrt(variance), with `invert` x * sqrt(variance) + mean; they were learned, or are options."""

    passes_mask: ClassVar[bool] = True
    axis: int | tuple[int, ...] | None = -1
    mean: Any = None
    variance: Any = None
    invert: bool = False

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        learned = [WeightSpec(name, self.sizes(inputs[0])) for name in ("mean", "variance")]
        return [] if self.mean is not None else [*learned, WeightSpec("count", ())]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        given = (w.get(name) or t.weight(np.asarray(getattr(self, name), float)) for name in ("mean", "variance"))
        mean, variance = (self.along(t, x, t.spread(value, self.sizes(x.shape))) for value in given)
        deviation = t.maximum(t.apply("sqrt", variance), LEAST)
        return x * deviation + mean if self.invert else (x - mean) / deviation
