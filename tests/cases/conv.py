"""Cases of convolution, pooling and resizing, which cases/keras.py adds to the table."""

from __future__ import annotations

from itertools import product

from glnn.graph.shapes import Shape
from glnn.layers.base import Layer
from glnn.layers.conv import Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from glnn.layers.resizing import Cropping2D, UpSampling2D, ZeroPadding2D

CASES: list[tuple[Layer, tuple[Shape, ...], str]] = []  # layer, shapes, kind of values


def case(layer: Layer, *shapes: Shape, kind: str = "normal") -> None:
    CASES.append((layer, shapes, kind))


# Convolution: channels in and out, sizes of kernel, strides and dilation, sides of 1 pixel, H != W, batch 2.
for inputs, outputs in ((1, 4), (3, 5), (4, 1), (5, 9), (9, 3), (8, 8)):
    case(Conv2D(outputs, 3, padding="same"), (2, 7, 5, inputs))
    case(Conv2D(outputs, 1), (2, 3, 5, inputs))
for size, strides, padding in product(((1, 1), (3, 3), (5, 3)), ((1, 1), (2, 1), (3, 2)), ("same", "valid")):
    case(Conv2D(5, size, strides, padding, activation="relu"), (2, 9, 6, 3))
for size, dilation, padding in product(((3, 3), (2, 3)), ((2, 2), (1, 3)), ("same", "valid")):
    case(Conv2D(4, size, padding=padding, dilation_rate=dilation), (1, 11, 9, 5))
case(Conv2D(3, 3, padding="same"), (1, 1, 6, 4))
case(Conv2D(3, 3, padding="same"), (1, 6, 1, 4))
case(Conv2D(4, 3, 2, "same"), (1, 1, 1, 1))
case(Conv2D(4, 3, 2, ((1, 2), (0, 3))), (2, 6, 7, 3))
case(Conv2D(4, (2, 3), padding=((2, 0), (1, 1)), use_bias=False), (1, 4, 5, 3))
case(Conv2D(5, 3, padding="same", activation="tanh"), (2, 5, 7, 5))
case(Conv2D(5, 1, activation="softmax"), (2, 3, 4, 6))
case(Conv2D(3, 9, padding="same", activation="relu"), (1, 12, 10, 2))  # in bands of rows
case(Conv2D(3, 9, 2, padding="valid"), (1, 12, 11, 2))
case(Conv2D(2, (2, 67), padding="same", activation="relu"), (1, 3, 70, 5))  # with real loops
case(Conv2D(3, 3, padding="same", dilation_rate=40), (1, 45, 47, 2))
for groups, inputs, outputs in ((2, 8, 8), (2, 16, 8), (3, 12, 24), (2, 6, 4), (3, 9, 6), (3, 3, 15), (5, 5, 5)):
    case(Conv2D(outputs, 3, (2, 1), "same", groups=groups, activation="relu"), (2, 6, 5, inputs))
case(Conv2D(8, 3, groups=2, dilation_rate=2), (1, 7, 8, 8))

# Along one axis
for size, strides, padding in product((1, 3, 4), (1, 2), ("same", "valid")):
    case(Conv1D(5, size, strides, padding, activation="relu"), (2, 11, 3))
for dilation, groups in product((1, 3), (1, 2)):
    case(Conv1D(4, 3, dilation_rate=dilation, groups=groups, padding="same"), (2, 11, 6))
case(Conv1D(6, 3, padding="same", data_format="channels_first"), (2, 3, 11))
case(Conv1D(3, 70, padding="same"), (1, 75, 2))  # with real loops
for pooling in (MaxPooling1D, AveragePooling1D):
    case(pooling(), (2, 7, 5))
    case(pooling(3, 2, "same"), (2, 8, 6))
    case(pooling(3, 2, "same", "channels_first"), (2, 6, 8))
for pooling in (GlobalMaxPooling1D, GlobalAveragePooling1D):
    case(pooling(), (2, 7, 5))
    case(pooling("channels_first", True), (2, 5, 7))

# Depthwise and separable
for channels in (1, 3, 4, 5, 9):
    case(DepthwiseConv2D(3, padding="same", activation="relu6"), (2, 7, 5, channels))
for size, strides, padding, multiplier in product(((3, 3), (5, 2)), ((1, 1), (2, 2)), ("same", "valid"), (1, 2, 3)):
    case(DepthwiseConv2D(size, strides, padding, multiplier), (1, 9, 6, 3))
case(DepthwiseConv2D(3, padding="same", dilation_rate=2, use_bias=False), (1, 9, 8, 5))
case(DepthwiseConv2D(3, 2, ((0, 1), (0, 1))), (2, 8, 6, 6))
case(DepthwiseConv2D(11, padding="same"), (1, 9, 13, 5))  # with real loops
case(SeparableConv2D(7, 3, padding="same", activation="relu"), (2, 6, 5, 3))
case(SeparableConv2D(3, (3, 2), 2, "same", depth_multiplier=2, use_bias=False), (2, 7, 9, 5))
case(SeparableConv2D(4, 3, dilation_rate=2), (1, 9, 8, 4))

# Transposed
for size, strides, padding in product(((1, 1), (2, 2), (3, 3), (5, 4)), ((1, 1), (2, 2), (3, 2)), ("same", "valid")):
    case(Conv2DTranspose(5, size, strides, padding), (2, 3, 4, 3))
