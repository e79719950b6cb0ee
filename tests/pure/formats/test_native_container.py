"""The container of glnn's own file: weights stay in mapped memory, and the official package of safetensors agrees."""

from __future__ import annotations

import json
import mmap
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.formats import same_graph, small

from glnn.errors import InputError
from glnn.formats import load
from glnn.formats.native.container import open_tensors, write_tensors
from glnn.formats.native.write import save
from glnn.graph import Graph, Node, TensorSpec
from glnn.graph.quantized import Quantized
from glnn.layers.core import Dense

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


# ---- against the official package


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
