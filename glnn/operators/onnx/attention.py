"""Attention and rotary positions of transformers."""

from __future__ import annotations

from typing import Any

from ...primitives import Sym
from ...primitives.move import Size
from ..program import Call
from ..say import Misfit, Say, Tensor
from ..shared.attention import (
    Seen,
    angles_at,
    attend,
    heads_apart,
    heads_together,
    longer,
    rotated,
    scores_of,
    split_heads,
    weighed,
)
from ..shared.turns import walked
from ..types import TYPES, type_named
from ..walk import Scope, Walk
from . import onnx


@onnx("Attention", gives=("same", "same", "same", "same"))
def attention(
    t: Say, q: Sym, k: Sym, v: Sym, attn_mask: Any = None, past_key: Any = None, past_value: Any = None,
    nonpad_kv_seqlen: Any = None, *, is_causal: int = 0, kv_num_heads: int = 0, left_window_size: int = -1,
    q_num_heads: int = 0, qk_matmul_output_mode: int = 0, right_window_size: int = -1, scale: float | None = None,
    softcap: float = 0.0, softmax_precision: int = 1,
) -> tuple[Any, ...]:  # fmt: skip
    """Heads of queries on keys and values, which several may share: (N, heads, L, D), or (N, L, heads * D).

    The first query stands behind the keys of before, or so that the last is at the end of the keys that count.
    """
    if TYPES.get(softmax_precision) not in ("float32", "float64", "float16", "bfloat16"):
        raise Misfit(f"softmax_precision is {softmax_precision} (known are the floats; float32 is computed with)")
    flat = q.rank == 3
    if flat:
        q, k, v = heads_apart(t, q, q_num_heads), heads_apart(t, k, kv_num_heads), heads_apart(t, v, kv_num_heads)
    k, v = longer(t, past_key, k, 2), longer(t, past_value, v, 2)
    offset: Any = 0 if past_key is None else past_key.shape[2]
    length = None if nonpad_kv_seqlen is None else t.reshape(nonpad_kv_seqlen, (-1, 1, 1, 1))
    if length is not None and past_key is None:
        if q.shape[2] is None:
            raise Misfit("nonpad_kv_seqlen needs the number of queries, which is free")
        offset = length - float(q.shape[2])
    truth = isinstance(attn_mask, Tensor) and attn_mask.dtype == "bool"
    left, right = (None if size < 0 else int(size) for size in (left_window_size, right_window_size))
    seen = Seen(attn_mask, truth, offset, bool(is_causal), left, right, length)
    made = attend(t, q, k, v, seen, scale, softcap)
    stages = made.raw, made.capped, made.masked, made.shares
    if qk_matmul_output_mode not in range(len(stages)):
        raise Misfit(f"qk_matmul_output_mode is {qk_matmul_output_mode} (known are 0 to 3)")
    output = heads_together(t, made.output) if flat else made.output
    return output, k, v, stages[qk_matmul_output_mode]


@onnx("RotaryEmbedding")
def rotary_embedding(
    t: Say, x: Sym, cos_cache: Sym, sin_cache: Sym, position_ids: Any = None, *, interleaved: int = 0,
    num_heads: int = 0, rotary_embedding_dim: int = 0,
) -> Sym:  # fmt: skip
    """Pairs of channels of x (N, heads, L, D), or (N, L, heads * D), turned by the angles of their places."""
    flat = x.rank == 3
    if flat:
        x = split_heads(t, x, num_heads)
    half = (rotary_embedding_dim or x.shape[-1] or 0) // 2
    cos, sin = (angles_at(t, cache, position_ids, half, not flat) for cache in (cos_cache, sin_cache))
    made = rotated(t, x, cos, sin, bool(interleaved))
    return t.reshape(made, (Size(0), Size(1), -1)) if flat else made


@onnx("FlexAttention", domain="ai.onnx.preview", control=True)
def flex_attention(walk: Walk, call: Call, scope: Scope, q: Any, k: Any, v: Any) -> Any:
    """Attention of heads (N, heads, L, D), with bodies that change the scores and the shares."""
    say, options = walk.say, dict(call.attributes)
    bodies = [options.pop(name, None) for name in ("score_mod", "prob_mod")]
    scale, precision = options.pop("scale", None), options.pop("softmax_precision", 0)
    if options:
        raise Misfit(f"attribute {next(iter(options))}")
    kind = type_named(precision) if precision else "float64" if q.dtype == "float64" else "float32"
    path = say.name

    def changed(x: Sym, body: Any, name: str) -> Sym:
        if body is None:
            return x
        (made,) = walked(walk, body, scope, [say.give(x, kind)], f"{path}/{name}")
        say.name = path
        return made

    scores = changed(scores_of(say, q, k, scale or None), bodies[0], "score_mod")
    shares = changed(say.softmax(scores, -1), bodies[1], "prob_mod")
    return say.give(weighed(say, shares, v), q.dtype)
