"""Operators of com.microsoft that onnxruntime's optimizer makes of several: products with what follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.products import product
from . import onnx
from .convolution import conv
from .gates import activations
from .math import gemm

MICROSOFT = "com.microsoft"
Numbers = Sequence[int]


def activated(t: Say, x: Sym, name: str, constants: Sequence[float]) -> Sym:
    """An activation by its name, as fused operators call it."""
    if not name:
        return x
    if name == "Clip":
        low, high = constants
        return t.apply("clip", x, low, high)
    (function,) = activations(t, [name], constants[:1], constants[1:], None)
    return function(x)


@onnx("FusedConv", domain=MICROSOFT)
def fused_conv(
    t: Say, x: Sym, w: Sym, b: Sym | None = None, z: Sym | None = None, *, activation: str = "",
    activation_params: Sequence[float] = (), auto_pad: str = "NOTSET", dilations: Numbers = (), group: int = 1,
    kernel_shape: Numbers = (), pads: Numbers = (), strides: Numbers = (),
) -> Sym:  # fmt: skip
    """activation(Conv(x, w, b) + z)."""
    made = conv(
        t, x, w, b, auto_pad=auto_pad, dilations=dilations, group=group, kernel_shape=kernel_shape, pads=pads,
        strides=strides,
    )  # fmt: skip
    return activated(t, made if z is None else made + z, activation, activation_params)


@onnx("FusedGemm", domain=MICROSOFT)
def fused_gemm(
    t: Say, a: Sym, b: Sym, c: Sym | None = None, *, activation: str = "", activation_alpha: float | None = None,
    activation_beta: float | None = None, activation_gamma: float | None = None, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,
) -> Sym:  # fmt: skip
    """activation(Gemm(a, b, c))."""
    constants = [number for number in (activation_alpha, activation_beta) if number is not None]
    if activation_gamma is not None:
        raise Misfit("activation_gamma")
    made = gemm(t, a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)
    return activated(t, made, activation, constants)


@onnx("FusedMatMul", "TransposeMatMul", domain=MICROSOFT)
def fused_matmul(
    t: Say, a: Sym, b: Sym, *, alpha: float = 1.0, transA: int = 0, transB: int = 0, transBatchA: int = 0,
    transBatchB: int = 0,
) -> Sym:  # fmt: skip
    """alpha a b, with axes exchanged before: the last two, or the first with the last but one."""
    first, second = _turned(t, a, transBatchA, transA), _turned(t, b, transBatchB, transB)
    made = product(t, first, second)
    return made if alpha == 1.0 else made * float(alpha)


def _turned(t: Say, x: Sym, batch: int, last: int) -> Sym:
    if x.rank < 2:
        return x
    order = list(range(x.rank))
    if batch:
        order = [*order[1:-1], 0, order[-1]]
    if last:
        order[-2:] = order[:-3:-1]
    return t.transpose(x, order)


@onnx("BiasAdd", domain=MICROSOFT)
def bias_add(t: Say, x: Sym, bias: Any, skip: Any) -> Sym:
    """x + bias + skip."""
    return x + bias + skip