case(Conv2DTranspose(1, 3, 2, "same", output_padding=1), (2, 3, 4, 5))
case(Conv2DTranspose(4, 4, 2, "valid", output_padding=(0, 1), use_bias=False), (1, 3, 4, 9))
case(Conv2DTranspose(4, 3, 2, "same", output_padding=0), (1, 1, 3, 4))
case(Conv2DTranspose(3, (9, 17), (1, 3), "same", activation="relu"), (1, 4, 5, 2))
case(Conv2DTranspose(3, 5, (2, 1), activation="softmax"), (1, 4, 5, 2))
case(Conv2DTranspose(3, 4, 4, "same", output_padding=3), (1, 2, 3, 3))
case(Conv2DTranspose(2, (2, 67), padding="same"), (1, 3, 9, 5))
case(Conv2DTranspose(4, 3, dilation_rate=2, padding="same", activation="relu"), (1, 4, 5, 4))
case(Conv2DTranspose(3, 3, dilation_rate=2, padding="valid"), (1, 4, 5, 4))

# Pooling
for pooling, channels in product((MaxPooling2D, AveragePooling2D), (1, 3, 4, 5, 9)):
    case(pooling(2), (2, 7, 6, channels))
    case(pooling(3, 2, "same"), (2, 6, 7, channels))
for pooling, size, padding in product((MaxPooling2D, AveragePooling2D), ((1, 3), (3, 2), (7, 5)), ("same", "valid")):
    case(pooling(size, (1, 2), padding), (1, 8, 9, 3))
for pooling in (MaxPooling2D, AveragePooling2D):
    case(pooling(3, (3, 1), ((1, 1), (0, 2))), (1, 8, 6, 3))
    case(pooling(3, 1, "same"), (1, 1, 5, 4))
    case(pooling((65, 66), 2, "same"), (1, 66, 70, 2))  # in two stages
for pooling, keepdims in product((GlobalMaxPooling2D, GlobalAveragePooling2D), (False, True)):
    for channels in (1, 3, 4, 5, 9):
        case(pooling(keepdims=keepdims), (2, 7, 5, channels))
    case(pooling(keepdims=keepdims), (2, 63, 67, 3))  # in two stages

# Sizes
for channels in (1, 3, 4, 5, 9):
    case(ZeroPadding2D(((1, 2), (3, 0))), (2, 3, 4, channels))
    case(Cropping2D(((1, 2), (2, 0))), (2, 5, 6, channels))
    case(UpSampling2D((2, 3)), (2, 3, 4, channels))
    case(UpSampling2D((3, 2), interpolation="bilinear"), (2, 4, 3, channels))
case(UpSampling2D((4, 5), interpolation="bilinear"), (1, 1, 2, 3))
case(UpSampling2D(1, interpolation="bilinear"), (1, 3, 2, 3))
case(UpSampling2D((3, 2), interpolation="bilinear", half_pixel_centers=False), (2, 4, 3, 5))
case(UpSampling2D((4, 1), interpolation="bilinear", half_pixel_centers=False), (1, 1, 7, 3))

# Channels first
for strides, groups in ((1, 1), ((2, 1), 2)):
    case(Conv2D(4, 3, strides, "same", "channels_first", groups=groups, activation="relu"), (2, 6, 7, 5))
case(Conv2D(4, 3, data_format="channels_first", activation="softmax"), (2, 3, 7, 5))
case(DepthwiseConv2D(3, padding="same", data_format="channels_first", depth_multiplier=2), (2, 3, 7, 5))
case(SeparableConv2D(4, 3, padding="same", data_format="channels_first"), (2, 5, 7, 6))
case(Conv2DTranspose(5, 3, 2, "same", "channels_first"), (2, 3, 4, 6))
for pooling in (MaxPooling2D, AveragePooling2D):
    case(pooling(3, (2, 1), "same", "channels_first"), (2, 5, 7, 6))
for pooling, keepdims in product((GlobalMaxPooling2D, GlobalAveragePooling2D), (False, True)):
    case(pooling("channels_first", keepdims), (2, 3, 7, 5))
case(ZeroPadding2D(((1, 2), (3, 0)), "channels_first"), (2, 5, 3, 4))
case(Cropping2D(((1, 2), (2, 0)), "channels_first"), (2, 5, 5, 6))
case(UpSampling2D((2, 3), "channels_first"), (2, 5, 3, 4))
case(UpSampling2D((2, 3), "channels_first", "bilinear"), (2, 5, 3, 4))

# NaN and infinities stay where they are: no channel, group or pixel outside a window sees those of another.
for layer in (
    Conv2D(5, 3, padding="same", groups=5),
    Conv2D(5, 1, activation="relu"),
    Conv2D(5, 3, padding="same", dilation_rate=40),
    DepthwiseConv2D(3, padding="same"),
    DepthwiseConv2D((1, 2), depth_multiplier=2),
    DepthwiseConv2D(1),
    Conv2DTranspose(4, 3, 2, "same"),
    MaxPooling2D(2),
    MaxPooling2D(3, 1, "same"),
    MaxPooling2D((7, 6), 2, "same"),
    AveragePooling2D((1, 2)),
    AveragePooling2D((7, 6), 2, "same"),
    GlobalMaxPooling2D(),
    GlobalAveragePooling2D(),
    ZeroPadding2D(1),
    Cropping2D(1),
    UpSampling2D(2),
    UpSampling2D(3, interpolation="bilinear"),
    UpSampling2D(3, interpolation="bilinear", half_pixel_centers=False),
):
    case(layer, (2, 5, 9, 5), kind="special")
for layer in (MaxPooling2D(2, padding="same"), GlobalMaxPooling2D(), MaxPooling2D((6, 5), 1, "same")):
    case(layer, (2, 5, 9, 5), kind="low")
for layer in (AveragePooling2D((65, 66), padding="same"), GlobalAveragePooling2D()):
    case(layer, (1, 70, 67, 5), kind="constant")
