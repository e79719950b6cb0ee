"""glnn's own file: what is saved comes back exactly."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import mmap
import os
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.keras import CASES
from hypothesis import given
from hypothesis import strategies as st
from support.formats import converted, quantized, same_graph, small
from support.keras_files import layer, sequential, write_kerasjs
from support.networks import randomise, save_mobilenet

from glnn.errors import GraphError, InputError, UnsupportedError
from glnn.formats import load
from glnn.formats.native.configs import config_json, decoded, encoded, layer_name, make_layer
from glnn.formats.native.container import open_tensors, write_tensors
from glnn.formats.native.write import save
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.quantized import Quantized
from glnn.graph.reference import run
from glnn.layers.activation import ELU, Activation, LeakyReLU, ReLU
from glnn.layers.base import Layer
from glnn.layers.core import Dense
from glnn.layers.pooling import MaxPooling2D
from glnn.model import Model
from glnn.primitives.functions import FUNCTIONS, Function

RNG = np.random.default_rng(11)


# ---- layers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer_comes_back(case: Any) -> None:
    config = json.loads(json.dumps(config_json(case.layer), allow_nan=False))
    made = make_layer(layer_name(case.layer), config)
    assert made == case.layer and type(made) is type(case.layer)
    assert repr(made) == repr(case.layer)  # 1 is not 1.0, () is not []
    if isinstance(getattr(made, "activation", None), Function):
        assert made.activation.formula is case.layer.activation.formula


def test_every_option_is_told_and_may_be_missing() -> None:
    """A default that changes later must not change what a file means; an option that comes later has its default."""
    assert config_json(Dense(3)) == {"units": 3, "activation": {"function": "linear"}, "use_bias": True}
    told = config_json(MaxPooling2D(3))
    assert told["pool_size"] == told["strides"] == [3, 3]
    assert make_layer("MaxPooling2D", told) == make_layer("MaxPooling2D", {"pool_size": [3, 3]}) == MaxPooling2D(3)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 0.1, 1e-310, 3, True, None, 'a"b', ((1,), ())])
def test_values_come_back(value: Any) -> None:
    text = json.dumps(encoded(value, ""), allow_nan=False)
    assert repr(decoded(json.loads(text))) == repr(value)


def test_functions_come_back() -> None:
    for function in (*FUNCTIONS.values(), FUNCTIONS["elu"].with_(alpha=math.inf), FUNCTIONS["celu"].with_(alpha=2)):
        made = decoded(json.loads(json.dumps(encoded(function, ""), allow_nan=False)))
        assert made == function and made.formula is function.formula
    assert encoded(FUNCTIONS["elu"], "") == {"function": "elu", "constants": {"alpha": 1.0}}


def test_what_is_not_glnns_is_not_saved() -> None:
    @dataclasses.dataclass(frozen=True)
    class Mine(Layer):
        pass

    with pytest.raises(UnsupportedError, match="Mine(.|\n)*not registered"):
        layer_name(Mine())
    with pytest.raises(InputError, match="'mine' is none of glnn's own"):
        config_json(Activation(Function("mine", (), np.tanh)))
    layer_ = LeakyReLU(0.5)
    object.__setattr__(layer_, "negative_slope", [1])  # what no config makes
    with pytest.raises(InputError, match="LeakyReLU.negative_slope holds .1., a list"):
        config_json(layer_)


@given(inf=st.floats(), slope=st.floats(allow_nan=False))
def test_numbers_of_configs_come_back(inf: float, slope: float) -> None:
    for layer_ in (ELU(inf), LeakyReLU(slope), ReLU(max_value=abs(slope))):
        made = make_layer(layer_name(layer_), json.loads(json.dumps(config_json(layer_), allow_nan=False)))
        assert repr(made) == repr(layer_)


# ---- files


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


# ---- mapped memory


def all_arrays(graph: Graph) -> list[np.ndarray]:
    weights = [w for node in graph.nodes for w in node.weights.values()]
    return [w.codes if isinstance(w, Quantized) else w for w in weights if getattr(w, "codec", "") != "uint4"]


def test_weights_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    graph = load(save(small(), tmp_path / "m.glnn"))
    arrays = all_arrays(graph)
    assert len(arrays) == 10
    for array in arrays:
        assert not array.flags.writeable and not array.flags.owndata and array.flags.aligned
        root: Any = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        assert isinstance(root.base, mmap.mmap)
        assert np.shares_memory(array, np.frombuffer(root.base, np.uint8))


def test_loading_reads_no_weights(tmp_path: Path) -> None:
    maps = Path("/proc/self/smaps")
    if not maps.is_file():
        pytest.skip("no /proc/self/smaps here")
    kernel = np.zeros((4000, 4000), np.float32)
    weights = {"kernel": kernel, "bias": np.zeros(4000, np.float32)}
    node = Node("d", Dense(4000), ("x",), ("d",), weights)
    path = save(Graph("g", (TensorSpec("x", (None, 4000)),), (node,), ("d",)), tmp_path / "large.glnn")

    def resident() -> int:
        blocks = maps.read_text().split("large.glnn")[1:]
        return sum(int(re.search(r"Rss:\s+(\d+) kB", block).group(1)) for block in blocks)  # type: ignore[union-attr]

    graph = load(path)
    assert resident() < 2000  # of 64 MB; the page around a byte that is touched counts
    assert graph.nodes[0].weights["kernel"].sum() == 0
    assert resident() > 60000  # this is how reading would show


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


# ---- the container, against the official package


def test_the_official_package_reads_our_files(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    graph = small()
    path = save(graph, tmp_path / "m.glnn")
    found = safetensors.load_file(path)
    ours = open_tensors(path).tensors()
    assert found.keys() == ours.keys() and len(found) == 13
    for name, array in found.items():
        assert array.dtype == ours[name].dtype
        np.testing.assert_array_equal(array, ours[name])
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        assert json.loads(file.metadata()["glnn"])["name"] == "small"


def test_files_of_the_official_package_are_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    graph = small()
    file = open_tensors(save(graph, tmp_path / "m.glnn"))
    tensors = {name: np.array(array) for name, array in file.tensors().items()}
    metadata = {**file.metadata, "format": "np", "note": "whatever else stands here is not glnn's"}
    safetensors.save_file(tensors, tmp_path / "theirs.glnn", metadata)
    same_graph(graph, load(tmp_path / "theirs.glnn"))


def test_dtypes_of_the_container(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    kinds = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", ">f4", ">u2"]
    tensors = {kind: np.arange(5 * n).reshape(5, n).astype(kind) for n, kind in enumerate(kinds)}
    tensors["scalar"], tensors["turned"] = np.float32(3)[()].reshape(()), tensors["f4"].T
    write_tensors(tmp_path / "a", tensors, {})
    theirs, ours = safetensors.load_file(tmp_path / "a"), open_tensors(tmp_path / "a").tensors()
    for name, array in tensors.items():
        np.testing.assert_array_equal(theirs[name], array)
        np.testing.assert_array_equal(ours[name], array)
        assert ours[name].flags.aligned and ours[name].dtype == array.dtype.newbyteorder("<")
    raw = (tmp_path / "a").read_bytes()
    assert (8 + int.from_bytes(raw[:8], "little")) % 8 == 0
    with pytest.raises(InputError, match="complex"):
        write_tensors(tmp_path / "b", {"c": np.zeros(3, complex)}, {})


def test_unaligned_tensors_of_other_writers_are_copied(tmp_path: Path) -> None:
    entries = {
        "bytes": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "floats": {"dtype": "F32", "shape": [2], "data_offsets": [3, 11]},
    }
    header = json.dumps(entries).encode()
    data = bytes([1, 2, 3]) + np.array([1.5, -2], "<f4").tobytes()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + data)
    array = open_tensors(tmp_path / "a").tensors()["floats"]
    assert array.flags.aligned and not array.flags.writeable
    np.testing.assert_array_equal(array, np.float32([1.5, -2]))
