"""The folder that the contestants are served from: their libraries from npm, and each network in every one's format."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import models
import numpy as np
from networks import NETWORKS, Net
from to_onnx import channels_first, to_onnx
from to_tfjs import write_tfjs

import glnn

HERE = Path(__file__).resolve().parent
# npm package: (version, the files of it that are used)
PACKAGES = {
    "@tensorflow/tfjs": ("4.22.0", ["dist/tf.min.js"]),
    "@tensorflow/tfjs-backend-wasm": (
        "4.22.0",
        ["dist/tf-backend-wasm.min.js", *(f"dist/tfjs-backend-wasm{k}.wasm" for k in ("", "-simd", "-threaded-simd"))],
    ),
    "onnxruntime-web": (
        "1.30.0",
        [
            "dist/ort.webgl.min.js",
            "dist/ort.wasm.min.js",
            *(f"dist/ort-wasm-simd-threaded.{k}" for k in ("mjs", "wasm")),
        ],
    ),
}


def fetch_packages(folder: Path) -> None:
    """The peers' files from npm, kept in folder; only these files of each package are unpacked, and no script runs."""
    for package, (version, members) in PACKAGES.items():
        place = folder / package.rsplit("/", 1)[-1]
        stamp = place / f"version-{version}"
        if stamp.exists() and all((place / Path(member).name).exists() for member in members):
            continue
        npm = shutil.which("npm")
        if not npm:
            raise SystemExit("the peers come from npm, which is not installed (Debian: apt-get install -y npm)")
        print(f"fetching {package}@{version} from npm (once) ...", file=sys.stderr)
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            command = [npm, "pack", "--silent", f"{package}@{version}", "--pack-destination", temporary]
            subprocess.run(command, check=True, cwd=temporary, stdout=subprocess.DEVNULL)
            [archive] = Path(temporary).glob("*.tgz")
            with tarfile.open(archive) as tar:
                for member in members:
                    file = tar.extractfile(f"package/{member}")
                    assert file is not None
                    (place / Path(member).name).write_bytes(file.read())
        stamp.touch()


def site() -> Path:
    """The folder with the pages and the peers' libraries, kept between runs."""
    folder = models.cache_folder() / "peers"
    fetch_packages(folder / "npm")
    shutil.copytree(HERE / "pages", folder, dirs_exist_ok=True)
    return folder


def network(folder: Path, name: str) -> tuple[Path, np.ndarray]:
    """The folder of a network in every format, each made where its makers are newer; onnxruntime's output, flat."""
    place, net = folder / name, NETWORKS[name]()
    makers = [HERE / "networks.py", HERE / "to_tfjs.py", HERE.parent / "to_onnx.py"]
    if _stale(place / "made", makers):
        print(f"making {name} in every format ...", file=sys.stderr)
        shutil.rmtree(place, ignore_errors=True)
        _make(net, place)
        (place / "made").touch()
    ours = [path for path in Path(glnn.__file__).parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    if _stale(place / "exported", ours):
        export = place / f"glnn-{os.getpid()}"
        with glnn.Model.load(place / "model.glnn") as model:
            model.export_web(export, input_shape=(1, *net.shape), variants=["webgl2"], verbose=0)
        shutil.rmtree(place / "glnn", ignore_errors=True)
        export.rename(place / "glnn")
        (place / "exported").touch()
    return place, np.fromfile(place / "expected.bin", np.float32)


def _stale(stamp: Path, makers: list[Path]) -> bool:
    newest = max(path.stat().st_mtime for path in makers)
    return not stamp.exists() or stamp.stat().st_mtime < newest


def _make(net: Net, place: Path) -> None:
    import onnxruntime

    x = net.sample().astype(np.float32)
    net.write(place / "layers")
    write_tfjs(net, place / "graph")
    (place / "input-nhwc.bin").write_bytes(x.tobytes())
    (place / "input-nchw.bin").write_bytes(channels_first(x).tobytes())
    with glnn.Model.load(place / "layers" / "model.json") as model:
        (place / "model.onnx").write_bytes(to_onnx(model.graph, {"x": x.shape}).SerializeToString())
        model.save(place / "model.glnn")
    session = onnxruntime.InferenceSession(place / "model.onnx", providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": channels_first(x)})[0]
    (place / "expected.bin").write_bytes((y.transpose(0, 2, 3, 1) if y.ndim == 4 else y).tobytes())
