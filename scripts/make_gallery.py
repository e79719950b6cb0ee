"""Exports the models of examples/ as pages into one folder, with a page that leads to them. `make gallery`.

    python scripts/make_gallery.py [FOLDER]

The folder (build/gallery unless another is given) is static: any web server serves it, `python -m http.server` too.
Each export holds what its draws give in Python, so that a visitor's own GPU is held to that.
"""

from __future__ import annotations

import argparse
import ast
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

import glnn

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(EXAMPLES))
from drawn import landscape, strokes  # noqa: E402
from harbours import tides  # noqa: E402
from shapes import KINDS, picture  # noqa: E402

STEPS = 64  # characters that the writer looks back
CULTIVARS = ["Barolo", "Grignolino", "Barbera"]  # what the three of the data are (Forina and others 1986)
MEASURED = (
    "alcohol, malic acid, ash, alcalinity of ash, magnesium, phenols, flavanoids, other phenols, proanthocyanins, "
    "colour, hue, OD280/OD315, proline"
).split(", ")
WINES = {  # of scikit-learn's load_wine
    "Wine 8": [14.06, 2.15, 2.61, 17.6, 121.0, 2.6, 2.51, 0.31, 1.25, 5.05, 1.06, 3.58, 1295.0],
    "Wine 67": [13.11, 1.01, 1.7, 15.0, 78.0, 2.98, 3.18, 0.26, 2.28, 5.3, 1.12, 3.18, 502.0],
    "Wine 139": [13.49, 3.59, 2.19, 19.5, 88.0, 1.62, 0.48, 0.58, 0.88, 5.7, 0.81, 1.82, 580.0],
}


def main() -> None:
    """Export all, and write the page that leads to them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build" / "gallery")
    parser.add_argument("--only", help="one of the models, by its name")
    args = parser.parse_args()
    for name, (model, options) in models().items():
        if args.only in (None, name):
            with model() as opened:
                folder = opened.export_web(args.folder / name, verbose=0, **options())
            size = sum(path.stat().st_size for path in folder.iterdir())
            print(f"{name}: {size / 1e3:.0f} kB")
    for path in sorted((EXAMPLES / "gallery").iterdir()):
        shutil.copy(path, args.folder / path.name)
    shutil.copy(ROOT / "glnn" / "web" / "icon.svg", args.folder / "icon.svg")
    print(f"{args.folder}: look at it with: python -m http.server --directory {args.folder}")


def models() -> dict[str, Any]:
    """By name: what opens the model, and what gives the options of its export."""
    return {
        "digits": (lambda: glnn.Model.load(EXAMPLES / "digits.h5"), digits),
        "shapes": (lambda: glnn.Model.load(EXAMPLES / "shapes.h5"), shapes),
        "style": (lambda: glnn.Model.load(EXAMPLES / "style.h5"), style),
        "writer": (stateless, writer),
        "wine": (lambda: glnn.Model.load(EXAMPLES / "wine.h5"), wine),
        "tides": (lambda: glnn.Model.load(EXAMPLES / "tides.h5"), ahead),
    }


def digits() -> dict[str, Any]:
    with np.load(EXAMPLES / "digits_heldout.npz") as data:
        seen = (data["images"][:1] / 16).astype(np.float32)[..., None]
    return {"scale": "unit", "labels": list("0123456789"), "check": seen}


def shapes() -> dict[str, Any]:
    rng, wide = np.random.default_rng(4), landscape(192, 256)
    shown = {f"a {kind}": picture(rng, kind, lambda rng: wide[60:156:2, 40:136:2]) for kind in KINDS[:-1]}
    return {
        "scale": "unit",
        "fit": "crop",
        "labels": list(KINDS),
        "examples": {name: jpeg(pixels / 255) for name, pixels in shown.items()},
        "check": shown["a star"][None] / np.float32(255),
    }


def style() -> dict[str, Any]:
    shape = (1, 192, 256, 3)
    shown = {"a lake": landscape(192, 256), "a whirl": strokes(192, 256)}
    pictures = {name: jpeg(pixels) for name, pixels in shown.items()}
    return {"input_shape": shape, "scale": "unit", "fit": "crop", "examples": pictures, "check": shown["a lake"][None]}


@contextmanager
def stateless() -> Iterator[glnn.Model]:
    """The writer as a model that forgets between predictions: a page gives it the last characters each time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(EXAMPLES / "writer.h5", folder))
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = file.attrs["model_config"].replace('"stateful": true', '"stateful": false')
        with glnn.Model.load(path) as model:
            yield model


def writer() -> dict[str, Any]:
    tree = ast.parse((EXAMPLES / "train_writer.py").read_text())  # which needs Keras to be imported
    assigned = (node for node in tree.body if isinstance(node, ast.Assign))
    alphabet = next(ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "ALPHABET")
    text = "The page of an exported model runs on the device of whoever opens it."[:STEPS]
    begun = {"A kernel": "A kernel reads ", "The page": "The page of a model "}
    check = np.array([[alphabet.index(letter) for letter in text]], np.float32)
    return {"input_shape": (1, STEPS), "vocabulary": alphabet, "examples": begun, "check": check}


def wine() -> dict[str, Any]:
    return {
        "labels": CULTIVARS,
        "columns": MEASURED,
        "examples": WINES,
        "check": np.array([WINES["Wine 8"]], np.float32),
    }


def ahead() -> dict[str, Any]:
    seen, _ = tides(3, np.random.default_rng(12))
    shown = {f"Harbour {number}": np.round(levels, 2) for number, levels in enumerate(seen, 1)}
    return {"columns": ["metres"], "examples": shown, "check": seen[:1]}


def jpeg(pixels: np.ndarray) -> bytes:
    """A picture (H, W, 3) in 0..1 as a file."""
    file = io.BytesIO()
    Image.fromarray(np.round(pixels * 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


if __name__ == "__main__":
    main()
