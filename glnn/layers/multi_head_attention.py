"""Attention of several heads, each with projections of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..graph.shapes import Dims, Shape
from ..primitives import Sym, Trace
from ..primitives.einsum import with_ones
from ..primitives.move import Along
from ..records import dataclass
from .attention import both, causal, masked
from .base import Layer, WeightSpec, register

LETTERS = "abcdefgijklmopqrstuvwxyz"  # of axes; n and h are heads and their width


class _Heads(Layer):
    """What both layers share: the names of their inputs, masks, projections."""

    arity: ClassVar[int | None] = None
    passes_mask: ClassVar[bool] = True
    signature: ClassVar[tuple[str, ...]] = (
        "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores",
        "use_causal_mask",
    )  # fmt: skip
    # softmax_robust_masking: how scores are put aside that a mask of 0 and 1 leaves out, with the same result
    ignored = frozenset("flash_attention query_shape value_shape key_shape softmax_robust_masking".split())
    own_fields = frozenset(("given", "use_causal_mask", "return_attention_scores", "zeroed"))

    use_bias: bool
    dropout: float
    sliding_window: int | None
    use_gate: bool
    use_causal_mask: bool
    return_attention_scores: bool
    zeroed: bool
    given: tuple[str, ...]

    def named(self, xs: Sequence[Any]) -> dict[str, Any]:
        """The inputs, or their shapes, by name; the key is the value where none is given. Raises ValueError."""
        named = dict(zip(self.given, xs, strict=True))
        if not {"query", "value"} <= named.keys():
            raise ValueError(
                f"{type(self).__name__} takes a query and a value, not {', '.join(self.given) or 'nothing'}"
            )
        return {"key": named["value"], **named}

    def projections(self, *inputs: Dims) -> dict[str, tuple[Shape, Shape]]:
        """The shapes of kernel and bias of each dense layer within, by its name, in Keras' order."""
        raise NotImplementedError

    def weight_specs(self, *inputs: Dims) -> list[WeightSpec]:
        specs = []
        for name, (kernel, bias) in self.projections(*inputs).items():
            if None in kernel:
                raise ValueError(f"the number of channels of {inputs} must be known")
            specs += [WeightSpec(f"{name}/kernel", kernel), WeightSpec(f"{name}/bias", bias)][: 1 + self.use_bias]
        return specs

    def projected(self, t: Trace, name: str, x: Sym, w: Mapping[str, Sym], equation: str = "...d,dnh->...nh") -> Sym:
        """What one of the dense layers within makes."""
        y = t.einsum(equation, x, w[f"{name}/kernel"])
        return y + w[f"{name}/bias"] if self.use_bias else y

    def mask(self, t: Trace, named: Mapping[str, Sym], scores: Sym, spatial: int) -> Sym | None:
        """Where scores (.., heads, *T, *S) count, as it broadcasts with them; None: everywhere."""
        masks = [named.get("attention_mask")]
        for name, place in (("query_mask", -1), ("value_mask", -2), ("key_mask", -2)):
            if (one := named.get(name)) is not None:
                masks.append(with_ones(t, one, [one.rank if place == -1 else one.rank - 1]))
        own = [causal(t, scores)] if self.use_causal_mask else []
        if self.sliding_window:
            apart = t.apply("abs", t.index(scores, -1) - t.index(scores, -2))
            own.append(t.apply("less", apart, float(self.sliding_window)))
        if own and spatial > 1:
            raise ValueError("a causal mask or a sliding window goes with one attention axis")
        given = both(t, *masks)
        if given is not None and given.rank < scores.rank:
            place = given.rank - 2 * spatial
            given = with_ones(t, given, range(place, place + scores.rank - given.rank))
        return both(t, given, *own)

    def attended(self, t: Trace, scores: Sym, mask: Sym | None, spatial: int, at_once: bool) -> Sym:
        """The softmax of scores over their last axes. Rows that are masked as a whole come out as Keras gives them."""
        axes = tuple(range(-spatial, 0))
        if mask is None:
            return t.softmax(scores, axes)
        weights = t.softmax(masked(t, scores, mask, alike=at_once), axes)
        return t.where(mask, weights, 0.0) if self.zeroed and not at_once else weights


