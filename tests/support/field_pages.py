"""The JSON of a page opened with ?check, without a browser: of a GPU that gives what Python does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def golden(folder: Path, variant: str) -> dict[str, Any]:
    return json.loads((folder / manifest(folder)["check"]["golden"][variant]["file"]).read_text())


def page_of(folder: Path, variant: str = "webgl2") -> dict[str, Any]:
    """The JSON of a page whose GPU gives what Python does."""
    said = manifest(folder)
    plan = json.loads((folder / next(v["plan"]["file"] for v in said["variants"] if v["name"] == variant)).read_text())
    told = {"state": "equal", "inherited": False, "error": 0, "what": "", "here": 0, "there": 0}
    rows = []
    for item in golden(folder, variant)["draws"]:
        about = plan["draws"][item["draw"]]
        rows.append({**item, **told, "layer": about["label"], "kernel": about["kernel"]})
    return {
        "format": "glnn-field-check", "version": 1, "model": said["name"], "variant": variant,
        "limits": plan["limits"], "golden": said["check"]["golden"][variant], "seed": said["check"]["seed"],
        "picture": said["picture"], "time": "2026-01-01T00:00:00Z",
        "inputs": [{**i, "shape": s["shape"]} for i, s in zip(said["check"]["inputs"], said["inputs"], strict=True)],
        "device": {"gpu": "a phone's", "vendor": "someone", "browser": "some", "precision": {"bits": 23}},
        "draws": rows,
    }  # fmt: skip
