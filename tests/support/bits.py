"""A graph in a page and in Python: the same bits, at each prediction."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from support.bodies import run

import glnn
from glnn.graph import Graph
from glnn.layout.limits import Limits
from glnn.plan import WeightStore
from glnn.run.session import Arrays
from glnn.web import export_web

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def check_bits(
    new_page: Callable[[], Page], site: tuple[Path, str], name: str, graph: Graph, inputs: Arrays, limits: Limits
) -> None:
    """The page gives Python's bits, at each prediction, and leaves nothing behind."""
    folder, url = site
    variant, name = "the only", f"bits-{name}".replace(" ", "-")
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
