"""Every value of a model's JSON replaced by others: the model loads, or glnn's exception names the file."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
from support.bad_files import GROUPS, two_layers
from support.broken_files import archive, tfjs
from support.keras_files import called, dense, functional, write_weights

from glnn.errors import GlnnError
from glnn.formats import load

OTHERS = (None, True, -1, 2.5, 10**30, "", "x", [], [[]], [None], [-1], {}, {"a": 1}, {"class_name": "x", "config": 1})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a value of JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changes(value: Any) -> Iterator[Any]:
    """The value with one value in it replaced, or left out."""
    for path in places(value):
        for other in OTHERS if path else ():
            made = copy.deepcopy(value)
            at = made
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = other
            yield made
        if path:
            made = copy.deepcopy(value)
            at = made
            for key in path[:-1]:
                at = at[key]
            del at[path[-1]]
            yield made


def branches() -> dict[str, Any]:
    """A functional model of Keras 2 with an activation layer, a sum and two outputs."""
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    layers = [
        source,
        called("Dense", "first", ["x", 0, 0], units=4, activation={"class_name": "ELU", "config": {}}),
        called("Add", "sum") | {"inbound_nodes": [[["first", 0, 0, {}], ["x", 0, 0, {}]]]},
        called("Conv1D", "conv", ["wide", 0, 0], filters=2, kernel_size=[3], padding="same"),
        called("Reshape", "wide", ["sum", 0, 0], target_shape=[4, 1]),
    ]
    return functional("m", ["x"], ["sum", "conv"], layers)


def try_all(path: Path, value: Any, write: Any) -> None:
    loads = 0
    for made in changes(value):
        write(made)
        try:
            load(path)
            loads += 1
        except GlnnError as error:
            assert path.name in str(error) or path.parent.name in str(error), (str(error), made)
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}: {json.dumps(made)}")
    assert loads


@pytest.mark.parametrize("model", [two_layers(), branches()], ids=["Sequential", "functional"])
def test_configs(tmp_path: Path, model: Any) -> None:
    groups = GROUPS
    if model["class_name"] == "Model":
        kernel = dense("conv", 1, 2)["conv/kernel:0"].reshape(1, 1, 2).repeat(3, 0)
        groups = {"first": dense("first", 4, 4), "conv": {"conv/kernel:0": kernel, "conv/bias:0": kernel[0, 0]}}
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        write_weights(file, groups)
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    load(path)
    try_all(path, model, lambda made: path.write_text(json.dumps(made)))


def test_tfjs(tmp_path: Path) -> None:
    path = tfjs(tmp_path)
    try_all(path, json.loads(path.read_text()), lambda made: path.write_text(json.dumps(made)))


def test_archives(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    path = archive(tmp_path, lambda m: members.update(m))
    config = json.loads(members["config.json"])
    for key in ("config.json", "metadata.json"):
        value = config if key == "config.json" else json.loads(members[key])
        try_all(path, value, lambda made, key=key: archive(tmp_path, lambda m: m.update({key: json.dumps(made)})))
