"""Files of version 1, in which sums and activations were options of layers, give what they gave when they were made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.formats import parts, put, same_graph

from glnn.errors import UnsupportedError
from glnn.formats import load
from glnn.formats.native.write import save
from glnn.graph import Graph, reference
from glnn.graph.quantized import Quantized
from glnn.passes import optimize

NAMES = ["fused", "coded"]


def given(root: Path, name: str) -> tuple[Graph, dict[str, np.ndarray]]:
    folder = root / "tests" / "golden" / "native1"
    with np.load(folder / f"{name}.npz") as file:
        return load(folder / f"{name}.glnn"), dict(file)


def check(graph: Graph, answers: dict[str, np.ndarray], tolerance: float = 1e-7) -> None:
    got = reference.run(graph, {"x": answers["x"].astype(np.float64)})
    assert list(got) == ["scores", "map"]
    for name, value in got.items():
        np.testing.assert_allclose(value, answers[name], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_old_files_give_what_they_gave(root: Path, name: str) -> None:
    graph, answers = given(root, name)
    check(graph, answers)
    check(optimize(graph), answers, 1e-6)
    labels = {node.label for node in graph.nodes}
    assert {"block/first", "block/branch", "block/alone", "block/most", "block/less"} <= labels


def test_codes_and_codecs_of_old_files_stay(root: Path) -> None:
    graph, _ = given(root, "coded")
    kinds = {w.codec if isinstance(w, Quantized) else w.dtype.name for n in graph.nodes for w in n.weights.values()}
    assert kinds == {"uint4", "uint8", "float16", "float32"}
    assert {codec.codec for codec in graph.activations.values()} == {"float16"}
    (tensor,) = graph.activations
    node = next(node for node in graph.nodes if tensor in node.outputs)
    assert node.label == "block/first"  # the tensor that comes out of all that was fused into it


@pytest.mark.parametrize("name", NAMES)
def test_an_old_file_saved_again_is_a_new_one(root: Path, name: str, tmp_path: Path) -> None:
    graph, answers = given(root, name)
    path = save(graph, tmp_path / "m.glnn")
    assert parts(path)[1]["version"] == 2
    same_graph(graph, load(path))
    check(load(path), answers)
    path = save(optimize(graph), tmp_path / "m.glnn")  # in primitives
    check(load(path), answers, 1e-6)


def test_options_of_version_1_are_none_of_version_2(root: Path, tmp_path: Path) -> None:
    header, graph, data = parts(root / "tests" / "golden" / "native1" / "fused.glnn")
    assert graph["version"] == 1
    header["__metadata__"]["glnn"] = json.dumps(graph | {"version": 2})
    with pytest.raises(UnsupportedError, match="option residual=True"):
        load(put(tmp_path / "m.glnn", header, data))
