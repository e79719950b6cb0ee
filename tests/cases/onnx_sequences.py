"""Nodes of ONNX' recurrent operators and of attention, with what the suite's own lack."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.onnx_nodes import Case
from support.seeds import seeded

CASES: list[Case] = []
RNG = seeded(13)
MICROSOFT = "com.microsoft"


def case(op: str, *inputs: Any, opset: int = 14, outputs: int = 1, domain: str = "", **attributes: Any) -> None:
    count = sum(c.op == op for c in CASES)
    CASES.append(Case(op, opset, tuple(inputs), attributes, outputs, domain, f"{op}-{count}"))


def f(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def n(most: int, *shape: int, kind: Any = np.int32) -> np.ndarray:
    """Numbers from 0 to below."""
    return np.asarray(RNG.integers(0, most, shape), kind)


# ---- recurrent: directions, biases, lengths, states, activations with constants, clips
T, N, C, H = 4, 3, 5, 2
for _direction, _ways in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
    for _op, _gates, _states, _own in (
        ("RNN", 1, 1, {}),
        ("GRU", 3, 1, {"linear_before_reset": _ways - 1}),
        ("LSTM", 4, 2, {}),
    ):
        _w, _r = (f(_ways, _gates * H, C),), (f(_ways, _gates * H, H),)
        _b, _lens = (f(_ways, 2 * _gates * H),), 1 + n(T, N)
        _more: dict[str, Any] = {"direction": _direction, "hidden_size": H, "outputs": 1 + _states, **_own}
        case(_op, f(T, N, C), _w, _r, **_more)
        case(_op, f(T, N, C), _w, _r, _b, _lens, *[f(_ways, N, H) for _ in range(_states)], **_more)
        case(_op, f(T, N, C), _w, _r, None, None, *[f(_ways, N, H) for _ in range(_states)], clip=0.3, **_more)
    _more = {"direction": _direction, "hidden_size": H}
    for _names, _alpha, _beta in (
        (["Affine"], [0.5], [0.1]), (["LeakyRelu"], [0.2], []), (["ThresholdedRelu"], [0.1], []),
        (["Softsign"], [], []), (["ScaledTanh"], [0.7], [0.8]), (["HardSigmoid"], [0.3], [0.4]),
        (["Elu"], [0.6], []), (["Softplus"], [], []),
    ):  # fmt: skip
        _given = {k: v * _ways for k, v in (("activation_alpha", _alpha), ("activation_beta", _beta)) if v}
        case("RNN", f(T, N, C), (f(_ways, H, C),), (f(_ways, H, H),), activations=_names * _ways, **_given, **_more)
    _w, _r, _b = (f(_ways, 4 * H, C),), (f(_ways, 4 * H, H),), (f(_ways, 8 * H),)
    case("LSTM", f(T, N, C), _w, _r, _b, None, None, None, (f(_ways, 3 * H),), outputs=3, **_more)
    case("LSTM", f(1, 1, C), _w, _r, _b, None, None, None, (f(_ways, 3 * H),), outputs=3, input_forget=1, **_more)
case("GRU", f(T, N, C), (f(1, 3 * H, C),), (f(1, 3 * H, H),), (f(1, 6 * H),), hidden_size=H, linear_before_reset=1)

# ---- attention: heads that share keys, masks, what was before
Q, K, V, S = (f(2, 4, 3, 8), f(2, 2, 5, 8), f(2, 2, 5, 6), f(2, 1, 3, 5))
case("Attention", Q, K, V, opset=23, is_causal=1)
case("Attention", Q, K, V, S, opset=23, scale=0.3, softcap=2.0)
case("Attention", Q, K, V, f(3, 7) > -0.5, f(2, 2, 2, 8), f(2, 2, 2, 6), opset=23, outputs=3)
case("Attention", f(2, 3, 24), f(2, 5, 12), f(2, 5, 8), opset=23, q_num_heads=4, kv_num_heads=2)
for _flag in (0, 1):
    _cos, _sin = f(20, 4), f(20, 4)
    _at = n(20, 2, 3, kind=np.int64)
    case("RotaryEmbedding", f(2, 4, 3, 8), _cos, _sin, _at, opset=23, interleaved=_flag)
    case(
        "RotaryEmbedding",
        f(2, 3, 32),
        f(20, 3),
        f(20, 3),
        _at,
        opset=23,
        interleaved=_flag,
        num_heads=4,
        rotary_embedding_dim=6,
    )
    case("RotaryEmbedding", f(2, 3, 32), _at, (_cos,), (_sin,), domain=MICROSOFT, interleaved=_flag)
    case("RotaryEmbedding", f(2, 4, 3, 8), np.array([3]), (_cos,), (_sin,), domain=MICROSOFT, interleaved=_flag)
for _mask in (None, 1 + n(3, 2), n(2, 2, 3) | np.array([1, 0, 0], np.int32), n(2, 2, 3, 3) | np.eye(3, dtype=np.int32)):
    case("Attention", f(2, 3, 5), (f(5, 24),), (f(24),), _mask, domain=MICROSOFT, num_heads=2, unidirectional=0)
case("Attention", f(2, 3, 5), (f(5, 24),), (f(24),), domain=MICROSOFT, num_heads=2, unidirectional=1)
case(
    "Attention",
    f(2, 3, 5),
    (f(5, 24),),
    (f(24),),
    n(2, 2, 5) | 1,
    f(2, 2, 2, 2, 4),
    domain=MICROSOFT,
    num_heads=2,
    outputs=2,
)
case(
    "Attention",
    f(2, 3, 5),
    (f(5, 22),),
    (f(22),),
    None,
    None,
    f(1, 2, 3, 3),
    domain=MICROSOFT,
    num_heads=2,
    qkv_hidden_sizes=[8, 8, 6],
)
case(
    "MultiHeadAttention",
    f(2, 3, 8),
    f(2, 5, 8),
    f(2, 5, 8),
    (f(24),),
    n(2, 2, 5) | 1,
    f(1, 2, 3, 5),
    domain=MICROSOFT,
    num_heads=2,
)
case("MultiHeadAttention", f(2, 3, 8), f(2, 2, 5, 4), f(2, 2, 5, 4), domain=MICROSOFT, num_heads=2)
_past = f(2, 2, 2, 4), f(2, 2, 2, 4)
case(
    "MultiHeadAttention", f(2, 3, 8), f(2, 3, 8), f(2, 3, 8), None, None, None, *_past, domain=MICROSOFT, num_heads=2,
    unidirectional=1, outputs=3,
)  # fmt: skip
for _more in (
    {},
    {"local_window_size": 2},
    {"softcap": 2.0},
    {"do_rotary": 1},
    {"do_rotary": 1, "rotary_interleaved": 1},
):
    _given = [(f(9, 8),), (f(9, 8),)] if _more.get("do_rotary") else []
    _heads = {"domain": MICROSOFT, "num_heads": 4, "kv_num_heads": 2, "outputs": 3, **_more}
    _new = f(2, 3, 64), f(2, 3, 32), f(2, 3, 32)
    case(
        "GroupQueryAttention", *_new, None, None, np.array([2, 2], np.int32), np.asarray(3, np.int32), *_given, **_heads
    )
    _ends = np.array([4, 2], np.int32), np.asarray(5, np.int32)
    case("GroupQueryAttention", f(2, 1, 128), None, None, f(2, 2, 4, 16), f(2, 2, 4, 16), *_ends, *_given, **_heads)
_tables = [(f(7, 8),), (f(9, 8),), (f(2, 8),), (f(8),), (f(8),)]
case("EmbedLayerNormalization", n(7, 2, 3), n(2, 2, 3), *_tables, n(2, 2, 3), domain=MICROSOFT, outputs=2, epsilon=1e-5)
