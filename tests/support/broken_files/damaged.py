"""Files of each format that are cut, empty, or of another kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from support.broken_files.table import WHOLE, Made, case, cut, kerasjs, tfjs

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
