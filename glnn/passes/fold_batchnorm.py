"""Folds batch normalisation into the weights of the layer before it, computed in float64.

A Quantized kernel keeps its integers: only their scales and lows change, from then on one per output channel. A float16
kernel becomes float32, since scaled values are no longer those that float16 holds. The bias becomes float32 always.

What is folded is as precise as what Keras computes (decision 012). Two layers stay where the weights of one would leave
the range of float32.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..graph.graph import Graph, Node
from ..graph.quantized import Quantized
from ..layers.base import Activated
from ..layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from ..layers.core import Dense
from ..layers.normalization import BatchNormalization
from .rewrite import fuse_pairs

LARGEST = float(np.finfo(np.float32).max)
LEAST = 2.0**-103  # the largest weight of a channel from here up: those 2^-23 times as large are normal float32 too

# The weight whose values make the output channels, and the axis (or axes) of it along which they lie.
KERNELS: dict[type, tuple[str, tuple[int, ...]]] = {
    Conv2D: ("kernel", (3,)),
    Conv2DTranspose: ("kernel", (2,)),
    DepthwiseConv2D: ("depthwise_kernel", (2, 3)),
    SeparableConv2D: ("pointwise_kernel", (3,)),
    Dense: ("kernel", (1,)),
}


def run(graph: Graph) -> Graph:
    """Linear convolution or Dense -> BatchNormalization of its channels becomes one layer, its weights scaled."""
    ranks = {name: len(spec.shape) for name, spec in graph.specs().items()}
    return fuse_pairs(graph, lambda node, reader: _fold(node, reader, ranks))


def _fold(node: Node, norm: Node, ranks: dict[str, int]) -> Node | None:
    layer, bn = node.layer, norm.layer
    if type(layer) not in KERNELS or not isinstance(bn, BatchNormalization) or norm.inputs != node.outputs:
        return None
    if not isinstance(layer, Activated) or layer.activation.name != "linear" or getattr(layer, "residual", False):
        return None
    if bn.axis not in (-1, ranks[norm.inputs[0]] - 1):
        return None
    name, axes = KERNELS[type(layer)]
    kernel = node.weights[name]
    scale, shift = bn.factors(norm.weights)
    along = [kernel.shape[axis] if axis in axes else 1 for axis in range(kernel.ndim)]
    bias = np.asarray(node.weights.get("bias", 0.0), np.float64) * scale + shift
    scaled = _times(kernel, scale.reshape(along)) if _in_range(kernel, scale.reshape(along), bias) else None
    if scaled is None:
        return None
    weights = {**node.weights, name: scaled, "bias": bias.astype(np.float32)}
    # What is computed is named by what it was made of: layers that are called twice, with their norm, share it still.
    kernel_name, norm_name = node.origins[name], folder(norm.origins["moving_variance"])
    made = {name: f"{kernel_name}*{norm_name}", "bias": f"{folder(kernel_name)}/bias*{norm_name}"}
    return node.with_(
        outputs=norm.outputs, weights=weights, origins={**node.origins, **made},
        layer=replace(layer, use_bias=True, activation=bn.activation),  # type: ignore[type-var]
    )  # fmt: skip


def folder(origin: str) -> str:
    """A weight's name without its last part: the layer that it came from."""
    return origin.rpartition("/")[0]


def _in_range(kernel: Any, factors: np.ndarray, bias: np.ndarray) -> bool:
    """Whether float32 holds the bias and, for each output channel, the kernel times the factors with all its digits."""
    others = tuple(axis for axis, size in enumerate(factors.shape) if size == 1)
    before = np.abs(np.asarray(kernel, np.float64)).max(axis=others, keepdims=True, initial=0)
    after = before * np.abs(factors)
    lost = (after < LEAST) & (before >= LEAST) & (np.abs(factors) >= np.finfo(np.float32).tiny)
    return bool((after <= LARGEST).all() and (np.abs(bias) <= LARGEST).all() and not lost.any())


def _times(kernel: Any, factors: np.ndarray) -> Any:
    """The kernel times factors of a shape that broadcasts; None where a Quantized one would need an infinite scale."""
    if not isinstance(kernel, Quantized):
        return np.ascontiguousarray((kernel * factors).astype(np.float32))
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return kernel.times(factors)
    except ValueError:
        return None
