"""What glnn does not read is told for what it is, with what to do next; what stands in a file's place likewise."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_files import layer, sequential, write_kerasjs, write_model, write_weights
from support.seeds import seeded
from support.tfjs_files import refused, write_tfjs

from glnn.errors import GlnnError
from glnn.formats import load
from glnn.graph.reference import run

RNG = seeded(5)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>404</title></head></html>"
SAVE = "save the Keras model with model.save('model.h5')"
EXPORT = "torch.onnx.export("
MODEL = sequential(layer("Dense", "d", units=2, activation="linear", batch_input_shape=[None, 3]))
WEIGHTS = {"d": {"d/kernel:0": RNG.normal(size=(3, 2)), "d/bias:0": RNG.normal(size=2)}}


class Trap:
    """A pickle of this makes a file where it is opened."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.json"))
    return buffer.getvalue()


# The first bytes are those that the programs named write: TensorFlow 2.21, onnx 1.21, coremltools 9, PyTorch 1.5.
FOREIGN: list[tuple[str, bytes, tuple[str, ...]]] = [
    ("PNG", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, ("PNG picture", "load the model's own file")),
    ("JPEG", b"\xff\xd8\xff\xe0" + b"\0" * 40, ("JPEG picture", "load the model's own file")),
    ("npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'", (".npy", "holds no model")),
    ("npz", zipped("a.npy", "b.npy"), (".npz", "holds no model")),
    ("matlab", b"MATLAB 7.3 MAT-file, Platform: GLNXA64", ("MATLAB",)),
    ("gzip", gzip.compress(b"{}"), ("gzip archive", "unpack it first")),
    ("tar", tarred(), ("tar archive", "unpack it first")),
    ("zip", zipped("model.json", "weights.bin", "metadata.json", "x.txt"), ("model.json", "...", "unpack it first")),
    ("broken zip", b"PK\x03\x04nonsense", ("truncated ZIP", "download it again")),
    ("torch", zipped("archive/data.pkl", "archive/data/0"), ("PyTorch", "can run code", EXPORT)),
    ("old torch", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", ("PyTorch", "can run code", EXPORT)),
    *((f"pickled dict {n}", pickle.dumps({"a": 1}, n), ("pickle", "can run code", SAVE, EXPORT)) for n in range(6)),
    *((f"pickled list {n}", pickle.dumps([1, 2], n), ("pickle", "can run code")) for n in range(6)),
    ("pickled object", pickle.dumps(np.float32(1), 0), ("pickle", "can run code")),
    ("tflite", b"\x1c\x00\x00\x00TFL3\x14\x00 \x00\x1c\x00", ("TensorFlow Lite", SAVE)),
    ("core ml", b"\x08\x04\x12\x1a\n\x11\n\x05image\x12\x01x\x1a\x05*\x03\n\x01\x03R", ("Core ML", SAVE)),
    ("core ml 1", b"\x08\x01\x12\x1a\n\x11\n\x05image\x12\x01x\x1a\x05*\x03\n\x01\x03R", ("Core ML", SAVE)),
    ("saved model", b"\x08\x01\x12\xac\xd9\x01\n\x9b\x0e\x12\xeb\r\n^\n\x10AssignVariableOp", ("SavedModel", SAVE)),
    ("frozen", b"\n;\n\x01x\x12\x0bPlaceholder*\x0b\n\x05dtype\x12\x020\x01", ("frozen TensorFlow graph", SAVE)),
    ("graph in text", b'node {\n  name: "x"\n  op: "Placeholder"\n}', ("TensorFlow graph in text", SAVE)),
    ("keras metadata", b'\n\xab\x15\x1a\x04root"\x14_tf_keras_sequential*\x86\x15{"name": "s"', ("SavedModel",)),
    ("UTF-16", '{"class_name": "Sequential"}'.encode("utf-16"), ("UTF-16", "UTF-8")),
    ("checkpoint", b'model_checkpoint_path: "model"\n', ("checkpoint", "weights without a model")),
    ("yaml", b"backend: tensorflow\nclass_name: Sequential\nconfig:\n", ("YAML", "to_json()")),
    ("xml", b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", ("XML", "download that failed")),
    ("text", b"404: Not Found", ("'404: Not Found'", "download that failed")),
    ("zeros", b"\0" * 600, ("zero bytes", "broke off")),
    ("nothing known", b"\x17\x03\x99\xfe" * 9, ("no format that glnn knows", "\\x17")),
]


@pytest.mark.parametrize(("content", "words"), [entry[1:] for entry in FOREIGN], ids=[entry[0] for entry in FOREIGN])
@pytest.mark.parametrize("name", ["m.h5", "m.json", "m.bin"])
def test_by_content_whatever_its_name(tmp_path: Path, content: bytes, words: tuple[str, ...], name: str) -> None:
    if name == "m.bin" and words[0] == "no format that glnn knows":
        words = ("shard of a TensorFlow.js model's weights", "model.json")
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, name, *words, "Formats read:", "Keras HDF5")


@pytest.mark.parametrize("name", ["m.index", "m.data-00000-of-00001", "m.pb", "m.mlmodel", "m.buf"])
def test_by_name_where_the_content_says_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x17\x03\x99\xfe" * 9)
    refused(tmp_path / name, name, "load" if name == "m.buf" else SAVE)


@pytest.mark.parametrize("name", ["m.onnx", "m.h5", "m.bin"])
@pytest.mark.parametrize(
    "content",
    [
        b'\x08\x0e\x12\x07tf2onnx:3\n\x0c\n\x01x\x12\x01y"\x04R',
        b'\x08\x0e:3\n\x0c\n\x01x\x12\x01y"\x04Relu',
        b"\x17\x03\x99\xfe" * 9,
    ],
)
def test_the_beginning_of_an_onnx_file(tmp_path: Path, content: bytes, name: str) -> None:
    """ONNX is read; what is left of such a file, or called so and is none, is told as damaged."""
    (tmp_path / name).write_bytes(content)
    if content[0] == 8 or name == "m.onnx":
        refused(tmp_path / name, name, "cut short or damaged", "download it again")


@pytest.mark.parametrize("text", ['{"format": "graph-model"}', '{"modelTopology": {"node": []}}'])
def test_a_graph_model_that_lacks_a_part(tmp_path: Path, text: str) -> None:
    """Graph-models are read: what one lacks is told, and not that its format is unknown."""
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(GlnnError) as caught:
        load(tmp_path / "m.json")
    assert "m.json" in str(caught.value) and "again" in str(caught.value) and "Keras model" not in str(caught.value)


def test_a_safetensors_file_of_another_program(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    refused(tmp_path / "m.safetensors", "weights only", "no graph", "Load the model that they belong to")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["m.pkl", "m.h5", "m.glnn", "m.keras"])
def test_a_pickle_is_never_opened(tmp_path: Path, protocol: int, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol))
    refused(tmp_path / name, "pickle", "never opens")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["saved_model.pb", "keras_metadata.pb", "fingerprint.pb"], ("SavedModel", "load_model", "model.save(")),
        (["saved_model.pbtxt"], ("SavedModel",)),
        (["checkpoint", "m.index", "m.data-00000-of-00001"], ("checkpoint", "weights without a model")),
        (["m.ckpt-5.index", "m.ckpt-5.data-00000-of-00002"], ("checkpoint",)),
        (["pytorch_model.bin", "notes.txt"], ("no file in this folder is a model", "pytorch_model.bin is a PyTorch")),
        (["frozen.pb"], ("frozen.pb", "TensorFlow graph")),
    ],
)
def test_folders_of_other_programs(tmp_path: Path, names: list[str], words: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(zipped("a/data.pkl") if "pytorch" in name else b"\x17\x03\x99\xfe" * 9)
    (tmp_path / "variables").mkdir()
    refused(tmp_path, *words)
    write_model(tmp_path / "m.h5", MODEL, WEIGHTS)
    if not any(name.endswith(".pb") for name in names):
        assert len(load(tmp_path).nodes) == 1


def test_a_core_ml_package(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    (tmp_path / "Manifest.json").write_text('{"fileFormatVersion": "1.0.0"}')
    refused(tmp_path, "Core ML package", SAVE)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"tfjsVersion": "1.3.1", "tmVersion": "2.4.4", "labels": ["a"]}, "Teachable Machine"),
        ({"architectures": ["BertModel"], "model_type": "bert"}, "transformers"),
        ({"keras_version": "3.8.0", "date_saved": "2025-01-01"}, ".keras archive"),
        ({"error": "Repository not found"}, "error message of a server"),
    ],
)
def test_json_of_other_kinds(tmp_path: Path, content: dict[str, Any], word: str) -> None:
    (tmp_path / "m.json").write_text(json.dumps(content))
    refused(tmp_path / "m.json", "m.json", word)


