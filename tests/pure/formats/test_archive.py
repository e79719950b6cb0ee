"""Archives of Keras (.keras): what Keras 3 saves, compressed and stored, and archives that no Keras writes."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.bad_files import refused
from support.networks import randomise, scattered

from glnn.errors import GlnnError, ModelFileError, UnsupportedError, WeightsMismatchError
from glnn.formats import load
from glnn.graph.reference import run


def saved(keras: Any, path: Path) -> Any:
    """A model of nested and shared layers, saved."""
    L = keras.layers
    shared = L.Dense(4, activation="relu", name="shared")
    x = L.Input((4,))
    inner = keras.Model(x, shared(L.BatchNormalization()(L.Dense(4)(x))), name="inner")
    x = L.Input((4,))
    y = inner(L.Dense(4)(x))
    model = scattered(keras.Model(x, L.Concatenate()([L.Dense(4)(y), shared(x)]), name="outer"))
    model.save(path)
    return model


def agrees(model: Any, path: Path) -> None:
    graph = load(path)
    x = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    (found,) = run(graph, {graph.inputs[0].name: x}).values()
    wanted = np.asarray(model(x)).astype(np.float32)
    assert np.std(wanted) > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def rewritten(path: Path, change: Callable[[dict[str, bytes]], Any], kind: int = zipfile.ZIP_STORED) -> Path:
    """The archive with its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_as_keras_saves_it(keras: Any, tmp_path: Path, kind: int) -> None:
    model = saved(keras, tmp_path / "m.keras")
    agrees(model, rewritten(tmp_path / "m.keras", lambda members: None, kind))


def test_an_archive_behind_something_else(keras: Any, tmp_path: Path) -> None:
    """A ZIP is found by its end; what stands before it moves all places."""
    model = saved(keras, tmp_path / "m.keras")
    path = tmp_path / "m.keras"
    path.write_bytes(b"PK\x03\x04" + bytes(996) + path.read_bytes())
    agrees(model, path)


