"""HDF5 files and archives of Keras that are broken."""

from __future__ import annotations

import copy
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from support.bad_files import two_layers
from support.broken_files.table import HUGE, Made, archive, case, h5, in_archive


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
