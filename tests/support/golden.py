"""Golden files: models that others wrote, with what they compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.graph import Graph
from glnn.graph.reference import run
from glnn.layers.base import LAYERS

ROOT = Path(__file__).parents[1] / "golden"


def loaded(path: Path, weights: Path | None = None) -> Graph:
    """The Graph in a file; the test is skipped where the only fault is a layer that LAYERS lacks."""
    try:
        return load(path, weights=weights)
    except UnsupportedError as error:
        lacking = [item for item in error.items if item.endswith("no such layer in glnn")]
        assert not any(item.split("(")[1].split(")")[0] in LAYERS for item in lacking), error
        labels = tuple(item.partition(" (")[0] + " (" for item in lacking)
        assert all(item.startswith(labels) for item in error.items), error
        pytest.skip(", ".join(lacking))


def agrees(graph: Graph, answers: Path, tolerance: float = 1e-4) -> None:
    """Fails where the graph's outputs are not those in an .npz of x0, x1, ... (or x) and y0, y1, ... (or y)."""
    with np.load(answers) as told:
        given = [told[key] for key in sorted(told) if key.startswith("x")]
        wanted = [told[key] for key in sorted(told) if key.startswith("y")]
    found = run(graph, {spec.name: x for spec, x in zip(graph.inputs, given, strict=True)})
    for y, mine in zip(wanted, found.values(), strict=True):
        assert np.std(y) > 1e-3
        np.testing.assert_allclose(mine, y, rtol=tolerance, atol=tolerance)
