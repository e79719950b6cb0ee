"""Operators of integers with scales: QuantizeLinear and its reverse, convolutions and products of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym
from ..say import Misfit, Say, Tensor
from ..shared.convolution import channels_first, channels_last, convolution, each, known, pads_or_name
from ..shared.products import product
from ..shared.scales import (
    along,
    centred,
    exact_product,
    exact_sums,
    largest,
    nothing,
    one,
    to_floats,
    to_integers,
    wide,
)
from ..types import type_named
from . import onnx
from .convolution import taps_of

Numbers = Sequence[int]


def scales(t: Say, x: Sym, scale: Any, zero: Any, axis: int, block: int) -> tuple[Any, Any]:
    """A scale and a zero point as they broadcast with x."""
    if scale.rank < 1 and (zero is None or zero.rank < 1):
        return scale, zero
    at = checked_axis(axis, x.rank) if x.rank and (scale.rank or zero.rank) and scale.shape != (1,) else 0
    first, second = (along(t, s, at, x.rank, x.shape[at] if x.rank else None, block) for s in (scale, zero))
    return first, second


@onnx("QuantizeLinear")
@onnx("QuantizeLinear", domain="com.microsoft")
def quantize_linear(
    t: Say, x: Sym, y_scale: Any, y_zero_point: Any = None, *, axis: int = 1, block_size: int = 0,
    output_dtype: int = 0, precision: int = 0, saturate: int = 1,
) -> Tensor:  # fmt: skip
    """round(x / scale) + zero point, halves to even, within the type of the zero point."""
    dtype = y_zero_point.dtype if y_zero_point is not None else type_named(output_dtype) if output_dtype else "uint8"
    scale, zero = scales(t, x, y_scale, y_zero_point, axis, block_size)
    return to_integers(t, x, scale, zero, dtype)


@onnx("DequantizeLinear")
@onnx("DequantizeLinear", domain="com.microsoft")
def dequantize_linear(
    t: Say, x: Sym, x_scale: Any, x_zero_point: Any = None, *, axis: int = 1, block_size: int = 0, output_dtype: int = 0
) -> Tensor:
    """(x - zero point) * scale."""
    scale, zero = scales(t, x, x_scale, x_zero_point, axis, block_size)
    return to_floats(t, x, scale, zero, type_named(output_dtype) if output_dtype else x_scale.dtype)


@onnx("DynamicQuantizeLinear", gives=("uint8", "float32", "uint8"))
def dynamic_quantize_linear(t: Say, x: Sym) -> tuple[Sym, Sym, Sym]:
    """uint8 with the scale and the zero point that x's own range asks for, which holds 0."""
    least = t.minimum(t.reduce("min", x, None), 0.0)
    most = t.maximum(t.reduce("max", x, None), 0.0)
    width = (most - least) / 255.0
    scale = t.where(t.apply("equal", width, 0.0), 1.0, width)
    zero = t.apply("clip", t.apply("round", -least / scale), 0.0, 255.0)
    return t.apply("clip", t.apply("round", x / scale) + zero, 0.0, 255.0), scale, zero


def integer_convolution(
    t: Say, x: Any, w: Any, x_zero: Any, w_zero: Any, auto_pad: str, dilations: Numbers, group: int,
    kernel_shape: Numbers, pads: Numbers, strides: Numbers,
) -> Sym:  # fmt: skip
    """(N, *windows, filters): the convolution of x - its zero with the kernel - its zero, exactly."""
    taps, image = taps_of(w, kernel_shape), channels_last(t, centred(t, x, plain_zero(t, x_zero)))
    steps, spread = each(strides, len(taps), "strides"), each(dilations, len(taps), "dilations")
    padding = pads_or_name(auto_pad, pads, image, taps, steps, spread)
    kernel = np.moveaxis(t.array(w), (1, 0), (-2, -1))
    zero = np.zeros((), np.int64) if w_zero is None else t.array(w_zero).astype(np.int64)
    zero = zero.reshape(()) if zero.size == 1 else zero

    def made(weight: Sym) -> Sym:
        return convolution(t, image, weight, strides=steps, dilation=spread, padding=padding, groups=group)

    return exact_sums(t, largest(x, x_zero), kernel, zero, made, range(kernel.ndim - 1))


def plain_zero(t: Say, zero: Any) -> Any:
    """A zero point or scale of one element without axes, others as they are."""
    if zero is None or zero.shape != (1,):
        return zero
    return one(t, zero) if zero.constant else t.reshape(zero, ())


