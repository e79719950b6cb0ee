"""All layers, by family. A layer of your own: docs/kernels.md."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .base import LAYERS, Activated, Layer, WeightSpec, layer_of, register
from .custom import custom_objects

if TYPE_CHECKING:
    from . import (
        activation,
        adaptive,
        applications,
        attention,
        augmentation,
        cells,
        conv,
        conv_recurrent,
        core,
        einsum_dense,
        embedding,
        encoding,
        former,
        image_size,
        local,
        merging,
        multi_head_attention,
        normalization,
        operation,
        pooling,
        preprocessing,
        recurrent,
        resizing,
        wrappers,
    )

# The names that files have for layers, by the module that registers them. It is imported when one is asked for.
FAMILIES = {
    "activation": "Activation ReLU LeakyReLU ELU GELU ThresholdedReLU Softmax PReLU",
    "adaptive": (
        "AdaptiveMaxPooling2D AdaptiveMaxPooling1D AdaptiveMaxPooling3D AdaptiveAveragePooling2D "
        "AdaptiveAveragePooling1D AdaptiveAveragePooling3D"
    ),
    "applications": "LayerScale StochasticDepth CustomScaleLayer",
    "attention": "Attention AdditiveAttention",
    "augmentation": (
        "AugMix CutMix Equalization MaxNumBoundingBoxes MixUp RandAugment RandomBrightness "
        "RandomColorDegeneration RandomColorJitter RandomContrast RandomElasticTransform RandomErasing RandomFlip "
        "RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective "
        "RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation "
        "RandomWidth RandomZoom Solarization AutoContrast"
    ),
    "cells": "SimpleRNNCell LSTMCell GRUCell StackedRNNCells",
    "conv": (
        "Conv2D Convolution2D AtrousConvolution2D Conv1D Convolution1D AtrousConvolution1D Conv3D Convolution3D "
        "DepthwiseConv2D DepthwiseConv1D SeparableConv2D SeparableConvolution2D SeparableConv1D Conv2DTranspose "
        "Deconvolution2D Conv1DTranspose Conv3DTranspose"
    ),
    "conv_recurrent": "ConvLSTM2D ConvLSTM1D ConvLSTM3D",
    "core": (
        "Dense Flatten Reshape Permute RepeatVector Identity InputLayer Dropout SpatialDropout1D SpatialDropout2D "
        "SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization Masking "
        "glnn>ElementMask"
    ),
    "einsum_dense": "EinsumDense",
    "embedding": "Embedding ReversibleEmbedding",
    "encoding": "CategoryEncoding Discretization IntegerLookup",
    "former": "MaxoutDense Highway SReLU ParametricSoftplus glnn>Cosine",
    "image_size": "Resizing CenterCrop RandomCrop",
    "local": "LocallyConnected2D LocallyConnected1D",
    "merging": "Add Subtract Multiply Average Maximum Minimum Concatenate Dot",
    "multi_head_attention": "MultiHeadAttention GroupedQueryAttention GroupQueryAttention",
    "normalization": (
        "BatchNormalization BatchNormalizationV1 LayerNormalization RMSNormalization UnitNormalization "
        "GroupNormalization InstanceNormalization"
    ),
    "operation": "Operation",
    "pooling": (
        "MaxPooling2D MaxPooling1D MaxPooling3D AveragePooling2D AveragePooling1D AveragePooling3D "
        "GlobalMaxPooling2D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling3D GlobalAveragePooling1D "
        "GlobalAveragePooling3D"
    ),
    "preprocessing": "Rescaling Normalization",
    "recurrent": "SimpleRNN LSTM GRU RNN Bidirectional",
    "resizing": (
        "ZeroPadding2D ZeroPadding1D ZeroPadding3D Cropping2D Cropping1D Cropping3D UpSampling1D UpSampling3D "
        "UpSampling2D"
    ),
    "wrappers": "glnn>Fold glnn>Unfold glnn>StepMasks glnn>AnyLeft",
}
LAYERS.find_in({name: f"{__name__}.{family}" for family, names in FAMILIES.items() for name in names.split()})

__all__ = [
    "LAYERS", "Activated", "Layer", "WeightSpec", "custom_objects", "layer_of", "register",
    "activation", "adaptive", "applications", "attention", "augmentation", "cells", "conv", "conv_recurrent", "core",
    "einsum_dense", "embedding", "encoding", "former", "image_size", "local", "merging", "multi_head_attention",
    "normalization", "operation", "pooling", "preprocessing", "recurrent", "resizing", "wrappers",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in FAMILIES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
