"""Lambdas of Keras' files: what a user hands to a load in their place, by name; their code is never read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.bad_files import refused
from support.custom_objects import same
from support.keras_files import draw

import glnn
from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.graph.reference import run


def lambdas(keras: Any) -> Any:
    """Two Lambdas of different code, one with arguments, one in a nested model."""
    L = keras.layers
    inner = keras.Sequential(
        [keras.Input((5, 4)), L.Lambda(lambda x: x / 2 - 1, name="prepare"), L.Dense(3)], name="in"
    )
    x = keras.Input((5, 4), name="x")
    y = L.Lambda(lambda x, by: x * x + by, arguments={"by": 0.25}, name="floor")(inner(x))
    return keras.Model(x, L.Dense(2)(y))


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_each_lambda_has_its_own_replacement(keras: Any, tmp_path: Path, suffix: str) -> None:
    model, path = lambdas(keras), tmp_path / f"m.{suffix}"
    model.save(path)
    objects = {"Lambda:in/prepare": lambda t, x: x / 2 - 1, "Lambda:floor": lambda t, x, by: x * x + by}
    same(model, path, objects=objects)
    same(model, path, objects={**objects, "Lambda:prepare": objects.pop("Lambda:in/prepare")})  # by its own name alone
    swapped = {"Lambda:in/prepare": lambda t, x: x * 0, "Lambda:floor": lambda t, x, by: x}
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        same(model, path, objects=swapped)
    with pytest.raises(UnsupportedError, match="option by=0.25 .*'Lambda:floor' has no argument by="):
        load(path, custom_objects={**swapped, "Lambda:floor": lambda t, x: x})


def test_a_lambda_is_refused_with_the_lines_that_replace_it(keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    lambdas(keras).save(path)
    with pytest.raises(UnsupportedError) as caught:
        load(path)
    assert caught.value.items == (
        "in/prepare (Lambda): holds Python code, which is never run",
        "floor (Lambda): holds Python code, which is never run",
    )
    lines = caught.value.advice.splitlines()[1:]
    assert lines == [
        f"    glnn.Model.load({str(path)!r}, custom_objects={{",
        '        "Lambda:in/prepare": lambda t, x: ...,',
        '        "Lambda:floor": lambda t, x, by: ...,',
        "    })",
    ]
    said = "\n".join(lines).replace("lambda t, x: ...", "lambda t, x: x").replace("by: ...", "by: x * x + by")
    assert eval(said.strip(), {"glnn": glnn}).graph.nodes  # what is printed is what is to be typed


def test_the_code_of_a_lambda_is_never_read(keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.h5"
    lambdas(keras).save(path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        config = json.loads(text)
        for item in [*config["config"]["layers"], *config["config"]["layers"][1]["config"]["layers"]]:
            if item["class_name"] == "Lambda":
                item["config"]["function"] = {"class_name": "__lambda__", "config": {"code": "no base64 !", "x": [1]}}
        file.attrs["model_config"] = json.dumps(config)
    monkeypatch.setattr("marshal.loads", None)
    monkeypatch.setattr("base64.b64decode", None)
    load(path, custom_objects={"Lambda": lambda t, x, by=0.0: x})
    refused(UnsupportedError, path, "holds Python code")


def test_a_lambda_of_several_inputs_and_outputs(keras: Any, tmp_path: Path) -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    both = keras.layers.Lambda(lambda xs: [xs[0] + xs[1], xs[0] - xs[1]], name="both")([a, b])
    model = keras.Model([a, b], keras.layers.Concatenate()(both))
    for path in (tmp_path / "m.h5", tmp_path / "m.keras"):
        model.save(path)
        with pytest.raises(UnsupportedError, match=r'"Lambda:both": lambda t, x0, x1: \.\.\.'):
            load(path)
        graph = load(path, custom_objects={"Lambda:both": lambda t, x, y: [x + y, x - y]})
        x, y = draw(3, 4), draw(3, 4)
        (made,) = run(graph, {"a": x, "b": y}).values()
        np.testing.assert_allclose(made, model.predict([x, y], verbose=0), atol=1e-5)
        assert graph.nodes[0].kind == "Lambda"
