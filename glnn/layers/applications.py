"""Layers that models of keras.applications bring along, which are no layers of Keras itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..records import dataclass
from .activation import scalar
from .base import Layer, WeightSpec, register
from .core import Identity, whole


@register("LayerScale")
@dataclass(frozen=True)
class LayerScale(Layer):
    """x * gamma, a learned factor for each of `projection_dim` channels: of ConvNeXt (Touvron et al. 2021)."""

    ignored = frozenset(("init_values",))
    projection_dim: int

    def __post_init__(self) -> None:
        whole(self.projection_dim, "projection_dim")

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("gamma", (self.projection_dim,))]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return x * w["gamma"]


@register("StochasticDepth")
class StochasticDepth(Identity):
    """Drops whole branches in training: of ConvNeXt (Huang et al. 2016)."""

    ignored = frozenset(("drop_path_rate",))


@register("CustomScaleLayer")
@dataclass(frozen=True)
class CustomScaleLayer(Layer):
    """x0 + x1 * scale: of InceptionResNetV2, whose branches are scaled down (Szegedy et al. 2016)."""

    arity = 2
    scale: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", scalar(self.scale, "scale"))

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Any:
        return xs[0] + xs[1] * self.scale
