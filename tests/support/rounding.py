"""How far from the exact result of a layer its shaders, or its reference in float32, may be.

The rule (docs/kernels.md): a sum is as precise as the sum of its terms' magnitudes allows, a function to a few units in
the last place (of exp as many as GLSL allows: 3 + 2 |x|), what only moves or compares is exact. What is smaller than
the smallest normal float32 may count as zero anywhere: as input, on the way, as result. Where the magnitudes of a sum's
terms add up to more than the largest float, any order of adding may overflow and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from cases.case import Case

from glnn.graph.shapes import product
from glnn.layers.activation import Functional, PReLU
from glnn.layers.applications import CustomScaleLayer, LayerScale
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv1D, DepthwiseConv2D, SeparableConv2D
from glnn.layers.core import Dense
from glnn.layers.local import LocallyConnected2D
from glnn.layers.merging import Add, Average, Dot, Multiply, Subtract
from glnn.layers.normalization import (
    CENTRED,
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D
from glnn.layers.preprocessing import Normalization, Rescaling
from glnn.layers.resizing import UpSampling2D
from glnn.primitives.base import Primitive, finish_of
from glnn.primitives.conv import Conv
from glnn.primitives.conv_transpose import ConvTranspose
from glnn.primitives.cumulate import Cumulate
from glnn.primitives.expr import RESULT, Apply, Expr, In
from glnn.primitives.functions import FUNCTIONS, LINEAR, Function
from glnn.primitives.heads import HeadMix, HeadScores
from glnn.primitives.matmul import Matmul
from glnn.primitives.operations import OPERATIONS
from glnn.primitives.order import TopK
from glnn.primitives.pool import Window
from glnn.primitives.reduce import Reduce, Softmax, counted
from glnn.primitives.resample import Resample
from glnn.primitives.standardize import Standardize
from glnn.primitives.taps import applied

# What squares or multiplies in between: test_a_normalization_at_every_size, and products of matrices as primitives.
SQUARES = (Dot, GroupNormalization, LayerNormalization, Normalization, Rescaling, RMSNormalization, UnitNormalization)
# Modules of layers that are made of several steps, each a primitive that is judged by itself.
COMPOSED = (
    "adaptive attention augmentation cells conv_recurrent einsum_dense encoding former image_size multi_head_attention "
    "operation recurrent wrappers"
).split()
LARGEST, TINY = float(np.finfo("f").max), float(np.finfo("f").tiny)
ROUNDING = 2.0**-24  # of a float32, relative: half a unit in the last place
Arrays = Mapping[str, np.ndarray]
ADDED = Apply(OPERATIONS["add"], (RESULT, In(1)))  # a residual branch
ENDS: tuple[Expr, ...] = (RESULT, ADDED, Apply(FUNCTIONS["relu"], (ADDED,)))  # of convolutions that are judged


@dataclass(frozen=True)
class Allowed:
    """Of a result: how far each value may be off, and the magnitudes of the terms that it adds up.

    Where these are beyond the largest float nothing is asked.
    """

    error: np.ndarray
    terms: np.ndarray


def judged(layer: Layer | Primitive) -> bool:
    """Whether the rule says how far off it may be: functions along an axis, and what is steeper than 1, are alone."""
    if isinstance(layer, Primitive):
        ends = ENDS if isinstance(layer, Conv) else ENDS[:1]
        # Products over- and underflow on the way; truths and numbers of extremes hang on what may count as zero.
        if isinstance(layer, Reduce) and (layer.of != RESULT or layer.kind not in ("sum", "mean", "max", "min")):
            return False
        product_so_far = isinstance(layer, Cumulate) and layer.kind == "prod"  # over- and underflows on the way
        alone = (
            product_so_far
            or isinstance(layer, HeadMix | HeadScores | TopK | Standardize)
            or (isinstance(layer, Softmax) and layer.log)
        )
        return finish_of(layer) in ends and not alone
    if isinstance(layer, SQUARES) or type(layer).__module__.rpartition(".")[2] in COMPOSED:
        return False
    return isinstance(layer, Functional) or getattr(layer, "activation", LINEAR).pointwise


def exact(case: Case, inputs: Sequence[np.ndarray], weights: Arrays) -> np.ndarray:
    """The layer's result in float64."""
    wide = {name: w.astype(np.float64) for name, w in weights.items()}
    with np.errstate(all="ignore"):
        return case.layer.reference([x.astype(np.float64) for x in inputs], wide)


