"""Winograd's convolution on devices of many kinds: against float64, beside the plain one, and where it is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.drawn import drawn as by_choice

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.mixed import Mixed
from glnn.graph.shapes import Shape
from glnn.graph.weight import Weight
from glnn.layout.limits import Limits
from glnn.plan import make_plan
from glnn.plan.choice import Choice
from glnn.plan.weights import WeightStore
from glnn.primitives.conv import Conv
from glnn.primitives.expr import RESULT, Apply, In
from glnn.primitives.operations import OPERATIONS
from glnn.primitives.winograd import PLANES, WEIGHTS
from glnn.quant import linear

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {"dialect": "es300"},
    "four": {"dialect": "gl330", "draw_buffers": 4},
    "two": {"dialect": "es300", "draw_buffers": 2, "texture_units": 8},
    "split": {"dialect": "es300", "max_texture_size": 16},
}
SUM = Apply(OPERATIONS["add"], (RESULT, In(1)))
SAME, OTHER = "same", ((2, 0), (0, 3))
# shape, filters, width of the kernel, padding, the finish: heights and widths that tiles and blocks overhang
CASES: dict[str, tuple[tuple[int, int, int, int], int, int, Any, Any]] = {
    "squares": ((1, 16, 16, 8), 12, 3, SAME, RESULT),
    "odd": ((3, 13, 21, 4), 8, 3, SAME, RESULT),
    "valid": ((1, 11, 10, 12), 4, 3, "valid", RESULT),
    "padded": ((2, 9, 7, 8), 8, 3, OTHER, RESULT),
    "one row": ((1, 3, 9, 4), 4, 3, "valid", RESULT),
    "one column": ((2, 10, 1, 4), 8, 1, SAME, RESULT),
    "wide": ((1, 12, 17, 8), 4, 5, SAME, RESULT),
    "with another": ((2, 14, 14, 8), 8, 3, SAME, SUM),
}


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(**DEVICES[request.param]) as made:
        yield made


def network(name: str) -> tuple[Graph, dict[str, np.ndarray]]:
    """A case's graph, and inputs out of a seed."""
    (n, h, w, c), filters, width, padding, finish = CASES[name]
    rng, conv = np.random.default_rng(len(name)), Conv(filters, (3, width), (1, 1), (1, 1), padding, finish=finish)
    kernel = rng.standard_normal((3, width, c, filters), np.float32)
    weights = {"kernel": kernel, "bias": rng.standard_normal(filters, np.float32)}
    shapes = {"x": (n, h, w, c)} | ({"r": conv.shape((n, h, w, c))} if finish != RESULT else {})
    specs = tuple(TensorSpec(key, shape) for key, shape in shapes.items())
    graph = Graph("conv", specs, (Node("conv", conv, tuple(shapes), ("y",), weights),), ("y",))
    return graph, {key: rng.standard_normal(shape, np.float32) for key, shape in shapes.items()}


def drawn(device: glnn.Device, graph: Graph, inputs: dict[str, np.ndarray], recipe: str) -> np.ndarray:
    """What a recipe makes."""
    made, plan = by_choice(device, graph, inputs, Choice(forced=recipe))
    assert {item.recipe for item in plan.chosen} == {recipe}
    return made["y"]


@pytest.mark.parametrize("name", CASES)
def test_it_is_as_right_as_the_plain_convolution(device: glnn.Device, name: str) -> None:
    graph, inputs = network(name)
    node = graph.nodes[0]
    whole = [x.astype(np.float64) for x in inputs.values()]
    exact = node.layer.reference(whole, {k: np.asarray(v, np.float64) for k, v in node.weights.items()})
    off = {recipe: np.abs(drawn(device, graph, inputs, recipe) - exact).max() for recipe in ("conv", "winograd")}
    assert off["winograd"] <= 3 * off["conv"] + 1e-6 * np.abs(exact).max()


