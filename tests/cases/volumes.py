"""Cases of layers on sequences and volumes, and of what they are drawn with, which cases/keras.py adds to the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from cases.primitives import SUM
from cases.primitives_windows import convolved, slid

from glnn.graph.shapes import Shape
from glnn.layers.conv import (
    Conv1D,
    Conv1DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    SeparableConv1D,
)
from glnn.layers.local import LocallyConnected1D, LocallyConnected2D
from glnn.layers.pooling import (
    AveragePooling1D,
    AveragePooling3D,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling3D,
)
from glnn.layers.resizing import (
    Cropping1D,
    Cropping3D,
    UpSampling1D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding3D,
)
from glnn.primitives.conv import Conv
from glnn.primitives.conv_transpose import ConvTranspose
from glnn.primitives.move import Along, Remap
from glnn.primitives.pool import Window

CASES: list[tuple[Any, tuple[Shape, ...], str, Callable[..., Any] | None]] = []  # layer, shapes, kind, answer


def case(layer: Any, *shapes: Shape, kind: str = "normal", answer: Callable[..., Any] | None = None) -> None:
    CASES.append((layer, shapes, kind, answer))


# ---- volumes: batches of 1 and 3, sides of 1, D != H != W

for inputs, outputs in ((1, 4), (3, 5), (5, 9), (8, 8)):
    case(Conv3D(outputs, 3, padding="same"), (3, 4, 5, 3, inputs))
    case(Conv3D(outputs, 1), (1, 2, 3, 5, inputs))
for size, strides, padding in product(((1, 1, 1), (3, 2, 1), (2, 3, 5)), ((1, 1, 1), (2, 1, 3)), ("same", "valid")):
    case(Conv3D(5, size, strides, padding, activation="relu"), (1, 5, 4, 7, 3))
for dilation, padding in product(((2, 1, 3), (3, 2, 1)), ("same", "valid")):
    case(Conv3D(4, (3, 2, 2), padding=padding, dilation_rate=dilation), (1, 7, 5, 6, 5))
case(Conv3D(3, 3, padding="same"), (1, 1, 1, 1, 2))
case(Conv3D(3, (5, 1, 1), (3, 1, 1), "same", use_bias=False), (3, 7, 3, 1, 4))
case(Conv3D(3, (2, 3, 3), padding=((2, 1), (0, 2), (1, 0))), (1, 3, 4, 5, 3))
case(Conv3D(3, (2, 9, 9), padding="same", activation="tanh"), (1, 3, 10, 9, 2))  # in bands of rows
case(Conv3D(2, (2, 2, 67), padding="same"), (1, 3, 3, 70, 5))  # with real loops
for groups, inputs, outputs in ((2, 8, 8), (3, 12, 24), (2, 6, 4), (5, 5, 5), (3, 3, 15)):
    case(Conv3D(outputs, (2, 3, 2), (2, 1, 1), "same", groups=groups, activation="relu"), (1, 5, 4, 3, inputs))
case(Conv3D(4, 3, padding="same", data_format="channels_first", activation="softmax"), (3, 3, 4, 5, 2))
for size, strides, padding in product((1, 2, (3, 2, 3)), (1, 2, (3, 1, 2)), ("same", "valid")):
    case(Conv3DTranspose(5, size, strides, padding), (1, 3, 2, 4, 3))
case(Conv3DTranspose(4, 3, 2, "same", output_padding=(1, 0, 1), activation="relu"), (3, 2, 3, 2, 6))
case(Conv3DTranspose(3, (2, 3, 2), dilation_rate=(3, 2, 1)), (1, 3, 4, 2, 4))
case(Conv3DTranspose(3, (5, 9, 9), (2, 1, 1), "same", "channels_first", use_bias=False), (1, 2, 3, 4, 5))
case(Conv3DTranspose(2, (4, 2, 67), (3, 1, 1), "same"), (1, 2, 3, 9, 5))
case(Conv3DTranspose(2, 3, (1, 3, 3)), (1, 3, 2, 2, 4))
for pooling, channels in product((MaxPooling3D, AveragePooling3D), (1, 3, 8)):
    case(pooling(), (3, 4, 5, 7, channels))
    case(pooling((3, 2, 1), (1, 2, 2), "same"), (1, 5, 3, 4, channels))
for pooling in (MaxPooling3D, AveragePooling3D):
    case(pooling((2, 1, 1), (3, 1, 1)), (1, 7, 3, 4, 5))
    case(pooling((1, 2, 3), 2, "same"), (1, 1, 5, 4, 5))
    case(pooling((40, 6, 7), (3, 2, 2), "same", "channels_first"), (1, 3, 45, 8, 9))
    case(pooling((2, 3, 2), (2, 1, 2), ((1, 0), (0, 2), (1, 1))), (1, 5, 6, 3, 3))
for pooling, keepdims in product((GlobalMaxPooling3D, GlobalAveragePooling3D), (False, True)):
    case(pooling(keepdims=keepdims), (3, 2, 5, 3, 5))
    case(pooling("channels_first", keepdims), (1, 5, 2, 3, 4))
for channels in (1, 3, 8):
    case(ZeroPadding3D(((1, 2), (0, 1), (3, 0))), (1, 2, 3, 4, channels))
    case(Cropping3D(((1, 2), (0, 1), (2, 1))), (1, 5, 3, 4, channels))
    case(UpSampling3D((2, 3, 1)), (3, 2, 3, 4, channels))
case(ZeroPadding3D(1, "channels_first"), (1, 5, 2, 3, 4))
case(Cropping3D(1, "channels_first"), (1, 5, 3, 4, 5))
case(UpSampling3D(2, "channels_first"), (1, 5, 2, 3, 2))

# ---- sequences

for size, strides, padding in product((1, 3, 4), (1, 2), ("same", "valid")):
    case(Conv1DTranspose(5, size, strides, padding), (3, 7, 3))
    case(DepthwiseConv1D(size, strides, padding, 2, activation="relu"), (3, 9, 3))
    case(SeparableConv1D(5, size, strides, padding, depth_multiplier=2), (1, 9, 3))
case(Conv1D(5, 3, padding="causal", dilation_rate=2), (3, 9, 4))
case(Conv1D(5, 4, 3, "causal", "channels_first"), (3, 4, 9))
case(SeparableConv1D(5, 3, padding="causal", dilation_rate=2, use_bias=False), (3, 9, 4))
case(Conv1DTranspose(4, 3, 4, "same", output_padding=3, activation="tanh"), (1, 5, 6))
case(Conv1DTranspose(4, 3, dilation_rate=3), (1, 5, 6))
case(Conv1DTranspose(4, 3, 2, "same", "channels_first", activation="softmax"), (3, 6, 5))
case(DepthwiseConv1D(3, padding="same", dilation_rate=3), (1, 9, 5))
case(DepthwiseConv1D(3, padding="same", data_format="channels_first", activation="log_softmax"), (3, 5, 9))
case(SeparableConv1D(3, 2, 1, "same", "channels_first", activation="softmax"), (3, 5, 8))
for pooling in (MaxPooling1D, AveragePooling1D):
    case(pooling(4, 1, "same"), (1, 9, 3))
    case(pooling(9), (3, 9, 5))
for channels in (1, 3, 8):
    case(ZeroPadding1D((2, 1)), (3, 5, channels))
    case(Cropping1D((2, 1)), (3, 5, channels))
    case(UpSampling1D(3), (3, 5, channels))
case(ZeroPadding1D(1, "channels_first"), (1, 5, 3))

# ---- locally connected

for implementation, padding in ((1, "valid"), (2, "valid"), (2, "same"), (3, "valid"), (3, "same")):
    for order, one, two in (("channels_last", (3, 8, 3), (1, 5, 6, 2)), ("channels_first", (1, 3, 8), (3, 2, 5, 6))):
        options: dict[str, Any] = dict(padding=padding, data_format=order, implementation=implementation)
        case(LocallyConnected1D(4, 3, 2, **options), one)
        case(LocallyConnected2D(3, (3, 2), (1, 2), activation="relu", **options), two)
case(LocallyConnected2D(4, 2), (1, 4, 3, 4))  # in whole texels
case(LocallyConnected2D(1, 1, use_bias=False), (1, 4, 3, 1))
case(LocallyConnected1D(5, 1), (3, 1, 1))

# ---- NaN and infinities stay where they are

for layer in (
    Conv3D(5, 3, padding="same", groups=5),
    Conv3D(5, (2, 1, 1), activation="relu"),
    Conv3DTranspose(4, 3, 2, "same"),
    MaxPooling3D(2, 1, "same"),
    AveragePooling3D((3, 1, 2), (2, 1, 1), "same"),
    GlobalMaxPooling3D(),
    GlobalAveragePooling3D(),
    ZeroPadding3D(1),
    Cropping3D(1),
    UpSampling3D(2),
):
    case(layer, (2, 3, 5, 4, 5), kind="special")
case(MaxPooling3D(2, padding="same"), (2, 3, 5, 4, 5), kind="low")
case(AveragePooling3D((35, 2, 2), padding="same"), (1, 70, 3, 3, 5), kind="constant")
for layer in (
    DepthwiseConv1D(3, padding="same"), Conv1DTranspose(4, 3, 2, "same"), LocallyConnected1D(4, 1), UpSampling1D(2),
):  # fmt: skip
    case(layer, (3, 9, 5), kind="special")

# ---- the primitives

three = Conv(5, (3, 2, 2), (2, 1, 1), (1, 1, 1))
for layer, channels, margins in (
    (three, 3, ((0, 0), (0, 0), (0, 0))),
    (replace(three, padding=((1, 3), (1, 2), (0, 3))), 4, ((1, 3), (1, 2), (0, 3))),
    (replace(three, groups=5, padding="same"), 5, ((1, 1), (0, 1), (0, 1))),
    (replace(three, filters=6, groups=3, dilation=(2, 2, 1), strides=(1, 1, 1)), 3, ((0, 0), (0, 0), (0, 0))),
    (replace(three, strides=(2, 2, 2), dilation=(2, 1, 3)), 2, ((0, 0), (0, 0), (0, 0))),
):
    case(layer, (2, 7, 4, 5, channels), answer=convolved(layer, margins))
same = replace(three, padding="same", strides=(1, 1, 1))
for other in ((2, 3, 4, 5, 5), (2, 1, 4, 1, 5), (3, 1, 1, 1), (5,)):
    case(replace(same, finish=SUM), (2, 3, 4, 5, 3), other)
case(replace(same, kernel_size=(2, 9, 9), finish=SUM), (1, 3, 10, 9, 2), (1, 3, 10, 9, 5))  # in bands of rows


def scattered(layer: ConvTranspose) -> Callable[..., Any]:
    """Each element of the input times the kernel, added up where it lands."""

    def answer(x: np.ndarray, kernel: np.ndarray, bias: Any = 0.0) -> np.ndarray:
        spans = layer.spans(x.shape[1:-1])
        y = np.zeros((len(x), *(size for size, _ in spans), layer.filters), x.dtype)
        for place in np.ndindex(*x.shape[1:-1]):
            for tap in np.ndindex(*layer.kernel_size):
                steps = zip(place, tap, layer.strides, layer.dilation, spans, strict=True)
                at = [i * s + k * d - start for i, k, s, d, (_, start) in steps]
                if all(0 <= a < size for a, (size, _) in zip(at, spans, strict=True)):
                    y[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[tap]
        return y + bias

    return answer


turned = ConvTranspose(5, (3, 2, 3), (2, 2, 1), (1, 1, 1), (3, 2, 3))
for layer in (
    turned, replace(turned, strides=(3, 3, 2)), replace(turned, dilation=(2, 1, 1), extra=(5, 2, 3)),
    replace(turned, extra=(1, 2, 1), centred=True), replace(turned, sizes=(4, 6, 5), strides=(1, 2, 2)),
):  # fmt: skip
    case(layer, (2, 3, 2, 4, 3), answer=scattered(layer))
case(replace(turned, finish=SUM), (2, 3, 2, 4, 3), (2, 7, 4, 6, 5))


def pooled(kind: str, size: tuple, strides: tuple, pads: tuple) -> Callable[..., Any]:
    def answer(x: np.ndarray) -> np.ndarray:
        seen = slid(x, size, strides, (1, 1, 1), pads, np.nan)
        inside = slid(np.ones_like(x), size, strides, (1, 1, 1), pads, 0.0)
        total = np.where(inside > 0, seen, 0).sum(0) / inside.sum(0)
        return np.where(inside > 0, seen, -np.inf).max(0) if kind == "max" else total

    return answer


for kind, (size, strides, pads) in product(
    ("max", "mean"),
    (((2, 3, 1), (2, 1, 1), ((0, 1), (1, 1), (0, 0))), ((3, 1, 1), (1, 1, 1), ((2, 2), (0, 0), (0, 0)))),
):
    case(Window(kind, size, strides, pads), (2, 5, 4, 3, 5), answer=pooled(kind, size, strides, pads))
    case(Window(kind, size, strides, pads), (1, 3, 4, 3, 4), kind="special", answer=pooled(kind, size, strides, pads))
    out = tuple(size or 0 for size in Window(kind, size, strides, pads).shape((2, 5, 4, 3, 5)))
    case(Window(kind, size, strides, pads, finish=SUM), (2, 5, 4, 3, 5), out)
for channels in (3, 8):  # the channels as they are, all else moved
    axes = Along(0), Along(3, add=-1, extra=2, edge="reflect"), Along(2, div=2), Along(1), Along(4)
    moved: Callable[..., Any] = lambda x: np.pad(  # noqa: E731
        np.repeat(x.transpose(0, 3, 2, 1, 4), 2, 2), ((0, 0), (1, 1), (0, 0), (0, 0), (0, 0)), "reflect"
    )
    case(Remap(axes), (2, 3, 4, 5, channels), answer=moved)
