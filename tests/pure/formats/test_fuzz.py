"""Some of the broken files and arguments of `make fuzz`, and what it found, by kind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support import broken_files as broken
from support.bad_files import refused
from support.broken_files import table
from support.fuzz.readers import READERS
from support.fuzz.run import ROOMS, fault_of, fuzzed
from support.fuzz.seeds import FORMATS
from support.graph_models import GraphModel
from support.keras_files import called, functional, layer
from support.models import one

from glnn import Device, Model
from glnn.errors import GlnnError, GraphError, ModelFileError, UnsupportedError
from glnn.formats.hdf5_heaps import PIECE, endless
from glnn.layers.pooling import MaxPooling2D

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits are those of Linux")


@linux
@pytest.mark.parametrize("count", [pytest.param(1000, marks=pytest.mark.whole), 30])
def test_nothing_but_errors_of_glnn(count: int) -> None:
    """Other files than those of docs/fuzzing.md: seed 2."""
    for form, tally in fuzzed(dict.fromkeys(FORMATS, count), seed=2).items():
        assert tally.files == count and not tally.faults, (form, tally.faults)
        assert sum(tally.errors.values()) > count / 10, (form, tally.errors)


@linux
@pytest.mark.parametrize("count", [pytest.param(1000, marks=pytest.mark.whole), 8])
def test_nothing_but_errors_of_glnn_for_what_is_no_model(count: int) -> None:
    """Files of other kinds, arguments, and command lines, of which one line tells what is wrong."""
    counts = dict.fromkeys(READERS, count) | dict.fromkeys(ROOMS, 5 * count)
    for kind, tally in fuzzed(counts, seed=2).items():
        assert tally.files == counts[kind] and not tally.faults, (kind, tally.faults)
        assert tally.errors, kind


def test_faults_of_arguments() -> None:
    told = {"error": "TypeError", "ours": False, "message": "", "mb": 0, "seconds": 0}
    assert "none of glnn's" in fault_of(told, None)
    assert not fault_of(told | {"ours": True}, None) and "name the file" in fault_of(told | {"ours": True}, Path("a/b"))


@linux
def test_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tally tells of files that do harm: were 0 seconds allowed, all of them would."""
    monkeypatch.setattr("support.broken_worker.SECONDS", 0)
    tally = fuzzed({".keras": 5}, seed=2)[".keras"]
    assert len(tally.faults) == 5 and " s" in tally.faults[0]["fault"]


# ---- what was found


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_members_that_keras_does_not_pack_so(tmp_path: Path, method: int) -> None:
    """A damaged one raises the unpacker's own error, and a dictionary takes the memory that the file asks for."""
    path = broken.archive(tmp_path, kind=method)
    refused(ModelFileError, path, "m.keras", f"method {method}")