# ---- in place of a file


@pytest.mark.parametrize(("content", "words"), [(LFS, ("Git LFS pointer", "git lfs pull")), (PAGE, ("HTML", "again"))])
def test_what_stands_in_the_place_of_a_model_or_of_what_goes_with_it(
    tmp_path: Path, content: bytes, words: tuple[str, ...]
) -> None:
    def gone(path: Path, model: Path, **more: Any) -> None:
        kept = path.read_bytes()
        path.write_bytes(content)
        refused(model, path.name, *words, **more)
        path.write_bytes(kept)

    whole = write_model(tmp_path / "whole.h5", MODEL, WEIGHTS)
    gone(whole, whole)
    (tmp_path / "a").mkdir()
    structure = tmp_path / "a" / "m.json"
    structure.write_text(json.dumps(MODEL))
    with h5py.File(tmp_path / "a" / "m.weights.h5", "w") as file:
        write_weights(file, WEIGHTS)
    gone(structure, structure)
    gone(tmp_path / "a" / "m.weights.h5", structure)
    gone(tmp_path / "a" / "m.weights.h5", structure, weights=tmp_path / "a" / "m.weights.h5")
    (tmp_path / "b").mkdir()
    js = write_kerasjs(tmp_path / "b", "net", MODEL, WEIGHTS)
    gone(tmp_path / "b" / "net_weights.buf", js)
    gone(tmp_path / "b" / "net_metadata.json", js)
    (tmp_path / "c").mkdir()
    tfjs = write_tfjs(tmp_path / "c", MODEL, [{"d/kernel": np.ones((3, 2), "f"), "d/bias": np.ones(2, "f")}])
    gone(tmp_path / "c" / "group1-shard1of1.bin", tfjs)
    gone(tfjs, tfjs)


