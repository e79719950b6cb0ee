"""Models of Dense layers that are alike, and their weights by name: what a loader may put in the wrong layer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import layer, sequential
from support.seeds import seeded

from glnn.errors import WeightsMismatchError
from glnn.formats import load
from glnn.graph import Graph

RNG = seeded(23)
Weights = dict[str, np.ndarray]


def draw(*shape: int) -> np.ndarray:
    """Normal float32."""
    return RNG.normal(size=shape).astype(np.float32)


def dense(name: str, suffix: str = ":0") -> Weights:
    """The weights of a Dense layer, 4 -> 4."""
    return {f"{name}/kernel{suffix}": draw(4, 4), f"{name}/bias{suffix}": draw(4)}


def chain(*names: str, inner: bool = False, frozen: str = "") -> dict[str, Any]:
    """A Sequential of Dense layers, 4 -> 4; `inner`: all in a model 'inner', which is then the only layer."""
    layers = [layer("Dense", n, units=4, activation="linear", trainable=n not in frozen.split()) for n in names]
    layers[0]["config"]["batch_input_shape"] = [None, 4]
    if not inner:
        return sequential(*layers)
    return sequential({"class_name": "Sequential", "config": {"name": "inner", "layers": layers}})


def kernels(graph: Graph) -> list[np.ndarray]:
    """The kernels of the graph's layers, in their order."""
    return [node.weights["kernel"] for node in graph.nodes]


def check_order(graph: Graph, groups: Mapping[str, np.ndarray], *names: str) -> None:
    """The layers of the graph, in their order, have the kernels and biases of these names."""
    assert len(graph.nodes) == len(names)
    stored = {name.split(":")[0]: values for name, values in groups.items()}
    for node, name in zip(graph.nodes, names, strict=True):
        np.testing.assert_array_equal(node.weights["kernel"], stored[f"{name}/kernel"])
        np.testing.assert_array_equal(node.weights["bias"], stored[f"{name}/bias"])


def refused(path: Path, *words: str, error: type[Exception] = WeightsMismatchError, **more: Any) -> None:
    """Loading raises this error, whose message names a file beside this one and holds all these words."""
    with pytest.raises(error) as caught:
        load(path, **more)
    assert type(caught.value) is error
    for word in (f"{path.parent}/", *words):
        assert word in str(caught.value), str(caught.value)
