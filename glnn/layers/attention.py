"""Attention of one head: Attention (Luong) and AdditiveAttention (Bahdanau)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..graph.shapes import Dims
from ..primitives import Sym, Trace
from ..primitives.einsum import with_ones
from ..records import dataclass
from .base import Layer, WeightSpec, register

MASKED = 3e4  # taken off scores that are masked: nothing is left of them, and half floats hold it
STEP = (
    64.0  # Keras takes off 1e9, where float32 goes in steps of 64: so scores differ in rows that are masked as a whole
)


def both(t: Trace, *masks: Sym | None) -> Sym | None:
    """Where all masks are other than 0; those that are None say nothing."""
    made: Sym | None = None
    for mask in masks:
        if mask is not None:
            made = mask if made is None else t.apply("logical_and", made, mask)
    return made


def masked(t: Trace, scores: Sym, mask: Sym, alike: bool = False) -> Sym:
    """Scores less 1e9 where the mask is 0, as float32 rounds it; or, `alike`, all the same there."""
    low = t.apply("round", scores / STEP) * STEP - MASKED
    return t.where(mask, scores, -MASKED if alike else low)


def causal(t: Trace, scores: Sym) -> Sym:
    """1 where a key of scores (..., T, S) is not after its query."""
    return t.apply("less_equal", t.index(scores, -1), t.index(scores, -2))


@register("Attention")
@dataclass(frozen=True)
class Attention(Layer):
    """softmax(q k^T) v of query (N, T, D), value (N, S, E) and key (N, S, D), which is the value where none is given.

    `given` names the inputs: "inputs.0" to "inputs.2" and masks, "mask.0" of the query and "mask.1" of the value.
    """

    arity: ClassVar[int | None] = None
    passes_mask: ClassVar[bool] = True
    signature: ClassVar[tuple[str, ...]] = ("inputs", "mask", "return_attention_scores", "use_causal_mask")
    ignored = frozenset(("dropout",))
    own_fields = frozenset(("given", "use_causal_mask", "return_attention_scores"))
    renamed: ClassVar[Mapping[str, str]] = {"causal": "use_causal_mask"}  # before Keras 2.10

    use_scale: bool = False
    score_mode: str = "dot"
    use_causal_mask: bool = False
    return_attention_scores: bool = False
    given: tuple[str, ...] = ("inputs.0", "inputs.1")

    def unsupported(self) -> list[str]:
        return [] if self.score_mode in ("dot", "concat") else [f"score_mode={self.score_mode!r}"]

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        names = ["scale"] * self.use_scale + ["concat_score_weight"] * (self.score_mode == "concat")
        return [WeightSpec(name, ()) for name in names]

    def scores(self, t: Trace, q: Sym, k: Sym, w: Mapping[str, Sym]) -> Sym:
        """How well each query (N, T, D) and each key (N, S, D) agree: (N, T, S)."""
        if self.score_mode == "dot":
            made = t.matmul(q, t.transpose(k, [*range(k.rank - 2), k.rank - 1, k.rank - 2]))
            return made * w["scale"] if self.use_scale else made
        sums = sums_of_pairs(t, q, k)
        sums = sums * w["scale"] if self.use_scale else sums
        return t.reduce("sum", t.apply("tanh", sums), -1) * w["concat_score_weight"]

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Any:
        named = dict(zip(self.given or ("inputs.0", "inputs.1", "inputs.2"), xs, strict=len(xs) == len(self.given)))
        if not {"inputs.0", "inputs.1"} <= named.keys():
            raise ValueError(f"{type(self).__name__} takes a list of query and value, or of query, value and key")
        q, v = named["inputs.0"], named["inputs.1"]
        scores = self.scores(t, q, named.get("inputs.2", v), w)
        of_value = named.get("mask.1")
        mask = both(
            t,
            None if of_value is None else with_ones(t, of_value, [of_value.rank - 1]),
            causal(t, scores) if self.use_causal_mask else None,
        )
        if mask is not None:
            scores = masked(t, scores, mask)
        weights = t.softmax(scores, -1)
        made = t.matmul(weights, v)
        if "mask.0" in named:
            of_query = named["mask.0"]
            made = t.where(with_ones(t, of_query, [of_query.rank]), made, 0.0)
        return [made, weights] if self.return_attention_scores else made


def sums_of_pairs(t: Trace, q: Sym, k: Sym) -> Sym:
    """The sum of each query (..., T, D) and each key (..., S, D): (..., T, S, D)."""
    return with_ones(t, q, [q.rank - 1]) + with_ones(t, k, [k.rank - 2])


@register("AdditiveAttention")
@dataclass(frozen=True)
class AdditiveAttention(Attention):
    """As Attention, of scores sum(scale * tanh(q + k))."""

    use_scale: bool = True

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        width = inputs[0][-1]
        if self.use_scale and width is None:
            raise ValueError(f"the number of channels of {inputs[0]} must be known")
        return [WeightSpec("scale", (width,))] if self.use_scale and width else []

    def scores(self, t: Trace, q: Sym, k: Sym, w: Mapping[str, Sym]) -> Sym:
        tanh = t.apply("tanh", sums_of_pairs(t, q, k))
        return t.reduce("sum", tanh * w["scale"] if self.use_scale else tanh, -1)