@onnx("ConvInteger")
def conv_integer(
    t: Say, x: Any, w: Any, x_zero_point: Any = None, w_zero_point: Any = None, *, auto_pad: str = "NOTSET",
    dilations: Numbers = (), group: int = 1, kernel_shape: Numbers = (), pads: Numbers = (), strides: Numbers = (),
) -> Tensor:  # fmt: skip
    """A convolution of integers (N, C, *sizes) with a kernel (filters, C / group, *taps), which must be known."""
    options = auto_pad, dilations, group, kernel_shape, pads, strides
    made = integer_convolution(t, x, w, x_zero_point, w_zero_point, *options)
    return t.give(channels_first(t, made), "int32")


@onnx("QLinearConv")
def qlinear_conv(
    t: Say, x: Any, x_scale: Any, x_zero_point: Any, w: Any, w_scale: Any, w_zero_point: Any, y_scale: Any,
    y_zero_point: Any, b: Any = None, *, auto_pad: str = "NOTSET", dilations: Numbers = (), group: int = 1,
    kernel_shape: Numbers = (), pads: Numbers = (), strides: Numbers = (),
) -> Tensor:  # fmt: skip
    """A convolution of integers (N, C, *sizes) with a kernel (filters, C / group, *taps), scaled to integers."""
    options = auto_pad, dilations, group, kernel_shape, pads, strides
    made = integer_convolution(t, x, w, x_zero_point, w_zero_point, *options)
    made = made if b is None else made + b
    result = rescaled(t, made, (x_scale, w_scale), y_scale, y_zero_point)
    return t.give(channels_first(t, result), y_zero_point.dtype)


def rescaled(t: Say, x: Sym, factors: Sequence[Any], scale: Any, zero: Any) -> Sym:
    """Sums in integers worth all of these factors -> integers of a scale and a zero point."""
    factor: Any = None
    for each_ in factors:
        factor = plain_zero(t, each_) if factor is None else factor * plain_zero(t, each_)
    return to_integers(t, x * (factor / plain_zero(t, scale)), 1.0, plain_zero(t, zero), zero.dtype)


def integer_product(t: Say, a: Any, b: Any, a_zero: Any, b_zero: Any) -> Sym:
    """np.matmul of a - its zero and b - its zero, exactly. Zeros: one number, one for each row of a, column of b."""
    first = a_zero
    if a_zero is not None and a_zero.rank == 1:
        first = plain_zero(t, a_zero) if a_zero.shape == (1,) else t.reshape(a_zero, (-1, 1))
    left, inner = centred(t, a, first), b.shape[-2 if b.rank > 1 else 0]
    if b.constant and b.rank == 2 and not a.constant:
        zero = 0.0 if b_zero is None else wide(t, known(t, b_zero)).astype(np.int64)
        return exact_sums(t, largest(a, a_zero), t.array(b), zero, lambda w: product(t, left, w), (0,))
    if inner is None:
        raise Misfit(f"a product of matrices of shapes {a.shape} and {b.shape}, whose inner size is free")
    right = centred(t, b, plain_zero(t, b_zero))
    most = max(largest(a, a_zero), largest(b, b_zero))
    return exact_product(t, left, right, most, inner, lambda one, two: product(t, one, two))


@onnx("MatMulInteger")
def matmul_integer(t: Say, a: Any, b: Any, a_zero_point: Any = None, b_zero_point: Any = None) -> Tensor:
    """np.matmul of integers of 8 bits, less their zero points."""
    return t.give(integer_product(t, a, b, a_zero_point, b_zero_point), "int32")


@onnx("QLinearMatMul")
def qlinear_matmul(
    t: Say, a: Any, a_scale: Any, a_zero_point: Any, b: Any, b_scale: Any, b_zero_point: Any, y_scale: Any,
    y_zero_point: Any,
) -> Tensor:  # fmt: skip
    """np.matmul of integers with scales, scaled to integers."""
    made = integer_product(t, a, b, a_zero_point, b_zero_point)
    rows = t.reshape(a_scale, (-1, 1)) if a_scale.rank == 1 and a_scale.shape != (1,) else a_scale
    return t.give(rescaled(t, made, (rows, b_scale), y_scale, y_zero_point), y_zero_point.dtype)


__all__ = ["integer_product", "nothing", "rescaled"]
