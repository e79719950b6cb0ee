"""Faults planted into an exported folder, whose manifest then states the changed files' lengths and checksums."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Data = dict[str, Any]


def change_plan(folder: Path, variant: str, change: Callable[[Data], None]) -> None:
    """Changes a variant's plan in place."""
    manifest = json.loads((folder / "manifest.json").read_text())
    said = next(v["plan"] for v in manifest["variants"] if v["name"] == variant)
    plan = json.loads((folder / said["file"]).read_text())
    before = json.dumps(plan)
    change(plan)
    assert json.dumps(plan) != before, "the fault changed nothing"
    data = json.dumps(plan).encode()
    (folder / said["file"]).write_bytes(data)
    said |= {"bytes": len(data), "crc32": zlib.crc32(data)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def in_text(draw: int, old: str, new: str) -> Callable[[Data], None]:
    """Another text in one draw's shader; other draws keep theirs, whether or not they shared it."""

    def change(plan: Data) -> None:
        program = plan["programs"][plan["draws"][draw]["program"]]
        assert old in program["fragment"], program["fragment"]
        plan["programs"].append({**program, "fragment": program["fragment"].replace(old, new)})
        plan["draws"][draw]["program"] = len(plan["programs"]) - 1
        numbers = sorted({d["program"] for d in plan["draws"]})  # the runner draws with every program once
        plan["programs"] = [plan["programs"][number] for number in numbers]
        for item in plan["draws"]:
            item["program"] = numbers.index(item["program"])

    return change


# What is done to a draw's every output y, by GLSL.
OUTPUTS = {
    "scaled": "vec4({y}) * 1.001",
    "lanes exchanged": "{y}.yxzw",
    "one texel": "{y} + (int(gl_FragCoord.x) == 0 && int(gl_FragCoord.y) == 0 ? vec4(0.5, 0.0, 0.0, 0.0) : vec4(0.0))",
    "one NaN": "(int(gl_FragCoord.x) == 0 && int(gl_FragCoord.y) == 0 ? vec4(sqrt(-abs({y}.x) - 1.0)) : {y})",
    "upside down": "{y} * (mod(gl_FragCoord.y, 2.0) < 1.0 ? -1.0 : 1.0)",
}


def in_output(draw: int, kind: str) -> Callable[[Data], None]:
    """A fault of OUTPUTS in what one draw writes."""
    return in_text(draw, "out_0 = y_encode(y_0)", f"out_0 = y_encode({OUTPUTS[kind].format(y='y_0')})")


def change_weights(folder: Path, change: Callable[[np.ndarray], None]) -> None:
    """Changes the floats of the last shard in place."""
    manifest = json.loads((folder / "manifest.json").read_text())
    said = manifest["weights"]["shards"][-1]
    values = np.frombuffer((folder / said["file"]).read_bytes(), "<f4").copy()
    change(values)
    (folder / said["file"]).write_bytes(values.tobytes())
    said["crc32"] = zlib.crc32(values.tobytes())
    (folder / "manifest.json").write_text(json.dumps(manifest))
