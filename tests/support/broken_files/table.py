"""The table of broken files, and whole files of each format, which others damage."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
from support.bad_files import GROUPS, two_layers
from support.keras_files import write_kerasjs, write_model, write_weights
from support.protobuf import encode
from support.tfjs_files import write_tfjs

from glnn.formats import load
from glnn.formats.native.write import save

Made = Path | tuple[Path, dict[str, Path]]
BROKEN: dict[str, Callable[[Path], Made]] = {}
FLAT = {name: values.astype("f4") for group in GROUPS.values() for name, values in group.items()}
HUGE = 10**12


def case(name: str) -> Callable[[Callable[[Path], Made]], Callable[[Path], Made]]:
    def add(make: Callable[[Path], Made]) -> Callable[[Path], Made]:
        assert name not in BROKEN
        BROKEN[name] = make
        return make

    return add


def h5(folder: Path, model: Any = None, groups: Any = None) -> Path:
    return write_model(folder / "m.h5", model or two_layers(), GROUPS if groups is None else groups)


def archive(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda m: None, kind: int = 0) -> Path:
    """A .keras archive; `change` sees its members."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for k, weights in enumerate(GROUPS.values()):
            for number, values in enumerate(weights.values()):
                file[f"layers/dense{'_1' * k}/vars/{number}"] = values
    layers = [item | {"module": "keras.layers"} for item in two_layers()["config"]]
    for item in layers:
        item["config"]["trainable"] = True
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    members: dict[str, Any] = {
        "metadata.json": b'{"keras_version": "3.8.0"}',
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": data.getvalue(),
    }
    change(members)
    path = folder / "m.keras"
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def in_archive(change: Callable[[h5py.File], Any]) -> Callable[[dict[str, Any]], None]:
    """A change of the weights in an archive."""

    def changed(members: dict[str, Any]) -> None:
        data = io.BytesIO(members["model.weights.h5"])
        with h5py.File(data, "a") as file:
            change(file)
        members["model.weights.h5"] = data.getvalue()

    return changed


def tfjs(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda m: None) -> Path:
    path = write_tfjs(folder, two_layers(), [FLAT], shard=40)
    model = json.loads(path.read_text())
    change(model)
    path.write_text(json.dumps(model))
    return path


def kerasjs_bin(folder: Path, config: Any = None, change: Callable[[list[Any]], Any] = lambda items: None) -> Path:
    items = [
        [(1, group), (2, name), *((3, n) for n in values.shape), (4, "float32"), (5, values.astype("<f4").tobytes())]
        for group, weights in GROUPS.items()
        for name, values in weights.items()
    ]
    change(items)
    head = [(1, "id"), (2, "m"), (3, "2.1.6"), (4, "tensorflow"), (5, config or json.dumps(two_layers()))]
    path = folder / "m.bin"
    path.write_bytes(encode(*head, *((6, encode(*item)) for item in items)))
    return path


def kerasjs(folder: Path) -> Path:
    return write_kerasjs(folder, "m", two_layers() | {"keras_version": "2.0.6"}, GROUPS)


def json_hdf5(folder: Path, model: Any = None) -> Path:
    with h5py.File(folder / "m.weights.h5", "w") as file:
        write_weights(file, GROUPS)
    (folder / "m.json").write_text(json.dumps(model or two_layers()))
    return folder / "m.json"


def native(folder: Path) -> Path:
    (folder / "source").mkdir()
    return save(load(h5(folder / "source")), folder / "m.glnn")


WHOLE: dict[str, Any] = {
    "h5": h5, "keras": archive, "tfjs": tfjs, "bin": kerasjs_bin, "kerasjs": kerasjs, "json": json_hdf5, "glnn": native
}  # fmt: skip


def cut(path: Path, part: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: max(1, int(len(data) * part))])
    return path
