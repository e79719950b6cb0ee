"""Dense, the layers that only move elements, and those that do nothing at inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..graph.shapes import Dims, Shape
from ..primitives import Sym, Trace
from ..primitives.functions import LINEAR, Function
from ..primitives.move import Along, Size
from ..records import dataclass
from .base import Activated, Layer, WeightSpec, register


@register("Dense")
@dataclass(frozen=True)
class Dense(Activated):
    """(N, ..., C) -> (N, ..., units): each vector of channels times a matrix, plus a bias."""

    renamed: ClassVar[Mapping[str, str]] = {"output_dim": "units", "bias": "use_bias"}
    passes_mask: ClassVar[bool] = True
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

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank < 2:
            raise ValueError(f"Dense takes shapes of two or more dimensions, not {x.shape}")
        return t.activation(t.dense(x, w["kernel"], w.get("bias"), self.units), self.activation)


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

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if self.data_format == "channels_first" and x.rank > 2:
            x = t.transpose(x, (0, *range(2, x.rank), 1))
        return t.reshape(x, (Size(0), -1))


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

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.reshape(x, (Size(0), *self.target_shape))


@register("Permute")
@dataclass(frozen=True)
class Permute(Layer):
    """Output axis k is input axis dims[k - 1]; the batch stays axis 0."""

    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(self.dims))
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims {self.dims} must hold each axis from 1 to {len(self.dims)} once")

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank != len(self.dims) + 1:
            raise ValueError(f"dims {self.dims} take a shape of {len(self.dims) + 1} dimensions, not {x.shape}")
        return t.transpose(x, (0, *self.dims))


@register("RepeatVector")
@dataclass(frozen=True)
class RepeatVector(Layer):
    """(N, C) -> (N, n, C): the same vector n times."""

    n: int

    def __post_init__(self) -> None:
        whole(self.n, "n")

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank != 2:
            raise ValueError(f"RepeatVector takes shapes (N, C), not {x.shape}")
        return t.broadcast(x, (Along(0), Along(None, self.n), Along(1)))


@register("Identity")
@dataclass(frozen=True)
class Identity(Layer):
    """What comes in goes out. Base of the layers that only act in training; a pass removes them."""

    ignored = frozenset("rate p sigma stddev l1 l2 data_format dim_ordering".split())
    passes_mask: ClassVar[bool] = True

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return x


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


@register("Masking")
@dataclass(frozen=True)
class Masking(Layer):
    """Steps (N, T, ..., C) whose values are all `mask_value` become 0, and are masked for the layers that follow."""

    passes_mask: ClassVar[bool] = True
    mask_value: float = 0.0

    def mask_of(self) -> Layer:
        return ElementMask(float(self.mask_value), vectors=True)

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.where(t.reduce("any", t.apply("not_equal", x, float(self.mask_value)), -1, keepdims=True), x, 0.0)


@register("glnn>ElementMask")
@dataclass(frozen=True)
class ElementMask(Layer):
    """1 where an element, or with `vectors` any of those along the last axis, is not `value`; else 0."""

    value: float = 0.0
    vectors: bool = False

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        other = t.apply("not_equal", x, self.value)
        return t.reduce("any", other, -1) if self.vectors else other


def whole(value: Any, name: str, least: int = 1) -> None:
    """Raises ValueError unless the value is an integer from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (least < 0 and value == 0):
        raise ValueError(f"{name} is {value!r}; allowed is an integer from {least} on")
