"""Keras.js 1.x: what its own encoder wrote and what it computed, and files that are damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bad_files import GROUPS, refused, two_layers
from support.golden import ROOT, agrees, loaded
from support.protobuf import encode

from glnn.errors import GlnnError, ModelFileError, WeightsMismatchError
from glnn.formats import load
from glnn.graph.quantized import Quantized

GOLDEN = ROOT / "kerasjs1"
Item = list[tuple[int, Any]]


@pytest.mark.parametrize("name", ["images", "images-8bit", "words", "words-8bit"])
def test_as_kerasjs_computes_it(name: str) -> None:
    graph = loaded(GOLDEN / f"{name}.bin")
    agrees(graph, GOLDEN / f"{name}.npz", 1e-5)
    kinds = {isinstance(weight, Quantized) for weight in graph.weights().values()}
    assert kinds == {name.endswith("8bit")}


def items() -> list[Item]:
    """The weights of `two_layers` as messages."""
    return [
        [(1, layer), (2, name), *((3, n) for n in values.shape), (4, "float32"), (5, values.astype("<f4").tobytes())]
        for layer, weights in GROUPS.items()
        for name, values in weights.items()
    ]


def write(path: Path, weights: list[Item], config: str | None = None) -> Path:
    texts = [(1, "id"), (2, "name"), (3, "2.1.6"), (4, "tensorflow"), (5, config or json.dumps(two_layers()))]
    path.write_bytes(encode(*texts, *((6, encode(*item)) for item in weights)))
    return path


def changed(number: int, value: Any) -> list[Item]:
    """The weights, of the first another field."""
    first, *rest = items()
    return [[*(pair for pair in first if pair[0] != number), (number, value)], *rest]


def test_by_hand(tmp_path: Path) -> None:
    graph = load(write(tmp_path / "m.bin", items()))
    np.testing.assert_array_equal(graph.nodes[0].weights["kernel"], GROUPS["first"]["first/kernel:0"].astype("f4"))
    shape = [(3, bytes([4, 3]))]  # packed
    packed = [[*(pair for pair in items()[0] if pair[0] != 3), *shape], *items()[1:]]
    assert len(load(write(tmp_path / "m.bin", packed)).nodes) == 2


def test_constant_weights_in_8_bits(tmp_path: Path) -> None:
    first, *rest = items()
    first = [pair for pair in first if pair[0] in (1, 2, 3)] + [(4, "uint8"), (5, bytes(12)), (6, 0.25), (7, 0.25)]
    graph = load(write(tmp_path / "m.bin", [first, *rest]))
    np.testing.assert_array_equal(np.asarray(graph.nodes[0].weights["kernel"]), np.full((4, 3), 0.25, "f4"))


@pytest.mark.parametrize(
    "weights, error, words",
    [
        (changed(4, "float16"), ModelFileError, ("entry 0", "first/kernel:0", "float16", "float32 and uint8")),
        (changed(5, b"abc"), ModelFileError, ("needs 48 bytes", "has 3")),
        (changed(3, 2**40), ModelFileError, ("needs 4398046511104 bytes",)),
        (changed(1, "third"), WeightsMismatchError, ("first",)),
        (items()[1:], WeightsMismatchError, ("'first'",)),
        ([], WeightsMismatchError, ("'first'",)),
        ([*items(), items()[0]], WeightsMismatchError, ("'first'",)),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, weights: Any, error: type[GlnnError], words: tuple[str, ...]) -> None:
    refused(error, write(tmp_path / "m.bin", weights), "m.bin", *words)


def test_codes_without_a_range(tmp_path: Path) -> None:
    first, *rest = items()
    for low in (float("nan"), float("inf")):
        first = [pair for pair in first if pair[0] in (1, 2, 3)] + [(4, "uint8"), (5, bytes(12)), (6, low)]
        refused(ModelFileError, write(tmp_path / "m.bin", [first, *rest]), "m.bin", "reaches from", "NaN or infinity")


def test_config_that_is_none(tmp_path: Path) -> None:
    refused(ModelFileError, write(tmp_path / "m.bin", items(), "{}"), "m.bin", "not a Keras model")
    refused(ModelFileError, write(tmp_path / "m.bin", items(), '{"class_name": '), "m.bin", "model_config", "malformed")
    path = write(tmp_path / "m.bin", items())
    refused(ModelFileError, path, "m.bin", "without weights=", weights=tmp_path / "w")


def test_every_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "m.bin", items())
    data = path.read_bytes()
    for length in range(0, len(data), 5):
        path.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match="m.bin"):
            load(path)
