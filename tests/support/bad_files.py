"""A model of two layers to break, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.keras_files import layer, sequential
from support.seeds import seeded

from glnn.formats import load

RNG = seeded(5)


def dense(name: str, inputs: int, units: int) -> dict[str, np.ndarray]:
    """The weights of a Dense layer, in float64."""
    return {f"{name}/kernel:0": RNG.normal(size=(inputs, units)), f"{name}/bias:0": RNG.normal(size=units)}


def two_layers() -> dict[str, Any]:
    """A Sequential of two Dense layers, 4 -> 3 -> 2; `GROUPS` are its weights."""
    return sequential(
        layer("Dense", "first", units=3, activation="relu", batch_input_shape=[None, 4]),
        layer("Dense", "second", units=2, activation="softmax"),
    )


GROUPS = {"first": dense("first", 4, 3), "second": dense("second", 3, 2)}
WEIGHTS = {name: values.astype("f4") for group in GROUPS.values() for name, values in group.items()}


def kernel(graph: Any) -> np.ndarray:
    """The first layer's, of a graph that was loaded."""
    return np.asarray(graph.nodes[0].weights["kernel"])


def refused(error: type[Exception], path: Path | str, *words: str, **more: Any) -> str:
    """The message of the error that loading raises, which holds all these words."""
    with pytest.raises(error) as caught:
        load(path, **more)
    assert type(caught.value) is error
    message = str(caught.value)
    for word in words:
        assert word in message, message
    return message
