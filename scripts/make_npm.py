"""Writes the web runner as an npm package, which npm pack or npm publish takes: scripts/make_npm.py [FOLDER]."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import glnn
from glnn.web.page import PAGE, sent, source

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "docs" / "web-runner.md"  # which is the package's README, too


def package(folder: Path) -> Path:
    """The package's folder, written anew: runner.js as exports have it, its parts, types with their comments."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    code = [name for name in PAGE if re.fullmatch(r"(runner|runner-\w+|profile)\.js", name)]
    for name in code:
        (folder / name).write_bytes(sent(name))
    (folder / "runner.d.ts").write_text(source("runner.d.ts"), encoding="utf-8")
    (folder / "README.md").write_text(without_links(TEXT.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", folder)
    about = {
        "name": "glnn",
        "version": glnn.__version__,
        "description": "Runs neural networks that glnn exported, in WebGL, with the shaders that Python ran",
        "keywords": ["neural networks", "inference", "WebGL", "GLSL", "Keras", "ONNX"],
        "license": "MIT",
        "type": "module",
        "exports": {".": {"types": "./runner.d.ts", "default": "./runner.js"}, "./package.json": "./package.json"},
        "types": "./runner.d.ts",
        "sideEffects": False,
        "files": [*code, "runner.d.ts"],
    }
    (folder / "package.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return folder


def without_links(text: str) -> str:
    """Markdown whose links to other files of this repository are their words alone."""
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", text)


if __name__ == "__main__":
    made = package(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "npm")
    print(f"{made}: {', '.join(sorted(path.name for path in made.iterdir()))}. Pack it with: npm pack {made}")