@pytest.mark.parametrize("name", ["torch", "pickled dict 4", "tflite", "npz"])
def test_weights_in_another_format(tmp_path: Path, name: str) -> None:
    content, words = next(entry[1:] for entry in FOREIGN if entry[0] == name)
    (tmp_path / "m.json").write_text(json.dumps(MODEL))
    (tmp_path / "weights").write_bytes(content)
    refused(tmp_path / "m.json", "weights", "an HDF5 file is needed", words[0], weights=tmp_path / "weights")


# ---- JSON in a string


def test_json_in_a_string_is_read(tmp_path: Path) -> None:
    """What json.dump makes of model.to_json(), which is a text already, and of TensorFlow.js' model.toJSON()."""
    x = RNG.normal(size=(2, 3))
    wanted = x @ WEIGHTS["d"]["d/kernel:0"] + WEIGHTS["d"]["d/bias:0"]
    twice = json.dumps(json.dumps(MODEL, indent=1))
    weights = {name.removesuffix(":0"): values.astype(np.float32) for name, values in WEIGHTS["d"].items()}
    for folder in "abcd":
        (tmp_path / folder).mkdir()
    (tmp_path / "a" / "m.json").write_text(twice)
    with h5py.File(tmp_path / "a" / "m.weights.h5", "w") as file:
        write_weights(file, WEIGHTS)
    write_model(tmp_path / "b" / "m.h5", json.dumps(MODEL), WEIGHTS)
    write_tfjs(tmp_path / "c", json.dumps(MODEL), [weights])
    write_tfjs(tmp_path / "d", {"keras_version": "2.8.0", "model_config": json.dumps(MODEL)}, [weights])
    for folder in "abcd":
        np.testing.assert_allclose(run(load(tmp_path / folder), {"d_input": x})["d"], wanted, rtol=1e-5)


def test_a_string_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps('{"class_name": '))
    refused(tmp_path / "m.json", "m.json", "text (str) that should hold JSON and does not")
    (tmp_path / "m.json").write_text(json.dumps('{"a": 1}'))
    refused(tmp_path / "m.json", "m.json", "not a Keras model", "'a'")
    (tmp_path / "m.json").write_text('"only words"')
    refused(tmp_path / "m.json", "m.json", "no format that glnn knows")
