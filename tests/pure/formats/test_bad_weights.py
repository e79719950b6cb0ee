"""Weights of another model, damaged or missing: the exception names the layer, the weight and what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.bad_files import GROUPS, dense, refused, two_layers
from support.keras_files import write_kerasjs, write_model, write_weights

from glnn.errors import ModelFileError, WeightsMismatchError
from glnn.formats import load


def model_with(tmp_path: Path, groups: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    return write_model(tmp_path / "m.h5", two_layers(), groups)


def test_first_mismatch_of_shapes(tmp_path: Path) -> None:
    path = model_with(tmp_path, {"first": dense("first", 4, 3), "second": dense("second", 5, 2)})
    refused(WeightsMismatchError, path, "m.h5", "'second'", "'kernel'", "(3, 2)", "(5, 2)")


def test_layers_missing_in_either_file(tmp_path: Path) -> None:
    path = model_with(tmp_path, {"first": GROUPS["first"]})
    refused(WeightsMismatchError, path, "no weights for layer 'second'", "kernel (3, 2), bias (2,)", "first")
    path = model_with(tmp_path, {**GROUPS, "third": dense("third", 2, 2)})
    refused(WeightsMismatchError, path, "'third'", "no such layer")
    path = model_with(tmp_path, {"first": GROUPS["first"], "other": GROUPS["second"]})
    refused(WeightsMismatchError, path, "no weights for layer 'second'")


def test_number_of_weights(tmp_path: Path) -> None:
    kernel = {"second/kernel:0": GROUPS["second"]["second/kernel:0"]}
    path = model_with(tmp_path, {"first": GROUPS["first"], "second": kernel})
    refused(WeightsMismatchError, path, "'second'", "needs 2 weights", "the file has 1")


def test_damaged_weights(tmp_path: Path) -> None:
    path = model_with(tmp_path, GROUPS)
    with h5py.File(path, "a") as file:
        del file["model_weights/second/second/bias:0"]
    refused(ModelFileError, path, "second/bias:0", "not in the file")
    with h5py.File(path, "a") as file:
        del file["model_weights/second"]
    refused(ModelFileError, path, "lists layer 'second'")


def test_weights_in_another_file_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["bias"] = np.zeros(2)
    path = model_with(tmp_path, GROUPS)
    with h5py.File(path, "a") as file:
        del file["model_weights/second/second/bias:0"]
        file["model_weights/second/second/bias:0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "bias")
    refused(ModelFileError, path, "lies in another file")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        write_weights(file.create_group("model_weights"), GROUPS)
    for place in ("model_weights", "model_weights/second"):
        path = write_model(tmp_path / f"{len(place)}.h5", two_layers(), GROUPS)
        with h5py.File(path, "a") as file:
            del file[place]
            file[place] = h5py.ExternalLink(str(tmp_path / "other.h5"), place)
        refused(ModelFileError, path, "lies in another file")
        path = write_model(tmp_path / f"{len(place)}b.h5", two_layers(), GROUPS)
        with h5py.File(path, "a") as file:
            del file[place]
            file[place] = np.zeros(2)
        refused(ModelFileError, path, "should be a group")


def test_values_that_are_no_float32(tmp_path: Path) -> None:
    huge = {**GROUPS["second"], "second/bias:0": np.array([1e300, 0.0])}
    refused(
        ModelFileError, model_with(tmp_path, {"first": GROUPS["first"], "second": huge}), "'bias'", "beyond float32"
    )
    words = {**GROUPS["second"], "second/bias:0": np.array([1j, 0])}
    refused(ModelFileError, model_with(tmp_path, {"first": GROUPS["first"], "second": words}), "complex")


def test_json_without_weights(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(two_layers()))
    refused(ModelFileError, tmp_path / "m.json", "none were found", "m.weights.h5", "weights=")
    refused(ModelFileError, tmp_path / "m.json", "w.h5", "no such file", weights=tmp_path / "w.h5")
    (tmp_path / "w.h5").write_bytes(b"GIF89a")
    refused(ModelFileError, tmp_path / "m.json", "HDF5 file is needed", "GIF picture", weights=tmp_path / "w.h5")
    (tmp_path / "w.buf").write_bytes(b"GIF89a")
    refused(ModelFileError, tmp_path / "m.json", "Keras.js model needs its metadata", weights=tmp_path / "w.buf")


def test_kerasjs_buffer_too_short(tmp_path: Path) -> None:
    path = write_kerasjs(tmp_path, "net", {**two_layers(), "keras_version": "2.0.6"}, GROUPS)
    assert len(load(path).nodes) == 2
    buffer = tmp_path / "net_weights.buf"
    buffer.write_bytes(buffer.read_bytes()[:-4])
    refused(ModelFileError, path, "net_weights.buf", "'second/bias:0'", "cut short")
    buffer.write_bytes(b"")
    refused(ModelFileError, path, "net_weights.buf", "empty")


@pytest.mark.parametrize(
    "change, word", [({"shape": [9]}, "does not fit shape"), ({"offset": -4}, "byte -4"), ({"type": "uint8"}, "uint8")]
)
def test_kerasjs_metadata_that_is_wrong(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    path = write_kerasjs(tmp_path, "net", two_layers(), GROUPS)
    metadata = tmp_path / "net_metadata.json"
    entries = json.loads(metadata.read_text())
    entries[1].update(change)
    metadata.write_text(json.dumps(entries))
    refused(ModelFileError, path, "net_metadata.json", word)
    del entries[1]["length"]
    metadata.write_text(json.dumps(entries))
    refused(ModelFileError, path, "entry 1", "length")
    metadata.unlink()
    refused(ModelFileError, path, "needs its metadata", "net_metadata.json")
