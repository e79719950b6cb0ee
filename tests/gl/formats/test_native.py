"""Models saved in glnn's own file predict what they predicted before, bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.formats import converted, quantized
from support.networks import save_mobilenet

import glnn
from glnn.formats import load
from glnn.graph import Graph


def alike(graph: Graph, path: Path, device: glnn.Device, x: np.ndarray) -> None:
    """A graph and what is loaded from its file give the same bits."""
    with glnn.Model(graph, device) as model, glnn.Model.load(model.save(path), device=device) as loaded:
        before = model.predict(x)
        assert np.isfinite(before).all() and np.ptp(before) > 0
        np.testing.assert_array_equal(loaded.predict(x), before)


def stored(graph: Graph, codec: str) -> Graph:
    """The graph with its kernels in another codec."""
    if codec == "float32":
        return graph
    if codec == "float16":
        return converted(graph, lambda array: array.astype(np.float16))
    return converted(graph, lambda array: quantized(array, codec))


@pytest.mark.parametrize("codec", ["float32", "float16", "uint16", "uint8", "uint4"])
def test_digits(device: glnn.Device, root: Path, tmp_path: Path, codec: str) -> None:
    graph = stored(load(root / "examples" / "digits.h5"), codec)
    x = np.load(root / "examples" / "digits_heldout.npz")["images"][:5].astype(np.float32).reshape(-1, 8, 8, 1)
    alike(graph, tmp_path / "digits.glnn", device, x)


def test_seeded_mobilenet(device: glnn.Device, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    graph = load(save_mobilenet(tmp_path / "m.h5", 32, 0.35))
    x = np.random.default_rng(2).random((2, 32, 32, 3)).astype(np.float32)
    alike(graph, tmp_path / "m.glnn", device, x)


@pytest.mark.parametrize("name, file", [("rps", "rps.json"), ("face_landmark68_tiny", "model.json")])
def test_trained(device: glnn.Device, models: Path, tmp_path: Path, name: str, file: str) -> None:
    graph = load(models / name / file)
    shape = (1, *(size or 64 for size in graph.inputs[0].shape[1:]))
    x = np.random.default_rng(3).random(shape).astype(np.float32)
    alike(graph, tmp_path / "m.glnn", device, x)