def allowed(
    case: Case, inputs: Sequence[np.ndarray], weights: Arrays, want: np.ndarray, u: float = ROUNDING, tiny: float = TINY
) -> Allowed:
    """What a computation with the relative rounding `u`, for which less than `tiny` may be 0, may make of a case."""
    layer, x = case.layer, [np.abs(a.astype(np.float64)) for a in inputs]
    w = {name: np.abs(array.astype(np.float64)) for name, array in weights.items()}
    with np.errstate(all="ignore"):
        if isinstance(layer, BatchNormalization):
            error, terms = _normalized(layer, inputs[0].astype(np.float64), weights, u, tiny)
        elif (count := roundings(case)) is not None:
            terms = _sum(layer, x, w)
            lost = _sum(
                layer, [np.full_like(a, 32 * tiny) for a in x],
                {k: 0 * v if k == "bias" or (v.ndim == 1 and k != "kernel") else v for k, v in w.items()},
            )  # fmt: skip
            if isinstance(layer, SeparableConv2D):  # whose first half may overflow as well
                channels = 1 if layer.channels_first else -1
                terms = np.where(_depthwise(layer, x, w).max(channels, keepdims=True) > LARGEST, np.inf, terms)
            error = (count + 4) * u * terms + lost + (count + 4) * tiny
            error = error + 16 * u * np.abs(want)  # of a function that follows: none here is steeper than 1
        elif isinstance(layer, Matmul):
            terms, few = layer.reference(x, w), [np.full_like(a, 32 * tiny) for a in x]
            lost = layer.reference([few[0], x[1]], w) + layer.reference([x[0], few[1]], w)
            count = case.shapes[0][-2 if layer.transpose_a and x[0].ndim > 1 else -1]
            error = (count + 4) * u * terms + lost + (count + 4) * tiny
        elif isinstance(layer, Multiply):
            error, terms = _multiplied([a.astype(np.float64) for a in inputs], u, tiny)
        elif isinstance(layer, LayerScale):  # the factor is a weight, of the last axis
            factor = weights["gamma"].astype(np.float64).reshape((1,) * (inputs[0].ndim - 1) + (-1,))
            error, terms = _multiplied([inputs[0].astype(np.float64), factor], u, tiny)
        elif isinstance(layer, PReLU):
            error, terms = 2 * u * np.abs(want) + tiny * (1 + w["alpha"]), np.abs(want)
        else:
            function = layer.function if isinstance(layer, Functional) else None
            name = function.name if function else type(layer).__name__
            name = f"{name} {layer.kind}" if isinstance(layer, Window | Reduce | Cumulate) else name
            error = ERRORS.get(name, _few)(inputs[0].astype(np.float64), want, function, u, tiny)
            terms = np.abs(want)
    return Allowed(*np.broadcast_arrays(error, terms))


def roundings(case: Case) -> int | None:
    """How many terms a layer adds up for a value; None for layers that add up none."""
    layer, x = case.layer, case.shapes[0]
    if isinstance(layer, Dense):
        return x[-1]
    if isinstance(layer, (Conv2D, Conv2DTranspose, LocallyConnected2D)):
        return product(layer.kernel_size) * layer.channels(x)
    if isinstance(layer, (DepthwiseConv2D, SeparableConv2D)):
        return product(layer.kernel_size) + layer.channels(x) * layer.depth_multiplier
    if isinstance(layer, AveragePooling2D):
        return product(layer.pool_size)
    if isinstance(layer, GlobalAveragePooling2D):
        return product(layer.last(x)[1:-1])
    if isinstance(layer, UpSampling2D) and layer.interpolation == "bilinear":
        return 4
    if isinstance(layer, Resample):
        return sum(shares.shape[1] + 1 for _, shares in layer.tables(x).values())
    if isinstance(layer, Cumulate) and layer.kind == "sum":
        return x[layer.axis]
    if isinstance(layer, Conv | ConvTranspose):
        return product(layer.kernel_size) * x[-1] + len(case.shapes)
    if isinstance(layer, Window) and layer.kind == "mean":
        return product(layer.size)
    if isinstance(layer, Reduce) and layer.kind in ("sum", "mean"):
        return product(tuple(x[axis] for axis in counted(layer.axes, len(x))))
    return len(case.shapes) if isinstance(layer, (Add, Average, CustomScaleLayer, Subtract)) else None


