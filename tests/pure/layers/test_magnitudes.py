"""The NumPy references at every magnitude of float32, against Keras in float64 and formulas of 200 digits; folding."""

from __future__ import annotations

import dataclasses
import decimal
import os
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cases.case import Case
from support.magnitudes import JUDGED, Magnitudes, on_examples, values
from support.rounding import allowed, assert_right, exact
from support.shares import kept
from support.twins import of_keras

from glnn.graph import Graph, Node, TensorSpec, validate
from glnn.graph.quantized import Quantized
from glnn.layers.activation import Functional
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, Conv2DTranspose, DepthwiseConv2D
from glnn.layers.core import Dense
from glnn.layers.normalization import BatchNormalization
from glnn.passes import optimize
from glnn.primitives.expr import RESULT
from glnn.primitives.functions import FUNCTIONS

os.environ.setdefault("KERAS_BACKEND", "jax")

SHARE = 12  # one case in so many runs on each push; of those that Keras compiles anew, a fourth of that
ROUNDING64 = 2.0**-48  # a few roundings of float64: what both sides may differ by, relative as in `allowed`
ELSEWHERE = "threshold hard_sigmoid_keras2 relu_capped relu_threshold sparsemax".split()  # test_reference.py has these


def params(cases: list[Case], share: int = SHARE) -> list:
    def marks(case: Case) -> list:
        large = max(getattr(case.layer, "pool_size", (0,))) > 9
        return [pytest.mark.whole] if large or zlib.crc32(f"reference {case.name}".encode()) % share else []

    return kept([pytest.param(case, id=case.name, marks=marks(case)) for case in cases])


@pytest.mark.parametrize("case", params(JUDGED))
def test_in_float32_as_right_as_the_shaders_have_to_be(case: Case, request: pytest.FixtureRequest) -> None:
    """What Model.reference computes for float32 arrays."""

    def check(example: Magnitudes) -> None:
        inputs, weights = example.inputs(case), example.weights(case)
        want = exact(case, inputs, weights)
        with np.errstate(all="ignore"):
            got = case.layer.reference(inputs, weights)
        assert got.dtype == np.float32
        assert_right(got, want, allowed(case, inputs, weights, want), case.name)

    on_examples(check, request)


# ---- Keras in float64


def twin_options(layer: Layer) -> dict | None:
    """The options of Keras' layer of the same name; None where it has none, or other words for them."""
    options = {f.name: getattr(layer, f.name) for f in dataclasses.fields(layer)}
    padded, output = isinstance(options.get("padding"), tuple), options.pop("output_size", None)
    if output is not None or (padded and hasattr(layer, "strides")):
        return None
    if not options.pop("half_pixel_centers", True) or options.pop("masked", False):
        return None
    if isinstance(options.get("axis"), tuple):  # Keras subtracts a log-sum-exp there, which is absorbed by large values
        return None
    function = options.pop("activation", FUNCTIONS["linear"])
    if function.name not in ("linear", "relu", "relu6", "tanh"):
        return None
    if options.get("groups") == 1:
        del options["groups"]
    return of_keras(layer, options) | {"activation": function.name}


def keras64(case: Case, inputs: list[np.ndarray], weights: dict[str, np.ndarray]) -> np.ndarray:
    """What Keras computes in float64."""
    import jax
    import keras

    enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64
    with enable_x64(True):
        x = [keras.ops.convert_to_tensor(a.astype(np.float64), "float64") for a in inputs]
        if isinstance(case.layer, Functional):
            function = case.layer.function
            call = getattr(keras.activations, function.name)
            return np.asarray(call(x[0], **dict(function.constants)))
        options = twin_options(case.layer)
        assert options is not None
        name = options.pop("activation", "linear")
        twin = getattr(keras.layers, type(case.layer).__name__)(**options, dtype="float64")
        given = x if len(x) > 1 else x[0]
        twin.build([a.shape for a in inputs] if len(x) > 1 else inputs[0].shape)
        if weights:
            twin.set_weights([w.astype(np.float64) for w in weights.values()])
        return np.asarray(keras.activations.get(name)(twin(given)))


def has_twin(case: Case) -> bool:
    if not isinstance(case.layer, Layer):
        return False
    if isinstance(case.layer, Functional):
        return case.layer.function.name not in (*ELSEWHERE, *BY_HAND)
    gone = "ThresholdedReLU", "LocallyConnected1D", "LocallyConnected2D"
    return type(case.layer).__name__ not in gone and twin_options(case.layer) is not None


def test_every_function_has_a_judge() -> None:
    judged = {c.layer.function.name for c in JUDGED if isinstance(c.layer, Functional)}
    assert set(FUNCTIONS) == judged


# ---- functions whose usual formulas cancel in float64 as well

decimal.getcontext().prec = 200


def exponential(x: Decimal) -> Decimal:
    return max(min(x, Decimal(10000)), Decimal(-10000)).exp()


def tanh(x: Decimal) -> Decimal:
    return 1 - 2 / (exponential(2 * x) + 1)


