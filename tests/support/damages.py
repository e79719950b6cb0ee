"""Ways to damage an exported folder, and what the runner should say of each."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Damage(NamedTuple):
    """What is done to a folder, the code of the error, words of its message."""

    change: Callable[[Path], Any]
    code: str
    words: tuple[str, ...]


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def shard(folder: Path) -> Path:
    """The last shard, the only one in a small model."""
    return folder / manifest(folder)["weights"]["shards"][-1]["file"]


def plan(folder: Path) -> Path:
    return folder / manifest(folder)["variants"][0]["plan"]["file"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def other_version(folder: Path) -> None:
    changed = manifest(folder) | {"version": 99}
    (folder / "manifest.json").write_text(json.dumps(changed))


def other_plan_version(folder: Path) -> None:
    """A plan of a later version in a folder that is whole: its manifest states the file's length and checksum."""
    changed, path = manifest(folder), plan(folder)
    data = json.dumps(json.loads(path.read_text()) | {"version": 99}).encode()
    path.write_bytes(data)
    changed["variants"][0]["plan"] |= {"bytes": len(data), "crc32": zlib.crc32(data)}
    (folder / "manifest.json").write_text(json.dumps(changed))


DAMAGES = {
    "no manifest": Damage(lambda f: (f / "manifest.json").unlink(), "not-found", ("manifest.json", "404", "folder")),
    "manifest is no JSON": Damage(lambda f: (f / "manifest.json").write_text("{"), "not-found", ("manifest",)),
    "manifest is something else": Damage(lambda f: (f / "manifest.json").write_text("{}"), "not-found", ("manifest",)),
    "manifest is a list": Damage(lambda f: (f / "manifest.json").write_text("[1]"), "not-found", ("manifest",)),
    "manifest of a later version": Damage(other_version, "bad-version", ("99", "version")),
    "plan of a later version": Damage(other_plan_version, "bad-version", ("99", "version")),
    "missing plan": Damage(lambda f: plan(f).unlink(), "not-found", (".json", "404")),
    "truncated plan": Damage(lambda f: truncate(plan(f)), "bad-data", (".json", "truncated")),
    "changed plan": Damage(lambda f: flip(plan(f)), "bad-data", (".json", "checksum")),
    "missing shard": Damage(lambda f: shard(f).unlink(), "not-found", (".bin", "404")),
    "truncated shard": Damage(lambda f: truncate(shard(f)), "bad-data", (".bin", "truncated")),
    "lengthened shard": Damage(lambda f: lengthen(shard(f)), "bad-data", (".bin", "more than")),
    "changed shard": Damage(lambda f: flip(shard(f)), "bad-data", (".bin", "checksum")),
    "empty shard": Damage(lambda f: shard(f).write_bytes(b""), "bad-data", (".bin", "0 bytes")),
}
