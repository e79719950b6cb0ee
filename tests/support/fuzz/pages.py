"""Exported folders that are broken: their manifest, plan or shard changed, and what it states of them."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path
from typing import Any

from support.fuzz.values import bytes_changed, json_changed, places

MOST = 100_000  # a plan that counts further would be drawn for as long as it says


def broken_folder(folder: Path, variant: str, rng: random.Random) -> tuple[str, dict[str, list[int]]]:
    """What was done, and the files that differ, by name, as bytes."""
    manifest = json.loads((folder / "manifest.json").read_text())
    said = next(v["plan"] for v in manifest["variants"] if v["name"] == variant)
    draw = rng.random()
    if draw < 0.35:
        return "manifest", {"manifest.json": told(json_changed(manifest, rng))}
    if draw < 0.45:
        return "bytes of manifest", {"manifest.json": list(bytes_changed(told_bytes(manifest), rng))}
    if draw < 0.9:
        plan = json_changed(json.loads((folder / said["file"]).read_text()), rng)
        if any(isinstance(h[k], int | float) and abs(h[k]) > MOST for h, k in places(plan)):
            return broken_folder(folder, variant, rng)
        data = told_bytes(plan)
        said |= {"bytes": len(data), "crc32": zlib.crc32(data)}
        return "plan", {said["file"]: list(data), "manifest.json": told(manifest)}
    shard = rng.choice(manifest["weights"]["shards"])
    data = bytes_changed((folder / shard["file"]).read_bytes(), rng)
    if rng.random() < 0.6:
        shard |= {"bytes": len(data), "crc32": zlib.crc32(data)}
    return "shard", {shard["file"]: list(data), "manifest.json": told(manifest)}


def told_bytes(value: Any) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value).encode()


def told(value: Any) -> list[int]:
    """The same as numbers, which a page takes."""
    return list(told_bytes(value))
