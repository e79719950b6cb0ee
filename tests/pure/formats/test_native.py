"""glnn's own file: what is saved comes back exactly."""

from __future__ import annotations

import copy
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.formats import converted, quantized, same_graph, small
from support.keras_files import layer, sequential, write_kerasjs
from support.networks import randomise, save_mobilenet
from support.seeds import seeded

from glnn.errors import GraphError, InputError
from glnn.formats import load
from glnn.formats.native.container import open_tensors
from glnn.formats.native.write import save
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.reference import run
from glnn.layers.core import Dense
from glnn.model import Model

RNG = seeded(11)


def test_everything_comes_back(tmp_path: Path) -> None:
    graph = small()
    path = save(graph, tmp_path / "m.glnn")
    same_graph(graph, load(path))
    same_graph(graph, load(tmp_path))  # the one model of the folder
    assert path.read_bytes() == save(load(path), tmp_path / "again.glnn").read_bytes()


def test_h5(root: Path, tmp_path: Path) -> None:
    with Model.load(root / "examples" / "digits.h5") as model:
        path = model.save(tmp_path / "digits.glnn")
        with Model.load(path) as loaded:
            same_graph(model.graph, loaded.graph)
            x = RNG.random((3, 8, 8, 1)).astype(np.float32)
            np.testing.assert_array_equal(model.reference(x), loaded.reference(x))


def test_kerasjs_and_json(tmp_path: Path) -> None:
    config = sequential(layer("Dense", "only", units=3, activation="softmax", batch_input_shape=[None, 4]))
    weights = {"only": {"only/kernel:0": RNG.normal(size=(4, 3)), "only/bias:0": RNG.normal(size=3)}}
    graph = load(write_kerasjs(tmp_path, "m", config, weights))
    same_graph(graph, load(save(graph, tmp_path / "m.glnn")))


