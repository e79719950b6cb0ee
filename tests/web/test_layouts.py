"""Values in a page lie as Python lays them: split tensors and weights, flat images, blocks, every codec and dialect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.joined import network

import glnn
from glnn.layers.activation import PReLU
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.embedding import Embedding
from glnn.layout.limits import Limits
from glnn.layout.tiles import Layout
from glnn.testing import layer_graph

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Textures so small that an image of 70 pixels is flat, and weights and outputs are split.
LIMITS = {
    "es300": Limits(40, 8, 16, "float32", "es300"),
    "es300-half": Limits(40, 4, 16, "float16", "es300"),
    "es300-rgba8": Limits(64, 8, 16, "rgba8", "es300"),
    "es100": Limits(40, 1, 16, "float32", "es100"),
    "es100-half": Limits(40, 1, 16, "float16", "es100"),
    "es100-rgba8": Limits(64, 1, 16, "rgba8", "es100"),
}
PREDICT = """async ([url, values]) => {
  const {load} = await import(url + "runner.js");
  const model = await load(url), {name} = model.inputs[0];
  const outputs = await model.predict({[name]: new Float32Array(values)});
  model.dispose();
  return Array.from(new Uint32Array(Object.values(outputs)[0].buffer));
}"""
TO_HALF = """async ([url, bits]) => {
  const {toHalf} = await import(url + "runner.js");
  return Array.from(toHalf(new Float32Array(new Uint32Array(bits).buffer)));
}"""


def conv(rng: np.random.Generator) -> tuple[glnn.Model, tuple[int, ...]]:
    """644 filters of 9 taps: 161 groups of cells, more than a texture of 40 rows holds, four of them in each."""
    weights = {
        "kernel": rng.standard_normal((3, 3, 3, 644)).astype("f4"),
        "bias": rng.standard_normal(644).astype("f4"),
    }
    shape = (2, 3, 35, 3)
    return glnn.Model(layer_graph(Conv2D(644, (3, 3), strides=(2, 2), padding="same"), [shape], weights)), shape


def prelu(rng: np.random.Generator) -> tuple[glnn.Model, tuple[int, ...]]:
    """A weight for each value: a constant tensor, flat where the image is."""
    shape = (2, 5, 70, 3)
    return glnn.Model(layer_graph(PReLU(), [shape], {"alpha": rng.standard_normal(shape[1:]).astype("f4")})), shape


def embedding(rng: np.random.Generator) -> tuple[glnn.Model, tuple[int, ...]]:
    """A table of 400 rows, a constant tensor that is flat and split."""
    weights = {"embeddings": rng.standard_normal((400, 42)).astype("f4")}
    return glnn.Model(layer_graph(Embedding(400, 42), [(2, 30)], weights)), (2, 30)


def depthwise(rng: np.random.Generator) -> tuple[glnn.Model, tuple[int, ...]]:
    """161 groups of cells of 9 taps, four values in each: split where a texture has 40 rows."""
    shape = (1, 3, 5, 642)
    weights = {"depthwise_kernel": rng.standard_normal((3, 3, 642, 1)).astype("f4")}
    return glnn.Model(layer_graph(DepthwiseConv2D((3, 3), padding="same", use_bias=False), [shape], weights)), shape


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("make", [conv, prelu])
def test_bits_are_pythons(
    new_page: Callable[[], Page], site: tuple[Path, str], make: Callable, limits: Limits, request: pytest.FixtureRequest
) -> None:
    model, shape = make(np.random.default_rng(1))
    plan = model.plan({model.inputs[0].name: shape}, limits)
    layouts = [item.layout for item in (*plan.weights, *plan.inputs, *plan.outputs)]
    assert any(layout.parts > 1 or isinstance(layout, Layout) and layout.flat for layout in layouts)
    if limits.dialect == "es300" and make is conv and limits.max_texture_size == 40:
        assert any(draw.layers[0] for draw in plan.draws)
    check(new_page(), site, model, shape, limits, request)


@pytest.mark.parametrize("limits", ["default", "es100"])
def test_parts_of_a_concatenation_are_drawn_where_they_lie(
    new_page: Callable[[], Page], site: tuple[Path, str], limits: str, request: pytest.FixtureRequest
) -> None:
    graph = network((8, 16))
    model, shape = glnn.Model(graph), graph.inputs[0].shape
    asked = {**LIMITS, "default": Limits()}[limits]
    assert any(draw.row for draw in model.plan({"x": shape}, asked).draws)
    check(new_page(), site, model, shape, asked, request)


# Cells of 4 x 4, of 4, and constant tensors, in every codec and kind of texture: of all, a push has every other one.
CODED = [
    pytest.param(make, codec, limits, marks=pytest.mark.whole if (i + j + k) % 2 else ())
    for i, make in enumerate([conv, embedding, depthwise])
    for j, codec in enumerate(["float16", "uint16", "uint8", "uint4"])
    for k, limits in enumerate(["es300", "es300-rgba8", "es100", "es100-rgba8"])
]


@pytest.mark.parametrize("make, codec, limits", CODED)
def test_bits_of_quantized_weights_are_pythons(
    new_page: Callable[[], Page],
    site: tuple[Path, str],
    make: Callable,
    codec: str,
    limits: str,
    request: pytest.FixtureRequest,
) -> None:
    """... in rows of texels whose bytes are no multiple of four."""
    model, shape = make(np.random.default_rng(1))
    with model.quantize(codec, per_channel=codec != "uint16", verbose=0) as quantized:
        plan = quantized.plan({model.inputs[0].name: shape}, LIMITS[limits])
        assert codec in {weight.codec for weight in plan.weights}
        assert any(w.layout.parts > 1 for w in plan.weights) or LIMITS[limits].max_texture_size > 40
        check(new_page(), site, quantized, shape, LIMITS[limits], request)


def check(
    page: Page,
    site: tuple[Path, str],
    model: glnn.Model,
    shape: tuple[int, ...],
    limits: Limits,
    request: pytest.FixtureRequest,
) -> None:
    """A page gives the bits that Python gives."""
    folder, url = site
    name = f"layouts-{request.node.callspec.id}"
    model.export_web(folder / name, input_shape=shape, variants={"small": limits})
    rng, whole = np.random.default_rng(2), isinstance(model.layers[0].layer, Embedding)
    x = rng.integers(0, 400, shape).astype("f4") if whole else rng.standard_normal(shape).astype("f4")
    page.goto(f"{url}harness.html")
    got = np.array(page.evaluate(PREDICT, [f"{url}{name}/", x.ravel().tolist()]), np.uint32)
    wishes = (
        None,
        limits.max_texture_size,
        limits.draw_buffers,
        limits.texture_units,
        limits.float_target,
        limits.dialect,
    )
    with glnn.Device(*wishes) as device, glnn.Model(model.graph, device) as own:
        expected = own.predict(x, verbose=0)
    assert np.abs(expected).max() > 0
    assert (got != expected.ravel().view(np.uint32)).sum() == 0


def test_halves_are_numpys(new_page: Callable[[], Page], site: tuple[Path, str], digits: object) -> None:
    rng, page = np.random.default_rng(2), new_page()
    borders = np.arange(65536, dtype=np.uint32).repeat(3) * 8192 + np.tile([0x0FFF, 0x1000, 0x1001], 65536)
    bits = np.concatenate([borders, rng.integers(0, 1 << 32, 50_000, np.uint32)]).astype(np.uint32)
    bits = bits[~np.isnan(bits.view(np.float32))]
    page.goto(f"{site[1]}harness.html")
    got = np.array(page.evaluate(TO_HALF, [f"{site[1]}digits/", bits.tolist()]), np.uint16)
    with np.errstate(over="ignore"):
        assert np.array_equal(got, bits.view(np.float32).astype(np.float16).view(np.uint16))