def test_unpacked_into_a_folder(keras: Any, tmp_path: Path) -> None:
    model = saved(keras, tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        archive.extractall(tmp_path / "folder")
    agrees(model, tmp_path / "folder")
    (tmp_path / "m.keras").rename(tmp_path / "folder" / "m.keras")
    refused(ModelFileError, tmp_path / "folder", "2 models: config.json, m.keras")
    for path in (tmp_path / "folder").glob("*.*"):
        if path.name != "m.keras":
            path.unlink()
    agrees(model, tmp_path / "folder")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64", "mixed_bfloat16"])
def test_weights_of_other_types(keras: Any, tmp_path: Path, dtype: str) -> None:
    L = keras.layers
    model = randomise(keras.Sequential([L.Input((4,)), L.Dense(3, dtype=dtype), L.Dense(2, dtype=dtype)]))
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        kernel = load(tmp_path / name).nodes[0].weights["kernel"]
        np.testing.assert_array_equal(kernel, np.asarray(model.weights[0]).astype(np.float32))


def test_weights_of_another_file(keras: Any, tmp_path: Path) -> None:
    model = saved(keras, tmp_path / "m.keras")
    kernel = np.asarray(load(tmp_path / "m.keras").nodes[0].weights["kernel"])
    model.layers[1].set_weights([values * 2 for values in model.layers[1].get_weights()])
    model.save_weights(tmp_path / "w.weights.h5")
    graph = load(tmp_path / "m.keras", weights=tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(graph.nodes[0].weights["kernel"], kernel * 2)


def other_config(members: dict[str, bytes]) -> None:
    config = json.loads(members["config.json"])
    config["config"]["layers"][1]["config"]["units"] = 7
    members["config.json"] = json.dumps(config).encode()


def without_a_weight(members: dict[str, bytes]) -> None:
    data = io.BytesIO(members["model.weights.h5"])
    with h5py.File(data, "a") as file:
        del file["layers/dense/vars/0"]
    members["model.weights.h5"] = data.getvalue()


DAMAGES: dict[str, tuple[Callable[[dict[str, bytes]], Any], type[GlnnError], tuple[str, ...]]] = {
    "another config": (other_config, GlnnError, ()),
    "no weights": (lambda m: m.pop("model.weights.h5"), ModelFileError, ("no model.weights.h5", "weights=")),
    "a weight less": (without_a_weight, WeightsMismatchError, ("model.weights.h5: layer 'dense", "the file has 1")),
    "config is no JSON": (lambda m: m.update({"config.json": b"{"}), ModelFileError, ("config.json", "malformed")),
    "config is no model": (lambda m: m.update({"config.json": b"{}"}), ModelFileError, ("not a Keras model",)),
    "metadata is no JSON": (lambda m: m.update({"metadata.json": b"{"}), ModelFileError, ("metadata.json",)),
    "no metadata": (lambda m: m.pop("metadata.json"), ModelFileError, ("no metadata.json",)),
    "weights are none": (lambda m: m.update({"model.weights.h5": b"x" * 99}), ModelFileError, ("HDF5 file is needed",)),
    "weights are empty": (lambda m: m.update({"model.weights.h5": b""}), ModelFileError, ("HDF5 file is needed",)),
    "weights are cut": (
        lambda m: m.update({"model.weights.h5": m["model.weights.h5"][:3000]}), ModelFileError, ("truncated or",)
    ),
    "an asset": (lambda m: m.update({"assets/a/vocabulary.txt": b"x"}), UnsupportedError, ("assets/a/vocabulary.txt",)),
    "a path up": (lambda m: m.update({"../x": b""}), ModelFileError, ("'../x' leads out",)),
    "a path up inside": (lambda m: m.update({"a/../../x": b""}), ModelFileError, ("leads out",)),
    "an absolute path": (lambda m: m.update({"/etc/x": b""}), ModelFileError, ("'/etc/x' leads out",)),
    "a drive": (lambda m: m.update({"C:/x": b""}), ModelFileError, ("leads out",)),
    "a path of Windows": (lambda m: m.update({"..\\x": b""}), ModelFileError, ("leads out",)),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damages(keras: Any, tmp_path: Path, name: str) -> None:
    change, error, words = DAMAGES[name]
    saved(keras, tmp_path / "m.keras")
    rewritten(tmp_path / "m.keras", change)
    with pytest.raises(error) as caught:
        load(tmp_path / "m.keras")
    assert all(word in str(caught.value) for word in ("m.keras", *words)), caught.value


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_links_or_stand_twice(keras: Any, tmp_path: Path) -> None:
    saved(keras, tmp_path / "m.keras")
    data = (tmp_path / "m.keras").read_bytes()
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr("config.json", b"{}")
    refused(ModelFileError, tmp_path / "m.keras", "'config.json' stands twice")
    (tmp_path / "m.keras").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        info = zipfile.ZipInfo("assets/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, b"/etc/passwd")
    refused(ModelFileError, tmp_path / "m.keras", "'assets/link' is a link")


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_tenth_changed_byte(keras: Any, tmp_path: Path, kind: int) -> None:
    """What changes in the middle is found by the archive's checksums; the model loads, or a message tells the file."""
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2)])
    scattered(model).save(tmp_path / "m.keras")
    path = rewritten(tmp_path / "m.keras", lambda members: None, kind)
    data, kernel = path.read_bytes(), np.asarray(model.weights[0])
    loads = 0
    for k in range(0, len(data), 97):
        path.write_bytes(data[:k] + bytes([data[k] ^ 0x10]) + data[k + 1 :])
        try:
            np.testing.assert_array_equal(load(path).nodes[0].weights["kernel"], kernel)
            loads += 1
        except GlnnError as error:
            assert "m.keras" in str(error)
    assert loads < len(data) / 97 / 2


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_bombs(keras: Any, tmp_path: Path, member: str) -> None:
    """Members that unpack to much more than is there, and those that only say so."""
    saved(keras, tmp_path / "m.keras")
    path = rewritten(tmp_path / "m.keras", lambda m: m.update({member: bytes(300 << 20)}), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    refused(ModelFileError, path, member, "314,572,800 bytes")
    saved(keras, path)
    data = bytearray(path.read_bytes())
    central = data.rindex(b"PK\x01\x02", 0, data.rindex(member.encode()))
    data[central + 24 : central + 28] = (3 << 30).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="m.keras"):
        load(path)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_wrapped_layers(keras: Any, tmp_path: Path, suffix: str) -> None:
    """Their weights lie in the tree below the wrapper's own, which come first."""
    L = keras.layers
    model = keras.Sequential([
        keras.Input((4, 6, 5, 2)), L.TimeDistributed(L.SpectralNormalization(L.Conv2D(3, 2))),
        L.TimeDistributed(keras.Sequential([L.Input((5, 4, 3)), L.BatchNormalization(), L.Flatten(), L.Dense(4)])),
        L.SpectralNormalization(L.Dense(5)), L.Bidirectional(L.RNN([L.GRUCell(3), L.LSTMCell(2)])),
    ])  # fmt: skip
    rng = np.random.default_rng(3)
    model.set_weights([0.2 + rng.random(w.shape) for w in model.get_weights()])
    model.save(tmp_path / f"m.{suffix}")
    agrees(model, tmp_path / f"m.{suffix}")