def test_heaps_behind_which_hdf5_looks_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Free space of no size: the library never comes back, so that it is not to be reached."""
    path, kept = tmp_path / "m.h5", "x" * 40
    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = kept, "3.0.0"
        file["values"] = np.zeros(PIECE // 4, np.float32)
        file["values"].attrs["names"] = np.array(["a", "bc"], object)
    data = path.read_bytes()
    heaps = [k for k in range(len(data)) if data.startswith(b"GCOL", k)]
    assert heaps and endless(io.BytesIO(data)) is None
    for heap in heaps:
        at = heap + 16
        while number := int.from_bytes(data[at : at + 2], "little"):
            at += 16 + (int.from_bytes(data[at + 8 : at + 16], "little") + 7) // 8 * 8
        assert number == 0 and any(data[at + 8 : at + 16])
        broken_data = data[: at + 8] + bytes(8) + data[at + 16 :]
        for before in (0, PIECE - 3 - heap % PIECE, PIECE - 8):  # a heap that begins in one piece and ends in the next
            assert endless(io.BytesIO(bytes(before) + broken_data)) == before + at
        path.write_bytes(broken_data)
        with monkeypatch.context() as patched:
            patched.setattr(h5py, "File", lambda *_: pytest.fail("HDF5 is asked"))
            refused(ModelFileError, path, "m.h5", f"at byte {at}")


ENTRIES: dict[str, Any] = {
    "beyond 64 bits": {"shape": [10**30]}, "infinite": {"offset": float("inf")}, "a fraction": {"length": 2.5},
    "true": {"offset": True}, "negative sizes": {"shape": [-4, -3]},
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_numbers_of_a_kerasjs_entry(tmp_path: Path, name: str) -> None:
    path = table.kerasjs(tmp_path)
    place = tmp_path / "m_metadata.json"
    told = json.loads(place.read_text())
    told[0].update(ENTRIES[name])
    place.write_text(json.dumps(told))
    refused(ModelFileError, path, "m_metadata.json")


def test_a_shape_whose_size_is_too_long_to_print(tmp_path: Path) -> None:
    path = table.kerasjs_bin(tmp_path, change=lambda items: items[0].extend([(3, 2**62)] * 400))
    refused(ModelFileError, path, "m.bin", "402 axes")


def old_native(change: Callable[[dict[str, Any]], None], folder: Path) -> Path:
    from support.formats import damaged

    source = Path(__file__).parents[2] / "golden" / "native1" / "fused.glnn"
    path = folder / "m.glnn"
    path.write_bytes(source.read_bytes())
    return damaged(path, change)


def maximum(graph: dict[str, Any]) -> int:
    """The number of a layer that version 1 ended with a function."""
    return next(k for k, item in enumerate(graph["layers"]) if item["class"] == "Maximum")


def test_a_fused_layer_of_version_1_without_ends(tmp_path: Path) -> None:
    def node(graph: dict[str, Any]) -> dict[str, Any]:
        return next(item for item in graph["nodes"] if item["layer"] == maximum(graph))

    for key in ("inputs", "outputs"):
        path = old_native(lambda graph, k=key: node(graph).update({k: []}), tmp_path)
        refused(ModelFileError, path, "m.glnn", "layer")


@pytest.mark.parametrize("value", [3, {"function": "nope"}, {"layer": [], "config": {}}, None, "relu"], ids=repr)
def test_a_fused_activation_of_version_1_that_is_none(tmp_path: Path, value: Any) -> None:
    def change(graph: dict[str, Any]) -> None:
        graph["layers"][maximum(graph)].setdefault("config", {})["activation"] = value

    refused(UnsupportedError, old_native(change, tmp_path), "m.glnn", "activation")


LONE = {  # layers that take one tensor and layers that take several, called on none
    "LSTM": {"units": 3}, "GRU": {"units": 3, "return_state": True}, "Dense": {"units": 3}, "Flatten": {},
    "Activation": {"activation": "relu"}, "Masking": {}, "Concatenate": {}, "Add": {}, "Dot": {"axes": 1},
    "Attention": {}, "Embedding": {"input_dim": 3, "output_dim": 2}, "BatchNormalization": {},
    "TimeDistributed": {"layer": layer("Dense", "inner", units=3)},
    "Bidirectional": {"layer": layer("LSTM", "inner", units=3)}, "ConvLSTM2D": {"filters": 2, "kernel_size": 3},
    "Sequential": {"layers": [layer("Dense", "inner", units=3)]},
}  # fmt: skip


@pytest.mark.parametrize("kind", LONE)
def test_a_layer_that_is_called_on_nothing(tmp_path: Path, kind: str) -> None:
    layers = [called("InputLayer", "x", batch_input_shape=[None, 4, 5]), called(kind, "lone", **LONE[kind])]
    layers[1]["inbound_nodes"] = [[]]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(functional("m", ["x"], ["lone"], layers)))
    with pytest.raises(GlnnError, match=r"m\.json") as told:
        Model.load(path)
    assert "called on 0 tensors" in str(told.value)


@pytest.mark.parametrize(
    "call", [("Reshape", "x", ""), ("Gather", "x", ""), ("MatMul", "", "x"), ("Max", "x", ""), ("Conv", "x", "", "x")]
)
def test_inputs_of_operators_that_are_left_out(tmp_path: Path, call: tuple[str, ...]) -> None:
    onnx = pytest.importorskip("onnx")
    name, *inputs = call
    ends = [onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [2, 3]) for end in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node(name, inputs, ["y"])], "g", ends[:1], ends[1:])
    (tmp_path / "m.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    refused(GraphError, tmp_path / "m.onnx", "m.onnx", f"({name}) cannot take", "nothing")


@pytest.mark.parametrize("option", ["pool_size", "strides"])
def test_sizes_that_no_shader_counts(option: str) -> None:
    """Of a layer without weights, whose output is small all the same."""
    layer = MaxPooling2D(**{"pool_size": (3, 3), "strides": (3, 3), "padding": "same", option: (10**30, 3)})
    with Model(one(layer, (4, 5, 2)), Device("numpy")) as model, pytest.raises(GlnnError, match="layer 'layer'"):
        model.predict(np.ones((1, 4, 5, 2)))


def test_sizes_that_only_memory_would_limit(tmp_path: Path) -> None:
    model = GraphModel()
    image = model.input(np.zeros((1, 3, 3, 1), np.float32))
    made = model.op(
        "CropAndResize", image, np.zeros((1, 4), np.float32), np.zeros(1, np.int32), np.array([7, 7 * 10**8])
    )
    refused(GraphError, model.write(tmp_path, [made]), "CropAndResize", "at most")
