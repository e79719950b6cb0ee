"""Mean and variance together: how many draws they take, and that they are as right as two passes, whatever the mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.graph import ActivationCodec
from glnn.graph.shapes import Shape
from glnn.layers.normalization import GroupNormalization, LayerNormalization
from glnn.plan import make_plan
from glnn.primitives.reduce import Softmax
from glnn.primitives.standardize import Standardize
from glnn.testing import between_copies, check_layer, run_layer

RNG = seeded(3)
STAGES = ["fragment", "compute"]


@pytest.fixture(scope="module", params=STAGES)
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(stage=request.param) as made:
        yield made


def kernels(device: glnn.Device, primitive: Standardize | Softmax, shape: Shape) -> list[str]:
    x = RNG.standard_normal(shape).astype(np.float32)
    return [draw.kernel for draw in check_layer(device, primitive, [x]).plan.draws]


@pytest.mark.parametrize(
    ("primitive", "shape", "fragment", "compute"),
    [
        (Standardize((2,), 1e-3), (2, 17, 130), 2, 1),  # layer normalization
        (Standardize((1, 2), 1e-3), (2, 9, 11, 6), 2, 1),  # instance normalization
        (Standardize((1, 2), 1e-3), (1, 67, 53, 5), 3, 1),
        (Standardize((1, 2), 1e-3), (1, 67, 65, 5), 3, 2),
        (Standardize((1, 2, 3), 1e-3, 2), (1, 67, 65, 8), 4, 2),  # group normalization
        (Standardize((1, 2, 3), 1e-3, 3), (2, 9, 11, 12), 3, 1),
        (Softmax(), (2, 128, 130), 2, 1),
        (Softmax(log=True), (2, 5, 9), 1, 1),
    ],
)
def test_how_many_draws(
    device: glnn.Device, primitive: Standardize | Softmax, shape: Shape, fragment: int, compute: int
) -> None:
    assert len(kernels(device, primitive, shape)) == (compute if device.limits.stage == "compute" else fragment)


@pytest.mark.parametrize("shape", [(2, 5, 512), (1, 40, 33, 6), (1, 80, 66, 4)])
@pytest.mark.parametrize(("mean", "deviation"), [(1e4, 1.0), (-1e-20, 1e-22), (3e10, 1e8), (0.0, 1e-20)])
def test_as_right_as_two_passes(device: glnn.Device, shape: Shape, mean: float, deviation: float) -> None:
    """The mean is rounded to float32, which moves all values by as much; nothing else is lost."""
    layer = LayerNormalization(epsilon=1e-3) if len(shape) == 3 else GroupNormalization(shape[-1], epsilon=1e-3)
    x = (RNG.standard_normal(shape) * deviation + mean).astype(np.float32)
    weights = {spec.name: np.full(spec.shape, spec.name == "gamma", np.float32) for spec in layer.weight_specs(shape)}
    want = layer.reference([x.astype(np.float64)], weights)
    over = -1 if len(shape) == 3 else (1, 2)
    root = np.sqrt(x.astype(float).var(over, keepdims=True) + 1e-3)
    lost = 1.2 * 2.0**-24 * abs(mean) / root
    off = np.abs(run_layer(device, layer, [x], weights).outputs[0] - want)
    assert (off <= lost + 1e-6 * (1 + np.abs(want))).all(), (off / (lost + 1e-6)).max()


@pytest.mark.parametrize("shape", [(2, 3, 70), (2, 9, 8, 5), (1, 70, 66, 3)])
def test_an_outlier_costs_no_digits_of_the_others(device: glnn.Device, shape: Shape) -> None:
    """The first value is what others are told from: where it lies far from them, it makes most of the variance."""
    x = RNG.standard_normal(shape).astype(np.float32)
    x[(0,) * (len(shape) - 1)] = 1e6
    axes = (2,) if len(shape) == 3 else (1, 2)
    want = Standardize(axes, 1e-3).reference([x.astype(np.float64)], {})
    got = run_layer(device, Standardize(axes, 1e-3), [x]).outputs[0]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 70), (3, 9, 8, 5), (3, 70, 66, 3)])
def test_nan_and_infinity_stay_in_their_own(device: glnn.Device, shape: Shape) -> None:
    x = RNG.standard_normal(shape).astype(np.float32)
    x[0, ..., 1], x[1].flat[7] = np.inf, np.nan
    axes = (2,) if len(shape) == 3 else (1, 2)
    want = Standardize(axes, 1e-3).reference([x.astype(np.float64)], {})
    got = run_layer(device, Standardize(axes, 1e-3), [x]).outputs[0]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize(
    "codec", [ActivationCodec("float16"), ActivationCodec("rgba8"), ActivationCodec("uint8", -4.0, 4.0)]
)
def test_between_tensors_in_codecs(device: glnn.Device, codec: ActivationCodec) -> None:
    for primitive, shape in ((Standardize((1, 2), 1e-3), (1, 67, 66, 6)), (Standardize((3,), 1e-3), (2, 5, 7, 30)),
                             (Softmax(), (2, 5, 70))):  # fmt: skip
        x = RNG.standard_normal(shape).astype(np.float32).clip(-3.9, 3.9)  # what codes of bytes hold
        graph = between_copies(primitive, [shape], {}, lambda name: codec)
        with glnn.Model(graph, device) as model:
            got = np.asarray(model.predict({"x0": x}, verbose=0)["y0"])
        step = 8 / 255 if codec.codec == "uint8" else 2e-3 if codec.codec == "float16" else 1e-6
        assert np.abs(got - primitive.reference([x.astype(float)], {})).max() < 4 * step, codec


def test_a_plan_for_many_pixels_takes_what_fits_a_dispatch() -> None:
    """65,535 groups of work are what every device has along an axis."""
    with glnn.Device(stage="compute") as device:
        specs = glnn.graph.TensorSpec("x", (1, 270, 270, 8))
        node = glnn.graph.Node("n", Standardize((3,), 1e-3), ("x",), ("y",), {})
        graph = glnn.graph.validate(glnn.graph.Graph("net", (specs,), (node,), ("y",)))
        plan = make_plan(graph, {"x": specs.shape}, device.limits)
    assert [draw.kernel for draw in plan.draws] == ["moments_channels", "map"]