@pytest.mark.parametrize("name", ["squares", "odd", "with another"])
def test_what_is_not_finite_stays_where_it_was(device: glnn.Device, name: str) -> None:
    graph, inputs = network(name)
    x = inputs["x"]
    x[0, 5, 7, 3], x[-1, -1, -1, 0], x[0, 0, 0, 1], x[-1, 2, 3, 2] = np.inf, np.nan, -np.inf, 3e38
    graph.nodes[0].weights["kernel"][1, 1, 3, 2] = 0  # times infinity: not a number
    plain, ours = (drawn(device, graph, inputs, recipe) for recipe in ("conv", "winograd"))
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(plain))
    inf = np.isinf(plain)
    np.testing.assert_array_equal(ours[inf], plain[inf])
    assert 0 < inf.sum() and 0 < np.isnan(plain).sum() < plain.size / 2
    fine = np.abs(plain) < 1e30  # but where there is 3e38
    np.testing.assert_allclose(ours[fine], plain[fine], atol=1e-5 * np.abs(plain[fine]).max())


@pytest.mark.parametrize("large", [np.inf, np.nan, 3e38])
def test_weights_too_large_to_be_combined_are_convolved_as_they_are(device: glnn.Device, large: float) -> None:
    graph, inputs = network("squares")
    graph.nodes[0].weights["kernel"][:, 1, 2, 3] = large
    plain, ours = (drawn(device, graph, inputs, recipe) for recipe in ("conv", "winograd"))
    np.testing.assert_array_equal(ours, plain)


def able(limits: Limits, weights: Any = None, shape: Shape = (1, 64, 64, 128), **options: Any) -> list[str]:
    """The recipe that is taken for a convolution by 128 filters, then all that the device has."""
    given = {"filters": 128, "kernel_size": (3, 3), "strides": (1, 1), "dilation": (1, 1), "padding": "same"} | options
    conv = Conv(**given)
    made = {spec.name: np.zeros(spec.shape, np.float32) for spec in conv.weights(shape)} | (weights or {})
    graph = Graph("conv", (TensorSpec("x", shape),), (Node("conv", conv, ("x",), ("y",), made),), ("y",))
    chosen = make_plan(graph, {"x": shape}, limits).chosen
    return [chosen[0].recipe, *chosen[0].able] if chosen else []


def test_it_is_drawn_where_it_wins_and_fits() -> None:
    assert able(Limits())[0] == able(Limits(draw_buffers=4))[0] == "winograd"
    assert able(Limits(), filters=4)[0] == "conv"  # six combinations of each channel for few sums
    assert able(Limits(), shape=(1, 14, 14, 256))[0] == "conv"  # a first prediction takes longer by more than it saves
    assert able(Limits(), shape=(8, 14, 14, 256))[0] == "winograd"
    assert "winograd" not in able(Limits(), shape=(1, 14, 14, 2048))  # loops too long for some drivers
    for limits in (
        Limits(draw_buffers=1), Limits(dialect="es100"), Limits(float_target="float16"), Limits(precision="mediump"),
        Limits(dialect="gl430"),
    ):  # fmt: skip
        assert "winograd" not in able(limits)
    for options in ({"strides": (2, 1)}, {"dilation": (1, 2)}, {"groups": 2}, {"filters": 30}, {"kernel_size": (5, 3)}):
        assert "winograd" not in able(Limits(), **options)
    kernel = np.random.default_rng(0).standard_normal((3, 3, 128, 128), np.float32)
    for coded in (kernel.astype(np.float16), linear(kernel, "uint8")):
        assert "winograd" not in able(Limits(), {"kernel": coded})


def test_combinations_of_weights() -> None:
    kernel = np.random.default_rng(1).standard_normal((3, 2, 8, 4), np.float32)
    mixed = Mixed(Weight.root("kernel", kernel), WEIGHTS)
    expected = np.einsum("pa,abio->bipo", np.array(WEIGHTS), kernel.astype(np.float64)).reshape(2, 8, PLANES * 4)
    assert mixed.shape == (2, 8, 24) and mixed.ndim == 3
    np.testing.assert_allclose(mixed.computed(), expected, rtol=1e-6)
    store = WeightStore(Graph("", (), (), ()))
    key = store.add(mixed, "cells")
    made = store.values[key]
    assert store.add(Mixed(mixed.source, WEIGHTS), "cells") == key and store.values[key] is made  # not computed again
    np.testing.assert_array_equal(np.asarray(store.filed(key)), kernel.reshape(6, 8, 4))
