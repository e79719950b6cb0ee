"""Notes on values that cannot be what a model wants, and none where they can."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glnn.cli.checks import Watch
from glnn.cli.notices import rest
from glnn.cli.reading import Piece
from glnn.graph import Graph, Node, TensorSpec
from glnn.layers.activation import ReLU
from glnn.layers.embedding import Embedding


@dataclass(frozen=True)
class Rescaling:
    """A layer of this name that multiplies."""

    scale: Any


def graph(layer: Any) -> Graph:
    return Graph(
        "net", (TensorSpec("x", (None, 4)),), (Node("first", layer, ("x",), ("y",), {}, label="first"),), ("y",)
    )


def notes(
    capsys: pytest.CaptureFixture[str], x: Any, layer: Any = None, scale: str = "raw", path: str = "x.npy", cut: int = 1
) -> str:
    """What is said of values (one sample for each row), handed over in `cut` pieces."""
    watch, array = Watch(graph(layer or ReLU()), scale), np.atleast_2d(np.asarray(x, np.float32))
    first = 0
    for part in np.array_split(array, cut):
        watch.add(Piece(Path(path), first, len(array), {"x": part}))
        first += len(part)
    rest()
    return capsys.readouterr().err


NAN, INF = float("nan"), float("inf")
BYTES = Rescaling(1 / 255)


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        ([1, NAN, INF, 2], {}, "2 of 4 values are NaN or infinite"),
        ([NAN, NAN, NAN, NAN], {}, "4 of 4 values are NaN or infinite"),
        ([3, 3, 3, 3], {}, "every value is 3"),
        ([0, 9, 200, 255], {"scale": "unit"}, "values of 0 to 255, and --scale unit means 0 to 1"),
        ([0, 1, 0, -0.1], {"scale": "unit"}, "--scale unit means 0 to 1"),
        ([0, 9, 200, 255], {"scale": "signed", "path": "a/x.npz:key"}, "--scale signed means -1 to 1"),
        ([0, 0.5, 0.25, 1], {"layer": BYTES}, "values of 0 to 1, and layer 'first' of the model multiplies by 0.0039"),
        (
            [-1, 0.5, 0.25, 1],
            {"layer": Rescaling(1 / 127.5), "path": "x.png", "scale": "signed"},
            "give bytes, 0 to 255",
        ),
        ([0, 3, 9, 10], {"layer": Embedding(10, 2)}, "has rows 0 to 9: others give NaN"),
        ([0, -11, 9, 3], {"layer": Embedding(10, 2)}, "has rows 0 to 9: others give NaN"),
    ],
)
def test_what_is_certainly_wrong_is_told_once(
    capsys: pytest.CaptureFixture[str], x: list[float], options: dict[str, Any], words: str
) -> None:
    err = notes(capsys, x, **options)
    assert words in err and len(err.splitlines()) == 1 and options.get("path", "x.npy") in err


@pytest.mark.parametrize(
    ("x", "options"),
    [
        ([0, 1, 2, 255], {}),  # what a raw model wants is not known
        ([0, 0.5, 0.25, 1], {}),
        ([0, 0.5, 0.25, 1], {"scale": "unit"}),
        ([-1, 0.5, 0.25, 1], {"scale": "signed"}),
        ([0, 9, 200, 255], {"layer": BYTES}),
        ([0, 0, 0, 2], {"layer": BYTES}),
        ([0, 0.5, 0.25, 1], {"layer": Rescaling(2.0)}),
        ([0, 0.5, 0.25, 1], {"layer": Rescaling([1 / 255])}),
        ([-10, 3, 9, 0], {"layer": Embedding(10, 2)}),
        ([[7, 7], [8, 8]], {}),
    ],
)
def test_what_may_be_right_is_not_remarked_on(
    capsys: pytest.CaptureFixture[str], x: Any, options: dict[str, Any]
) -> None:
    assert notes(capsys, x, **options) == ""


def test_a_file_is_judged_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert notes(capsys, [[7, 7], [7, 7], [8, 8]], cut=3) == ""
    assert "every value is 7" in notes(capsys, [[7, 7], [7, 7], [7, 7]], cut=3)
    assert "2 of 6 values" in notes(capsys, [[NAN, 7], [1, 2], [7, NAN]], cut=3)
