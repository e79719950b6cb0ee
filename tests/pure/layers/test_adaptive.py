"""Pooling to a given size: the NumPy references, shapes, configs and files against Keras."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from cases.keras import CASES

import glnn
from glnn.errors import GraphError, UnsupportedError
from glnn.layers.adaptive import AdaptiveAveragePooling2D, _Adaptive
from glnn.layers.base import LAYERS

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
MINE = [case for case in CASES if isinstance(case.layer, _Adaptive)]


@pytest.mark.parametrize("case", MINE, ids=lambda case: case.name)
def test_reference_agrees_with_keras(case):
    layer, (x,) = case.layer, case.inputs
    twin = getattr(keras.layers, type(layer).__name__)(layer.output_size, layer.data_format)
    expected = np.asarray(twin(x))
    with np.errstate(invalid="ignore"):
        made = layer.reference([x.astype(np.float64)], {})
    assert layer.output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
    read = LAYERS[type(layer).__name__].from_config(json.loads(json.dumps(twin.get_config())))
    np.testing.assert_array_equal(read.reference([x], {}), layer.reference([x], {}))


def test_file_of_keras_and_quantized(tmp_path: Path) -> None:
    """Integer weights are those of the layers before; how much a pixel counts is none of them."""
    x = np.random.default_rng(0).normal(size=(2, 7, 9, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((7, 9, 3)), keras.layers.AdaptiveAveragePooling2D((5, 4))])
    model.save(tmp_path / "m.keras")
    with glnn.Model.load(tmp_path / "m.keras") as loaded:
        for each in (loaded, loaded.quantize("uint4")):
            np.testing.assert_allclose(each.reference(x), model(x), atol=2e-6)


def test_free_sizes_are_refused(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((None, 9, 3)), keras.layers.AdaptiveMaxPooling2D(2)]).save(tmp_path / "m.keras")
    with pytest.raises(GraphError, match=r"adaptive_max_pooling2d.*must be known"):
        glnn.Model.load(tmp_path / "m.keras")


@pytest.mark.parametrize("size", [0, (3,), (1, 2, 3), 2.5, None])
def test_other_sizes_are_refused(size):
    with pytest.raises(UnsupportedError, match="output_size"):
        AdaptiveAveragePooling2D.from_config({"output_size": size}, "a layer")
