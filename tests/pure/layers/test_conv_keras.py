"""Convolution, pooling and resizing: the NumPy references, shapes and configs against Keras; how they are drawn."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter

import numpy as np
import pytest
from cases.case import SPECIAL
from cases.keras import CASES
from support.twins import of_keras

from glnn.errors import UnsupportedError
from glnn.layers.base import LAYERS, Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose, DepthwiseConv2D, SeparableConv2D
from glnn.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D, MaxPooling3D
from glnn.layers.resizing import Cropping2D, UpSampling2D, UpSampling3D, ZeroPadding2D
from glnn.layout.limits import Limits
from glnn.primitives.base import Value
from glnn.primitives.conv import Conv
from glnn.primitives.expand import traced
from glnn.primitives.expr import RESULT, Apply, inputs
from glnn.primitives.functions import FUNCTIONS
from glnn.primitives.sums import SUM

os.environ.setdefault("KERAS_BACKEND", "jax")

LAYERED = [case for case in CASES if isinstance(case.layer, Layer)]
MINE = [
    case
    for case in LAYERED
    if type(case.layer).__module__.rpartition(".")[2] in ("conv", "pooling", "resizing")
    and not getattr(case.layer, "masked", False)  # test_recurrent_keras.py
]
# Keras compiles for every case: each push compares one in six.
SOME = [pytest.param(case, marks=[pytest.mark.whole] if i % 6 else [], id=case.name) for i, case in enumerate(MINE)]


def keras_answer(case):
    """(output, config) of Keras for a case; the config is None where Keras has no layer of just these options."""
    import keras

    layer, x = case.layer, case.inputs[0]
    options = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}
    options.pop("masked", None)
    sized, activation = options.pop("output_size", None), options.pop("activation", None)
    same = sized is None and (activation is None or activation.name == "linear")
    if options.pop("half_pixel_centers", True) is False:
        return from_corners(x, layer.size), None
    if options.get("groups") == 1:
        del options["groups"]
    options = of_keras(layer, options)
    if not isinstance(layer, ZeroPadding2D) and isinstance(options.get("padding"), tuple):
        more = {"data_format": layer.data_format} if layer.data_format else {}
        x = getattr(keras.layers, f"ZeroPadding{layer.axes}D")(options["padding"], **more)(x)
        options["padding"], same = "valid", False
    twin = getattr(keras.layers, type(layer).__name__)(**options)
    twin.build(x.shape)
    if case.weights:
        twin.set_weights(list(case.weights.values()))
    y = twin(x)
    if activation is not None:
        y = keras.activations.get(activation.name)(y)
    return np.asarray(y), twin.get_config() if same else None


def from_corners(x, size):
    """JAX's bilinear enlargement with pixel i at i: an edge repeated on the right, for it fades beyond the last one."""
    from jax.image import scale_and_translate

    scale = np.array(size, np.float32)
    shape = (len(x), *((side + 1) * factor for side, factor in zip(x.shape[1:3], size, strict=True)), x.shape[3])
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    y = scale_and_translate(padded, shape, (1, 2), scale, 0.5 - scale / 2, "linear", antialias=False)
    return np.asarray(y)[:, : -size[0], : -size[1]]


@pytest.mark.parametrize("case", SOME)
def test_reference_agrees_with_keras(case):
    pytest.importorskip("keras")
    layer = case.layer
    if hasattr(layer, "pool_size") and not isinstance(layer.padding, str):
        pytest.skip("Keras has no explicit padding of pooling")
    if case.kind == SPECIAL and getattr(layer, "interpolation", "") == "bilinear":
        pytest.skip("Keras resizes by a matrix product, which spreads NaN over the image")
    expected, config = keras_answer(case)
    wide = {name: w.astype(np.float64) for name, w in case.weights.items()}
    with np.errstate(invalid="ignore"):
        result = layer.reference([x.astype(np.float64) for x in case.inputs], wide)
        narrow = layer.reference(case.inputs, case.weights)
    assert result.dtype == np.float64 and narrow.dtype == np.float32
    assert layer.output_shape(*case.shapes) == expected.shape
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5 * scale)
    np.testing.assert_allclose(narrow, expected, rtol=1e-5, atol=1e-5 * scale)
    if config is not None:  # what Keras writes for it is read back as the same layer
        read = LAYERS[type(layer).__name__].from_config(json.loads(json.dumps(config)))
        format = {"data_format": "channels_last"} if hasattr(layer, "data_format") else {}
        assert dataclasses.replace(read, **format) == dataclasses.replace(layer, **format)


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_free_sizes_stay_free(case):
    first = case.layer.data_format == "channels_first"
    expected = case.layer.output_shape(*case.shapes)
    channels = 1 if first else -1

    def freed(shape):
        return tuple(size if k == channels % len(shape) else None for k, size in enumerate(shape))

    free = case.layer.output_shape(*map(freed, case.shapes))
    assert free[0] is None and free[channels] == expected[channels]
    assert all(a is None or a == b for a, b in zip(free, expected, strict=True))


