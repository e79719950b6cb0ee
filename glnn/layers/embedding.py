"""Embedding: rows of a table, picked by whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..graph.shapes import EXACT, Dims
from ..primitives import Sym, Trace
from ..primitives.index import MOST_AXES
from ..records import dataclass
from .base import Layer, WeightSpec, register
from .core import ElementMask, whole


@register("Embedding")
@dataclass(frozen=True)
class Embedding(Layer):
    """(N, ...) -> (N, ..., output_dim): each number's row of a table (input_dim, output_dim).

    Numbers are truncated to whole ones. As in Keras on JAX, negative ones count from the end of the table, and those
    beyond either end give NaN in every channel.
    """

    ignored: ClassVar[frozenset[str]] = frozenset(
        "dropout embeddings_initializer embeddings_regularizer embeddings_constraint".split()
    )
    input_dim: int
    output_dim: int
    mask_zero: bool = False

    def __post_init__(self) -> None:
        whole(self.input_dim, "input_dim")
        whole(self.output_dim, "output_dim")

    def mask_of(self) -> Layer | None:
        return ElementMask() if self.mask_zero else None

    def unsupported(self) -> list[str]:
        problems = []
        if self.input_dim > EXACT:
            problems.append(f"option input_dim={self.input_dim} (rows beyond {EXACT} have no float32 number)")
        return problems

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("embeddings", (self.input_dim, self.output_dim))]

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if not 1 <= x.rank <= MOST_AXES:
            raise ValueError(f"Embedding takes shapes of 1 to {MOST_AXES} dimensions, not {x.shape}")
        return t.take(w["embeddings"], x)


@register("ReversibleEmbedding")
@dataclass(frozen=True)
class ReversibleEmbedding(Embedding):
    """An Embedding. What Keras makes of its table when it is called with `reverse` is refused where a model does so."""

    ignored: ClassVar[frozenset[str]] = Embedding.ignored | {"logit_soft_cap", "reverse_dtype"}
    tie_weights: bool = True

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        back = WeightSpec("reverse_embeddings", (self.output_dim, self.input_dim))
        return [*super().weight_specs(*inputs), back][: 2 - self.tie_weights]
