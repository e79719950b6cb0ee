"""What is done inside of files that hold others: HDF5, archives, safetensors."""

from __future__ import annotations

import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from support.fuzz.values import bytes_changed, json_changed, json_text_changed, other_value

Change = Callable[[bytes, random.Random], bytes]

# ---- HDF5


def hdf5_changed(data: bytes, rng: random.Random) -> bytes:
    """An HDF5 file with attributes, datasets, groups or links changed by HDF5 itself, so that it is whole."""
    made = io.BytesIO(data)
    with h5py.File(made, "r+") as file:
        for _ in range(rng.choice((1, 1, 2, 3))):
            found: list[str] = []
            file.visit(found.append)  # hard links alone
            nodes = [file, *(file[name] for name in found)]
            try:
                rng.choice((_attribute, _attribute, _dataset, _link))(file, nodes, rng)
            except (TypeError, ValueError, OSError, LookupError, RuntimeError, OverflowError):
                continue  # there is no such thing, or HDF5 itself refuses to write that
    return bytes_changed(data, rng) if made.getvalue() == data else made.getvalue()


def _attribute(file: h5py.File, nodes: list[Any], rng: random.Random) -> None:
    node = rng.choice([n for n in nodes if len(n.attrs)])
    key = rng.choice(list(node.attrs))
    value = node.attrs[key]
    draw = rng.random()
    if draw < 0.15:
        del node.attrs[key]
        if rng.random() < 0.3:
            node.attrs[key + "0"] = value
        return
    if isinstance(value, bytes | str) and draw < 0.8:
        text = json_text_changed(value, rng)
        value = (text if text is not None else str(other_value(str(value), rng))).encode("utf-8", "surrogatepass")
    elif isinstance(value, np.ndarray) and draw < 0.8:
        names = [v.decode() if isinstance(v, bytes) else str(v) for v in value.ravel().tolist()]
        names = [str(v) for v in json_changed(names, rng)] if names else ["x"]
        value = np.array([v.encode("utf-8", "replace") for v in names])
    else:
        value = rng.choice(
            (h5py.Empty("f"), np.zeros(3), 7, b"\xff\xfe", np.array([[b"a", b"b"]]), np.zeros(0), "x" * 9000)
        )
    node.attrs[key] = value


def _dataset(file: h5py.File, nodes: list[Any], rng: random.Random) -> None:
    data = rng.choice([n for n in nodes if isinstance(n, h5py.Dataset) and (n.size or 0) < 1e6])
    name, shape, dtype = data.name, data.shape or (), data.dtype
    values = data[()]
    if rng.random() < 0.2:
        flat = np.asarray(values).astype("f4").ravel()
        flat[rng.randrange(max(1, flat.size)) :: 3] = rng.choice((np.nan, np.inf, -np.inf, 3e38, 1e-45))
        data[...] = flat.reshape(shape)
        return
    del file[name]
    draw = rng.randrange(9)
    if draw == 0:
        file.create_dataset(name, (*shape[:-1], 10 ** rng.choice((3, 6, 12))), dtype, chunks=True)
    elif draw == 1:
        file[name] = np.asarray(values).reshape(shape[::-1])
    elif draw == 2:
        file[name] = np.asarray(values).astype(rng.choice(("f2", "f8", "i1", "i8", "u8", "c8", "?", "S3", ">f4")))
    elif draw == 3:
        file[name] = np.asarray(values).ravel()[:-1]
    elif draw == 4:
        file[name] = np.asarray(values)[None]
    elif draw == 5:
        file.create_group(name)
    elif draw == 6:
        file.create_dataset(name, shape, dtype)  # nothing is written
    elif draw == 7:
        file.create_dataset(name, data=np.asarray(values), compression="gzip", chunks=True)


def _link(file: h5py.File, nodes: list[Any], rng: random.Random) -> None:
    node, other = rng.choice(nodes[1:] or nodes), rng.choice(nodes)
    draw, name = rng.randrange(7), node.name
    if draw == 0:
        del file[name]
    elif draw == 1:
        file.move(name, name + rng.choice(("_1", ":0", "x")))
    elif draw == 2:
        file[f"{name}_again"] = other
    elif draw == 3 and isinstance(other, h5py.Group):
        other["loop"] = node
    elif draw == 4:
        del file[name]
        file[name] = rng.choice((h5py.SoftLink("/"), h5py.SoftLink(name), h5py.ExternalLink("/etc/passwd", "/x")))
    elif draw == 5 and isinstance(other, h5py.Group):
        other.create_dataset(
            rng.choice(("0", "kernel:0", "vars", "é", "new")), data=np.zeros(rng.choice(((), 3, (2, 2))))
        )
    else:
        file.copy(node, other if isinstance(other, h5py.Group) else file, name=f"copy{rng.randrange(99)}")


# ---- archives


def archive_changed(data: bytes, rng: random.Random, inner: Change) -> bytes:
    """A zip archive with a member changed by `inner`, renamed, doubled, left out, or with members of strange paths."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    draw = rng.random()
    if draw < 0.7:
        members[at] = name, inner(content, rng)
    elif draw < 0.78:
        del members[at]
    elif draw < 0.86:
        members[at] = (
            rng.choice((f"../{name}", f"/{name}", name + "/", name.upper(), "x\\y", f"a/{name}", "é")),
            content,
        )
    elif draw < 0.92:
        members.append((name, inner(content, rng)))
    else:
        members += [(f"assets/{k}", b"") for k in range(rng.choice((1, 3000)))]
    made, methods = io.BytesIO(), (*[zipfile.ZIP_STORED] * 6, *[zipfile.ZIP_DEFLATED] * 3, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(made, "w", rng.choice(methods)) as file:
        for name, content in members:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of names that stand twice
                file.writestr(name, content)
    packed = made.getvalue()
    return bytes_changed(packed, rng) if draw > 0.97 else packed


# ---- safetensors


def safetensors_changed(data: bytes, rng: random.Random) -> bytes:
    """A safetensors file with its header changed, or the graph of glnn that stands in there as a text."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    graph = header.get("__metadata__", {}).get("glnn")
    if graph is not None and rng.random() < 0.7:
        header["__metadata__"]["glnn"] = json.dumps(json_changed(json.loads(graph), rng))
    elif rng.random() < 0.7:
        name = rng.choice([key for key in header if key != "__metadata__"] or list(header))
        header[name] = json_changed(header[name], rng)
    else:
        header = json_changed(header, rng)
    text = json.dumps(header).encode()
    size = rng.choice((len(text) + 1, 0, 1 << 40)) if rng.random() < 0.03 else len(text)
    return size.to_bytes(8, "little") + text + data[end:]
