"""Weights far larger than a texture, under a limit of 2048 texels a side: right results, float32 and quantized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.quantized import Quantized
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.embedding import Embedding
from glnn.layout.codec import CODECS
from glnn.model import Model
from glnn.testing import assert_close

LIMIT = 2048
WORDS, SIZE = 71194, 32
PIXELS, UNITS = 25088, 4096  # VGG16's first dense layer: 7 * 7 * 512 values


@pytest.fixture(params=["es300", "es100"])
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(max_texture_size=LIMIT, dialect=request.param) as made:
        yield made
        assert made.error() == "GL_NO_ERROR"


def weights(kind: str, shape: tuple[int, int]) -> Any:
    """A matrix around 0 of a unit's spread: float32, or uint8 with a scale and a low per column."""
    rng = np.random.default_rng(13)
    if kind == "float32":
        return rng.random(shape, np.float32) - np.float32(0.5)
    scale = (rng.random((1, shape[1])) + 0.5) / 255
    return Quantized.make(
        kind, rng.integers(0, 256, shape, np.uint8), scale, -scale * rng.integers(90, 166, scale.shape)
    )


def one(layer: Layer, shape: tuple[int | None, ...], device: glnn.Device, **weights: Any) -> Model:
    """A model of a single layer."""
    return Model(
        Graph("big", (TensorSpec("x", shape),), (Node("big", layer, ("x",), ("y",), weights),), ("y",)), device
    )


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_a_large_embedding(device: glnn.Device, kind: str) -> None:
    table = weights(kind, (WORDS, SIZE))
    x = np.random.default_rng(1).integers(0, WORDS, (3, 50))
    x[0, :6] = 0, 1, WORDS - 1, 65535, 65536, -1
    x[2, -2:] = WORDS, -WORDS - 1
    with one(Embedding(WORDS, SIZE), (None, 50), device, embeddings=table) as model:
        got = model.predict(x)
        assert np.isnan(got[2, -2:]).all() and not np.isnan(got.reshape(-1, SIZE)[:-2]).any()
        x[2, -2:] = 0
        assert_close(model.predict(x), np.asarray(table)[x], 1e-6 if kind == "uint8" else 0)


@pytest.mark.parametrize("profile", ["webgl2-phone", "webgl2-minimum", "webgl1-phone"])
def test_rows_beyond_half_precision_are_found_on_phones(profile: str) -> None:
    """The indices are stored wider than the numbers that the device computes with, where those are halves."""
    table = weights("uint8", (WORDS, SIZE))
    x = np.random.default_rng(4).integers(2049, WORDS, (2, 50))
    with (
        glnn.Device(profile=profile, max_texture_size=LIMIT) as device,
        one(Embedding(WORDS, SIZE), (None, 50), device, embeddings=table) as model,
    ):
        assert_close(model.predict(x), np.asarray(table)[x], CODECS[device.limits.float_target].tolerance)
        assert device.texture_bytes() < 0.26 * 4 * table.size


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_the_first_dense_layer_of_vgg16(device: glnn.Device, kind: str) -> None:
    if device.limits.dialect == "es100" and kind == "float32":
        pytest.skip("the same draws as uint8, four times the bytes")
    kernel, bias = weights(kind, (PIXELS, UNITS)), np.linspace(-1, 1, UNITS, dtype=np.float32)
    x = np.random.default_rng(1).normal(size=(2, PIXELS)).astype(np.float32)
    with one(Dense(UNITS), (None, PIXELS), device, kernel=kernel, bias=bias) as model:
        got = model.predict(x)
        share = device.texture_bytes() / (4 * PIXELS * UNITS)
        assert share < (1.01 if kind == "float32" else 0.26)
    expected = np.empty((2, UNITS))
    for first in range(0, UNITS, 512):  # in float64, a share at a time
        columns = slice(first, first + 512)
        expected[:, columns] = x.astype(np.float64) @ np.asarray(kernel[:, columns]).astype(np.float64) + bias[columns]
    assert_close(got, expected, 2e-6)
