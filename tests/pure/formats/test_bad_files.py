"""Files that are no models, broken, or ask for what glnn lacks: each gets its own exception that says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras_files import called, functional, layer, sequential, write_kerasjs, write_model, write_weights

from glnn.errors import GlnnError, GraphError, ModelFileError, UnsupportedError, WeightsMismatchError
from glnn.formats import load

RNG = np.random.default_rng(5)


def dense(name: str, inputs: int, units: int) -> dict[str, np.ndarray]:
    return {f"{name}/kernel:0": RNG.normal(size=(inputs, units)), f"{name}/bias:0": RNG.normal(size=units)}


def two_layers() -> dict[str, Any]:
    return sequential(
        layer("Dense", "first", units=3, activation="relu", batch_input_shape=[None, 4]),
        layer("Dense", "second", units=2, activation="softmax"),
    )


GROUPS = {"first": dense("first", 4, 3), "second": dense("second", 3, 2)}


def refused(error: type[Exception], path: Path | str, *words: str, **more: Any) -> str:
    """The message of the error that loading raises, which holds all these words."""
    with pytest.raises(error) as caught:
        load(path, **more)
    assert type(caught.value) is error
    message = str(caught.value)
    for word in words:
        assert word in message, message
    return message


# No model


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
        ('{"modelTopology": {"node": []}, "format": "graph-model"}', ("graph model", "tfjs_layers_model")),
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


# Weights of another model


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


# What glnn lacks


def test_everything_unsupported_is_told_at_once(tmp_path: Path) -> None:
    inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [layer("Nonsense", "odd")]}}
    model = sequential(
        layer("Dense", "d", units=3, activation="frobnicate", batch_input_shape=[None, 4]),
        layer("Lambda", "code", function=["4wEAAAA", None, None], function_type="lambda"),
        inner,
        layer("Dropout", "drop", rate=0.5, wobble=2),
    )
    with pytest.raises(UnsupportedError) as caught:
        load(write_model(tmp_path / "m.h5", model, {"d": dense("d", 4, 3)}))
    items = caught.value.items
    assert len(items) == 4 and str(tmp_path / "m.h5") in str(caught.value)
    for item, pattern in zip(
        items,
        [r"d \(Dense\).*frobnicate", r"code \(Lambda\).*never run", r"inner/odd \(Nonsense\)", r"drop .*wobble"],
        strict=True,
    ):
        assert re.search(pattern, item), item


@pytest.mark.parametrize(
    "class_name, config, word",
    [
        ("BatchNormalization", {"mode": 1, "axis": -1}, "mode=1"),
        ("Merge", {"mode": "cos"}, "mode='cos'"),
        ("Merge", {"mode": "x", "mode_type": "lambda"}, "never run"),
        ("Convolution2D", {"nb_filter": 2, "nb_row": 1, "nb_col": 1, "dim_ordering": "th"}, "which backend"),
    ],
)
def test_keras1_options_without_an_equal(tmp_path: Path, class_name: str, config: dict[str, Any], word: str) -> None:
    model = sequential(layer(class_name, "one", batch_input_shape=[None, 4, 4, 2], **config))
    refused(UnsupportedError, write_model(tmp_path / "m.h5", model, {}, "1.2.0"), f"one ({class_name})", word)


def test_custom_classes_do_not_pass_for_their_namesakes(tmp_path: Path) -> None:
    item = layer("Dense", "d", units=3, activation="relu", batch_input_shape=[None, 4])
    for more in ({"module": "mine.layers"}, {"module": None, "registered_name": "Custom>Dense"}):
        path = write_model(tmp_path / "m.h5", sequential({**item, **more}), {"d": dense("d", 4, 3)})
        refused(UnsupportedError, path, ">Dense", "custom class")


def test_calls_that_would_train_or_take_constants(tmp_path: Path) -> None:
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    drop = called("Dropout", "drop", rate=0.5)
    drop["inbound_nodes"] = [[["x", 0, 0, {"training": True}]]]
    path = write_model(tmp_path / "m.h5", functional("m", ["x"], ["drop"], [source, drop]), {})
    refused(UnsupportedError, path, "drop (Dropout)", "training=True")
    drop["inbound_nodes"] = [[["x", 0, 0, {"training": False}]]]
    assert len(load(write_model(tmp_path / "m.h5", functional("m", ["x"], ["drop"], [source, drop]), {})).nodes) == 1


def test_graphs_that_do_not_hold_together(tmp_path: Path) -> None:
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    loop = [called("Add", "p", ("x", 0, 0), ("q", 0, 0)), called("Dropout", "q", ("p", 0, 0), rate=0.1)]
    loop[0]["inbound_nodes"] = [[["x", 0, 0, {}], ["q", 0, 0, {}]]]
    refused(
        GraphError, write_model(tmp_path / "m.h5", functional("m", ["x"], ["q"], [source, *loop]), {}), "'p'", "'q'"
    )
    refused(GraphError, write_model(tmp_path / "m.h5", functional("m", ["x"], ["y"], [source]), {}), "output 'y'")
    y = called("InputLayer", "y", batch_input_shape=[None, 5])
    add = called("Add", "sum")
    add["inbound_nodes"] = [[["x", 0, 0, {}], ["y", 0, 0, {}]]]
    refused(
        GraphError,
        write_model(tmp_path / "m.h5", functional("m", ["x", "y"], ["sum"], [source, y, add]), {}),
        "'sum'",
        "5",
    )


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@pytest.mark.parametrize("junk", [None, "x", -3, [], {}, [[["x"]]], 1e400])
def test_damage_anywhere_in_a_config_has_a_name(tmp_path: Path, junk: Any) -> None:
    """Whatever stands in the wrong place: the model loads, or the exception is glnn's own."""
    nodes = [called("InputLayer", "x", batch_input_shape=[None, 4]), called("Dense", "d", ("x", 0, 0), units=2)]
    with_nodes = functional("m", ["x"], ["d"], nodes)
    for model in (two_layers(), with_nodes):
        groups = GROUPS if model is not with_nodes else {"d": dense("d", 4, 2)}
        with h5py.File(tmp_path / "w.h5", "w") as file:
            write_weights(file, groups)
        for number in range(len(places(model))):
            damaged = json.loads(json.dumps(model))
            container, key = places(damaged)[number]
            container[key] = junk
            (tmp_path / "m.json").write_text(json.dumps(damaged))
            try:
                load(tmp_path / "m.json", tmp_path / "w.h5")
            except GlnnError:
                pass
