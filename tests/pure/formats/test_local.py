"""Locally connected layers, which Keras 3 has no more, from a file of Keras 2 with what that computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glnn
from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run
from glnn.layers.base import LAYERS
from glnn.passes import optimize

FOLDER = Path(__file__).parents[2] / "golden" / "keras2"


def test_locally_connected_layers_of_keras2(root: Path) -> None:
    graph, golden = load(FOLDER / "local-215.h5"), np.load(FOLDER / "local-215.npz")
    assert sum("LocallyConnected" in node.kind for node in graph.nodes) == 20
    given = {graph.inputs[0].name: golden["x"]}
    (expected,) = run(graph, given).values()
    np.testing.assert_allclose(expected, golden["y"], rtol=1e-5, atol=1e-6)
    (made,) = run(optimize(graph), given).values()
    np.testing.assert_allclose(made, golden["y"], rtol=1e-5, atol=1e-6)
    with glnn.Device("numpy") as device, glnn.Model(graph, device) as model:
        np.testing.assert_allclose(model.predict(golden["x"], verbose=0), golden["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"padding": "same"}, "padding='same' with implementation=1"),
        ({"padding": "causal", "implementation": 2}, "causal"),
        ({"implementation": 4}, "implementation=4"),
        ({"kernel_size": [3, 3]}, "kernel_size"),
    ],
)
def test_what_keras_refuses(options: dict, word: str) -> None:
    with pytest.raises(UnsupportedError, match=word):
        LAYERS["LocallyConnected1D"].from_config({"filters": 3, "kernel_size": 3, **options})


def test_sizes_must_be_known() -> None:
    layer = LAYERS["LocallyConnected1D"].from_config({"filters": 3, "kernel_size": 3})
    for shape in ((None, None, 4), (None, 9, None)):
        with pytest.raises(ValueError, match="must be known"):
            layer.output_shape(shape)
    assert layer.output_shape((None, 9, 4)) == (None, 7, 3)
    with pytest.raises(ValueError, match="does not fit"):
        layer.output_shape((None, 2, 4))