PI = Decimal("3.14159265358979323846264338327950288419716939937510")
BY_HAND: dict[str, Callable[[Decimal], Decimal]] = {
    "tanh_shrink": lambda x: x - tanh(x),
    "squareplus": lambda x: (x + (x * x + 4).sqrt()) / 2,
    "gelu_tanh": lambda x: x * (1 + tanh((2 / PI).sqrt() * (x + Decimal("0.044715") * x**3))) / 2,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_functions_that_cancel_against_many_digits(name: str) -> None:
    x = values(np.random.default_rng(0), 400)
    want = np.array([float(BY_HAND[name](Decimal(float(v)))) for v in x])
    got = FUNCTIONS[name](x.astype(np.float64))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-180)  # float64 carries more than float32 is judged by


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras computes in float64, whatever the layer: means and normalizations fall back to float32 otherwise."""
    keras = pytest.importorskip("keras")
    from keras.src.backend.common import dtypes

    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def unsubtracted(case: Case, inputs: Any, weights: Any) -> np.ndarray:
    """What Keras is off by where it adds up x * inv and beta - mean * inv: their rounding, however near they are."""
    sizes = {name: np.abs(np.asarray(w, np.float64)) for name, w in weights.items()}
    if "moving_mean" in sizes:
        sizes["moving_mean"] = -sizes["moving_mean"]  # so that it adds to |x|
    return 2.0**-50 * case.layer.reference([np.abs(np.asarray(inputs[0], np.float64))], sizes)


@pytest.mark.parametrize("case", params([case for case in JUDGED if has_twin(case)], 4 * SHARE))
def test_in_float64_as_keras(case: Case, request: pytest.FixtureRequest, float64: None) -> None:
    def check(example: Magnitudes) -> None:
        inputs, weights = example.inputs(case), example.weights(case)
        want, got = keras64(case, inputs, weights), exact(case, inputs, weights)
        off = allowed(case, inputs, weights, want, ROUNDING64, 1e-280)
        if isinstance(case.layer, BatchNormalization):
            off = dataclasses.replace(off, error=off.error + unsubtracted(case, inputs, weights))
        assert_right(got, want, off, case.name)

    on_examples(check, request)


# ---- folding


def folded(layer: Layer, shape: tuple, weights: dict, norm: dict) -> tuple[Graph, Graph]:
    """A graph of the layer and a normalization, as it is and optimized."""
    nodes = (
        Node("layer", layer, ("x",), ("y",), weights),
        Node("norm", BatchNormalization(), ("y",), ("z",), {k: np.asarray(v, np.float32) for k, v in norm.items()}),
    )
    graph = validate(Graph("folded", (TensorSpec("x", shape),), nodes, ("z",)))
    return graph, optimize(graph)


NORM = {"gamma": [1.0] * 4, "beta": [0.5] * 4, "moving_mean": [0.1] * 4, "moving_variance": [1.0] * 4}
LAYERS = {
    "kernel": (Dense(4), (None, 4), (4, 4)),
    "convolution": (Conv2D(4, 1), (None, 3, 3, 4), (1, 1, 4, 4)),
    "transposed": (Conv2DTranspose(4, 1), (None, 3, 3, 4), (1, 1, 4, 4)),
    "depthwise": (DepthwiseConv2D(1), (None, 3, 3, 4), (1, 1, 4, 1)),
}


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    ("kernel", "gamma", "beta", "folds"),
    [
        (0.5, 1.0, 1.0, True),
        (1e30, 1e10, 1.0, False),  # infinite weights
        (1e-30, 1e-10, 1.0, False),  # a channel that vanishes
        (1e-30, 1e10, 1.0, True),
        (0.0, 1e-10, 1.0, True),
        (0.5, 0.0, 1.0, True),  # a channel that gamma takes out
        (1e-35, 1e-10, 1.0, True),  # that small before
    ],
)
def test_what_float32_cannot_hold_is_not_folded(
    name: str, kernel: float, gamma: float, beta: float, folds: bool, quantized: bool
) -> None:
    layer, shape, size = LAYERS[name]
    weight = layer.weight_specs(shape)[0].name
    codes = np.full(size, 200, np.uint8)
    array = Quantized.make("uint8", codes, kernel / 200, 0.0) if quantized else np.full(size, kernel, np.float32)
    norm = NORM | {"gamma": [1.0, 1.0, gamma, 1.0], "beta": [beta] * 4}
    if kernel == 1e30:
        norm |= {"gamma": [gamma] * 4}
    _, after = folded(layer, shape, {weight: array, "bias": np.zeros(4, np.float32)}, norm)
    (node,) = after.nodes
    assert (node.layer.finish == RESULT) == folds  # else it is computed at the end of the draw


def test_a_bias_beyond_float32_is_not_folded() -> None:
    layer, shape, size = LAYERS["kernel"]
    weights = {"kernel": np.ones(size, np.float32), "bias": np.full(4, 1e38, np.float32)}
    _, after = folded(layer, shape, weights, NORM | {"gamma": [30.0] * 4})
    (node,) = after.nodes
    assert node.layer.finish != RESULT and node.weights["bias"] is weights["bias"]
