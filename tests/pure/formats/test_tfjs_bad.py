"""Damaged TensorFlow.js models: each way has an exception that names the file and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.tfjs_files import dense_group, draw, refused, small, two_layers, write_tfjs

from glnn.errors import GlnnError, GraphError, ModelFileError, WeightsMismatchError
from glnn.formats import load

Change = Callable[[dict[str, Any], list[dict[str, Any]]], Any]
Case = tuple[str, Change, type[Exception], tuple[str, ...]]


def put(key: str, value: Any, number: int = 0) -> Change:
    return lambda content, items: items[number].__setitem__(key, value)


def requantize(**told: Any) -> Change:
    return lambda content, items: items[0]["quantization"].update(told)


CHANGES: list[Case] = [
    ("shape", put("shape", [3, 4]), WeightsMismatchError, ("'first'", "'kernel'", "(4, 3)", "(3, 4)")),
    ("larger shape", put("shape", [4, 4]), ModelFileError, ("27 bytes", "hold 23", "cut short")),
    ("smaller shape", put("shape", [4, 2]), ModelFileError, ("19 bytes", "hold 23", "another model")),
    ("shape of words", put("shape", ["4", 3]), ModelFileError, ("'first/kernel'", "no list of sizes")),
    ("negative shape", put("shape", [-4, -3]), ModelFileError, ("'first/kernel'", "[-4, -3]")),
    ("dtype", put("dtype", "float33"), ModelFileError, ("'first/kernel'", "'float33'", "float32, int32")),
    ("string", put("dtype", "string", 1), ModelFileError, ("'first/bias'", "'string'", "quantized", "float32, int32")),
    ("complex", lambda c, i: (put("dtype", "complex64")(c, i), i[0].pop("quantization")),
     ModelFileError, ("'complex64'", "float32, float16, int32, uint8, bool")),
    ("no dtype", put("dtype", None), ModelFileError, ("'first/kernel'", "None")),
    ("no name", lambda c, items: items[1].pop("name"), ModelFileError, ("entry 1 of group 0", "'name'")),
    ("NaN scale", requantize(scale=float("nan")), ModelFileError, ("NaN is no number in JSON",)),
    ("infinite min", requantize(min=float("-inf")), ModelFileError, ("'first/kernel'", "min -inf")),
    ("no min", lambda c, items: items[0]["quantization"].pop("min"), ModelFileError, ("'first/kernel'", "min None")),
    ("zero scale", requantize(scale=0), ModelFileError, ("'first/kernel'", "scale 0", "no width", "above 0")),
    ("negative scale", requantize(scale=-0.5), ModelFileError, ("scale -0.5", "no width")),
    ("tiny scale", requantize(scale=1e-60), ModelFileError, ("scale 1e-60", "no width")),
    ("huge scale", requantize(scale=3e38), ModelFileError, ("3e+38", "beyond float32")),
    ("scale of words", requantize(scale="0.1"), ModelFileError, ("scale '0.1'", "a number")),
    ("quantization", requantize(dtype="uint4"), ModelFileError, ("'uint4'", "float16, uint8, uint16")),
    ("quantization is text", put("quantization", "uint8"), ModelFileError, ("quantization 'uint8'",)),
    ("halves of int32", lambda c, i: (i[0].update(dtype="int32"), i[0]["quantization"].update(dtype="float16")),
     ModelFileError, ("'int32'", "only float32")),
    ("renamed", put("name", "third/kernel"), WeightsMismatchError, ("'first'", "needs", "the file has 1")),
    ("missing layer", lambda c, items: (put("name", "a/kernel", 2)(c, items), put("name", "a/bias", 3)(c, items)),
     WeightsMismatchError, ("no weights for layer 'second'", "kernel (3, 2), bias (2,)", "first, a")),
    ("group is text", lambda c, items: c["weightsManifest"].append("x"), ModelFileError, ("group 1", "object", "str")),
    ("no list", lambda c, items: c.update(weightsManifest={}), ModelFileError, ("'weightsManifest'", "a list", "dict")),
    ("no paths", lambda c, items: c["weightsManifest"][0].pop("paths"), ModelFileError, ("'paths' of group 0", "list")),
    ("bad path", lambda c, items: c["weightsManifest"][0].update(paths=[3]), ModelFileError, ("holds 3", "path")),
    ("zero byte", lambda c, items: c["weightsManifest"][0].update(paths=["a\0b"]), ModelFileError, ("missing",)),
    ("long path", lambda c, items: c["weightsManifest"][0].update(paths=["x" * 9999]), ModelFileError, ("missing",)),
    ("no shards", lambda c, items: c["weightsManifest"][0].update(paths=[]), ModelFileError, ("23 bytes", "hold 0")),
    ("no manifest", lambda c, items: c.pop("weightsManifest"), ModelFileError, ("none were found", "weightsManifest")),
    ("no topology", lambda c, items: c.update(modelTopology=None), ModelFileError, ("no 'modelTopology'",)),
    ("text topology", lambda c, items: c.update(modelTopology="x"), ModelFileError, ("'modelTopology'", "str")),
    ("graph model", lambda c, items: c.update(format="graph-model"), ModelFileError, ("'node'", "should be a list")),
    ("nodes", lambda c, items: c.update(modelTopology={"node": []}), GraphError, ("no outputs",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CHANGES, ids=[case[0] for case in CHANGES])
def test_manifests_that_are_wrong(tmp_path: Path, case: Case) -> None:
    _, change, error, words = case
    path, _ = small(tmp_path)
    content = json.loads(path.read_text())
    change(content, content["weightsManifest"][0]["weights"])
    path.write_text(json.dumps(content))
    refused(path, "model.json", *words, error=error)


def test_missing_shard(tmp_path: Path) -> None:
    path, _ = small(tmp_path)
    (tmp_path / "group1-shard2of3.bin").unlink()
    refused(path, "'group1-shard2of3.bin'", "missing", "group1-shard1of3.bin", "weights=")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"12345", ("23 bytes", "hold 19", "group1-shard1of3.bin (5 bytes)", "cut short")),
        (b"0123456789abc", ("23 bytes", "hold 27", "(13 bytes)", "another model")),
        (b"", ("group1-shard1of3.bin", "empty")),
        (b"<!DOC", ("cut short", "HTML")),
    ],
)
def test_shards_of_a_wrong_size(tmp_path: Path, content: bytes, words: tuple[str, ...]) -> None:
    path, _ = small(tmp_path)
    (tmp_path / "group1-shard1of3.bin").write_bytes(content)
    refused(path, *words)


def test_a_shard_that_is_a_pointer_of_git_lfs(tmp_path: Path) -> None:
    weights = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    path = write_tfjs(tmp_path, two_layers(), [weights])
    (tmp_path / "group1-shard1of1.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid")
    refused(path, "group1-shard1of1.bin", "git lfs pull")


def test_weights_of_another_model(tmp_path: Path) -> None:
    good = {**dense_group("first", 4, 3), **dense_group("second", 3, 2)}
    extra = write_tfjs(tmp_path, two_layers(), [{**good, **dense_group("third", 2, 2)}])
    refused(extra, "'third'", "third/kernel (2, 2)", "no such layer", error=WeightsMismatchError)
    few = write_tfjs(tmp_path, two_layers(), [dense_group("first", 4, 3)])
    refused(few, "no weights for layer 'second'", "kernel (3, 2)", error=WeightsMismatchError)
    none = write_tfjs(tmp_path, two_layers(), [])
    refused(none, "needs 4 weights", "the file has 0", error=WeightsMismatchError)
    other = write_tfjs(tmp_path, two_layers(), [{**dense_group("a", 4, 3), **dense_group("b", 3, 2)}])
    refused(other, "no weights for layer 'first'", "a, b", error=WeightsMismatchError)
    flat = write_tfjs(tmp_path, two_layers(), [{"w": draw(4, 3), "b": draw(3)}])
    refused(flat, "needs 4 weights", "the file has 2 (w (4, 3), b (3,))", error=WeightsMismatchError)


def test_malformed_json(tmp_path: Path) -> None:
    path, _ = small(tmp_path)
    path.write_text(path.read_text()[:-30])
    for where in (path, tmp_path):
        refused(where, "model.json", "malformed JSON at line 1")


def test_metadata_is_of_another_format(tmp_path: Path) -> None:
    path, _ = small(tmp_path)
    refused(path, "metadata in itself", metadata=path)


def test_a_shard_is_no_model(tmp_path: Path) -> None:
    small(tmp_path)
    refused(tmp_path / "group1-shard1of3.bin", "shard of a TensorFlow.js model", "model.json", "Formats read")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@pytest.mark.parametrize("junk", [None, "x", -3, [], {}, 1e400, float("nan"), True, [[["x"]]], 10**40])
def test_damage_anywhere_has_a_name(tmp_path: Path, junk: Any) -> None:
    """Whatever stands in the wrong place: the model loads, or the exception is glnn's own."""
    path, _ = small(tmp_path)
    whole = path.read_text()
    for number in range(len(places(json.loads(whole)))):
        content = json.loads(whole)
        container, key = places(content)[number]
        container[key] = junk
        path.write_text(json.dumps(content))
        try:
            load(path)
        except GlnnError:
            pass