@register("MultiHeadAttention")
@dataclass(frozen=True)
class MultiHeadAttention(_Heads):
    """Attention (Vaswani et al. 2017) of query (N, .., D), value and key, projected to heads, and back from these.

    sizes: of what comes out, without the batch and the attention axes (Keras' output_shape); None: the query's width
    given: the names of the inputs, masks among them
    zeroed: rows whose keys are all masked become 0, as Keras has it since 3.10 where it does not compute at once
    """

    renamed: ClassVar[Mapping[str, str]] = {"output_shape": "sizes"}
    num_heads: int
    key_dim: int
    value_dim: int | None = None
    dropout: float = 0.0
    use_bias: bool = True
    sizes: tuple[int, ...] | int | None = None
    attention_axes: tuple[int, ...] | int | None = None
    sliding_window: int | None = None
    use_gate: bool = False
    use_causal_mask: bool = False
    return_attention_scores: bool = False
    zeroed: bool = True
    given: tuple[str, ...] = ("query", "value")

    def projections(self, *inputs: Dims) -> dict[str, tuple[Shape, Shape]]:
        named = self.named(inputs)
        widths = {name: named[name][-1] for name in ("query", "key", "value")}
        heads, key, value = self.num_heads, self.key_dim, self.value_dim or self.key_dim
        sizes = (self.sizes,) if isinstance(self.sizes, int) else self.sizes or (widths["query"],)
        made = {
            "query": ((widths["query"], heads, key), (heads, key)),
            "key": ((widths["key"], heads, key), (heads, key)),
        }
        if self.use_gate:
            made["gate"] = ((widths["query"], heads, value), (heads, value))
        made["value"] = ((widths["value"], heads, value), (heads, value))
        return made | {"attention_output": ((heads, value, *sizes), tuple(sizes))}

    def axes(self, rank: int) -> tuple[int, ...]:
        """The attention axes of tensors of this rank, counted from the front."""
        if self.attention_axes is None:
            return tuple(range(1, rank - 1))
        given = (self.attention_axes,) if isinstance(self.attention_axes, int) else self.attention_axes
        return tuple(axis % rank for axis in given)

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Any:
        named = self.named(xs)
        rank = named["query"].rank
        axes = self.axes(rank)
        q, k, v = (self.projected(t, name, named[name], w) for name in ("query", "key", "value"))
        own = LETTERS[: rank - 1]
        other = "".join(LETTERS[rank + axis] if axis in axes else own[axis] for axis in range(rank - 1))
        lead = "".join(own[axis] for axis in range(rank - 1) if axis not in axes)
        scored = f"{lead}n{''.join(own[axis] for axis in axes)}{''.join(other[axis] for axis in axes)}"
        scores = t.einsum(f"{own}nh,{other}nh->{scored}", q * (1 / math.sqrt(self.key_dim)), k)
        at_once = rank == 3 and not self.dropout and not self.return_attention_scores
        weights = self.attended(t, scores, self.mask(t, named, scores, len(axes)), len(axes), at_once)
        made = t.einsum(f"{scored},{other}nh->{own}nh", weights, v)
        if self.use_gate:
            made = made * t.apply("sigmoid", self.projected(t, "gate", named["query"], w))
        ends = LETTERS[-len(w["attention_output/kernel"].shape[2:]) :]
        out = self.projected(t, "attention_output", made, w, f"...nh,nh{ends}->...{ends}")
        return [out, weights] if self.return_attention_scores else out


@register("GroupedQueryAttention", "GroupQueryAttention")
@dataclass(frozen=True)
class GroupedQueryAttention(_Heads):
    """As MultiHeadAttention, of (N, T, D), with fewer heads of keys and values than of queries (Ainslie 2023)."""

    head_dim: int
    num_query_heads: int
    num_key_value_heads: int
    dropout: float = 0.0
    use_bias: bool = True
    sliding_window: int | None = None
    use_gate: bool = False
    use_causal_mask: bool = False
    return_attention_scores: bool = False
    zeroed: bool = True
    given: tuple[str, ...] = ("query", "value")

    def unsupported(self) -> list[str]:
        if self.num_query_heads % self.num_key_value_heads:
            return [f"num_key_value_heads={self.num_key_value_heads} (does not divide {self.num_query_heads})"]
        return []

    def projections(self, *inputs: Dims) -> dict[str, tuple[Shape, Shape]]:
        named = self.named(inputs)
        width, many, few = self.head_dim, self.num_query_heads, self.num_key_value_heads
        query = named["query"][-1]
        made = {"query": ((query, many, width), (many, width)), "key": ((named["key"][-1], few, width), (few, width))}
        if self.use_gate:
            made["gate"] = ((query, many, width), (many, width))
        made["value"] = ((named["value"][-1], few, width), (few, width))
        return made | {"attention_output": ((many, width, query), (query,))}

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Any:
        named = self.named(xs)
        q = self.projected(t, "query", named["query"], w)
        times = self.num_query_heads // self.num_key_value_heads
        k, v = (
            t.remap(self.projected(t, name, named[name], w), [None, None, Along(None, div=times), None])
            for name in ("key", "value")
        )
        scores = t.einsum("btnh,bsnh->bnts", q * (1 / math.sqrt(self.head_dim)), k)
        at_once = not self.dropout and not self.return_attention_scores
        weights = self.attended(t, scores, self.mask(t, named, scores, 1), 1, at_once)
        made = t.einsum("bnts,bsnh->btnh", weights, v)
        if self.use_gate:
            made = made * t.apply("sigmoid", self.projected(t, "gate", named["query"], w))
        out = self.projected(t, "attention_output", made, w, "btnh,nhd->btd")
        return [out, weights] if self.return_attention_scores else out
