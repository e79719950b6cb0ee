"""Long reductions, drawn in many stages: sums and means of hundreds of thousands of values."""

from __future__ import annotations

import numpy as np
import pytest
from support.passes import build

import glnn
from glnn.graph import Graph
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.pooling import GlobalAveragePooling2D
from glnn.model import Model
from glnn.primitives.reduce import Reduce
from glnn.testing import run_layer


def model_of(layer: Layer, shape: tuple[int, ...]) -> Graph:
    return build([("l", layer, "x", "y")], x=shape)


@pytest.mark.parametrize("dialect", ["es300", "es100"])
def test_a_mean_over_512_by_512(dialect: str) -> None:
    x = np.random.default_rng(0).normal(3, 1, (1, 512, 512, 5)).astype(np.float32)
    with glnn.Device(dialect=dialect) as own, Model(model_of(GlobalAveragePooling2D(), (512, 512, 5)), own) as model:
        np.testing.assert_allclose(model.predict(x), x.mean((1, 2), np.float64), rtol=3e-6)
        np.testing.assert_allclose(model.predict(np.ones_like(x)), 1, rtol=1e-6)


# es100 has a program for each of 74 stages, as its loop bounds are constants: seconds of compiling.
@pytest.mark.parametrize("dialect", ["es300", pytest.param("es100", marks=pytest.mark.whole)])
def test_a_dense_layer_of_300_000_inputs(dialect: str) -> None:
    graph = model_of(Dense(3), (300_000,))
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 300_000)), graph.nodes[0].weights["kernel"]
    with glnn.Device(dialect=dialect) as own, Model(graph, own) as model:
        expected = x.astype(np.float32).astype(np.float64) @ kernel + graph.nodes[0].weights["bias"]
        np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        every = np.ones((1, 300_000))  # one group of inputs left out would show
        total = kernel.sum(0, np.float64) + graph.nodes[0].weights["bias"]
        room = 1e-6 * np.abs(kernel).sum(0).max() / np.sqrt(300_000)
        np.testing.assert_allclose(model.predict(every)[0], total, rtol=0, atol=20 * room)


LONG = [((1, 70_000, 3), (1,)), ((1, 70_000, 2), (1, 2)), ((2, 140_003), (1,)), ((1, 300, 2, 301, 3), (1, 3))]


@pytest.mark.parametrize(("shape", "axes"), LONG, ids=str)
@pytest.mark.parametrize("kind", ["mean", "max"])
def test_a_reduction_longer_than_any_loop(kind: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(3, 1, shape).astype(np.float32)
    with glnn.Device() as own:
        (got,) = run_layer(own, Reduce(kind, axes), [x]).outputs
    expected = getattr(np, kind)(x.astype(np.float64), axis=axes)
    np.testing.assert_allclose(got, expected, rtol=3e-6 if kind == "mean" else 0)