@pytest.mark.parametrize(
    ("layer", "config", "word"),
    [
        ("Conv2D", {"filters": 3, "kernel_size": 3, "data_format": "channels_middle"}, "channels_middle"),
        ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "causal"}, "causal"),
        ("Conv2D", {"filters": 3, "kernel_size": [3, 3, 3]}, "kernel_size"),
        ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 0}, "strides"),
        ("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "snake"}, "snake"),
        ("Conv2D", {"filters": 3, "kernel_size": 3, "bogus": 1}, "bogus"),
        ("DepthwiseConv2D", {"kernel_size": 3, "groups": 2}, "groups=2"),
        ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "output_padding": -1}, "output_padding"),
        ("MaxPooling2D", {"pool_size": 2, "padding": ((2, 0), (0, 0))}, "padding"),
        ("GlobalAveragePooling2D", {"data_format": "channels_middle"}, "channels_middle"),
        ("ZeroPadding2D", {"padding": [1, 2, 3]}, "padding"),
        ("UpSampling2D", {"interpolation": "bicubic"}, "bicubic"),
        ("UpSampling3D", {"interpolation": "bilinear"}, "interpolation"),
        ("Conv3D", {"filters": 3, "kernel_size": 3, "padding": "causal"}, "causal"),
        ("Conv3D", {"filters": 3, "kernel_size": [3, 3]}, "kernel_size"),
        ("DepthwiseConv1D", {"kernel_size": 3, "padding": "causal"}, "causal"),
        ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "padding": "causal"}, "causal"),
        ("Conv3DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 2}, "output_padding"),
        ("Cropping3D", {"cropping": [[1, 1], [1, 1]]}, "cropping"),
    ],
)
def test_options_that_are_missing_are_refused(layer, config, word):
    with pytest.raises(UnsupportedError, match=word):
        LAYERS[layer].from_config(config, "a layer")


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2D(3, 5), (1, 4, 8, 3)),
        (Conv2D(4, 3, groups=2), (1, 4, 8, 3)),
        (Conv2D(3, 1), (1, 4, 3)),
        (MaxPooling2D(3), (1, 2, 9, 3)),
        (Cropping2D(2), (1, 4, 9, 3)),
        (GlobalAveragePooling2D(), (1, 3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(layer, shape):
    with pytest.raises(ValueError):
        layer.output_shape(shape)


def test_keras_1_gives_the_size_of_a_deconvolution():
    config = {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_shape": [None, 7, 8, 2]}
    layer = LAYERS["Deconvolution2D"].from_config(config)
    assert layer.output_shape((1, 4, 4, 3)) == (1, 7, 8, 2)
    rng = np.random.default_rng(1)
    x, kernel = rng.standard_normal((1, 4, 4, 3)), rng.standard_normal((3, 3, 2, 3))
    # Transposed: <deconvolution(x), y> equals <x, convolution(y)> for the convolution that makes 4 x 4 of 7 x 8.
    y = rng.standard_normal((1, 7, 8, 2))
    forward = Conv2D(3, 3, 2, "same", use_bias=False).reference([y], {"kernel": kernel})
    back = layer.reference([x], {"kernel": kernel})
    np.testing.assert_allclose((back * y).sum(), (x * forward).sum())


class Recorder:
    """A Builder that keeps what is drawn."""

    def __init__(self):
        self.draws = []

    def draw(self, kernel, shape, inputs, **options):
        self.draws.append((kernel, shape, options))
        return Value(len(self.draws), tuple(shape))

    def choose(self, primitive, inputs, weights):
        return next(recipe for recipe in primitive.recipes(inputs, weights) if recipe.fits(Limits()))

    def block_of(self, h, w):
        return (2, 4)


def drawn(layer, *shapes):
    """What the primitives of a layer draw, of which no two are fused."""
    b = Recorder()
    trace, _ = traced(layer, shapes)
    values = {f"x{i}": Value(-1 - i, shape) for i, shape in enumerate(shapes)}
    for node in trace.nodes:
        values[node.outputs[0]] = node.layer.lower(b, [values[name] for name in node.inputs], node.weights)
    return b.draws


@pytest.mark.parametrize(
    ("layer", "shape", "kernels"),
    [
        (Conv2D(4, 7, 2), (1, 20, 20, 3), {"conv by rows": 1}),
        (Conv2D(4, 9), (1, 20, 20, 16000), {"conv by rows": 2}),
        (Conv2D(4, 9), (1, 20, 20, 3), {"conv by rows": 1}),
        (Conv2D(4, 65), (1, 80, 80, 512), {"conv looped": 22}),
        (Conv2D(8, 3, groups=2), (1, 9, 9, 8), {"conv_grouped": 1}),
        (Conv2D(6, 9, groups=2), (1, 9, 9, 1100), {"conv_lanes": 2}),
        (DepthwiseConv2D(3), (1, 9, 9, 8), {"depthwise": 1}),
        (DepthwiseConv2D(9), (1, 9, 9, 8), {"depthwise by rows": 1}),
        (DepthwiseConv2D(3, depth_multiplier=2), (1, 9, 9, 8), {"conv_lanes": 1}),
        (SeparableConv2D(4, 3), (1, 9, 9, 8), {"depthwise": 1, "conv": 1}),
        (Conv2DTranspose(4, 3, 2), (1, 9, 9, 4000), {"conv": 4, "interleave": 1}),
        (Conv2DTranspose(4, 3, 3), (1, 9, 9, 14000), {"conv_transpose": 2}),
        (MaxPooling2D(3), (1, 9, 9, 8), {"maxpool by rows": 1}),
        (AveragePooling2D(7), (1, 9, 9, 8), {"avgpool looped": 1}),
        (AveragePooling2D(100), (1, 200, 200, 8), {"avgpool looped": 2}),
        (GlobalAveragePooling2D(), (1, 64, 64, 8), {"reduce_space": 1}),
        (GlobalAveragePooling2D(), (1, 512, 512, 8), {"reduce_space": 2}),
        (UpSampling2D(), (1, 5, 5, 8), {"upsample_blocks": 1}),
        (UpSampling2D((4, 8)), (1, 5, 5, 8), {"upsample_blocks": 1}),
        (UpSampling2D(3), (1, 5, 5, 8), {"upsample_nearest": 1}),
        (Conv3D(4, 3, padding="same"), (1, 9, 9, 9, 8), {"conv": 1}),
        (Conv3D(4, (2, 9, 9)), (1, 9, 9, 9, 8), {"conv by rows": 1}),
        (Conv3D(4, (50, 2, 67)), (1, 60, 9, 70, 8), {"conv looped": 2}),
        (Conv3D(8, 3, groups=2), (1, 9, 9, 9, 8), {"conv_grouped": 1}),
        (Conv3DTranspose(4, 3, 2), (1, 5, 5, 5, 8), {"conv": 4, "interleave": 1}),
        (Conv3DTranspose(4, 3, 3), (1, 5, 5, 5, 8), {"conv_transpose": 1}),
        (MaxPooling3D(2), (1, 9, 9, 9, 8), {"maxpool by rows": 1, "pool_depth": 1}),
        (MaxPooling3D((1, 2, 2)), (1, 9, 9, 9, 8), {"maxpool by rows": 1}),
        (UpSampling3D(2), (1, 5, 5, 5, 8), {"remap": 1}),
    ],
)
def test_long_loops_are_drawn_in_parts(layer, shape, kernels):
    draws = drawn(layer, shape)
    how = {(True, False): " looped", (False, True): " by rows"}
    seen = ((kernel, (options.get("looped", False), bool(options.get("rolled")))) for kernel, _, options in draws)
    assert Counter(kernel + how.get(loops, "") for kernel, loops in seen) == kernels
    assert draws[-1][1] == layer.output_shape(shape)


def test_bands_of_a_kernel_share_its_rows_and_only_the_last_has_the_finish():
    relu = Apply(FUNCTIONS["relu"], (RESULT,))
    layer, shape, b = Conv(4, (9, 9), (1, 1), (1, 1), "same", finish=relu), (1, 20, 20, 16000), Recorder()
    weights = {spec.name: np.zeros(spec.shape, np.float32) for spec in layer.weights(shape)}
    layer.lower(b, [Value(-1, shape)], weights)
    draws = [options for _, _, options in b.draws]
    assert [(d["param"]["KH"], d["param"]["PT"]) for d in draws] == [(5, 4), (4, -1)]
    first, last = (d["finish"] for d in draws)
    assert first is None and last.expr == Apply(FUNCTIONS["relu"], (SUM,))  # of both bands together
    assert inputs(last.expr) == (-1, 0) and last.tensors == {-1: Value(1, (1, 20, 20, 4))}
