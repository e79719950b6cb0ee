"""Repeats in a page: the bits of every turn are Python's, and turns leave no objects behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.loops import CASES as LOOPS
from support.repeats import CASES, run

import glnn
from glnn.graph import Graph
from glnn.layers.conv_recurrent import ConvLSTM2D
from glnn.layers.recurrent import GRU, LSTM, Bidirectional
from glnn.layout.limits import Limits
from glnn.passes import optimize
from glnn.plan import WeightStore
from glnn.run.session import Arrays
from glnn.testing import layer_graph
from glnn.web import VARIANTS, export_web

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
# Loads, predicts twice and profiles: bits by output, how many objects there were after each, the passes.
PREDICT = """async ([url, inputs]) => {
  const {load} = await import(url + "runner.js");
  const model = await load(url), given = {};
  for (const name in inputs) given[name] = new Float32Array(inputs[name]);
  const first = await model.predict(given), before = model.counts();
  const made = await model.predict(given), after = model.counts();
  const passes = await model.profile(), again = await model.predict(given);
  const lose = model._device.gl.getExtension("WEBGL_lose_context");
  const heard = (name) => new Promise((resolve) => model.addEventListener(name, resolve, {once: true}));
  const lost = heard("contextlost"), back = heard("contextrestored");
  lose.loseContext();
  await soon(lost);
  await new Promise((resolve) => setTimeout(resolve)); // out of the event's dispatch, within which nothing is restored
  lose.restoreContext();
  await soon(back);
  const restored = await model.predict(given);
  model.dispose();
  return {runs: [first, made, again, restored].map((all) => Object.entries(bits(all))), before, after, passes};
}"""


def device_of(limits: Limits) -> glnn.Device:
    return glnn.Device(
        dialect=limits.dialect, draw_buffers=limits.draw_buffers, texture_units=limits.texture_units,
        max_texture_size=limits.max_texture_size, float_targets=[limits.float_target],
    )  # fmt: skip


# 1,000 turns outgrow 15 textures of 64 x 64, where parts are textures.
PAIRS = [(c, v) for c, n in RUNS.items() for v in LIMITS if n < 1000 or v not in ("split-es100", "split-rgba8")]


@pytest.mark.parametrize(("case", "variant"), PAIRS)
def test_bits_are_pythons(new_page: Callable[[], Page], site: tuple[Path, str], case: str, variant: str) -> None:
    count = RUNS[case]
    if case in LOOPS:
        loop = LOOPS[case]
        graph = optimize(layer_graph(loop.layer, loop.shapes, loop.values()))
        inputs = {f"x{k}": x for k, x in enumerate(loop.inputs())}
    else:
        graph, inputs = CASES[case].graph(count), CASES[case].inputs(count)
    check_bits(new_page, site, f"{case}-{variant}", graph, inputs, LIMITS[variant])


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


def check_bits(
    new_page: Callable[[], Page], site: tuple[Path, str], name: str, graph: Graph, inputs: Arrays, limits: Limits
) -> None:
    """The page gives Python's bits, at each prediction, and leaves nothing behind."""
    folder, url = site
    variant, name = "the only", f"repeat-{name}".replace(" ", "-")
    shapes = {k: x.shape for k, x in inputs.items()}
    export_web(graph, WeightStore(graph), folder / name, shapes, {variant: limits}, verbose=0)
    page = new_page()
    page.goto(f"{url}harness.html")
    got = page.evaluate(PREDICT, [f"{url}{name}/", {k: x.ravel().tolist() for k, x in inputs.items()}])
    with device_of(limits) as device:
        made = run(graph, inputs, device)
    for outputs in got["runs"]:
        assert [name for name, _ in outputs] == list(made.outputs)
        for output, bits in outputs:
            expected = made.outputs[output].ravel().view(np.uint32)
            assert np.abs(made.outputs[output]).max() > 0
            assert int((np.array(bits, np.uint32) != expected).sum()) == 0, output
    assert got["before"] == got["after"]
    assert [p["kernel"] for p in got["passes"]] == [d.kernel for d in made.plan.draws]
    assert [p["layer"] for p in got["passes"]] == [d.label for d in made.plan.draws]
    shutil.rmtree(folder / name)
