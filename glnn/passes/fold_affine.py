"""Folds x * scale + shift at the end of a convolution into its weights, in float64: batch normalisation above all.

A Quantized kernel keeps its integers: only their scales and lows change, from then on one per output channel. A float16
kernel becomes float32, since scaled values are no longer those that float16 holds. The bias becomes float32 always.

What is folded is as precise as what Keras computes (decision 012). An end stays as it is where the weights would leave
the range of float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.quantized import Quantized
from ..primitives.conv import Conv
from ..primitives.conv_transpose import ConvTranspose
from ..primitives.expr import RESULT, Apply, Constant, Expr, In, Index, Number, constants, inputs, told, values

LARGEST = float(np.finfo(np.float32).max)
LEAST = 2.0**-103  # the largest weight of a channel from here up: those 2^-23 times as large are normal float32 too

Affine = tuple[Any, Any]  # scale and shift in float64, one number or one for each channel
Known = dict[int, Affine | None]  # of the parts of an expression, by which object each is


def run(graph: Graph) -> Graph:
    """Each convolution whose end begins with an affine function by channel has that in its weights instead."""
    with np.errstate(all="ignore"):  # what leaves the range is not folded
        nodes = tuple(_folded(node) or node for node in graph.nodes)
    return graph.with_(nodes=nodes) if any(a is not b for a, b in zip(nodes, graph.nodes, strict=True)) else graph


def _folded(node: Node) -> Node | None:
    layer = node.layer
    if not isinstance(layer, Conv | ConvTranspose):
        return None
    if layer.finish == RESULT:
        return None
    known: Known = {}
    part = innermost(layer.finish, node.weights, known)
    found = part and affine(part, node.weights, known)
    if part is None or part == RESULT or not found:
        return None
    scale, shift = (np.broadcast_to(np.asarray(factor, np.float64), (layer.filters,)) for factor in found)
    kernel = node.weights["kernel"]
    bias = np.asarray(node.weights["bias"] if layer.use_bias else 0.0, np.float64) * scale + shift
    scaled = _times(kernel, scale) if _in_range(kernel, scale, bias) else None
    if scaled is None:
        return None
    finish = _exchanged(layer.finish, part)
    left = constants(finish)
    weights = {"kernel": scaled, "bias": bias.astype(np.float32), **{name: node.weights[name] for name in left}}
    # What is computed is named by what it was made of: layers that are called twice, with their norm, share it still.
    origin = node.origins["kernel"]
    by = "*".join(dict.fromkeys(folder(node.origins[name]) for name in constants(part)))
    by = by or hashlib.sha256(told(part, {}).encode()).hexdigest()[:8]
    made = {"kernel": f"{origin}*{by}", "bias": f"{folder(origin)}/bias*{by}"}
    return node.with_(
        layer=replace(layer, use_bias=True, finish=finish), weights=weights,
        origins={name: origin for name, origin in node.origins.items() if name in left} | made,
    )  # fmt: skip


def affine(expr: Expr, weights: Mapping[str, Any], known: Known) -> Affine | None:
    """The scale and the shift by which an expression is In(0) * scale + shift; None where it is something else."""
    if id(expr) not in known:
        known[id(expr)] = _affine(expr, weights, known)
    return known[id(expr)]


def _affine(expr: Expr, weights: Mapping[str, Any], known: Known) -> Affine | None:
    if isinstance(expr, In):
        return (1.0, 0.0) if expr == RESULT else None
    if isinstance(expr, Number):
        return 0.0, expr.value
    if isinstance(expr, Constant):
        array = np.asarray(weights[expr.name], np.float64)
        return (0.0, array.reshape(-1)) if array.size == (array.shape or (1,))[-1] else None
    if isinstance(expr, Index):
        return None
    args = [made for arg in expr.args if (made := affine(arg, weights, known)) is not None]
    if len(args) < len(expr.args):
        return None
    if not inputs(expr):
        return 0.0, values(expr, {}, {name: np.asarray(weights[name], np.float64) for name in constants(expr)})
    return _combined(expr.function.name, args)


def _combined(name: str, args: list[Affine]) -> Affine | None:
    if name == "negative":
        return -args[0][0], -args[0][1]
    if len(args) != 2:
        return None
    (a, b), (c, d) = args
    if name in ("add", "subtract"):
        return (a + c, b + d) if name == "add" else (a - c, b - d)
    if name == "multiply" and not (np.any(a) and np.any(c)):
        return (a * d, b * d) if np.any(a) else (c * b, d * b)
    if name == "divide" and not np.any(c):
        return a / d, b / d
    return None


def innermost(expr: Expr, weights: Mapping[str, Any], known: Known) -> Expr | None:
    """The largest part of an expression that is affine in In(0) and holds all of it; None where there is none."""
    if RESULT.number not in inputs(expr):
        return None
    if affine(expr, weights, known) is not None:
        return expr
    parts = [arg for arg in expr.args if 0 in inputs(arg)] if isinstance(expr, Apply) else []
    found = {innermost(arg, weights, known) for arg in parts}
    return found.pop() if len(found) == 1 else None


def folder(origin: str) -> str:
    """A weight's name without its last part: the layer that it came from."""
    return origin.rpartition("/")[0]


def _exchanged(expr: Expr, part: Expr) -> Expr:
    """The expression with In(0) in the place of a part."""
    if expr == part:
        return RESULT
    return Apply(expr.function, tuple(_exchanged(arg, part) for arg in expr.args)) if isinstance(expr, Apply) else expr


def _in_range(kernel: Any, factors: np.ndarray, bias: np.ndarray) -> bool:
    """Whether float32 holds the bias and, for each output channel, the kernel times the factors with all its digits."""
    others = tuple(range(kernel.ndim - 1))
    before = np.abs(np.asarray(kernel)).max(axis=others, initial=0).astype(np.float64)
    after = before * np.abs(factors)
    lost = (after < LEAST) & (before >= LEAST) & (np.abs(factors) >= np.finfo(np.float32).tiny)
    return bool((after <= LARGEST).all() and (np.abs(bias) <= LARGEST).all() and not lost.any())


def _times(kernel: Any, factors: np.ndarray) -> Any:
    """The kernel times one factor for each channel; None where a Quantized one would need an infinite scale."""
    if not isinstance(kernel, Quantized):
        made = np.empty(kernel.shape, np.float32)  # rounded piece by piece, without a copy in float64
        return np.multiply(kernel, factors, out=made, dtype=np.float64, casting="same_kind")
    try:
        return kernel.times(factors)
    except ValueError:
        return None
