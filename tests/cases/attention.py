"""Cases of layers that say what they compute by an equation, and of attention: joined in cases/keras.py."""

from __future__ import annotations

from typing import Any

from glnn.layers.activation import Softmax
from glnn.layers.attention import AdditiveAttention, Attention
from glnn.layers.einsum_dense import EinsumDense
from glnn.layers.multi_head_attention import GroupedQueryAttention, MultiHeadAttention
from glnn.layers.operation import Operation
from glnn.primitives.expr import In

CASES: list[tuple[Any, tuple[Any, ...], str]] = []


def case(layer: Any, *shapes: tuple[int, ...], kind: str = "normal") -> None:
    CASES.append((layer, shapes, kind))


for equation, sizes, bias, shape in (
    ("ab,bc->ac", (5,), "c", (3, 6)),
    ("abc,cd->abd", (None, 5), "d", (2, 4, 6)),
    ("abc,bcd->abd", (4, 5), "bd", (2, 4, 6)),
    ("...x,xy->...y", (7,), "y", (2, 3, 4, 6)),
    ("...x,xy->...y", (1,), None, (1, 6)),
    ("ab...,bc->ac...", (5,), "c", (2, 4, 6)),
    ("abc,cde->abde", (None, 2, 3), "de", (2, 4, 6)),
    ("abcd,cde->abe", (None, 5), None, (2, 4, 2, 3)),
    ("abcd,ecd->abe", (None, 5), "e", (1, 4, 2, 3)),
    ("abc,bce->ae", (5,), "e", (2, 4, 6)),
    ("abc,cd->adb", (5, 4), "d", (2, 4, 6)),
):
    case(EinsumDense(equation, sizes, "tanh" if bias else "linear", bias), shape)

Q, V, K = (2, 5, 4), (2, 7, 4), (2, 7, 4)
OF = ("inputs.0", "inputs.1")
for layer in (Attention, AdditiveAttention):
    case(layer(), Q, V)
    case(layer(use_scale=True, use_causal_mask=True), Q, V)
    case(layer(given=(*OF, "inputs.2"), return_attention_scores=True), Q, V, K)
    case(layer(given=(*OF, "mask.0", "mask.1")), Q, V, Q[:2], V[:2], kind="normal|normal|kept|kept")
    case(layer(given=(*OF, "mask.1"), use_causal_mask=True), Q, V, V[:2], kind="normal|normal|kept")
    case(layer(), (1, 1, 3), (1, 1, 3))
case(Attention(score_mode="concat", use_scale=True), Q, V)
case(Attention(), (2, 9, 16), (2, 33, 16))

HEADS = ("query", "value")
for options in (
    {},
    {"use_bias": False, "value_dim": 5, "sizes": (9,)},
    {"use_gate": True, "sizes": (2, 3)},
    {"sliding_window": 2, "use_causal_mask": True},
    {"return_attention_scores": True, "use_causal_mask": True},
):
    case(MultiHeadAttention(2, 3, **options), Q, V)
    case(MultiHeadAttention(2, 3, given=(*HEADS, "key"), **options), Q, V, (2, 7, 6))
case(MultiHeadAttention(3, 4), (1, 6, 12), (1, 6, 12))
case(MultiHeadAttention(1, 1), (1, 1, 1), (1, 1, 1))
MASKED: dict[str, Any] = {"given": (*HEADS, "attention_mask")}
case(MultiHeadAttention(2, 3, **MASKED), Q, V, (2, 5, 7), kind="normal|normal|kept")
case(MultiHeadAttention(2, 3, use_causal_mask=True, dropout=0.1, **MASKED), Q, V, (2, 5, 7), kind="normal|normal|kept")
case(MultiHeadAttention(2, 3, return_attention_scores=True, **MASKED), Q, V, (2, 2, 5, 7), kind="normal|normal|kept")
for axes in ((1,), (2,), (1, 2), (-2,)):
    case(MultiHeadAttention(2, 3, attention_axes=axes), (2, 3, 4, 6), (2, 3, 4, 6))
case(MultiHeadAttention(2, 3), (2, 3, 4, 6), (2, 2, 5, 6))
case(
    MultiHeadAttention(2, 3, given=(*HEADS, "query_mask", "value_mask")), Q, V, Q[:2], V[:2],
    kind="normal|normal|kept|kept",
)  # fmt: skip
for options in ({}, {"use_gate": True, "use_bias": False}, {"return_attention_scores": True, "use_causal_mask": True}):
    case(GroupedQueryAttention(3, 4, 2, **options), Q, V)
case(GroupedQueryAttention(4, 4, 1, **MASKED), Q, V, (2, 5, 7), kind="normal|normal|kept")
case(Softmax(given=("inputs", "mask")), (2, 4, 6), (2, 4, 6), kind="normal|kept")
case(Softmax((1, 2), given=("inputs", "mask")), (2, 4, 6), (2, 1, 6), kind="normal|kept")

X, Y = (2, 4, 6), (2, 4, 6)
for function in ("floor_divide", "hypot", "logaddexp", "divide_no_nan", "fmax"):
    case(Operation(function, (In(0), In(1))), X, Y)
case(Operation("getitem", (In(0), ("...", None, ("slice:", None, None, -2)))), X)
case(Operation("getitem", (In(0), (("slice:", None, None, None), -1, ("slice:", 1, 4, 2)))), X)
case(Operation("pad", (In(0), ((0, 0), (1, 2), (0, 3))), (("constant_values", 2.5),)), X)
case(Operation("pad", (In(0), ((0, 0), (1, 2), (3, 0))), (("mode", "symmetric"),)), X)
case(Operation("split", (In(0), 3, -1)), X)
case(Operation("stack", ((In(0), In(1)), 1)), X, Y)
case(Operation("median", (In(0), 1)), X)
case(Operation("logsumexp", (In(0), (1, 2))), X)
case(Operation("one_hot", (In(0), 3)), (2, 5), kind="kept")
case(Operation("diagonal", (In(0), 1, 1, 2)), X)
case(Operation("einsum", ("btd,bsd->bts", In(0), In(1))), X, (2, 5, 6))
