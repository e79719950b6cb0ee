"""Files that are broken in a hundred ways, by name: each is made in a folder, and what to load comes back."""

from __future__ import annotations

import copy
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from support.bad_files import GROUPS, two_layers
from support.keras_files import called, functional, layer, sequential, write_kerasjs, write_model, write_weights
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


# ---- whole files of each format


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


# ---- truncated, empty, of another kind

for form, make in WHOLE.items():
    for part in (0.0001, 0.01, 0.2, 0.5, 0.8, 0.99):
        case(f"{form}: cut at {part}")(lambda folder, make=make, part=part: cut(make(folder), part))

    @case(f"{form}: no bytes")
    def _(folder: Path, make: Any = make) -> Made:
        path = make(folder)
        path.write_bytes(b"")
        return path

    @case(f"{form}: zeros in its place")
    def _(folder: Path, make: Any = make) -> Made:
        path = make(folder)
        path.write_bytes(bytes(path.stat().st_size))
        return path

    @case(f"{form}: a folder in its place")
    def _(folder: Path, make: Any = make) -> Made:
        path = make(folder)
        path.unlink()
        path.mkdir()
        return path

    @case(f"{form}: the middle is zeros")
    def _(folder: Path, make: Any = make) -> Made:
        path = make(folder)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 3] + bytes(len(data) // 3) + data[2 * len(data) // 3 :])
        return path


for name in ("m_weights.buf", "m_metadata.json"):
    case(f"kerasjs: {name} is cut")(lambda folder, name=name: (kerasjs(folder), cut(folder / name, 0.6))[0])

    @case(f"kerasjs: {name} is a folder")
    def _(folder: Path, name: str = name) -> Made:
        path = kerasjs(folder)
        (folder / name).unlink()
        (folder / name).mkdir()
        return path, {"weights": folder / "m_weights.buf", "metadata": folder / "m_metadata.json"}


@case("tfjs: a shard is cut")
def _(folder: Path) -> Made:
    path = tfjs(folder)
    cut(folder / "group1-shard2of3.bin", 0.5)
    return path


@case("tfjs: a shard is a folder")
def _(folder: Path) -> Made:
    path = tfjs(folder)
    (folder / "group1-shard1of3.bin").unlink()
    (folder / "group1-shard1of3.bin").mkdir()
    return path


@case("a loop of links in its place")
def _(folder: Path) -> Made:
    (folder / "m.h5").symlink_to(folder / "n.h5")
    (folder / "n.h5").symlink_to(folder / "m.h5")
    return folder / "m.h5"


@case("a pipe in its place")
def _(folder: Path) -> Made:
    os.mkfifo(folder / "m.h5")
    return folder / "m.h5"


# ---- JSON


def raw(text: str | bytes) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        (folder / "m.json").write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / "m.json"

    return make


TEXT = json.dumps(two_layers())
for name, text in {
    "JSON nested 100,000 deep": '{"class_name": "Sequential", "config": ' + "[" * 100_000,
    "objects nested 100,000 deep": '{"a": ' * 100_000 + "1" + "}" * 100_000,
    "NaN as a number of units": TEXT.replace('"units": 3', '"units": NaN'),
    "infinite units": TEXT.replace('"units": 3', '"units": Infinity'),
    "1e999 units": TEXT.replace('"units": 3', '"units": 1e999'),
    "5000 digits of units": TEXT.replace('"units": 3', '"units": ' + "9" * 5000),
    "negative units": TEXT.replace('"units": 3', '"units": -3'),
    "a million million units": TEXT.replace('"units": 3', f'"units": {HUGE}'),
    "units twice": TEXT.replace('"units": 3', '"units": 3, "units": 4'),
    "a text as units": TEXT.replace('"units": 3', '"units": "3"'),
    "true as units": TEXT.replace('"units": 3', '"units": true'),
    "2.5 units": TEXT.replace('"units": 3', '"units": 2.5'),
    "a negative input": TEXT.replace("[null, 4]", "[null, -4]"),
    "an input of texts": TEXT.replace("[null, 4]", '[null, "4"]'),
    "an input of 100 axes": TEXT.replace("[null, 4]", str([None, *[4] * 100]).replace("None", "null")),
    "an input of numbers beyond 64 bits": TEXT.replace("[null, 4]", f"[null, {10**30}]"),
    "a lone half of a character": TEXT.replace('"first"', '"\\ud800"'),
    "bytes that are no UTF-8": TEXT.encode().replace(b"first", b"fi\xffst"),
    "UTF-16": TEXT.encode("utf-16"),
    "a number alone": "3",
    "a text of JSON of a text": json.dumps(json.dumps(json.dumps(TEXT))),
    "a megabyte of brackets": "[" * 1_000_000,
}.items():
    case(f"json: {name}")(raw(text))


# ---- configs

DENSE = {"units": 4}


def changed(change: Callable[[Any], Any]) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        model = copy.deepcopy(two_layers())
        change(model)
        return h5(folder, model)

    return make


for key, value in {
    "name": ["x"], "units": [3], "activation": 7, "use_bias": "no", "batch_input_shape": "none",
}.items():  # fmt: skip
    case(f"config: {key} is {value!r}")(changed(lambda m, k=key, v=value: m["config"][0]["config"].update({k: v})))

case("config: a layer without class")(changed(lambda m: m["config"][0].pop("class_name")))
case("config: a layer without config")(changed(lambda m: m["config"][0].pop("config")))
case("config: a layer of numbers")(changed(lambda m: m["config"].append(7)))
case("config: layers are an object")(changed(lambda m: m.update(config={"layers": {"a": 1}})))
case("config: two layers of one name")(changed(lambda m: m["config"][1]["config"].update(name="first")))
case("config: a Lambda")(changed(lambda m: m["config"].append(layer("Lambda", "l", function=["aW1wb3J0", None, None]))))
case("config: a class that Python would import")(changed(lambda m: m["config"].append(layer("os>system", "rm -rf /"))))


def graph(*layers: Any, inputs: Any = ("x",), outputs: Any = ("b",)) -> Callable[[Path], Made]:
    """A functional model in HDF5 without weights."""
    source = called("InputLayer", "x", batch_input_shape=[None, 4])
    return lambda folder: h5(folder, functional("m", inputs, outputs, [source, *layers]), {})


case("graph: two layers read each other")(
    graph(
        called("Activation", "a", ["b", 0, 0], activation="relu"),
        called("Activation", "b", ["a", 0, 0], activation="relu"),
    )
)
case("graph: a layer reads itself")(graph(called("Activation", "b", ["b", 0, 0], activation="relu")))
case("graph: a layer that is not there")(graph(called("Activation", "b", ["c", 0, 0], activation="relu")))
case("graph: the output is not there")(graph(called("Activation", "a", ["x", 0, 0], activation="relu")))
case("graph: the input is not there")(graph(called("Activation", "b", ["x", 0, 0], activation="relu"), inputs=("y",)))
case("graph: output a million of a layer")(graph(called("Activation", "b", ["x", 0, 10**6], activation="relu")))
case("graph: call minus one")(graph(called("Activation", "b", ["x", -1, 0], activation="relu")))
case("graph: a call that is a text")(graph(called("Activation", "b", activation="relu") | {"inbound_nodes": "x"}))
case("graph: a call of numbers")(graph(called("Activation", "b", activation="relu") | {"inbound_nodes": [[[1, 2, 3]]]}))
case("graph: two layers of one name")(graph(*[called("Activation", "b", ["x", 0, 0], activation="relu")] * 2))
case("graph: shapes that do not fit")(graph(called("Reshape", "b", ["x", 0, 0], target_shape=[5])))
case("graph: no inputs")(graph(called("Activation", "b", ["x", 0, 0], activation="relu"), inputs=()))
case("graph: 3000 layers called in the wrong order")(
    graph(*(called("Activation", f"a{k}" if k else "b", [f"a{k + 1}" if k < 2999 else "x", 0, 0], activation="relu")
            for k in range(2999)))
)  # fmt: skip


def nested(depth: int) -> str:
    """A model in models, as JSON: Python's own writer does not go so deep."""
    model = json.dumps(sequential(layer("Dense", "d", units=4, batch_input_shape=[None, 4])))
    inner = "".join(f'{{"class_name": "Sequential", "config": {{"name": "s{k}", "layers": [' for k in range(depth))
    return inner + model + "]}}" * depth


for depth in (300, 900, 10_000):

    @case(f"json: models nested {depth} deep")
    def _(folder: Path, depth: int = depth) -> Made:
        (folder / "m.json").write_text(nested(depth))
        return folder / "m.json"


@case("config: models called in each other 2^40 times")
def _(folder: Path) -> Made:
    """Each model calls the one inside of it twice: small to say, endless to do."""
    model: Any = None
    for k in range(40):
        source = called("InputLayer", "x", batch_input_shape=[None, 4])
        inner = model or layer("Activation", "act", activation="relu")
        both = inner | {"name": "b", "inbound_nodes": [[["x", 0, 0, {}]], [["b", int(model is not None), 0, {}]]]}
        both["config"] = dict(both["config"], name="b")
        model = functional(f"m{k}", ["x"], ["b"], [source, both])
        model["config"]["output_layers"] = [["b", 1 + int(k > 0), 0]]
    return h5(folder, model, {})


# ---- HDF5


def in_h5(change: Callable[[h5py.Group], Any]) -> Callable[[Path], Made]:
    """A change of the weights in a whole model."""

    def make(folder: Path) -> Made:
        path = h5(folder)
        with h5py.File(path, "a") as file:
            change(file["model_weights"])
        return path

    return make


def replaced(name: str, make: Callable[[h5py.Group], Any]) -> Callable[[h5py.Group], None]:
    def change(group: h5py.Group) -> None:
        del group[name]
        made = make(group)
        if made is not None:
            group[name] = made

    return change


def huge(group: h5py.Group, name: str) -> None:
    """A weight of 12 TB of which nothing is written."""
    group.create_dataset(name, (HUGE, 3), "f4", chunks=(1024, 3))


KERNEL, BIAS = "first/first/kernel:0", "first/first/bias:0"
HDF5: dict[str, Callable[[h5py.Group], Any]] = {
    "a weight is missing": replaced(KERNEL, lambda g: None),
    "a group is missing": replaced("first", lambda g: None),
    "swapped axes": replaced(KERNEL, lambda g: np.zeros((3, 4))),
    "a scalar": replaced(KERNEL, lambda g: np.zeros(())),
    "texts as weights": replaced(KERNEL, lambda g: np.full((4, 3), b"x")),
    "complex weights": replaced(KERNEL, lambda g: np.zeros((4, 3), complex)),
    "structures as weights": replaced(KERNEL, lambda g: np.zeros((4, 3), [("a", "f4")])),
    "numbers beyond float32": replaced(KERNEL, lambda g: np.full((4, 3), 1e300)),
    "a group as a weight": replaced(KERNEL, lambda g: (g.create_group(KERNEL), None)[1]),
    "nothing as a weight": replaced(KERNEL, lambda g: h5py.Empty("f")),
    "a huge weight that nobody wrote": replaced(KERNEL, lambda g: huge(g, KERNEL)),
    "a huge weight without chunks": replaced(KERNEL, lambda g: (g.create_dataset(KERNEL, (10**9, 3), "f4"), None)[1]),
    "a soft link to itself": replaced(KERNEL, lambda g: h5py.SoftLink(f"/model_weights/{KERNEL}")),
    "a soft link to nothing": replaced(KERNEL, lambda g: h5py.SoftLink("/nothing")),
    "a link to another file": replaced(KERNEL, lambda g: h5py.ExternalLink("/etc/passwd", "/x")),
    "a link to a pipe": replaced(KERNEL, lambda g: h5py.ExternalLink("pipe.h5", "/x")),
    "groups that hold each other": lambda g: g["first"].__setitem__("again", g),
    "a name in two groups": lambda g: g.attrs.update(layer_names=[b"first", b"first"]),
    "names that are numbers": lambda g: g.attrs.update(layer_names=[1, 2]),
    "names of names": lambda g: g.attrs.update(layer_names=np.array([[b"first", b"second"]])),
    "a name of a path": lambda g: g["first"].attrs.update(weight_names=[b"../second/second/kernel:0", b"first/bias:0"]),
    "an endless list of names": lambda g: g.attrs.update(layer_names=[b"first"] * 3000),
    "names of another alphabet": lambda g: g.attrs.update(layer_names=[b"\xff\xfe"]),
    "weights in another file": replaced(
        KERNEL, lambda g: (g.create_dataset(KERNEL, (4, 3), "f4", external=[("/etc/hostname", 0, 48)]), None)[1]
    ),
    "weights of a virtual dataset": replaced(KERNEL, lambda g: (g.create_virtual_dataset(KERNEL, virtual()), None)[1]),
}


def virtual() -> h5py.VirtualLayout:
    made = h5py.VirtualLayout((4, 3), "f4")
    made[:] = h5py.VirtualSource("/etc/other.h5", "x", (4, 3))
    return made


for name, change in HDF5.items():
    case(f"hdf5: {name}")(in_h5(change))


@case("hdf5: a link to a pipe that is there")
def _(folder: Path) -> Made:
    os.mkfifo(folder / "pipe.h5")
    return in_h5(HDF5["a link to a pipe"])(folder)


@case("hdf5: a packed weight of 2 GB of zeros")
def _(folder: Path) -> Made:
    model = copy.deepcopy(two_layers())
    model["config"][0]["config"].update(units=2**27, batch_input_shape=[None, 4])
    path = h5(folder, model)
    with h5py.File(path, "a") as file:
        group = file["model_weights"]
        del group[KERNEL]
        made = group.create_dataset(KERNEL, (4, 2**27), "f4", chunks=(4, 2**20), compression="gzip")
        made[:, : 2**20] = 0
    return path


for key, value in {
    "is no text": np.zeros(3), "is empty": "", "is not UTF-8": b"\xff\xfe{", "is nothing": h5py.Empty("f"),
    "is a list": json.dumps([1]), "is a text of a text": json.dumps(json.dumps("x")),
}.items():  # fmt: skip

    @case(f"hdf5: model_config {key}")
    def _(folder: Path, value: Any = value) -> Made:
        path = h5(folder)
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = value
        return path


# ---- archives

ARCHIVES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an absolute path": lambda m: m.update({"/etc/passwd": b""}),
    "a path up": lambda m: m.update({"assets/../../x": b""}),
    "a config of 300 MB": lambda m: m.update({"config.json": b" " * (300 << 20)}),
    "weights of 2 GB of zeros": lambda m: m.update({"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(1 << 30)}),
    "no weights": lambda m: m.pop("model.weights.h5"),
    "no metadata": lambda m: m.pop("metadata.json"),
    "weights of a text": lambda m: m.update({"model.weights.h5": b"hello"}),
    "a weight is missing": in_archive(lambda f: f["layers/dense/vars"].__delitem__("1")),
    "a layer more": in_archive(lambda f: f.__setitem__("layers/dense_2/vars/0", np.zeros(3))),
    "swapped shapes": in_archive(replaced("layers/dense/vars/0", lambda g: np.zeros((3, 4)))),
    "a huge weight": in_archive(replaced("layers/dense/vars/0", lambda g: huge(g, "layers/dense/vars/0"))),
    "a soft link": in_archive(replaced("layers/dense/vars/0", lambda g: h5py.SoftLink("/layers"))),
    "groups that hold each other": in_archive(lambda f: f["layers/dense"].__setitem__("cell", f["layers"])),
    "nested groups by the thousand": in_archive(lambda f: f.create_group("layers/dense" + "/cell" * 2000)),
}
for name, change in ARCHIVES.items():
    case(f"archive: {name}")(lambda folder, change=change: archive(folder, change, zipfile.ZIP_DEFLATED))


@case("archive: a symbolic link")
def _(folder: Path) -> Made:
    path = archive(folder)
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("assets/x")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    return path


@case("archive: lists 65,000 members")
def _(folder: Path) -> Made:
    path = archive(folder, lambda m: m.update({f"x{k}/../": b"" for k in range(20_000)}))
    return path


# ---- TensorFlow.js


def weights(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda model: change(model["weightsManifest"][0])


TFJS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a huge shape": weights(lambda g: g["weights"][0].update(shape=[HUGE, HUGE])),
    "a shape beyond 64 bits": weights(lambda g: g["weights"][0].update(shape=[10**30])),
    "a negative shape": weights(lambda g: g["weights"][0].update(shape=[-4, -3])),
    "a shape of 100 axes": weights(lambda g: g["weights"][0].update(shape=[4, 3, *[1] * 100])),
    "swapped shapes": weights(lambda g: g["weights"][0].update(shape=[3, 4])),
    "a weight is missing": weights(lambda g: g["weights"].pop(0)),
    "a weight twice": weights(lambda g: g["weights"].append(g["weights"][0])),
    "another dtype": weights(lambda g: g["weights"][0].update(dtype="string")),
    "texts as weights": weights(lambda g: g.update(weights="abc")),
    "a path up": weights(lambda g: g["paths"].__setitem__(0, "../../etc/passwd")),
    "an absolute path": weights(lambda g: g["paths"].__setitem__(0, "/etc/passwd")),
    "a URL as a path": weights(lambda g: g["paths"].__setitem__(0, "http://127.0.0.1:1/x.bin")),
    "a path of numbers": weights(lambda g: g["paths"].__setitem__(0, 7)),
    "no paths": weights(lambda g: g.pop("paths")),
    "a million paths": weights(lambda g: g.update(paths=[f"s{k}" for k in range(100_000)])),
    "a manifest of numbers": lambda m: m.update(weightsManifest=[7]),
    "a manifest that is an object": lambda m: m.update(weightsManifest={"a": 1}),
    "no topology": lambda m: m.pop("modelTopology"),
    "a topology of numbers": lambda m: m.update(modelTopology=7),
    "models nested 400 deep, as a text": lambda m: m.update(modelTopology=nested(400)),
    "models nested 40,000 deep, as a text": lambda m: m.update(modelTopology=nested(40_000)),
}
for name, change in TFJS.items():
    case(f"tfjs: {name}")(lambda folder, change=change: tfjs(folder, change))


# ---- Keras.js

BIN: dict[str, Callable[[list[Any]], Any]] = {
    "a huge shape": lambda items: items[0].extend([(3, 2**31), (3, 2**31)]),
    "a shape of 100 axes": lambda items: items[0].extend([(3, 1)] * 100),
    "another dtype": lambda items: items[0].append((4, "float99")),
    "a weight is missing": lambda items: items.pop(),
    "a weight twice": lambda items: items.append(items[0]),
    "swapped shapes": lambda items: items.__setitem__(0, [*items[0][:2], (3, 3), (3, 4), *items[0][4:]]),
    "a million weights of nothing": lambda items: items.extend([[]] * 200_000),
}
for name, change in BIN.items():
    case(f"bin: {name}")(lambda folder, change=change: kerasjs_bin(folder, None, change))

case("bin: models nested 400 deep")(lambda folder: kerasjs_bin(folder, nested(400)))


@case("kerasjs: a huge offset")
def _(folder: Path) -> Made:
    path = kerasjs(folder)
    told = json.loads((folder / "m_metadata.json").read_text())
    told[0]["offset"] = 2**62
    (folder / "m_metadata.json").write_text(json.dumps(told))
    return path


@case("kerasjs: a huge shape")
def _(folder: Path) -> Made:
    path = kerasjs(folder)
    told = json.loads((folder / "m_metadata.json").read_text())
    told[0].update(shape=[2**32, 2**32], length=0)
    (folder / "m_metadata.json").write_text(json.dumps(told))
    return path


# ---- glnn's own


def in_native(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Made]:
    """A change of the header."""

    def make(folder: Path) -> Made:
        path = native(folder)
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        change(header)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + size :])
        return path

    return make


def first_tensor(header: dict[str, Any]) -> dict[str, Any]:
    return next(value for key, value in header.items() if key != "__metadata__")


NATIVE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a huge shape": lambda h: first_tensor(h).update(shape=[HUGE, HUGE]),
    "offsets that lie": lambda h: first_tensor(h).update(data_offsets=[0, 2**60]),
    "another dtype": lambda h: first_tensor(h).update(dtype="X99"),
    "a graph of a text": lambda h: h["__metadata__"].update(glnn="x"),
    "a graph nested deep": lambda h: h["__metadata__"].update(glnn="[" * 50_000),
    "a tensor is missing": lambda h: h.pop(next(key for key in h if key != "__metadata__")),
}
for name, change in NATIVE.items():
    case(f"glnn: {name}")(in_native(change))
