"""Models that Keras 2 saved (golden/keras2_words): sizes of images, classes, activations, TensorFlow Addons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import glnn
from glnn.formats import load
from glnn.graph.reference import run

TABLE = 5e-3  # TensorFlow takes bicubic weights from a table of 1024, unless it smooths


@pytest.mark.parametrize("name", ["images", "classes", "activations", "addons"])
def test_files_of_keras2_give_its_answers(root: Path, name: str) -> None:
    path = root / "tests" / "golden" / "keras2_words" / f"{name}.h5"
    graph, answers = load(path), np.load(path.with_suffix(".npz"))
    inputs = {spec.name: answers[f"x{k}"].astype(np.float32) for k, spec in enumerate(graph.inputs)}
    made = run(graph, inputs)
    with glnn.Model.load(path, device=glnn.Device("numpy")) as model:
        drawn = model.predict(inputs, verbose=0)
    assert len(made) == sum(key.startswith("y") for key in answers)
    by_tensor = dict(zip(graph.output_names or graph.outputs, graph.outputs, strict=True))
    cubic = {node.outputs[0] for node in graph.nodes if getattr(node.layer, "interpolation", "") == "bicubic"}
    for k, (output, values) in enumerate(made.items()):
        near = dict(rtol=1e-4, atol=TABLE if by_tensor[output] in cubic else 1e-5)
        np.testing.assert_allclose(values, answers[f"y{k}"], **near, err_msg=f"{k} {output}")
        np.testing.assert_allclose(drawn[output], answers[f"y{k}"], **near, err_msg=f"{k} {output}")
