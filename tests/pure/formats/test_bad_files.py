"""Files that are no models: each gets its own exception that says what to do."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from support.bad_files import GROUPS, refused, two_layers
from support.keras_files import write_model, write_weights

from glnn.errors import ModelFileError
from glnn.formats import load


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there.h5").write_bytes(b"x")
    refused(ModelFileError, tmp_path / "not_there.h5", "not_there.h5", "no such file", "there.h5")
    monkeypatch.chdir(tmp_path)
    refused(ModelFileError, "not_there.h5", "no such file", str(tmp_path))
    refused(ModelFileError, "no_folder/m.h5", "folder does not exist")
    refused(ModelFileError, 3, "path must be a path", "int")  # type: ignore[arg-type]


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(b"")
    refused(ModelFileError, tmp_path / "m.h5", "m.h5", "empty")


@pytest.mark.parametrize("part", [0.001, 0.3, 0.95])
def test_truncated_hdf5(tmp_path: Path, part: float) -> None:
    path = write_model(tmp_path / "m.h5", two_layers(), GROUPS)
    data = path.read_bytes()
    path.write_bytes(data[: max(20, int(len(data) * part))])
    refused(ModelFileError, path, "m.h5", "truncated or damaged")


@pytest.mark.parametrize(
    "content, words",
    [
        ('{"class_name": "Sequential",', ("malformed JSON", "line 1")),
        ('{"a": 1}', ("not a Keras model", "'a'")),
        ("[1, 2]", ("not a Keras model", "a list")),
        ('{"modelTopology": {}, "weightsManifest": []}', ("not a Keras model", "'class_name'")),
        ('{"weightsManifest": []}', ("no 'modelTopology'", "weights without their model")),
        ('{"modelTopology": {"node": []}, "format": "graph-model"}', ("weightsManifest",)),
        ('[{"paths": ["a.bin"], "weights": []}]', ("weights manifest of a TensorFlow.js model", "model.json")),
        ('[{"layer_name": "c", "weight_name": "w"}]', ("metadata of a Keras.js model",)),
        ('{"class_name": "MyModel", "config": {}}', ("MyModel", "functional model")),
        ('{"class_name": "Sequential", "config": {"name": "s"}}', ("no list of layers",)),
        ('{"class_name": "Sequential", "config": []}', ("has no layers",)),
        ('{"class_name": "Sequential", "config": ["x"]}', ("where a layer should be",)),
        ('{"class_name": "Model", "config": {"name": "m", "layers": []}}', ("config is damaged", "input_layers")),
    ],
)
def test_json_that_is_no_model(tmp_path: Path, content: str, words: tuple[str, ...]) -> None:
    (tmp_path / "m.json").write_text(content)
    refused(ModelFileError, tmp_path / "m.json", "m.json", *words)


def test_json_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes('{"class_name": "Modèle"}'.encode("latin-1"))
    refused(ModelFileError, tmp_path / "m.json", "UTF-8")


def test_hdf5_without_a_model(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        write_weights(file, GROUPS)
    refused(ModelFileError, tmp_path / "w.h5", "weights only", "weights=")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["table"] = np.zeros(3)
    refused(ModelFileError, tmp_path / "data.h5", "holds no Keras model", "table")


def test_folders(tmp_path: Path) -> None:
    refused(ModelFileError, tmp_path, "holds no files")
    (tmp_path / "notes.txt").write_text("nothing")
    refused(ModelFileError, tmp_path, "no file in this folder is a model", "notes.txt")
    write_model(tmp_path / "a.h5", two_layers(), GROUPS)
    assert len(load(tmp_path).nodes) == 2
    write_model(tmp_path / "b.h5", two_layers(), GROUPS)
    refused(ModelFileError, tmp_path, "2 models: a.h5, b.h5")
