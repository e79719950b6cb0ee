"""Attention without a softmax: what was seen is a matrix for each head, which each step changes and reads."""

from __future__ import annotations

import math
from typing import Any

from ...layers.recurrent import zeros
from ...primitives import Sym
from ...primitives.move import Size
from ..say import Misfit, Say
from . import onnx

RULES = {"linear": (False, False), "gated": (True, False), "delta": (False, True), "gated_delta": (True, True)}


@onnx("LinearAttention", ignores=("chunk_size",))
def linear_attention(
    t: Say, query: Sym, key: Sym, value: Sym, past_state: Any = None, decay: Any = None, beta: Any = None, *,
    kv_num_heads: int, q_num_heads: int, scale: float = 0.0, update_rule: str = "gated_delta",
) -> tuple[Sym, Any]:  # fmt: skip
    """q, k, v (N, T, heads * D) -> (N, T, heads * D'), and the state (N, key heads, D, D') after the last step.

    S' = exp(decay) S + k (beta (v - S k)), o = scale q S'; without beta S' = exp(decay) S + k v. Several heads of
    queries may read one state (https://onnx.ai/onnx/operators/onnx__LinearAttention.html).
    """
    if update_rule not in RULES:
        raise Misfit(f"update_rule is {update_rule!r} (known are {', '.join(RULES)})")
    for name, given, needed in zip(("decay", "beta"), (decay, beta), RULES[update_rule], strict=True):
        if (given is not None) != needed:
            raise Misfit(f"update_rule {update_rule!r} {'needs' if needed else 'takes no'} {name}")
    heads, shared = kv_num_heads, q_num_heads // kv_num_heads
    width, most = (query.shape[-1] or 0) // q_num_heads, (value.shape[-1] or 0) // heads
    factor = scale or 1 / math.sqrt(width or 1)
    state = past_state
    if state is None:
        state = t.reshape(zeros(t, value, heads * width * most), (Size(0), heads, width, most))

    def rows(x: Any, *sizes: int) -> Any:
        """(N, T, heads * ..) -> (N, T, heads, ..)."""
        return t.reshape(x, (Size(0), Size(1), *sizes))

    sliced = [rows(query * factor, heads, shared, width), rows(key, heads, 1, width), rows(key, heads, width, 1)]
    sliced.append(rows(value, heads, 1, most))
    if decay is not None:
        sliced.append(rows(t.apply("exp", decay), heads, (decay.shape[-1] or 0) // heads, 1))
    if beta is not None:
        sliced.append(rows(beta, beta.shape[-1] or 1, 1, 1))

    def step(before: Sym, q: Sym, k: Sym, column: Sym, v: Sym, *more: Sym) -> list[Sym]:
        left = list(more)
        kept = before * left.pop(0) if decay is not None else before
        new = left.pop() * (v - t.matmul(k, kept)) if beta is not None else v
        after = kept + column * new
        return [after, t.matmul(q, after)]

    final, made = t.repeat(step, [state], sliced, axis=1)
    kind = getattr(past_state if past_state is not None else query, "dtype", None)
    return t.reshape(made, (Size(0), Size(1), q_num_heads * most)), t.give(final, kind)
