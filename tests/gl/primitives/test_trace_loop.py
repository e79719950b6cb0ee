"""Loops that layers say by t.repeat, drawn on several kinds of device, and on the one without OpenGL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.loops import CASES

import glnn
from glnn.graph import Graph, Node, TensorSpec
from glnn.testing import check_layer

DEVICES: dict[str, dict[str, Any]] = {
    "es300": {},
    "es100": {"dialect": "es100"},
    "split": {"max_texture_size": 16},
    "phone": {"draw_buffers": 1, "texture_units": 8},
    "bytes": {"float_targets": ["rgba8"]},
    "numpy": {},
    "numpy split": {"max_texture_size": 16},
}


@pytest.fixture(params=DEVICES, scope="module")
def device(request: pytest.FixtureRequest) -> Iterator[glnn.Device]:
    with glnn.Device(*request.param.split()[:1] * request.param.startswith("numpy"), **DEVICES[request.param]) as made:
        yield made


@pytest.mark.parametrize("name", CASES)
def test_a_loop_draws_what_it_says(device: glnn.Device, name: str) -> None:
    case = CASES[name]
    run = check_layer(device, case.layer, case.inputs(), case.values())
    for got, want in zip(run.outputs, case.wanted(), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_one_model_takes_sequences_of_any_length(steps: int) -> None:
    case = CASES["lstm"]
    specs = tuple(
        TensorSpec(name, shape) for name, shape in (("x", (None, None, 3)), ("h", (None, 5)), ("c", (None, 5)))
    )
    names = tuple(spec.name for spec in specs)
    graph = Graph("loop", specs, (Node("lstm", case.layer, names, ("hs", "h2", "c2"), case.values()),), ("hs",))
    rng = np.random.default_rng(steps)
    sizes = (2, steps, 3), (2, 5), (2, 5)
    given = {name: rng.normal(size=shape).astype("f") for name, shape in zip(names, sizes, strict=True)}
    with glnn.Model(graph) as model:
        got = model.predict(given, verbose=0)["hs"]
    want = case.answer(*given.values(), **case.values())[0]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
