"""Layers that Keras 1 had and later ones do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..graph.shapes import Dims, numbers
from ..primitives import Sym, Trace
from ..primitives.functions import LINEAR, Function
from ..primitives.move import Size
from ..records import dataclass
from .activation import PReLU
from .base import Activated, Layer, WeightSpec, register
from .core import whole
from .merging import dot


def vectors(name: str, shape: Dims) -> int:
    """How many channels vectors (N, C) have. Raises ValueError for another shape, and where that is not known."""
    if len(shape) != 2:
        raise ValueError(f"{name} takes shapes (N, C), not {shape}")
    return numbers(shape[1:])[0]


@register("MaxoutDense")
@dataclass(frozen=True)
class MaxoutDense(Layer):
    """(N, C) -> (N, output_dim): the largest of what nb_feature Dense layers give (Goodfellow et al. 2013)."""

    renamed: ClassVar[Mapping[str, str]] = {"use_bias": "bias"}
    output_dim: int
    nb_feature: int = 4
    bias: bool = True

    def __post_init__(self) -> None:
        whole(self.output_dim, "output_dim")
        whole(self.nb_feature, "nb_feature")

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        channels, sizes = vectors("MaxoutDense", inputs[0]), (self.nb_feature, self.output_dim)
        return [WeightSpec("W", (sizes[0], channels, sizes[1])), WeightSpec("b", sizes)][: 1 + self.bias]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        vectors("MaxoutDense", x.shape)
        matrix = t.reshape(t.transpose(w["W"], (1, 0, 2)), (-1, self.nb_feature * self.output_dim))
        y = t.dense(x, matrix, t.reshape(w["b"], (-1,)) if self.bias else None)
        return t.reduce("max", t.reshape(y, (Size(0), self.nb_feature, self.output_dim)), 1)


@register("Highway")
@dataclass(frozen=True)
class Highway(Activated):
    """(N, C) -> (N, C): what a Dense layer gives, and x, in shares that another Dense layer tells (Srivastava 2015)."""

    ignored: ClassVar[frozenset[str]] = frozenset(("transform_bias",))
    renamed: ClassVar[Mapping[str, str]] = {"use_bias": "bias"}
    activation: Function = LINEAR
    bias: bool = True

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        size = vectors("Highway", inputs[0])
        names = ("W", "W_carry", "b", "b_carry")[: 2 + 2 * self.bias]
        return [WeightSpec(name, (size, size) if name[0] == "W" else (size,)) for name in names]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        share = t.apply("sigmoid", t.dense(x, w["W_carry"], w.get("b_carry")))
        return t.activation(t.dense(x, w["W"], w.get("b")), self.activation) * share + (1 - share) * x


@register("SReLU")
@dataclass(frozen=True)
class SReLU(PReLU):
    """x between t_left and t_right_actual = t_left + |t_right|, and beyond on lines that rise by a_left and a_right.

    Jin et al. 2015. clipped: the line on the left as well comes no higher than t_right_actual, as Keras on Theano has
    it; the two differ where a_left is negative.
    """

    ignored: ClassVar[frozenset[str]] = frozenset("t_left_init a_left_init t_right_init a_right_init".split())
    own_fields: ClassVar[frozenset[str]] = frozenset(("clipped",))
    clipped: bool = False

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        names = ("t_left", "a_left", "t_right", "a_right")
        return [WeightSpec(name, self.alpha_shape(inputs[0])) for name in names]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        left, right = w["t_left"], w["t_left"] + abs(w["t_right"])
        below = left + (x - left) * w["a_left"]
        below = t.minimum(below, right) if self.clipped else below
        return t.where(x < left, below, t.where(x < right, x, right + (x - right) * w["a_right"]))


@register("ParametricSoftplus")
@dataclass(frozen=True)
class ParametricSoftplus(PReLU):
    """alphas * log(1 + exp(betas * x)), with learned alphas and betas."""

    ignored: ClassVar[frozenset[str]] = frozenset(("alpha_init", "beta_init"))

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec(name, self.alpha_shape(inputs[0])) for name in ("alphas", "betas")]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return w["alphas"] * t.apply("softplus", w["betas"] * x)


@register("glnn>Cosine")
@dataclass(frozen=True)
class Cosine(Layer):
    """Keras 1's Merge with mode "cos": what Dot gives, over the root of what it gives for each input with itself.

    It has one more axis, of size 1 after the batch. The root is 1e-7 at least.
    """

    arity: ClassVar[int | None] = 2
    axes: int | tuple[int, int] = -1

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:
        x, y = xs
        both, first, second = (dot(t, a, b, self.axes) for a, b in ((x, y), (x, x), (y, y)))
        cosine = both / t.maximum(t.apply("sqrt", t.maximum(first * second, 0.0)), 1e-7)
        return t.reshape(cosine, (Size(0), 1, *(Size(k) for k in range(1, cosine.rank))))
