"""Repeats on the device without OpenGL: every case, in float32 and float64, and from their JSON alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.bodies import apart, run
from support.repeats import CASES
from support.replayer import Replayer
from support.shares import kept

import glnn

DEVICES: dict[str, dict[str, Any]] = {
    "float32": {},
    "float64": {"precision": "float64"},
    "split": {"max_texture_size": 16},
    "es100": {"dialect": "es100", "max_texture_size": 64},
    "bytes": {"float_targets": "rgba8"},
}
FEW = [(name, count) for name in CASES for count in (2, 3)]
MANY = [("recurrent", 1000), ("iterated", 1000)]
PAIRS = [(d, *pair) for d in DEVICES for pair in (FEW + MANY if d in ("float32", "float64") else FEW)]


def marked(kind: str, case: str, count: int) -> Any:
    """Of devices other than the first each case on a push, with one of two counts."""
    often = kind == "float32" or count == 1000 or count % 2 == (list(CASES).index(case) + list(DEVICES).index(kind)) % 2
    return pytest.param(kind, case, count, marks=[] if often else [pytest.mark.whole])


@pytest.mark.parametrize(("kind", "case", "count"), kept([marked(*pair) for pair in PAIRS]))
def test_repeats_agree_with_numpy(kind: str, case: str, count: int) -> None:
    graph, inputs = CASES[case].graph(count), CASES[case].inputs(count)
    graph = apart(graph) if count == 2 else graph
    with glnn.Device("numpy", **DEVICES[kind]) as device:
        made = run(graph, inputs, device)
        assert made.error() < (1e-13 if kind == "float64" else 1e-5)
        assert not made.dead.any()
        if kind == "float64":
            assert all(value.dtype == np.float64 for value in made.outputs.values())
        elif count < 1000:
            again = Replayer(made.plan.to_json(), made.store.values, device).run(inputs)
            for name, wanted in made.outputs.items():
                np.testing.assert_array_equal(again[name].view(np.uint32), wanted.view(np.uint32), name)
