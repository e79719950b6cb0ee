"""Convolutions by Winograd's algorithm in a page: it combines weights itself, out of those that its files hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.replays import different_bits, export

import glnn
from glnn.layers.conv import Conv2D
from glnn.primitives import winograd
from glnn.testing import layer_graph

MIXED = {"webgl2": True, "webgl2-4": True, "webgl2-half": False, "webgl1": False, "webgl1-rgba8": False}


def test_a_page_mixes_weights_as_python_does(
    site: tuple[Path, str], new_page: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORTH", "SAVED"):
        monkeypatch.setattr(winograd, name, 0)  # else images as small as this one are convolved plainly
    rng, shape = np.random.default_rng(3), (1, 13, 18, 8)
    weights = {"kernel": rng.standard_normal((3, 3, 8, 12), np.float32), "bias": np.ones(12, np.float32)}
    graph = layer_graph(Conv2D(12, 3, padding="same"), [shape], weights)
    exported = export(glnn.Model(graph), "winograd", rng.standard_normal(shape, np.float32), *site)

    def mixed(variant: dict) -> bool:
        plan = json.loads((exported.folder / variant["plan"]["file"]).read_text())
        return any("mix" in weight for weight in plan["weights"])

    assert {variant["name"]: mixed(variant) for variant in exported.manifest["variants"]} == MIXED
    assert exported.manifest["weights"]["bytes"] == sum(array.nbytes for array in weights.values())
    page = new_page()
    exported.open(page, variant="webgl2")
    run, python = exported.in_page(page), exported.in_python("webgl2")
    assert len(run.fragments) == 3 and different_bits(run.outputs, python.outputs) == 0
