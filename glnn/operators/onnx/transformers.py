"""Attention as com.microsoft has it: of one matrix for all, of heads apart, of groups with rotary positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...primitives import Sym
from ...primitives.move import Along, Size
from ..say import Misfit, Say
from ..shared.attention import Seen, angles_at, attend, heads_apart, heads_together, longer, rotated, split_heads
from ..shared.products import dense
from . import onnx
from .normalization import layer_normalization

MICROSOFT = "com.microsoft"
FAR = -10000.0  # what is added to scores of keys that a mask leaves out


def sliced(t: Say, x: Sym, sizes: Sequence[int]) -> list[Sym]:
    """Runs of channels of these sizes."""
    starts = np.cumsum([0, *sizes])
    return [t.slice(x, x.rank - 1, int(first), size) for first, size in zip(starts, sizes, strict=False)]


def padding_bias(t: Say, mask: Any, keys: int | None, far: float) -> Any:
    """What is added to scores (N, heads, L, S) by a mask of keys: lengths (N,), or (N, S), (N, L, S), (N, 1, M, M)."""
    if mask is None:
        return None
    if mask.rank == 1:
        if keys is None:
            raise Misfit("a mask of lengths for a number of keys that is free")
        at = t.weight(np.arange(keys, dtype=np.float64).reshape(1, 1, 1, keys))
        return t.where(t.apply("less", at, t.reshape(mask, (-1, 1, 1, 1))), 0.0, far)
    if mask.rank not in (2, 3):
        raise Misfit(f"a mask of shape {mask.shape} (known are those of one to three axes)")
    whole = t.reshape(mask, (Size(0), 1, *([1] if mask.rank == 2 else []), *map(Size, range(1, mask.rank))))
    return t.where(whole, 0.0, far)


def together(*biases: Any) -> Any:
    """The sum of what is added."""
    given = [bias for bias in biases if bias is not None]
    return sum(given[1:], given[0]) if given else None


@onnx("Attention", domain=MICROSOFT, gives=("same", "same"))
def attention(
    t: Say, x: Sym, weights: Sym, bias: Any = None, mask_index: Any = None, past: Any = None,
    attention_bias: Any = None, *, num_heads: int, mask_filter_value: float = FAR, qkv_hidden_sizes: Sequence[int] = (),
    scale: float | None = None, unidirectional: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """x (N, L, C) times weights (C, sizes of q, k and v), as heads: (N, L, size of v), and keys and values stacked."""
    width = weights.shape[-1] or 0
    sizes = tuple(qkv_hidden_sizes) or (width // 3,) * 3
    if bias is None or bias.constant:
        made = dense(t, x, weights, bias)
    else:
        made = dense(t, x, weights) + bias
    q, k, v = (heads_apart(t, part, num_heads) for part in sliced(t, made, sizes))
    before: list[Any] = [None, None]
    if past is not None and 0 not in past.shape:
        before = [t.reshape(t.slice(past, 0, n, 1), [Size(axis) for axis in range(1, 5)]) for n in (0, 1)]
    k, v = (longer(t, one, now, 2) for one, now in zip(before, (k, v), strict=True))
    offset = 0 if before[0] is None else before[0].shape[2]
    if mask_index is not None and mask_index.rank == 1 and mask_index.shape != x.shape[:1]:
        raise Misfit(f"mask_index of shape {mask_index.shape} (known are lengths, one for each sample, and masks)")
    mask = together(padding_bias(t, mask_index, k.shape[2], mask_filter_value), attention_bias)
    made_ = attend(t, q, k, v, Seen(mask, False, offset, bool(unidirectional)), scale or None)
    present = None
    if t.wanted(1):
        present = t.concat([t.reshape(part, (1, *map(Size, range(4)))) for part in (k, v)], 0)
    return heads_together(t, made_.output), present


@onnx("MultiHeadAttention", domain=MICROSOFT, gives=("same", "same", "same", "same"))
def multi_head_attention(
    t: Say, query: Sym, key: Any = None, value: Any = None, bias: Any = None, key_padding_mask: Any = None,
    attention_bias: Any = None, past_key: Any = None, past_value: Any = None, *, num_heads: int,
    mask_filter_value: float = FAR, scale: float | None = None, unidirectional: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """Queries (N, L, heads * D) on keys and values (N, S, heads * D), or (N, heads, S, D); packed forms: rank 5."""
    q, k, v = query, key, value
    if query.rank == 5:  # (N, L, heads, 3, D)
        q, k, v = _unpacked(t, query, 3)
    elif key is not None and key.rank == 5:  # (N, S, heads, 2, D)
        k, v = _unpacked(t, key, 2)
    if k is None or v is None:
        raise Misfit("keys and values are left out")
    if bias is not None:  # keys and values that come as heads apart have theirs
        sizes = [(x.shape[-1] or 0) * (1 if x.rank == 3 else x.shape[1] or 0) for x in (q, k, v)]
        parts = sliced(t, bias, sizes)
        q, k, v = (
            x if x in (key, value) and x.rank == 4 else x + (part if x.rank == 3 else _of_heads(t, part, x))
            for x, part in zip((q, k, v), parts, strict=True)
        )
    q, k, v = (heads_apart(t, x, num_heads) if x.rank == 3 else x for x in (q, k, v))
    k, v = longer(t, past_key, k, 2), longer(t, past_value, v, 2)
    offset = 0 if past_key is None else past_key.shape[2]
    mask = together(padding_bias(t, key_padding_mask, k.shape[2], mask_filter_value), attention_bias)
    made = attend(t, q, k, v, Seen(mask, False, offset, bool(unidirectional)), scale or None)
    return heads_together(t, made.output), k, v, made.masked


def _of_heads(t: Say, bias: Sym, x: Sym) -> Sym:
    """(heads * D,) as it broadcasts with x (N, heads, L, D)."""
    return t.reshape(bias, (x.shape[1] or 0, 1, x.shape[3] or 0))


def _unpacked(t: Say, x: Sym, count: int) -> list[Sym]:
    """(N, L, heads, count, D) -> `count` times (N, heads, L, D)."""
    whole = (Size(0), Size(1), Size(2), Size(4))
    return [t.transpose(t.reshape(t.slice(x, 3, k, 1), whole), (0, 2, 1, 3)) for k in range(count)]


@onnx("GroupQueryAttention", domain=MICROSOFT, gives=("same", "same", "same"))
def group_query_attention(
    t: Say, query: Sym, key: Any, value: Any, past_key: Any, past_value: Any, seqlens_k: Sym,
    total_sequence_length: Sym, cos_cache: Any = None, sin_cache: Any = None, position_ids: Any = None,
    attention_bias: Any = None, *,
    num_heads: int, kv_num_heads: int, do_rotary: int = 0, local_window_size: int = -1, rotary_interleaved: int = 0,
    scale: float = 0.0, smooth_softmax: int = -1, softcap: float = 0.0,
) -> tuple[Any, ...]:  # fmt: skip
    """Queries (N, L, heads * D) on keys of fewer heads, behind those of before, of which each sample has its own count.

    seqlens_k: (N,) how many keys there are, less one; the new ones are the last. The keys that come out are as many as
    `total_sequence_length` says, or as came in.
    """
    if smooth_softmax > 0:
        raise Misfit("smooth_softmax (only -1 and 0)")
    width = query.shape[-1] or 0
    if key is None:  # all in one
        size = width // (num_heads + 2 * kv_num_heads)
        query, key, value = sliced(t, query, [num_heads * size, kv_num_heads * size, kv_num_heads * size])
    new = query.shape[1]
    if new is None:
        raise Misfit("the number of queries is free")
    q, k, v = split_heads(t, query, num_heads), split_heads(t, key, kv_num_heads), split_heads(t, value, kv_num_heads)
    count = t.reshape(seqlens_k, (-1, 1)) + 1.0  # (N, 1) keys
    before = t.apply("maximum", count - float(new), 0.0)
    if do_rotary:
        row = t.weight(np.arange(new, dtype=np.float64).reshape(1, new))
        places = before + row if position_ids is None else position_ids
        half = cos_cache.shape[-1] or 0
        cos, sin = (angles_at(t, cache, places, half, False) for cache in (cos_cache, sin_cache))
        q, k = (rotated(t, x, cos, sin, bool(rotary_interleaved)) for x in (q, k))
    q, k, v = (t.transpose(x, (0, 2, 1, 3)) for x in (q, k, v))
    if past_key is not None and past_key.shape[2] != 0:
        total = max(int(t.number(total_sequence_length)), past_key.shape[2] or 0)
        k, v = (_behind(t, past, x, before, total) for past, x in ((past_key, k), (past_value, v)))
    left = local_window_size - 1 if local_window_size > 0 else None
    seen = Seen(attention_bias, False, t.reshape(before, (-1, 1, 1, 1)), True, left)
    made = attend(t, q, k, v, seen, scale or None, softcap)
    return heads_together(t, made.output), k, v


def _behind(t: Say, past: Sym, x: Sym, before: Sym, total: int) -> Sym:
    """past (N, heads, P, D), and x (N, heads, L, D) from `before` (N, 1) on, then zeros: (N, heads, total, D)."""
    n, heads, new, width = x.shape
    flat = t.reshape(t.transpose(x, (0, 2, 1, 3)), (Size(0), new or 0, (heads or 0) * (width or 0)))
    at = t.weight(np.arange(total, dtype=np.float64).reshape(1, total)) - before
    inside = t.apply("clip", at, 0.0, float((new or 1) - 1))
    rows = t.take(flat, t.reshape(inside, (Size(0), total, 1)), 0, "clip", "nd", 1)
    moved = t.transpose(t.reshape(rows, (Size(0), total, heads or 0, width or 0)), (0, 2, 1, 3))
    held = t.remap(past, [None, None, Along(None, total, edge="zero"), None])
    place = t.reshape(at, (Size(0), 1, total, 1))
    return t.where(t.apply("less", place, 0.0), held, t.where(t.apply("less", place, float(new or 0)), moved, 0.0))


@onnx("RotaryEmbedding", domain=MICROSOFT)
def rotary_embedding(
    t: Say, x: Sym, position_ids: Sym, cos_cache: Sym, sin_cache: Sym, *, interleaved: int = 0,
    is_packed_batching: int = 0, num_heads: int = 0, rotary_embedding_dim: int = 0, scale: float = 1.0,
) -> Sym:  # fmt: skip
    """Pairs of channels of x (N, heads, L, D) or (N, L, heads * D), turned by the angles of their places."""
    if is_packed_batching or scale != 1.0:
        raise Misfit("is_packed_batching, or a scale that is not 1")
    flat, half = x.rank == 3, cos_cache.shape[-1] or 0
    if flat:
        heads = num_heads or (x.shape[-1] or 0) // (2 * half)
        x = split_heads(t, x, heads)
    length = x.shape[1 if flat else 2]
    if position_ids.shape == (1,):
        if length is None:
            raise Misfit("position_ids of one number for a length that is free")
        first = t.reshape(position_ids, (1, 1))
        position_ids = t.as_tensor(first + t.weight(np.arange(length, dtype=np.float64).reshape(1, length)))
    half = rotary_embedding_dim // 2 or half
    cos, sin = (angles_at(t, cache, position_ids, half, not flat) for cache in (cos_cache, sin_cache))
    made = rotated(t, x, cos, sin, bool(interleaved))
    return t.reshape(made, (Size(0), Size(1), -1)) if flat else made


@onnx("EmbedLayerNormalization", domain=MICROSOFT, gives=("float32", "int32", "float32"))
def embed_layer_normalization(
    t: Say, ids: Sym, segments: Any, words: Any, positions: Sym, segment_table: Any, gamma: Any, beta: Any,
    mask: Any = None, position_ids: Any = None, *, epsilon: float = 1e-12, mask_index_type: int = 0,
) -> tuple[Any, ...]:  # fmt: skip
    """Embeddings of words, places and segments added up and normalized; how many words each mask leaves; the sum."""
    made = t.take(words, ids, 0)
    if position_ids is None:
        length = ids.shape[1]
        if length is None:
            raise Misfit("the length of the sentences is free")
        made = made + t.weight(t.value(positions)[:length])
    else:
        made = made + t.take(positions, position_ids, 0)
    if segments is not None and segment_table is not None:
        made = made + t.take(segment_table, segments, 0)
    whole = layer_normalization(t, t.give(made, words.dtype), gamma, beta, axis=-1, epsilon=epsilon)[0]
    count = None
    if t.wanted(1):
        count = t.give(t.reduce("sum", mask, 1) if mask is not None else t.reduce("sum", ids * 0.0, 1), "int32")
    return t.give(whole, words.dtype), count, t.give(made, words.dtype)
