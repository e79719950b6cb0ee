"""TensorFlow's functions in models of Keras 2: as TensorFlow 2.15 wrote and computed them (make_operators2.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn.errors import GlnnError, UnsupportedError
from glnn.formats import load
from glnn.graph import reference

FOLDER = Path(__file__).parents[2] / "golden" / "operators2"
MODELS: dict[str, Any] = json.loads((FOLDER / "models.json").read_text())


@pytest.fixture(scope="module")
def answers() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "answers.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("name", MODELS)
def test_a_function_agrees_with_tensorflow(name: str, answers: dict[str, np.ndarray], tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(MODELS[name]))
    graph = load(tmp_path / "m.json")
    xs = {spec.name: answers[f"{name}/{spec.name[1:]}"] for spec in graph.inputs}
    for batch in (3, 1):
        (result,) = reference.run(graph, {key: x[:batch] for key, x in xs.items()}).values()
        np.testing.assert_allclose(result, answers[f"{name}/y"][:batch], rtol=2e-5, atol=2e-5)


def written(name: str, function: str, **options: Any) -> str:
    """The model of this name with another function, or other arguments, in its last layer."""
    model = json.loads(json.dumps(MODELS[name]))
    layer = model["config"]["layers"][-1]
    layer["config"]["function"] = function
    node = layer["inbound_nodes"][0]
    (node if isinstance(node[0], str) else node[0])[3].update(options)
    return json.dumps(model)


@pytest.mark.parametrize(
    ("name", "function", "options", "words"),
    [
        ("softmax", "signal.fft", {}, "tf.signal.fft"),
        ("norm", "norm", {"ord": "nuclear"}, "nuclear"),
        ("l2_normalize", "__operators__.add", {"bogus": 3}, "bogus"),
        ("positions", "math.betainc", {}, "betainc"),
        ("pad", "math.multiply", {"y": {"class_name": "Tensor"}}, "Tensor"),
        ("cast", "cast", {"dtype": "uint8"}, "uint8"),
        ("argmax", "einsum", {}, "einsum"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(
    name: str, function: str, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    (tmp_path / "m.json").write_text(written(name, function, **options))
    with pytest.raises(GlnnError, match=words):
        load(tmp_path / "m.json")


def test_a_mean_of_integers_and_a_shape_as_an_output_are_refused(tmp_path: Path) -> None:
    model = json.loads(json.dumps(MODELS["integers"]))
    layers = model["config"]["layers"]
    layers[1]["config"]["function"], layers[1]["inbound_nodes"][0][3] = "math.reduce_mean", {"axis": 0}
    (tmp_path / "m.json").write_text(json.dumps(model))
    with pytest.raises(UnsupportedError, match="reduce_mean of int32"):
        load(tmp_path / "m.json")
    model = json.loads(json.dumps(MODELS["keepdims"]))
    model["config"]["layers"][-1]["config"]["function"] = "compat.v1.shape"
    (tmp_path / "m.json").write_text(json.dumps(model))
    with pytest.raises(UnsupportedError, match="shape"):
        load(tmp_path / "m.json")


def test_sizes_that_cannot_be_followed_are_refused(tmp_path: Path) -> None:
    model = json.loads(json.dumps(MODELS["reshape of a product"]))
    target = model["config"]["layers"][-1]["inbound_nodes"][0][3]["shape"]
    target[1:] = [-1, 3]  # the rows are 4 for each of the batch, which no size of the product tells
    (tmp_path / "m.json").write_text(json.dumps(model))
    with pytest.raises(UnsupportedError, match="cannot be followed"):
        load(tmp_path / "m.json")
