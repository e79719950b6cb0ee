"""Operators that multiply and add up, and normalize."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared import products
from . import tensorflow
from .elements import along_channels, leaky_relu, prelu

ACTIVATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Elu": "elu", "Sigmoid": "sigmoid", "Tanh": "tanh", "GeluExact": "gelu",
    "GeluApproximate": "gelu_tanh",
}  # fmt: skip


def product(t: Say, a: Sym, b: Sym, flip_a: bool, flip_b: bool) -> Sym:
    """The product of matrices, the last two axes of an operand exchanged before."""
    return products.product(t, turned(t, a, flip_a), turned(t, b, flip_b))


def turned(t: Say, x: Sym, flip: bool) -> Sym:
    """x, its last two axes exchanged or not."""
    return t.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2]) if flip else x


@tensorflow("MatMul", ignores=("a_is_sparse", "b_is_sparse", "grad_a", "grad_b"))
def mat_mul(t: Say, a: Sym, b: Sym, *, transpose_a: bool = False, transpose_b: bool = False) -> Sym:
    """The product of two matrices."""
    return product(t, a, b, transpose_a, transpose_b)


@tensorflow("BatchMatMul", "BatchMatMulV2", ignores=("grad_x", "grad_y", "Ta", "Tb"))
def batch_mat_mul(t: Say, a: Sym, b: Sym, *, adj_x: bool = False, adj_y: bool = False) -> Sym:
    """Products of matrices, the axes in front broadcast."""
    return product(t, a, b, adj_x, adj_y)


@tensorflow("Einsum")
def einsum(t: Say, *xs: Sym, equation: str) -> Sym:
    """The sums of products that an equation says."""
    return t.einsum(equation.replace(" ", ""), *xs)


@tensorflow("_FusedMatMul")
def fused_mat_mul(
    t: Say, a: Sym, b: Sym, *args: Sym, fused_ops: Sequence[str] = (), epsilon: float = 1e-4,
    transpose_a: bool = False, transpose_b: bool = False, leakyrelu_alpha: float = 0.2,
) -> Sym:  # fmt: skip
    """The product of two matrices, then what `fused_ops` name."""
    made = product(t, a, b, transpose_a, transpose_b)
    return fused(t, made, args, fused_ops, epsilon, leakyrelu_alpha)


def fused(
    t: Say, x: Sym, args: Sequence[Sym], names: Sequence[str], epsilon: float, alpha: float, data_format: str = "NHWC"
) -> Sym:
    """The operators that a fused one ends with, on its further inputs."""
    given = list(args)
    for name in names:
        if name == "BiasAdd":
            x = x + along_channels(t, given.pop(0), x, data_format)
        elif name == "FusedBatchNorm":
            x = normalized(t, x, [along_channels(t, given.pop(0), x, data_format) for _ in range(4)], epsilon)
        elif name == "Prelu":
            x = prelu(t, x, given.pop(0))
        elif name == "LeakyRelu":
            x = leaky_relu(t, x, alpha=alpha)
        elif name in ACTIVATIONS:
            x = OPERATORS["gelu"].function(t, x, False) if name == "GeluExact" else _activated(t, x, name)
        elif name:
            raise Misfit(
                f"fused_ops has {name!r}; known are BiasAdd, FusedBatchNorm, Prelu, LeakyRelu, {', '.join(ACTIVATIONS)}"
            )
    return x


def _activated(t: Say, x: Sym, name: str) -> Sym:
    return OPERATORS["gelu"].function(t, x, True) if "Gelu" in name else OPERATORS[ACTIVATIONS[name]].function(t, x)


def normalized(t: Say, x: Sym, given: Sequence[Sym], epsilon: float) -> Sym:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, of scale, offset, mean, variance."""
    scale, offset, mean, variance = given
    return (x - mean) * (scale * t.apply("rsqrt", variance + epsilon)) + offset


@tensorflow("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def fused_batch_norm(
    t: Say, x: Sym, scale: Any, offset: Any, mean: Any, variance: Any, *, epsilon: float = 1e-3,
    data_format: str = "NHWC", is_training: bool = False,
) -> Any:  # fmt: skip
    """Batch normalization by a known mean and variance, which are the second and third output."""
    if is_training:
        raise Misfit("is_training, which normalizes by the batch's own mean; convert a model that is frozen")
    given = [along_channels(t, v, x, data_format) for v in (scale, offset, mean, variance)]
    return normalized(t, x, given, epsilon), mean, variance, mean, variance, mean


@tensorflow("LRN")
def lrn(t: Say, x: Sym, *, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5) -> Sym:
    """x over (bias + alpha * the sum of squares of the channels about each) to the power beta."""
    count = t.static(x)[-1] if x.shape[-1] is not None else 0
    places = np.arange(count)
    band = (np.abs(places[:, None] - places) <= depth_radius).astype(np.float32)
    sums = t.dense(t.apply("square", x), t.weight(band))
    return x / t.apply("power", bias + alpha * sums, beta)