def _sum(layer: Any, x: list[np.ndarray], w: Arrays) -> np.ndarray:
    """The layer's terms, which are not negative, added up."""
    if isinstance(layer, Resample):
        made = x[0]
        for axis, (first, shares) in layer.tables(x[0].shape).items():  # each of which may overflow
            made = applied(made, axis, (first, np.abs(shares)))
            made = np.where(made > LARGEST, np.inf, made)
        return made
    if isinstance(layer, Subtract):
        return Add().reference(x, w)
    if isinstance(layer, Conv):
        layer = replace(layer, finish=RESULT if layer.finish == RESULT else ADDED)
    return (replace(layer, activation=LINEAR) if hasattr(layer, "activation") else layer).reference(x, w)


def _depthwise(layer: SeparableConv2D, x: list[np.ndarray], w: Arrays) -> np.ndarray:
    first = (DepthwiseConv1D if layer.axes == 1 else DepthwiseConv2D)(
        layer.kernel_size, layer.strides, layer.padding, layer.depth_multiplier, layer.data_format, layer.dilation_rate
    )
    return first.reference(x, {"depthwise_kernel": w["depthwise_kernel"]})


def _normalized(layer: BatchNormalization, x: np.ndarray, weights: Arrays, u: float, tiny: float) -> tuple:
    along = [-1 if axis in layer.axes(x.shape) else 1 for axis in range(x.ndim)]
    wide = {name: w.astype(np.float64).reshape(along) for name, w in weights.items()}
    scale = np.abs(wide.get("gamma", 1.0)) / np.sqrt(wide["moving_variance"] + layer.epsilon)
    mean, beta = wide["moving_mean"], np.abs(wide.get("beta", 0.0))
    far = np.abs(mean) >= CENTRED
    terms = np.where(far, np.abs(x) + np.abs(mean), np.abs(x - mean)) * scale + beta
    return 4 * u * terms + tiny * (2 * scale + 2), terms


def _multiplied(x: list[np.ndarray], u: float, tiny: float) -> tuple:
    """A flushed factor or product is off by `tiny` times what it is multiplied with; the order is the driver's."""
    rank = max(a.ndim for a in x)
    x = [np.abs(a.reshape(a.shape[:1] + (1,) * (rank - a.ndim) + a.shape[1:])) for a in x]
    size, error, top = x[0], np.where(x[0] < tiny, tiny, 0.0), x[0]
    for factor in x[1:]:
        error = error * factor + np.where(factor < tiny, tiny * size, 0.0)
        size = size * factor
        error = error + np.where(size < tiny, tiny, 0.0) + u * size
        top = np.maximum(top, 1) * np.maximum(factor, 1)  # the largest that some of the factors make
    return error, top


# Of functions: (x, want, function, u, tiny) -> how far off.


def _exactly(x: np.ndarray, want: np.ndarray, function: Function | None, u: float, tiny: float) -> np.ndarray:
    return np.full(want.shape, tiny)


def _few(x: np.ndarray, want: np.ndarray, function: Function | None, u: float, tiny: float) -> np.ndarray:
    return 16 * u * np.abs(want) + 2 * tiny


