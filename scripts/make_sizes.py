"""Writes the table of sizes in docs/web.md, of docs/sizes.json for other libraries. `make api`, or --check, or --fetch.

Sizes are of gzip -9. Ours are those of the files that an export gets. Those of the others were measured by --fetch, of
their packages on npm: the minified bundle that a page would load, and what that loads before it runs a model.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from make_pictures import written  # noqa: E402

from glnn.web.page import BASE, sent  # noqa: E402

DOCS = ROOT / "docs"
BEGIN, END = "<!-- sizes: written by scripts/make_sizes.py -->", "<!-- /sizes -->"
LEEWAY = 0.25  # KB that our sizes may be off before --check fails: a line of code is no reason to write the page anew
OURS = {  # title -> files
    "glnn: page and runner": BASE,
    "glnn: the runner": ("runner.js",),
    "glnn: ... with second tries, timeout, cache": ("runner.js", "runner-files.js"),
    "glnn: ... in a Worker": ("runner.js", "runner-worker.js"),
    "glnn: ... with pictures, canvases, video": ("runner.js", "runner-pixels.js", "page-pixels.js"),
    "glnn: ... with a context for several models": ("runner.js", "runner-device.js"),
    "glnn: all of the runner": (
        "runner.js", "runner-files.js", "runner-worker.js", "runner-pixels.js", "page-pixels.js", "runner-device.js",
        "profile.js",
    ),
}  # fmt: skip
TFJS = ("tfjs-core", "tfjs-converter", "tfjs-backend-webgl")
ORT, ORT_WASM = "onnxruntime-web", "ort-wasm-simd-threaded"
# title -> (scripts, what they load besides), each as package: files. Versions are those of VERSIONS.
Files = dict[str, tuple[str, ...]]
PEERS: dict[str, tuple[Files, Files]] = {
    "ONNX Runtime Web, WebGL": ({ORT: ("ort.webgl.min.mjs",)}, {}),
    "ONNX Runtime Web, wasm": ({ORT: ("ort.wasm.bundle.min.mjs",)}, {ORT: (f"{ORT_WASM}.wasm",)}),
    "TensorFlow.js, whole": ({"@tensorflow/tfjs": ("tf.es2017.min.js",)}, {}),
    "TensorFlow.js, core, converter and WebGL": (
        {f"@tensorflow/{name}": (f"{name.replace('tfjs', 'tf')}.es2017.min.js",) for name in TFJS},
        {},
    ),
    "MediaPipe, vision tasks": (
        {"@mediapipe/tasks-vision": ("../vision_bundle.mjs",)},
        {"@mediapipe/tasks-vision": ("../wasm/vision_wasm_internal.js", "../wasm/vision_wasm_internal.wasm")},
    ),
    "Transformers.js": (
        {"@huggingface/transformers": ("transformers.web.min.js",)},
        {ORT: ("ort.webgpu.bundle.min.mjs", f"{ORT_WASM}.asyncify.wasm")},
    ),
}
VERSIONS = {ORT: "1.30.0", "@mediapipe/tasks-vision": "1.1.0", "@huggingface/transformers": "4.3.1"}
VERSIONS |= {f"@tensorflow/{name}": "4.22.0" for name in ("tfjs", *TFJS)}


def packed(data: bytes) -> int:
    return len(gzip.compress(data, 9))


def fetched() -> dict[str, list[int]]:
    """The bytes of the peers' scripts and of what these load, by title; their packages come from npm."""

    @cache
    def archive(package: str) -> Path:
        command = ["npm", "pack", "--silent", f"{package}@{VERSIONS[package]}", "--pack-destination", temporary]
        done = subprocess.run(command, check=True, cwd=temporary, capture_output=True, text=True)
        return Path(temporary, done.stdout.split()[-1])

    def size(files: Files) -> int:
        total = 0
        for package, names in files.items():
            with tarfile.open(archive(package)) as tar:
                for name in names:
                    file = tar.extractfile("package/" + (name[3:] if name.startswith("../") else f"dist/{name}"))
                    assert file is not None
                    total += packed(file.read())
        return total

    if not shutil.which("npm"):
        raise SystemExit("the peers come from npm, which is not installed (Debian: apt-get install -y npm)")
    with tempfile.TemporaryDirectory() as temporary:
        return {title: [size(scripts), size(rest)] for title, (scripts, rest) in PEERS.items()}


def told(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.{int(size < 5e4)}f} KB" if size else ""


def table(peers: dict[str, list[int]]) -> str:
    """The table as Markdown; ours first."""
    rows = [(title, told(sum(packed(sent(name)) for name in files)), "") for title, files in OURS.items()]
    for title, (scripts, rest) in peers.items():
        package = next(iter(PEERS[title][0]))
        rows.append((f"{title} ({package} {VERSIONS[package]})", told(scripts), told(rest)))
    return "\n".join(["| | scripts | besides |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in rows)])


def near(one: str, other: str) -> bool:
    """Whether two tables are the same but for LEEWAY."""
    number = r"\d+\.\d KB"
    if re.sub(number, "", one) != re.sub(number, "", other):
        return False
    pairs = zip(re.findall(number, one), re.findall(number, other), strict=True)
    return all(abs(float(a[:-3]) - float(b[:-3])) <= LEEWAY for a, b in pairs)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is not up to date")
    parser.add_argument("--fetch", action="store_true", help="measure the other libraries, of npm")
    args = parser.parse_args()
    if args.fetch:
        (DOCS / "sizes.json").write_text(json.dumps(fetched(), indent=1) + "\n", encoding="utf-8")
    page = (DOCS / "web.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    new = f"\n{table(json.loads((DOCS / 'sizes.json').read_text(encoding='utf-8')))}\n"
    if args.check and near(old, new):
        return 0
    return written({"web.md": f"{before}{BEGIN}{new}{END}{after}"}, args.check)


if __name__ == "__main__":
    sys.exit(main())
