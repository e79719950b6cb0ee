"""Operators of com.microsoft on integers with scales, and on weights of few bits with a scale for each block."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym
from ..say import Misfit, Say, Tensor
from ..shared.gathers import rows
from ..shared.products import by_blocks, product
from ..shared.scales import along, centred, to_floats, to_integers
from . import onnx
from .gates import activations
from .pooling import average_pool, over_image
from .quantized import dynamic_quantize_linear, integer_product, plain_zero, rescaled

MICROSOFT = "com.microsoft"
Numbers = Sequence[int]


def real(t: Say, x: Sym, scale: Any, zero: Any) -> Sym:
    """What integers with one scale and zero point stand for."""
    return centred(t, x, plain_zero(t, zero)) * plain_zero(t, scale)


def whole(t: Say, x: Sym, scale: Any, zero: Any, dtype: str) -> Tensor:
    """As integers of one scale and zero point."""
    return to_integers(t, x, plain_zero(t, scale), plain_zero(t, zero), dtype)


def _pair(function: Callable[[Any, Any], Any]) -> Callable[..., Tensor]:
    def made(
        t: Say, a: Any, a_scale: Any, a_zero: Any, b: Any, b_scale: Any, b_zero: Any, scale: Any, zero: Any = None
    ) -> Tensor:
        return whole(t, function(real(t, a, a_scale, a_zero), real(t, b, b_scale, b_zero)), scale, zero, a.dtype)

    return made


def _single(function: Callable[[Say, Sym], Sym]) -> Callable[..., Tensor]:
    def made(t: Say, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any = None) -> Tensor:
        return whole(t, function(t, real(t, x, x_scale, x_zero)), scale, zero, x.dtype)

    return made


onnx("QLinearAdd", domain=MICROSOFT)(_pair(lambda a, b: a + b))
onnx("QLinearMul", domain=MICROSOFT)(_pair(lambda a, b: a * b))
onnx("QLinearSigmoid", domain=MICROSOFT)(_single(lambda t, x: t.apply("sigmoid", x)))


@onnx("QLinearLeakyRelu", domain=MICROSOFT)
def qlinear_leaky_relu(
    t: Say, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any = None, *, alpha: float = 0.01
) -> Tensor:
    """LeakyRelu of integers with scales."""
    (function,) = activations(t, ["LeakyRelu"], [alpha], [], None)
    return whole(t, function(real(t, x, x_scale, x_zero)), scale, zero, x.dtype)


@onnx("QLinearSoftmax", domain=MICROSOFT)
def qlinear_softmax(
    t: Say, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any = None, *, axis: int = -1, opset: int
) -> Tensor:
    """Softmax of integers with scales, along one axis, before opset 13 along all from that on."""
    first = checked_axis(axis, x.rank)
    axes = [first] if opset >= 13 else range(first, x.rank)
    return whole(t, t.softmax(real(t, x, x_scale, x_zero), list(axes)), scale, zero, x.dtype)


def _first(t: Say, x: Sym, last: int) -> Sym:
    """Channels behind the batch, of what may have them last."""
    return t.transpose(x, [0, x.rank - 1, *range(1, x.rank - 1)]) if last else x


def _back(t: Say, x: Sym, last: int) -> Sym:
    return t.transpose(x, [0, *range(2, x.rank), 1]) if last else x


@onnx("QLinearGlobalAveragePool", domain=MICROSOFT)
def qlinear_global_average_pool(
    t: Say, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any, *, channels_last: int = 0
) -> Tensor:
    """The mean of each image of integers with scales."""
    made = over_image(t, "mean", _first(t, real(t, x, x_scale, x_zero), channels_last))
    return whole(t, _back(t, made, channels_last), scale, zero, x.dtype)


@onnx("QLinearAveragePool", domain=MICROSOFT)
def qlinear_average_pool(
    t: Say, x: Any, x_scale: Any, x_zero: Any, scale: Any, zero: Any = None, *, kernel_shape: Numbers,
    auto_pad: str = "NOTSET", ceil_mode: int = 0, channels_last: int = 0, count_include_pad: int = 0,
    pads: Numbers = (), strides: Numbers = (),
) -> Tensor:  # fmt: skip
    """The means of windows of integers with scales."""
    made = average_pool(
        t, _first(t, real(t, x, x_scale, x_zero), channels_last), kernel_shape=kernel_shape, auto_pad=auto_pad,
        ceil_mode=ceil_mode, count_include_pad=count_include_pad, pads=pads, strides=strides,
    )  # fmt: skip
    return whole(t, _back(t, made, channels_last), scale, zero, x.dtype)


@onnx("QLinearConcat", domain=MICROSOFT)
def qlinear_concat(t: Say, scale: Any, zero: Any, *xs: Any, axis: int) -> Tensor:
    """Integers with scales of their own one after the other, with one scale."""
    parts = [real(t, *xs[k : k + 3]) for k in range(0, len(xs), 3)]
    return whole(t, t.concat([t.as_tensor(part) for part in parts], axis), scale, zero, zero.dtype)


@onnx("QLinearWhere", domain=MICROSOFT)
def qlinear_where(
    t: Say, condition: Any, x: Any, x_scale: Any, x_zero: Any, y: Any, y_scale: Any, y_zero: Any, scale: Any, zero: Any
) -> Tensor:
    """x where a condition holds, else y, integers with scales of their own, with one scale."""
    made = t.where(condition, real(t, x, x_scale, x_zero), real(t, y, y_scale, y_zero))
    return whole(t, made, scale, zero, x.dtype)


@onnx("QGemm", domain=MICROSOFT)
def qgemm(
    t: Say, a: Any, a_scale: Any, a_zero: Any, b: Any, b_scale: Any, b_zero: Any, c: Any = None, y_scale: Any = None,
    y_zero: Any = None, *, alpha: float = 1.0, transA: int = 0, transB: int = 0,
) -> Tensor:  # fmt: skip
    """alpha a b + c of integers with scales: as integers where a scale is given, else as floats."""
    a, b = (t.give(t.transpose(x, (1, 0)), x.dtype) if flag else x for x, flag in ((a, transA), (b, transB)))
    made = integer_product(t, a, b, a_zero, b_zero)
    made = made if c is None else made + (c if alpha == 1.0 else c * (1 / alpha))
    scales = [a_scale, b_scale]
    if y_scale is not None:
        return t.give(rescaled(t, made * float(alpha), scales, y_scale, y_zero), y_zero.dtype)
    return t.give(made * (plain_zero(t, a_scale) * plain_zero(t, b_scale)) * float(alpha), "float32")


@onnx("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_integer_to_float(
    t: Say, a: Any, b: Any, a_scale: Any, b_scale: Any, a_zero: Any = None, b_zero: Any = None, bias: Any = None
) -> Tensor:
    """A product of integers with scales, as floats."""
    made = integer_product(t, a, b, a_zero, b_zero) * (plain_zero(t, a_scale) * plain_zero(t, b_scale))
    return t.give(made if bias is None else made + bias, a_scale.dtype)


@onnx("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_quantize_matmul(t: Say, a: Any, b: Any, b_scale: Any, b_zero: Any = None, bias: Any = None) -> Tensor:
    """a b, where a is made integers first, by its own range."""
    codes, scale, zero = dynamic_quantize_linear(t, a)
    kinds = ("uint8", "float32", "uint8")
    given = [t.give(x, kind) for x, kind in zip((codes, scale, zero), kinds, strict=True)]
    return matmul_integer_to_float(t, given[0], b, given[1], b_scale, given[2], b_zero, bias)


# ---- weights with a scale for each block


def unpacked(array: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Numbers of so many bits in bytes along the last axis, the lowest first -> `count` of them."""
    if bits not in (2, 4, 8):
        raise Misfit(f"numbers of {bits} bits (known are 2, 4 and 8)")
    parts = [(array >> shift) & (2**bits - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, -1).reshape(*array.shape[:-1], -1)[..., :count]


@onnx("MatMulNBits", domain=MICROSOFT, ignores=("accuracy_level", "weight_prepacked"))
def matmul_nbits(
    t: Say, a: Any, b: Any, scales: Any, zero_points: Any = None, g_idx: Any = None, bias: Any = None, *, K: int,
    N: int, bits: int = 4, block_size: int,
) -> Tensor:  # fmt: skip
    """a (..., K) times a matrix (N, K) of integers of few bits, with a scale and a zero point for each block of K.

    The codes stay what they are: each block is a group of a convolution, whose filters have scales, and the blocks'
    sums are added up.
    """
    blocks = math.ceil(K / block_size)
    codes = unpacked(t.array(b).reshape(N, blocks, -1), bits, block_size)
    factors = t.array(scales).astype(np.float64).reshape(N, blocks)
    zeros = np.full((N, blocks), 2.0 ** (bits - 1))
    if zero_points is not None:
        given = t.array(zero_points)
        packed = given.dtype == np.uint8
        zeros = unpacked(given.reshape(N, -1), bits, blocks) if packed else given.reshape(N, blocks)
        zeros = zeros.astype(np.float64)
    if g_idx is not None:
        places = t.array(g_idx)
        if not np.array_equal(places[:K], np.arange(K) // block_size):
            rows = (codes.reshape(N, -1)[:, :K] - zeros[:, places[:K]]) * factors[:, places[:K]]
            made = product(t, a, t.weight(rows.T.astype(np.float32)))
            return t.give(made if bias is None else made + bias, a.dtype)
    made = by_blocks(t, a, codes.transpose(2, 1, 0), factors.T, -zeros.T * factors.T, "uint4" if bits < 8 else "uint8")
    return t.give(made if bias is None else made + bias, a.dtype)


@onnx("GatherBlockQuantized", domain=MICROSOFT)
def gather_block_quantized(
    t: Say, data: Any, places: Any, scales: Any, zero_points: Any = None, *, bits: int = 4, block_size: int = 128,
    gather_axis: int = 0, quantize_axis: int = 1,
) -> Tensor:  # fmt: skip
    """Rows of integers of few bits, with a scale and a zero point for each block along an axis; the codes stay."""
    axis, codes = checked_axis(quantize_axis, data.rank), t.array(data)
    zeros: Any = None if zero_points is None else t.array(zero_points)
    kind = data.dtype
    if kind == "uint8":  # numbers packed along the last axis
        kind, counts = "uint4" if bits < 8 else "uint8", scales.shape
        codes = unpacked(codes, bits, codes.shape[-1] * 8 // bits)
        if zeros is None:
            zeros = np.full(counts, 2 ** (bits - 1), np.uint8)
        elif bits < 8:
            zeros = unpacked(zeros, bits, counts[-1])
    given = None if zeros is None else t.give(zeros.reshape(scales.shape), kind)
    scale, zero = (along(t, x, axis, data.rank, codes.shape[axis], block_size) for x in (scales, given))
    table = to_floats(t, t.give(codes, kind), scale, zero, scales.dtype)
    return t.give(rows(t, table, places, gather_axis), scales.dtype)