def test_shared_layers_of_keras(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    shared = keras.layers.Dense(4, name="shared")
    randomise(keras.Model([one, other], keras.layers.Add()([shared(shared(one)), shared(other)]))).save(
        tmp_path / "m.h5"
    )
    graph = load(tmp_path / "m.h5")
    path = save(graph, tmp_path / "m.glnn")
    same_graph(graph, load(path))
    assert len(open_tensors(path).entries) == 2


@pytest.mark.parametrize("name", ["rps", "face_landmark68_tiny"])
def test_trained_models(models: Path, tmp_path: Path, name: str) -> None:
    file = next(models / name / file for file in ("model.json", "rps.json") if (models / name / file).is_file())
    graph = load(file)
    path = save(graph, tmp_path / "m.glnn")
    loaded = load(path)
    same_graph(graph, loaded)
    spec = graph.inputs[0]
    x = {spec.name: RNG.random((1, *(size or 8 for size in spec.shape[1:]))).astype(np.float32)}
    for key, value in run(graph, x).items():
        np.testing.assert_array_equal(value, run(loaded, x)[key])


def payload(graph: Graph) -> int:
    """Bytes of the weights, each once: values, or codes with their scales."""
    return sum(w.nbytes for w in graph.weights().values())


@pytest.mark.parametrize("alpha, size_of, codec", [(0.35, 96, "uint8"), (1.0, 96, "uint8"), (1.0, 96, "uint4")])
def test_the_file_is_hardly_more_than_its_weights(tmp_path: Path, alpha: float, size_of: int, codec: str) -> None:
    pytest.importorskip("keras")
    graph = load(save_mobilenet(tmp_path / "m.h5", size_of, alpha))  # 262 weights in 155 layers: a long header
    graph = converted(graph, lambda array: quantized(array, codec))
    size = save(graph, tmp_path / "m.glnn").stat().st_size
    assert payload(graph) > 1_000_000
    assert payload(graph) < size < 1.02 * payload(graph)


def test_copies_of_arrays_make_the_same_bytes(tmp_path: Path) -> None:
    """What is shared is told by names, not by which arrays are the same object."""
    graph = small()
    copies = tuple(n.with_(weights={k: copy.deepcopy(w) for k, w in n.weights.items()}) for n in graph.nodes)
    paths = save(graph, tmp_path / "one.glnn"), save(graph.with_(nodes=copies), tmp_path / "other.glnn")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    first, again = load(paths[1]).nodes[:2]
    assert first.weights["kernel"] is again.weights["kernel"]


def test_names_go_through_the_file(tmp_path: Path) -> None:
    graph = small()
    loaded = load(save(graph, tmp_path / "m.glnn"))
    assert [node.origins for node in loaded.nodes] == [node.origins for node in graph.nodes]
    assert loaded.nodes[1].origins == {"kernel": "first/kernel", "bias": "first/bias"} == loaded.nodes[0].origins
    assert len(loaded.weights()) == 10


@pytest.mark.parametrize("codec", ["float32", "float16", "uint8"])
def test_a_loaded_model_exports_the_same_page(root: Path, tmp_path: Path, codec: str) -> None:
    graph = load(root / "examples" / "digits.h5")
    if codec == "float16":
        graph = converted(graph, lambda array: array.astype(np.float16))
    elif codec == "uint8":
        graph = converted(graph, lambda array: quantized(array, codec))
    Model(graph).export_web(tmp_path / "before", variants=["webgl2", "webgl1-rgba8"])
    with Model.load(save(graph, tmp_path / "m.glnn")) as loaded:
        loaded.export_web(tmp_path / "after", variants=["webgl2", "webgl1-rgba8"])
    files = [{p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("before", "after")]
    assert files[0].keys() == files[1].keys() and len(files[0]) > 6
    assert files[0] == files[1]


def test_writing_is_atomic_and_has_usual_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(small(), tmp_path / "m.glnn")
    (tmp_path / "plain").write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="m.glnn.*No space left"):
        save(small(), path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.glnn", "plain"]


def test_a_loaded_model_may_replace_its_own_file(tmp_path: Path) -> None:
    graph = small()
    path = save(graph, tmp_path / "m.glnn")
    loaded = load(path)
    same_graph(loaded, load(save(loaded.with_(name="small"), path)))
    other = small()
    save(other, path)
    same_graph(graph, loaded)  # its weights are those of the file that was replaced
    same_graph(other, load(path))


@pytest.mark.parametrize(
    "name, words",
    [("m.h5", "ends in .glnn"), ("m", "ends in .glnn"), ("none/m.glnn", "no folder"), ("folder.glnn", "is a folder")],
)
def test_places_that_cannot_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.glnn").mkdir()
    with pytest.raises(InputError, match=words):
        save(small(), tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.glnn"]


def test_path_of_another_type() -> None:
    with pytest.raises(InputError, match="must be a path.*int"):
        save(small(), 3)  # type: ignore[arg-type]


def test_weights_that_cannot_be_saved(tmp_path: Path) -> None:
    def graph(**weights: Any) -> Graph:
        return Graph("g", (TensorSpec("x", (None, 2)),), (Node("d", Dense(2), ("x",), ("d",), weights),), ("d",))

    good = {"kernel": np.zeros((2, 2), np.float32), "bias": np.zeros(2, np.float32)}
    save(graph(**good), tmp_path / "m.glnn")
    with pytest.raises(InputError, match="layer 'd': weight 'kernel'.*float64"):
        save(graph(**good | {"kernel": np.zeros((2, 2))}), tmp_path / "m.glnn")
    with pytest.raises(GraphError, match="layer 'd'.*'kernel'.*\\(3, 2\\)"):
        save(graph(**good | {"kernel": np.zeros((3, 2), np.float32)}), tmp_path / "m.glnn")
    with pytest.raises(GraphError, match="needs a weight 'bias'"):
        save(graph(kernel=good["kernel"]), tmp_path / "m.glnn")
    with pytest.raises(GraphError, match="'more', which it does not use"):
        save(graph(**good, more=good["bias"]), tmp_path / "m.glnn")
