"""Repeats in a page: the bits of every turn are Python's, and turns leave no objects behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.bits import check_bits
from support.loops import CASES as LOOPS
from support.repeats import CASES

import glnn
from glnn.layers.conv_recurrent import ConvLSTM2D
from glnn.layers.recurrent import GRU, LSTM, Bidirectional
from glnn.layout.limits import Limits
from glnn.passes import optimize
from glnn.plan.steps import turns_of
from glnn.testing import layer_graph
from glnn.web import VARIANTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

LIMITS = VARIANTS | {
    "split": Limits(16, 8, 16, "float32", "es300"),
    "split-es100": Limits(64, 1, 16, "float32", "es100"),
    "split-rgba8": Limits(64, 1, 16, "rgba8", "es100"),
}
RECURRENT = {
    "LSTM": (LSTM(6, return_sequences=True, return_state=True), (2, 7, 5)),
    "GRU": (Bidirectional(GRU(8)), (2, 7, 5)),
    "ConvLSTM": (ConvLSTM2D(4, 3, padding="same", return_sequences=True), (2, 3, 5, 4, 2)),
}
RUNS = {
    "recurrent": 1000,
    "half reversed": 7,
    "exchanged": 7,
    "sequences": 2,
    "vectors": 7,
    "nested": 7,
    "early": 1,
    "finished": 3,
    "followed": 7,
    "followed back": 2,
    "lstm of 8": 7,  # said by t.repeat
}

# 1,000 turns outgrow 15 textures of 64 x 64, where parts are textures. A push has every other pair.
PAIRS = [
    pytest.param(case, variant, marks=pytest.mark.whole if (i + k) % 2 else ())
    for i, (case, count) in enumerate(RUNS.items())
    for k, variant in enumerate(LIMITS)
    if count < 1000 or variant not in ("split-es100", "split-rgba8")
]


@pytest.mark.parametrize(("case", "variant"), PAIRS)
def test_bits_are_pythons(new_page: Callable[[], Page], site: tuple[Path, str], case: str, variant: str) -> None:
    count, limits = RUNS[case], LIMITS[variant]
    if case in LOOPS:
        loop = LOOPS[case]
        graph = optimize(layer_graph(loop.layer, loop.shapes, loop.values()))
        inputs = {f"x{k}": x for k, x in enumerate(loop.inputs())}
    else:
        graph, inputs = CASES[case].graph(count), CASES[case].inputs(count)
    check_bits(new_page, site, f"{case}-{variant}", graph, inputs, limits)


@pytest.mark.parametrize("variant", ["webgl2", "webgl1", "split", "webgl1-rgba8"])
@pytest.mark.parametrize("layer", RECURRENT)
def test_bits_of_recurrent_layers(
    new_page: Callable[[], Page], site: tuple[Path, str], layer: str, variant: str
) -> None:
    made, shape = RECURRENT[layer]
    rng = np.random.default_rng(4)
    specs = made.weight_specs(shape)
    weights = {spec.name: (rng.normal(size=spec.shape) / 2).astype(np.float32) for spec in specs}
    graph = optimize(layer_graph(made, [shape], weights))
    inputs = {"x0": rng.normal(size=shape).astype(np.float32)}
    check_bits(new_page, site, f"{layer}-{variant}", graph, inputs, LIMITS[variant])


def test_a_pass_of_many_turns_has_the_time_of_all(new_page: Callable[[], Page], site: tuple[Path, str]) -> None:
    layer, shape = LSTM(6), (2, 7, 5)
    weights = {spec.name: np.ones(spec.shape, np.float32) for spec in layer.weight_specs(shape)}
    with glnn.Model(layer_graph(layer, [shape], weights)) as model:
        model.export_web(site[0] / "timed", shape, ["webgl2"])
        turns = list(turns_of(model.plan({model.inputs[0].name: shape}, VARIANTS["webgl2"]).steps))
    page = new_page()
    page.goto(f"{site[1]}harness.html")
    page.evaluate("url => start(url, {})", f"{site[1]}timed/")
    told = page.evaluate(
        """() => {
          const {getQueryParameter} = WebGL2RenderingContext.prototype;
          WebGL2RenderingContext.prototype.getQueryParameter = function (query, name) {
            return name === this.QUERY_RESULT ? 1e6 : getQueryParameter.call(this, query, name); // 1 ms
          };
          return model.profile().then((passes) => passes.map(({ms, method}) => [ms, method]));
        }"""
    )
    assert told == [[count, "timer"] for count in turns] and 7 in turns
