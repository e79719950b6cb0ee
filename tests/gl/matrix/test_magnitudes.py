"""Every layer at every magnitude of float32: its shaders give the exact result, rounded (support/rounding.py)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from cases.case import Case
from support.devices import OneDevice
from support.magnitudes import JUDGED, Magnitudes, on_examples
from support.rounding import LARGEST, ROUNDING, allowed, assert_right, exact
from support.shares import kept

import glnn
from glnn.graph import Graph, Node, TensorSpec, validate
from glnn.layers.conv import Conv2D
from glnn.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from glnn.layers.pooling import AveragePooling2D
from glnn.layers.resizing import UpSampling2D
from glnn.passes import optimize
from glnn.primitives.expr import RESULT
from glnn.primitives.reduce import Reduce
from glnn.testing import run_layer

DEVICES: dict[str, dict] = {
    "es300": {},
    "gl330": {"dialect": "gl330", "draw_buffers": 4},
    "es100": {"dialect": "es100"},
    "bytes": {"float_targets": ["rgba8"], "draw_buffers": 1},
    "bytes-es100": {"float_targets": ["rgba8"], "dialect": "es100"},
}
FIRST = list({(type(c.layer), *(getattr(c.layer, k, None) for k in ("activation", "kind", "finish"))): c
              for c in reversed(JUDGED)}.values())  # fmt: skip
SHARE = 90  # one case in so many runs on each push
ONE = OneDevice()


@pytest.fixture(scope="module", autouse=True)
def devices() -> Iterator[None]:
    yield
    ONE.close()


def device_for(name: str) -> glnn.Device:
    return ONE.of(**DEVICES[name])


def chosen(name: str, case: Case) -> bool:
    """Whether a push runs this case on this device: a share, and on the first device one of each layer and function."""
    if name == "es300" and case in FIRST:
        return True
    return zlib.crc32(f"magnitudes {name} {case.name}".encode()) % SHARE == 0


PARAMS = [
    pytest.param(name, case, id=f"{name}-{case.name}", marks=[] if chosen(name, case) else [pytest.mark.whole])
    for name in DEVICES
    for case in JUDGED
]


@pytest.mark.parametrize(("name", "case"), kept(PARAMS))
def test_a_layer_at_every_magnitude(name: str, case: Case, request: pytest.FixtureRequest) -> None:
    device = device_for(name)

    on_examples(lambda example: judge(device, case, example), request)


def judge(device: glnn.Device, case: Case, example: Magnitudes) -> None:
    inputs, weights = example.inputs(case), example.weights(case)
    want = exact(case, inputs, weights)
    run = run_layer(device, case.layer, inputs, weights)
    assert_right(run.outputs[0], want, allowed(case, inputs, weights, want), case.name)
    for dead in run.dead:
        np.testing.assert_array_equal(dead, 0)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("end", [-LARGEST, LARGEST])
def test_an_enlarged_mask_is_the_mask(name: str, end: float) -> None:
    """Rounding does not carry the mean of four times the largest float past it."""
    x = np.full((1, 3, 4, 5), end, np.float32)
    for factor in (2, 3, 11):
        y = run_layer(device_for(name), UpSampling2D(factor, interpolation="bilinear"), [x]).outputs[0]
        np.testing.assert_allclose(y, end, rtol=1e-6)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("size", [(5, 5), (7, 5), (3, 18), (17, 17)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_mean_near_the_largest_is_finite(name: str, size: tuple[int, int], padding: str) -> None:
    """No driver adds up the parts of a window before it takes their share."""
    x = np.full((2, 19, 23, 5), 0.999 * LARGEST, np.float32)
    x[1] *= -1
    layer = AveragePooling2D(size, strides=(1, 2), padding=padding)
    y = run_layer(device_for(name), layer, [x]).outputs[0]
    np.testing.assert_allclose(y, np.broadcast_to(x[:, :1, :1], y.shape), rtol=1e-6)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("end", [-LARGEST, LARGEST])
def test_a_mean_of_means_is_finite(name: str, end: float) -> None:
    """Rounding does not carry a mean of the largest float alone past it, of which another mean is taken."""
    for size in (3, 7, 11, 13, 19, 31, 33, 97):
        for layer in (Reduce("mean", (1, 3)), Reduce("mean", (3, 1))):
            x = np.zeros((1, size, 5, size), np.float32)
            x[..., 0], x[:, 1] = end, end
            y = run_layer(device_for(name), layer, [x]).outputs[0]
            np.testing.assert_allclose(y, end * ((2 * size - 1) / size**2), rtol=1e-6)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("exponent", [-14, -3, 0, 9, 18])
@pytest.mark.parametrize("kind", [LayerNormalization, RMSNormalization, UnitNormalization, GroupNormalization])
def test_a_normalization_at_every_size(name: str, exponent: int, kind: type) -> None:
    """As long as float32 holds the squares: a result of size 1, as right as the mean and its digits allow."""
    rng = np.random.default_rng(exponent + 50)
    x = (rng.standard_normal((2, 3, 5, 6)) * 10.0**exponent).astype(np.float32)
    layer = (
        kind()
        if kind is UnitNormalization
        else kind(epsilon=1e-37, **({"groups": 2} if "Group" in kind.__name__ else {}))
    )
    weights = {spec.name: rng.uniform(0.5, 2, spec.shape).astype(np.float32) for spec in layer.weight_specs(x.shape)}
    got = run_layer(device_for(name), layer, [x], weights).outputs[0]
    want = layer.reference([x.astype(np.float64)], {k: w.astype(np.float64) for k, w in weights.items()})
    np.testing.assert_allclose(got, want, rtol=0, atol=4e-6)


@pytest.mark.parametrize("exponent", [-10, 0, 3, 6, 20])
def test_a_folded_normalization_is_as_precise_as_its_terms(exponent: int) -> None:
    """A large mean and a small spread, folded into a convolution: what decision 012 promises."""
    rng, size = np.random.default_rng(exponent + 100), 10.0**exponent
    kernel = rng.standard_normal((3, 3, 5, 6)) * 1e-3 * size
    weights = {"kernel": kernel, "bias": size * (1 + 1e-3 * rng.standard_normal(6))}
    norm = {"gamma": rng.standard_normal(6), "beta": rng.standard_normal(6), "moving_mean": np.full(6, size)}
    norm |= {"moving_variance": 1e-8 * size**2 * rng.uniform(1, 2, 6)}
    narrow = [{k: v.astype(np.float32) for k, v in w.items()} for w in (weights, norm)]
    layers = Conv2D(6, 3, padding="same"), BatchNormalization()
    nodes = [
        Node(f"l{k}", layer, (f"t{k}",), (f"t{k + 1}",), w)
        for k, (layer, w) in enumerate(zip(layers, narrow, strict=True))
    ]
    graph = validate(Graph("folded", (TensorSpec("t0", (None, 5, 7, 5)),), tuple(nodes), ("t2",)))
    x = rng.standard_normal((2, 5, 7, 5)).astype(np.float32)
    with glnn.Model(graph, device_for("es300")) as model:
        got = np.asarray(model.predict(x, verbose=0))
    conv, bn = ({k: v.astype(np.float64) for k, v in w.items()} for w in narrow)
    want = layers[1].reference([layers[0].reference([x.astype(np.float64)], conv)], bn)
    scale = bn["gamma"] / np.sqrt(bn["moving_variance"] + layers[1].epsilon)
    sizes = layers[0].reference([np.abs(x.astype(np.float64))], {k: np.abs(v) for k, v in conv.items()})
    terms = (sizes + np.abs(bn["moving_mean"])) * np.abs(scale) + np.abs(bn["beta"])
    (node,) = optimize(graph).nodes
    assert node.layer.finish == RESULT  # the normalization is in the weights
    assert (np.abs(got - want) <= (45 + 6) * ROUNDING * terms).all()
