"""The npm package of the runner: what npm packs is what an export has, and a page imports it by its name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.archives import unpack
from support.browser import serve
from support.replays import Exported, different_bits

import glnn
from glnn.web.page import source

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def packed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as its users get it: packed and unpacked by npm, or the folder where there is no npm."""
    folder = tmp_path_factory.mktemp("npm")
    subprocess.run([sys.executable, root / "scripts" / "make_npm.py", folder / "made"], check=True, capture_output=True)
    npm = shutil.which("npm")
    if not npm:
        return folder / "made"
    told = subprocess.run([npm, "pack", "--json", "./made"], cwd=folder, check=True, capture_output=True, text=True)
    unpack(folder / json.loads(told.stdout)[0]["filename"], folder)
    return folder / "package"


def test_the_package_holds_the_runner_of_an_export(packed: Path, digits: Exported) -> None:
    imported = re.findall(r"import\(\"\./([\w.-]+)\"\)", source("runner.js"))
    code = {"runner.js", *imported}
    assert len(code) > 3
    assert {p.name for p in packed.iterdir()} == {*code, "runner.d.ts", "package.json", "README.md", "LICENSE"}
    for name in code:
        assert (packed / name).read_bytes() == (digits.folder / name).read_bytes()
    assert (packed / "runner.d.ts").read_text() == source("runner.d.ts")  # with its comments, which editors show
    about = json.loads((packed / "package.json").read_text())
    assert about["version"] == glnn.__version__ and about["type"] == "module" and "dependencies" not in about
    for path in [*about["exports"]["."].values(), about["types"]]:
        assert (packed / path).is_file()
    assert "](driver" not in (packed / "README.md").read_text()


def test_what_is_exported_has_types(packed: Path) -> None:
    """Every export of runner.js but those for its own parts, and nothing else."""
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no node")
    told = "import('./runner.js').then(all => console.log(JSON.stringify(Object.keys(all))))"
    out = subprocess.run([node, "-e", told], cwd=packed, check=True, capture_output=True, text=True).stdout
    types = (packed / "runner.d.ts").read_text()
    words = [line.split("(")[0].split()[2] for line in types.splitlines() if line.startswith("export function")]
    words += [line.split()[2] for line in types.splitlines() if line.startswith("export class")]
    assert set(json.loads(out)) - {"crc32", "fetchBytes"} == set(words) >= {"load", "device", "GlnnError"}


def test_a_page_imports_the_package(new_page: Callable[[], Page], packed: Path, digits: Exported) -> None:
    """By its name, as a bundler or an import map resolves it, and a part of it by itself."""
    shutil.copytree(digits.folder, packed / "model")
    entry = json.loads((packed / "package.json").read_text())["exports"]["."]["default"]
    names = json.dumps({"imports": {"glnn": entry}})
    (packed / "app.html").write_text(f'<!doctype html><script type="importmap">{names}</script>')
    with serve(packed) as url:
        page = new_page()
        page.goto(f"{url}app.html")
        bits = page.evaluate(
            """async name => {
              const glnn = await import("glnn"), device = await glnn.device();
              const values = new Float32Array(await (await fetch("model/input.bin")).arrayBuffer());
              const outputs = await (await glnn.load("model/", {device, variant: "webgl2"})).predict({[name]: values});
              const words = array => Array.from(new Uint32Array(array.buffer, array.byteOffset, array.length));
              return Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, words(array)]));
            }""",
            digits.model.inputs[0].name,
        )
    shutil.rmtree(packed / "model")
    assert different_bits(digits.values(bits), digits.in_python("webgl2").outputs) == 0
