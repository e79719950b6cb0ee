"""Embedding: rows of a table, picked by whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..graph.shapes import Dims
from ..primitives.base import Builder, Value
from .base import Layer, WeightSpec, register
from .core import whole

MOST_AXES = 5  # of the indices: the output has one more
EXACT = 1 << 24  # whole numbers up to here are floats of their own


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
    exact_inputs: ClassVar[tuple[int, ...]] = (0,)
    input_dim: int
    output_dim: int
    mask_zero: bool = False

    def __post_init__(self) -> None:
        whole(self.input_dim, "input_dim")
        whole(self.output_dim, "output_dim")

    def unsupported(self) -> list[str]:
        problems = []
        if self.mask_zero:
            problems.append(f"option mask_zero={self.mask_zero!r} (masks are not handed on to later layers)")
        if self.input_dim > EXACT:
            problems.append(f"option input_dim={self.input_dim} (rows beyond {EXACT} have no float32 number)")
        return problems

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        return [WeightSpec("embeddings", (self.input_dim, self.output_dim))]

    def output_shape(self, *inputs: Dims) -> Dims:
        if not 1 <= len(inputs[0]) <= MOST_AXES:
            raise ValueError(f"Embedding takes shapes of 1 to {MOST_AXES} dimensions, not {inputs[0]}")
        return (*inputs[0], self.output_dim)

    def reference(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        numbers, table = inputs[0], np.asarray(weights["embeddings"])
        found = (numbers > -self.input_dim - 1) & (numbers < self.input_dim)
        rows = table[np.where(found, numbers, 0).astype(np.int64)]
        return np.where(found[..., None], rows, np.nan).astype(table.dtype)

    def lower(self, b: Builder, inputs: Sequence[Value], weights: Mapping[str, np.ndarray]) -> Value:
        shape = (*inputs[0].shape, self.output_dim)
        return b.draw("embedding", shape, {"x": inputs[0]}, tensors={"table": weights["embeddings"]})
