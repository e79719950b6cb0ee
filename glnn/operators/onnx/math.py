"""Operators that multiply matrices and add up."""

from __future__ import annotations

import numpy as np

from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Misfit, Say
from ..shared.products import dense, product
from . import onnx


@onnx("MatMul", exact=np.matmul)
def matmul(t: Say, a: Sym, b: Sym) -> Sym:
    """np.matmul."""
    return product(t, a, b)


@onnx("Gemm")
def gemm(
    t: Say, a: Sym, b: Sym, c: Sym | None = None, *, alpha: float = 1.0, beta: float = 1.0, transA: int = 0,
    transB: int = 0, broadcast: int = 1,
) -> Sym:  # fmt: skip
    """alpha * A B + beta * C, A and B exchanged in their axes before."""
    if a.rank != 2 or b.rank != 2:
        raise Misfit("both factors must be matrices")
    a, b = t.transpose(a, (1, 0)) if transA else a, t.transpose(b, (1, 0)) if transB else b
    bias = c if c is None or beta == 1.0 else c * float(beta)
    return dense(t, a, b, bias, alpha)


@onnx("Einsum")
def einsum(t: Say, *xs: Sym, equation: str) -> Sym:
    """np.einsum."""
    return OPERATORS["einsum"].function(t, equation, *xs)