def _decaying(exponent: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Functions that are x times, or equal to, exp of minus `exponent(x)` where that is positive."""

    def error(x: np.ndarray, want: np.ndarray, function: Function | None, u: float, tiny: float) -> np.ndarray:
        steps = 16 + 4 * np.clip(exponent(x), 0, 110)
        return steps * u * np.abs(want) + 2 * tiny * (1 + np.abs(x))

    return error


def _bent(part: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Functions that add a constant: off by the rounding of `part(x)`."""
    return lambda x, want, function, u, tiny: 4 * u * part(x) + 2 * tiny


def _softmax(x: np.ndarray, want: np.ndarray, function: Any, u: float, tiny: float) -> np.ndarray:
    return (16 + x.size + 4 * 110) * u * want + 2 * tiny


def _softmax_last(x: np.ndarray, want: np.ndarray, function: Any, u: float, tiny: float) -> np.ndarray:
    below = np.clip(x.max(-1, keepdims=True) - x, 0, 110)
    return (16 + x.shape[-1] + 4 * below) * u * want + 2 * tiny


def _log_softmax(x: np.ndarray, want: np.ndarray, function: Any, u: float, tiny: float) -> np.ndarray:
    return (24 + x.shape[-1] + 2 * np.abs(want)) * u


def _sparsemax(x: np.ndarray, want: np.ndarray, function: Any, u: float, tiny: float) -> np.ndarray:
    return np.broadcast_to((16 + x.shape[-1]) * u, want.shape)


def _glu(x: np.ndarray, want: np.ndarray, function: Any, u: float, tiny: float) -> np.ndarray:
    value, gate = np.split(x, 2, axis=-1)
    return (16 + 4 * np.clip(-gate, 0, 110)) * u * np.abs(want) + 2 * tiny * (1 + np.abs(value))


ERRORS: dict[str, Callable[..., np.ndarray]] = {
    **dict.fromkeys(
        "linear relu relu6 threshold hard_tanh hard_shrink Maximum Minimum Concatenate MaxPooling2D GlobalMaxPooling2D "
        "ZeroPadding2D Cropping2D UpSampling2D Flatten Identity Reshape Permute RepeatVector Embedding "
        "Map Copy Remap Concat Take".split(),
        _exactly,
    ),
    **dict.fromkeys(("Window max", "Reduce max", "Reduce min", "Cumulate max", "Cumulate min"), _exactly),
    **dict.fromkeys("sigmoid silu softplus mish".split(), _decaying(lambda x: -x)),
    "exponential": _decaying(np.abs),
    "log_sigmoid": _decaying(lambda x: x),
    "gelu": _decaying(lambda x: np.where(x < 0, x * x, 0)),
    "gelu_tanh": _decaying(lambda x: np.where(x < 0, -1.6 * (x + 0.045 * x**3), 0)),
    "tanh_shrink": lambda x, want, function, u, tiny: 64 * u * np.abs(want) + 2 * tiny,
    "hard_sigmoid": _bent(lambda x: np.ones_like(x)),
    "hard_sigmoid_keras2": _bent(lambda x: np.ones_like(x)),
    "hard_silu": _bent(np.abs),
    "soft_shrink": _bent(lambda x: np.abs(x) + 1),
    "relu_threshold": _bent(lambda x: np.abs(x) + 1),
    "relu_capped": _bent(lambda x: np.abs(x) + 1),
    "softmax": _softmax_last,
    "Softmax": _softmax,
    "log_softmax": _log_softmax,
    "sparsemax": _sparsemax,
    "Sparsemax": _sparsemax,
    "glu": _glu,
}


def assert_right(got: np.ndarray, want: np.ndarray, may: Allowed, name: str = "") -> None:
    """`got` is `want` within what it may be off; infinite where `want` is beyond float32. Raises AssertionError."""
    assert got.shape == want.shape, f"{name}: shape {got.shape}, expected {want.shape}"
    got = got.astype(np.float64)
    with np.errstate(all="ignore"):
        near = np.abs(got - want) <= may.error
        beyond = np.abs(want) + may.error > LARGEST  # may round to infinity, and must where it is far beyond
        infinite = np.isinf(got) & (np.sign(got) == np.sign(want))
        asked = may.terms * (1 + 1e-6) + may.error <= LARGEST
        right = np.where(beyond, infinite | near, np.where(asked, near, True))
        cancels = may.terms * (1 + 1e-13) - np.abs(want) > LARGEST  # terms of both signs may overflow
        right |= beyond & cancels
    if not right.all():
        at = tuple(np.argwhere(~right)[0])
        raise AssertionError(
            f"{name}: {(~right).sum()} of {right.size} values are off, the first at {at}: "
            f"{got[at]!r}, exact {want[at]!r}, off by at most {may.error[at]:.3g} (terms {may.terms[at]:.3g})"
        )
