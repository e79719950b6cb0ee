"""Operators between layers as Keras 3 writes them: a name, the shapes of inputs without the batch, the function.

Functions get keras.ops and symbols. Where an input's values matter its kind follows its shape: "whole" numbers from
-3 to 3, numbers of "rows" of a table of three, "truth", "positive"; "free" are sizes that the model does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from support.seeds import seeded

A, B, C = (4, 6), (4, 6), (5, 3, 2)
RNG = seeded(7)
V, M, T = (RNG.normal(size=shape).astype("float32") for shape in ((6,), (6, 3), (4, 6)))
K = RNG.normal(size=(2, 3, 2, 5)).astype("float32")

Case = tuple[str, tuple[Any, ...], Callable[..., Any]]
CASES: list[Case] = []


def case(name: str, *shapes: Any, make: Callable[..., Any]) -> None:
    CASES.append((name, shapes, make))


for name in (
    "absolute arcsinh arctan ceil cos cosh erf exp exp2 expm1 floor isfinite isinf isnan logical_not negative round "
    "sign sin sinh square tan tanh trunc sigmoid softplus softsign silu log_sigmoid leaky_relu hard_sigmoid hard_silu "
    "elu selu gelu celu tanh_shrink hard_tanh hard_shrink soft_shrink squareplus sparse_sigmoid sparse_plus relu relu6 "
    "isneginf isposinf nan_to_num deg2rad rad2deg cbrt zeros_like ones_like stop_gradient ravel real conjugate"
).split():
    case(name, A, make=lambda ops, x, name=name: getattr(ops, name)(x * 2.0))
for name in "log log1p log2 log10 sqrt rsqrt reciprocal arccosh".split():
    case(name, (*A, "positive"), make=lambda ops, x, name=name: getattr(ops, name)(x + 1.5))
for name in "arccos arcsin arctanh".split():
    case(name, A, make=lambda ops, x, name=name: getattr(ops, name)(ops.tanh(x) * 0.9))
for name in (
    "add subtract multiply divide true_divide maximum minimum floor_divide mod fmod greater greater_equal less "
    "less_equal equal not_equal logical_and logical_or logical_xor hypot logaddexp arctan2 fmax fmin heaviside isclose"
).split():
    case(name, A, B, make=lambda ops, x, y, name=name: getattr(ops, name)(x, y))
    if name not in ("hypot", "heaviside"):  # where Keras itself takes no number
        case(f"{name}, number", A, make=lambda ops, x, name=name: getattr(ops, name)(x, 0.75))
    case(f"{name}, vector first", A, make=lambda ops, x, name=name: getattr(ops, name)(V, x))
    case(f"{name}, broadcast", A, (1, 6), make=lambda ops, x, y, name=name: getattr(ops, name)(x, y))
for name in "floor_divide mod equal less add multiply".split():
    case(
        f"{name} of integers", (*A, "whole"), make=lambda ops, x, name=name: getattr(ops, name)(ops.cast(x, "int32"), 2)
    )
    case(
        f"{name} by integers",
        (*A, "whole"),
        make=lambda ops, x, name=name: getattr(ops, name)(7, ops.cast(x, "int32") * 2 + 1),
    )
case("power", (*A, "positive"), B, make=lambda ops, x, y: ops.power(x, y))
case("power of 2", A, make=lambda ops, x: x**2)
case("2 to the", A, make=lambda ops, x: 2.0**x)
case("divide_no_nan", A, (*A, "whole"), make=lambda ops, x, y: ops.divide_no_nan(x, y))
case("signs", A, make=lambda ops, x: -abs(x) // 0.5 % 0.7)
case("rounded", A, make=lambda ops, x: ops.round(x, 1))
case("truth added", A, make=lambda ops, x: ops.cast(ops.add(x > 0, x > 1), "float32"))
case("where", A, B, make=lambda ops, x, y: ops.where(x > 0.0, y, -1.0))
case("where, constants", A, make=lambda ops, x: ops.where(x > 0.0, V, T))
case("clip", A, make=lambda ops, x: ops.clip(x, -0.5, 0.7))
case("cast", A, make=lambda ops, x: ops.cast(ops.cast(x * 3.0, "int32"), "float32"))
case("cast to truth", (*A, "whole"), make=lambda ops, x: ops.cast(ops.cast(x, "bool"), "int32"))
case("saturated", A, make=lambda ops, x: ops.saturate_cast(x * 200.0, "uint8"))
case("gelu exact", A, make=lambda ops, x: ops.gelu(x, approximate=False))
case("threshold", A, make=lambda ops, x: ops.threshold(x, 0.3, -2.0))
case("glu", A, make=lambda ops, x: ops.glu(x))
case("glu, axis", A, make=lambda ops, x: ops.glu(x, axis=1))

for name in "sum mean max min amax amin prod all any var std logsumexp argmax argmin ptp median".split():
    for axis in (None, -1, 1, (1, 2), (0, -1)):
        for keep in (False, True):
            if (isinstance(axis, tuple) and name.startswith("arg")) or (name == "median" and not isinstance(axis, int)):
                continue
            case(
                f"{name}, {axis}, {keep}",
                (5, 3),
                make=lambda ops, x, name=name, axis=axis, keep=keep: getattr(ops, name)(x, axis=axis, keepdims=keep),
            )
for axis in (-1, 1, (1, 2)):
    case(f"softmax, {axis}", (5, 3), make=lambda ops, x, axis=axis: ops.softmax(x, axis=axis))
    case(f"log_softmax, {axis}", (5, 3), make=lambda ops, x, axis=axis: ops.log_softmax(x, axis=axis))
for name in "cumsum cumprod sort argsort".split():
    for axis in (-1, 1, 2):
        case(f"{name}, {axis}", C, make=lambda ops, x, name=name, axis=axis: getattr(ops, name)(x, axis=axis))
case("average", (5, 3), make=lambda ops, x: ops.average(x, axis=1))
case("average of weights", (5, 3), make=lambda ops, x: ops.average(x, axis=-1, weights=V[:3] + 3.0))
for order in (None, 1, 2, 3, np.inf):
    case(f"norm, {order}", (5, 3), make=lambda ops, x, order=order: ops.norm(x, ord=order, axis=-1))
case("norm of matrices", (5, 3), make=lambda ops, x: ops.norm(x, axis=(1, 2), keepdims=True))
for order in (1, 2, 3):
    case(f"normalize, {order}", (5, 3), make=lambda ops, x, order=order: ops.normalize(x, axis=1, order=order))
case("top_k", (5, 7), make=lambda ops, x: ops.top_k(x, 3)[0])
case("top_k, numbers", (5, 7), make=lambda ops, x: ops.top_k(x, 3)[1])
for axis in (-1, 1, (1, 2)):
    case(f"count_nonzero, {axis}", (*A, "whole"), make=lambda ops, x, axis=axis: ops.count_nonzero(x, axis=axis))
case("diff", (5, 7), make=lambda ops, x: ops.diff(x, n=2, axis=1))
case("moments", (5, 3), make=lambda ops, x: ops.moments(x, axes=[1])[1])

case("reshape", A, make=lambda ops, x: ops.reshape(x, (-1, 3, 8)))
case("reshape, batch", A, make=lambda ops, x: ops.reshape(x, (-1, 2)))
case("transpose", C, make=lambda ops, x: ops.transpose(x, (0, 3, 1, 2)))
case("transpose all", C, make=lambda ops, x: ops.transpose(x))
case("expand and squeeze", A, make=lambda ops, x: ops.squeeze(ops.expand_dims(ops.expand_dims(x, -1), 1), 1))
case("moveaxis", C, make=lambda ops, x: ops.moveaxis(x, (1, -1), (-1, 2)))
case("swapaxes", C, make=lambda ops, x: ops.swapaxes(x, 1, -1))
for axis in (1, -1, 0):
    case(f"concatenate, {axis}", A, B, make=lambda ops, x, y, axis=axis: ops.concatenate([x, y * 2.0, x], axis=axis))
    case(f"stack, {axis}", A, B, make=lambda ops, x, y, axis=axis: ops.stack([x, y], axis=axis))
case("hstack", A, B, make=lambda ops, x, y: ops.hstack([x, y]))
case("vstack", A, B, make=lambda ops, x, y: ops.vstack([x, y]))
case("split", A, make=lambda ops, x: ops.split(x, 3, axis=-1)[1])
case("split at", A, make=lambda ops, x: ops.split(x, [1, 4], axis=2)[2])
case("array_split", A, make=lambda ops, x: ops.array_split(x, 4, axis=2)[1])
case("unstack", A, make=lambda ops, x: ops.unstack(x, axis=1)[3])
for number, key in enumerate((
    np.s_[:, 1:3], np.s_[:, 0], np.s_[..., -1], np.s_[:, None, :, ::2], np.s_[:, ::-1], np.s_[:, -2:, 1:-1],
    np.s_[..., None], np.s_[:, 3:0:-2, 5], np.s_[:, -1, -3:],
)):  # fmt: skip
    case(f"slice {number}", A, make=lambda ops, x, key=key: x[key])
for number, key in enumerate((
    np.s_[:, -1], np.s_[:, -3], np.s_[:, -3:], np.s_[:, -4:-1:2], np.s_[:, :-2], np.s_[:, 1:-1], np.s_[:, 1:-1:2],
    np.s_[:, ::-1], np.s_[:, ::-2], np.s_[:, :-1:2, 1:], np.s_[:, -4:, None, ::-1],
)):  # fmt: skip
    case(f"slice {number}, free", (5, 6, "free"), make=lambda ops, x, key=key: x[key])
case("roll, free", (5, 3, 2, "free"), make=lambda ops, x: ops.roll(x, (1, -2), axis=(1, 2)))
case("flip, free", (5, 3, 2, "free"), make=lambda ops, x: ops.flip(x, (1, 2)))
case("depth_to_space, free", (5, 3, 8, "free"), make=lambda ops, x: ops.depth_to_space(x, 2))
case("space_to_depth, free", (4, 6, 3, "free"), make=lambda ops, x: ops.space_to_depth(x, 2))
case("slice", A, make=lambda ops, x: ops.slice(x, (0, 1, 2), (1, 2, 3)))
case("tile", A, make=lambda ops, x: ops.tile(x, (1, 2, 3)))
case("repeat", A, make=lambda ops, x: ops.repeat(x, 3, axis=1))
case("roll", A, make=lambda ops, x: ops.roll(x, 2, axis=-1))
case("roll back", A, make=lambda ops, x: ops.roll(x, -1, axis=1))
case("flip", A, make=lambda ops, x: ops.flip(x, axis=-1))
case("rot90", C, make=lambda ops, x: ops.rot90(x, k=3, axes=(1, 2)))
for mode in ("constant", "reflect", "symmetric", "edge", "wrap"):
    case(f"pad, {mode}", A, make=lambda ops, x, mode=mode: ops.pad(x, ((0, 0), (1, 2), (0, 3)), mode=mode))
case("pad with a number", A, make=lambda ops, x: ops.pad(x, ((0, 0), (1, 2), (0, 3)), constant_values=2.5))
case("broadcast_to", (1, 6), make=lambda ops, x: ops.broadcast_to(x[0], (2, 4, 6)))
case("diagonal", (4, 4), make=lambda ops, x: ops.diagonal(x, 1, 1, 2))
case("trace", (4, 4), make=lambda ops, x: ops.trace(x, 0, 1, 2))
case("tril", (4, 5), make=lambda ops, x: ops.tril(x, 1))
case("triu", (4, 5), make=lambda ops, x: ops.triu(x, -1))
case("full_like", A, make=lambda ops, x: x + ops.full_like(x, 2.5))

case("take", A, make=lambda ops, x: ops.take(x, [0, 2, -1], axis=1))
case("take one", A, make=lambda ops, x: ops.take(x, 1, axis=-1))
case("take of rows", A, (3, "rows"), make=lambda ops, x, i: ops.take(x, ops.cast(i, "int32"), axis=1))
case("take along", A, (2, 6, "rows"), make=lambda ops, x, i: ops.take_along_axis(x, ops.cast(i, "int32"), axis=1))
case("one_hot", (4, "rows"), make=lambda ops, i: ops.one_hot(ops.cast(i, "int32"), 3))
case("one_hot, axis", (4, "rows"), make=lambda ops, i: ops.one_hot(ops.cast(i, "int32"), 5, axis=1))
case("multi_hot", (4, "rows"), make=lambda ops, i: ops.multi_hot(ops.cast(i, "int32"), 3))
case("searchsorted", A, make=lambda ops, x: ops.digitize(x, np.array([-1.0, 0.0, 0.5])))

case("matmul", A, (6, 5), make=lambda ops, x, y: ops.matmul(x, y))
case("matmul, matrix", A, make=lambda ops, x: ops.matmul(x, M))
case("matmul, left", (6, 5), make=lambda ops, x: ops.matmul(T, x))
case("matmul, vector", A, make=lambda ops, x: ops.matmul(x, V))
case("matmul, weights of each", A, make=lambda ops, x: ops.matmul(x[:, :, None], np.stack([M] * 4)))
case("einsum", A, (5, 6), make=lambda ops, x, y: ops.einsum("btd,bsd->bts", x, y))
case("einsum, constant", A, make=lambda ops, x: ops.einsum("btd,dk->bkt", x, M))
case("dot", A, make=lambda ops, x: ops.dot(x, M))
case("tensordot", A, make=lambda ops, x: ops.tensordot(x, M, axes=1))
case("tensordot, axes", C, make=lambda ops, x: ops.tensordot(x, K, axes=[[2, 3], [1, 2]]))
case("inner", A, make=lambda ops, x: ops.inner(x, T))
case("outer", (3,), make=lambda ops, x: ops.outer(x[0], V))
case("vdot", (3,), make=lambda ops, x: ops.vdot(x[0], V[:3]))
case("cross", (4, 3), (4, 3), make=lambda ops, x, y: ops.cross(x, y))

case("conv", C, make=lambda ops, x: ops.conv(x, K, strides=1, padding="same"))
case("conv, strides", (7, 6, 2), make=lambda ops, x: ops.conv(x, K, strides=2, padding="valid"))
case("conv along one", (7, 2), make=lambda ops, x: ops.conv(x, K[0], dilation_rate=2))
case("depthwise_conv", C, make=lambda ops, x: ops.depthwise_conv(x, K[..., :2], padding="same"))
case("max_pool", (5, 6, 3), make=lambda ops, x: ops.max_pool(x, 2, 1, "same"))
case("average_pool", (5, 6, 3), make=lambda ops, x: ops.average_pool(x, (2, 3), strides=1))
for method in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"):
    case(
        f"resize, {method}",
        (5, 6, 3),
        make=lambda ops, x, method=method: ops.image.resize(x, (8, 4), interpolation=method),
    )
case("resize, antialias", (9, 8, 2), make=lambda ops, x: ops.image.resize(x, (4, 5), antialias=True))
case("grayscale", (5, 6, 3), make=lambda ops, x: ops.image.rgb_to_grayscale(x))
case("depth_to_space", (3, 2, 12), make=lambda ops, x: ops.depth_to_space(x, 2))
case("space_to_depth", (4, 6, 3), make=lambda ops, x: ops.space_to_depth(x, 2))
case("batch_normalization", A, make=lambda ops, x: ops.batch_normalization(x, V, V**2 + 1, -1, offset=V, scale=V))
case("rms_normalization", A, make=lambda ops, x: ops.rms_normalization(x, scale=V))
case("layer_normalization", A, make=lambda ops, x: ops.layer_normalization(x, gamma=V, beta=V, epsilon=1e-5))
case("attention", (5, 2, 4), (7, 2, 4), make=lambda ops, q, k: ops.dot_product_attention(q, k, k * 2.0))
case(
    "attention, causal", (5, 4, 3), (5, 2, 3), make=lambda ops, q, k: ops.dot_product_attention(q, k, k, is_causal=True)
)

case("slice_update", A, (2, 3), make=lambda ops, x, y: ops.slice_update(x, (0, 1, 2), y))
case("dstack", A, B, make=lambda ops, x, y: ops.dstack([x, y]))
case("fliplr", A, make=lambda ops, x: ops.fliplr(x))
case("hsplit", A, make=lambda ops, x: ops.hsplit(x, 2)[1])
case("dsplit", A, make=lambda ops, x: ops.dsplit(x, 3)[1])
case("digitize", A, make=lambda ops, x: ops.digitize(x, np.array([-1.0, 0.0, 0.5])))
case("searchsorted of rows", (3,), make=lambda ops, x: ops.searchsorted(np.array([-1.0, 0.0, 0.5], "float32"), x[0]))
case(
    "separable_conv",
    (5, 6, 2),
    make=lambda ops, x: ops.separable_conv(
        x, K[..., :2], np.arange(12, dtype="float32").reshape(1, 1, 4, 3) - 5, 1, "same"
    ),
)
