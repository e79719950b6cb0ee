"""Damaged files in glnn's own format: each damage has a named error that says what is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.formats import damaged, parts, put, same_graph, small

from glnn.errors import GlnnError, GraphError, ModelFileError, UnsupportedError, WeightsMismatchError
from glnn.formats import load
from glnn.formats.native.container import open_tensors, write_tensors
from glnn.formats.native.write import save


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(small(), tmp_path / "m.glnn")


def refused(error: type[GlnnError], path: Path, *words: str) -> str:
    with pytest.raises(error) as caught:
        load(path)
    assert type(caught.value) is error
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message, message
    return message


def test_truncated(saved: Path) -> None:
    raw = saved.read_bytes()
    for length in (1, 7, 8, 9, 100, len(raw) // 2, len(raw) - 1):
        saved.write_bytes(raw[:length])
        refused(ModelFileError, saved, "truncated")
    saved.write_bytes(raw + b"\0")
    refused(ModelFileError, saved, "1 bytes after the last tensor")


def test_header_length(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = saved.read_bytes()
    saved.write_bytes((2**40).to_bytes(8, "little") + raw[8:])
    refused(ModelFileError, saved, "header should take 1099511627776 bytes", "truncated or damaged")
    with saved.open("wb") as file:  # sparse: a header of 200 MB that is really there
        file.write((200_000_000).to_bytes(8, "little") + b"{")
        file.truncate(200_000_008)
    refused(ModelFileError, saved, "a header of 200000000 bytes; at most 100000000")


@pytest.mark.parametrize(
    "header, word",
    [
        (b"{not json     ", "malformed JSON"),
        (b'{"a":\xff}', "not text in UTF-8"),
        (b"{" * 9 + b'"a":' * 3, "malformed JSON"),
        (b'{"a":' * 50_000, "malformed JSON"),
        (b'{"a":1,"a":2}', "'a' stands twice"),
        (b'{"a":NaN}', "NaN is no number"),
        (b'{"a":1e999}', "beyond float64"),
        (b'{"a":' + b"9" * 5000 + b"}", "malformed JSON"),
        (b'{"__metadata__":[]}', "must hold strings"),
        (b'{"__metadata__":{"glnn":1}}', "must hold strings"),
    ],
)
def test_headers_that_are_none(tmp_path: Path, header: bytes, word: str) -> None:
    refused(ModelFileError, put(tmp_path / "m.glnn", header, b""), word)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda h: h["0"].update(dtype="BF16"), ("'0'", "'BF16'", "F32")),
        (lambda h: h["0"].update(dtype=7), ("'0'", "dtype 7")),
        (lambda h: h["0"].pop("shape"), ("'0' needs dtype, shape",)),
        (lambda h: h.update({"0": 3}), ("'0' needs dtype, shape",)),
        (lambda h: h["0"].update(shape=[-1, 3]), ("whole numbers",)),
        (lambda h: h["0"].update(shape=[True, 3]), ("whole numbers",)),
        (lambda h: h["0"].update(shape=[1.0, 3]), ("whole numbers",)),
        (lambda h: h["0"].update(shape=[1] * 40), ("whole numbers",)),
        (lambda h: h["0"].update(shape=[3, 2**62, 2**62]), ("takes", "span")),
        (lambda h: h["1"].update(shape=[5]), ("'1'", "takes 20 bytes", "span 12")),
        (lambda h: h["1"].update(data_offsets=[12, 0]), ("'1'", "span -12")),
        (lambda h: h["1"].update(data_offsets=[0, 12]), ("overlap",)),
        (lambda h: h["1"].update(data_offsets=[10**9, 10**9 + 12]), ("belong to nothing",)),
        (lambda h: h.pop("1"), ("belong to nothing",)),
        (lambda h: h.update(z={"dtype": "U8", "shape": [10**12], "data_offsets": [10**3, 10**3 + 10**12]}), ()),
        (lambda h: h.update(z={"dtype": "U8", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}), ("'z'",)),
    ],
)
def test_tensors_that_do_not_fit(saved: Path, change: Callable[[Any], Any], words: tuple[str, ...]) -> None:
    header, _, data = parts(saved)
    change(header)
    refused(ModelFileError, put(saved, header, data), *words)


def node(graph: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in graph["nodes"] if item["name"] == name)


def kind(graph: dict[str, Any], name: str) -> dict[str, Any]:
    return graph["layers"][node(graph, name)["layer"]]


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], Any], type[GlnnError], tuple[str, ...]]] = {
    "newer": (lambda g: g.update(version=4), ModelFileError, ("version 4; this glnn reads 3: update glnn",)),
    "version 0": (lambda g: g.update(version=0), ModelFileError, ("version 0",)),
    "version text": (lambda g: g.update(version="1"), ModelFileError, ("'version' is '1'", "int")),
    "version true": (lambda g: g.update(version=True), ModelFileError, ("'version' is True",)),
    "no nodes": (lambda g: g.pop("nodes"), ModelFileError, ("lacks 'nodes'",)),
    "unknown field": (lambda g: g.update(more=1), ModelFileError, ("'more'", "not known")),
    "unknown node field": (lambda g: g["nodes"][0].update(x=1), ModelFileError, ("layer 'first'", "'x'")),
    "input shape": (lambda g: g["inputs"][0].update(shape=[None, -2]), ModelFileError, ("'left'", "-2")),
    "input dtype": (lambda g: g["inputs"][0].update(dtype="object"), ModelFileError, ("'object'",)),
    "nodes no list": (lambda g: g.update(nodes={}), ModelFileError, ("'nodes'", "list")),
    "node no object": (lambda g: g["nodes"].append([]), ModelFileError, ("node 8", "not an object")),
    "outputs no names": (lambda g: g.update(outputs=[1]), ModelFileError, ("'outputs'",)),
    "layer number": (lambda g: g["nodes"][0].update(layer=99), ModelFileError, ("99",)),
    "negative layer": (lambda g: g["nodes"][0].update(layer=-1), ModelFileError, ("-1",)),
    "missing tensor": (lambda g: node(g, "second")["weights"].__setitem__(1, "99"), ModelFileError, ("tensor '99'",)),
    "too few weights": (lambda g: node(g, "second")["weights"].pop(), ModelFileError, ("names 1 weights",)),
    "weight names twice": (lambda g: kind(g, "second").update(weights=["kernel"] * 2), ModelFileError, ("one name",)),
    "weight no name": (lambda g: node(g, "second")["weights"].__setitem__(1, 4), ModelFileError, ("not an object",)),
    "codes as values": (
        lambda g: node(g, "second").update(weights=["2", "3"]), ModelFileError, ("'2' holds uint8", "float32")),
    "values as codes": (
        lambda g: node(g, "second").update(weights=[{"uint8": "3"}, "3"]), ModelFileError, ("'3' holds float32",)),
    "bytes as uint16": (
        lambda g: node(g, "second").update(weights=[{"uint16": "2"}, "3"]), ModelFileError, ("uint16 is needed",)),
    "uint4 without shape": (
        lambda g: g["nodes"][0]["weights"].__setitem__(0, {"uint4": "0"}), ModelFileError, ("lacks 'shape'",)),
    "uint4 of another shape": (
        lambda g: g["nodes"][0]["weights"][0].update(shape=[5, 4]), ModelFileError, ("8 bytes of uint4",)),
    "uint4 of no shape": (
        lambda g: g["nodes"][0]["weights"][0].update(shape=[{}, 4]), ModelFileError, ("8 bytes of uint4",)),
    "shape beside uint8": (
        lambda g: node(g, "second")["weights"][0].update(shape=[3, 7]), ModelFileError, ("'shape'",)),
    "unused tensor": (
        lambda g: node(g, "second").update(weights=["3", "3"]), ModelFileError, ("belongs to no layer",)),
    "codec": (
        lambda g: node(g, "second")["weights"].__setitem__(0, {"int3": "2"}),
        UnsupportedError, ("layer 'second'", "'int3'", "uint4")),
    "class": (lambda g: kind(g, "sum").update({"class": "Bomb"}), UnsupportedError, ("'sum'", "'Bomb'")),
    "class by path": (lambda g: kind(g, "sum").update({"class": "os.system"}), UnsupportedError, ("os.system",)),
    "option": (lambda g: kind(g, "sum").update(config={"a": 1}), UnsupportedError, ("Add: option a=1",)),
    "config": (lambda g: kind(g, "second").update(config={"units": "x"}), UnsupportedError, ("'units': 'x'",)),
    "function": (
        lambda g: kind(g, "second")["config"].update(activation={"function": "eval"}), UnsupportedError, ("'eval'",)),
    "constants": (
        lambda g: kind(g, "second")["config"].update(activation={"function": "elu", "constants": {"a": 1}}),
        UnsupportedError, ("elu takes numbers for",)),
    "units": (lambda g: kind(g, "third")["config"].update(units=5), WeightsMismatchError, ("'third'", "(7, 5)")),
    "weight name": (
        lambda g: kind(g, "third").update(weights=["kernel", "bios"]), WeightsMismatchError, ("a weight 'bias'",)),
    "unknown input": (lambda g: g["nodes"][0].update(inputs=["nowhere"]), GraphError, ("nowhere",)),
    "cycle": (lambda g: g["nodes"][0].update(inputs=["second"]), GraphError, ("'second'", "nothing before")),
    "two of a name": (lambda g: node(g, "third").update(name="sum"), GraphError, ("two layers are called 'sum'",)),
    "output": (lambda g: g.update(outputs=["a", "b"]), GraphError, ("output 'a'",)),
    "output names": (lambda g: g.update(output_names=["a"]), GraphError, ("2 outputs but 1 names",)),
    "activation of nothing": (
        lambda g: g["activations"].update(zzz={"codec": "float16"}), GraphError, ("'zzz'",)),
    "activation codec": (
        lambda g: g["activations"]["sum"].update(codec="mp3"), UnsupportedError, ("tensor 'sum'", "'mp3'")),
    "negative range": (
        lambda g: g["activations"]["second"].update(high=-1.0), ModelFileError, ("-0.1 to -1.0", "width")),
    "empty range": (
        lambda g: g["activations"]["second"].update(high=-0.1), ModelFileError, ("a positive width",)),
    "options of nothing": (
        lambda g: g.setdefault("options", {}).update(Magic={"a": 1}), ModelFileError, ("'Magic'", "no layer has")),
    "options as text": (
        lambda g: g.update(options={g["layers"][0]["class"]: "all"}), ModelFileError, ("options of class", "'all'")),
    "range text": (lambda g: g["activations"]["second"].update(high="1"), ModelFileError, ("'high'", "float")),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_graphs_that_do_not_hold(saved: Path, name: str) -> None:
    change, error, words = DAMAGES[name]
    refused(error, damaged(saved, change), *words)


def test_a_name_twice_in_the_graph(saved: Path) -> None:
    header, graph, data = parts(saved)
    header["__metadata__"]["glnn"] = json.dumps(graph)[:-1] + ',"nodes":[]}'
    refused(ModelFileError, put(saved, header, data), "its graph", "'nodes' stands twice")


def test_all_that_is_unsupported_is_told_together(saved: Path) -> None:
    header, graph, data = parts(saved)
    kind(graph, "first")["class"], kind(graph, "sum")["class"] = "Foo", "Bar"
    graph["activations"]["second"]["codec"] = "mp3"
    header["__metadata__"]["glnn"] = json.dumps(graph)
    put(saved, header, data)
    message = refused(UnsupportedError, saved, "4 things", "layer 'inner/first'", "Foo", "Bar", "mp3")
    assert message.count("Foo") == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scales_that_are_no_numbers(saved: Path, value: float) -> None:
    header, _, data = parts(saved)
    first, last = header["2.affine"]["data_offsets"]
    for place in (first, last - 4):  # scale, low
        bad = data[:place] + np.float32(value).tobytes() + data[place + 4 :]
        refused(ModelFileError, put(saved, header, bad), "layer 'second'", "holds NaN or infinity")


def test_scales_of_another_shape(saved: Path) -> None:
    header, _, data = parts(saved)
    header["4.affine"]["shape"] = [1, 2, 4]
    refused(ModelFileError, put(saved, header, data), "layer 'third'", "(1, 2, 4)", "(7, 4)")


def test_safetensors_without_a_graph(tmp_path: Path) -> None:
    write_tensors(tmp_path / "weights.safetensors", {"a": np.zeros(3, np.float32)}, {"format": "pt"})
    refused(ModelFileError, tmp_path / "weights.safetensors", "weights only (1 tensors)", "no graph")
    with pytest.raises(ModelFileError, match="no file in this folder is a model"):
        load(tmp_path)


def test_companions_are_refused(saved: Path) -> None:
    with pytest.raises(ModelFileError, match="leave weights= out"):
        load(saved, weights=saved)
    with pytest.raises(ModelFileError, match="leave metadata= out"):
        load(saved, metadata=saved)


def test_other_files_called_glnn(tmp_path: Path) -> None:
    for content, word in ((b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "PNG"), (b"", "empty"), (b'{"a": 1}', "not a Keras")):
        (tmp_path / "m.glnn").write_bytes(content)
        refused(ModelFileError, tmp_path / "m.glnn", word)


def test_a_header_length_that_reads_as_json(tmp_path: Path) -> None:
    """31520 is b' {' in little-endian, as a JSON file may begin."""
    graph = small()
    file = open_tensors(save(graph, tmp_path / "m.glnn"))
    spare = 31520 - (len(json.dumps(file.entries)) + len(json.dumps(file.metadata)))
    for pad in range(spare - 400, spare + 400, 8):
        path = tmp_path / "padded.glnn"
        write_tensors(path, file.tensors(), {**file.metadata, "pad": "x" * pad})
        if path.read_bytes()[:2] == b" {":
            return same_graph(graph, load(path))
    pytest.fail("no header came out 31520 bytes long")
