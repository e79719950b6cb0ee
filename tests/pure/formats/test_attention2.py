"""Attention layers in files of Keras 2.15 (make_attention2.py): whole, and as JSON with a tree of weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glnn.formats import load
from glnn.graph import reference

FOLDER = Path(__file__).parents[2] / "golden" / "attention2"


@pytest.mark.parametrize("files", [("whole.h5",), ("model.json", "model.weights.h5")], ids=lambda files: files[0])
def test_keras_2_gives_the_same(files: tuple[str, ...]) -> None:
    graph = load(*(FOLDER / name for name in files))
    with np.load(FOLDER / "answers.npz") as file:
        answers = {name: file[name] for name in file.files}
    for batch in (3, 1):
        xs = {spec.name: answers[f"x{k}"][:batch] for k, spec in enumerate(graph.inputs)}
        made = list(reference.run(graph, xs).values())
        assert len(made) == 7
        for k, result in enumerate(made):
            np.testing.assert_allclose(result, answers[f"y{k}"][:batch], rtol=2e-5, atol=2e-5)
