"""Files that the documentation calls by names of the reader's own: small ones of the same kind stand in for them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from support.field_pages import page_of
from support.keras_files import layer, sequential, write_model
from support.tfjs_files import small


def picture(path: Path) -> None:
    """A picture of 300 x 240 pixels, random colours."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (240, 300, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def model(path: Path) -> None:
    """A Keras model of pictures (N, 224, 224, 3) with five classes, untrained."""
    rng = np.random.default_rng(0)
    layers = (
        layer("Conv2D", "conv", filters=4, kernel_size=[3, 3], strides=[16, 16], batch_input_shape=[None, 224, 224, 3]),
        layer("GlobalAveragePooling2D", "mean"),
        layer("Dense", "classes", units=5, activation="softmax"),
    )
    shapes = {"conv": {"kernel": (3, 3, 3, 4), "bias": (4,)}, "mean": {}, "classes": {"kernel": (4, 5), "bias": (5,)}}
    weights = {
        name: {f"{name}/{weight}:0": rng.normal(size=shape) / 9 for weight, shape in held.items()}
        for name, held in shapes.items()
    }
    write_model(path, sequential(*layers), weights)


def phone(path: Path) -> None:
    """What a phone gives of the digits model's page."""
    import glnn

    with glnn.Model.load(EXAMPLES / "digits.h5") as digits, tempfile.TemporaryDirectory() as folder:
        digits.export_web(folder, scale="unit", check=True)
        path.write_text(json.dumps(page_of(Path(folder))))


def operators(path: Path) -> None:
    """An ONNX file of the repository."""
    shutil.copy(EXAMPLES / "patches.onnx", path)


def layers_model(path: Path) -> None:
    """A folder of TensorFlow.js: two layers, 4 -> 3 -> 2."""
    path.mkdir()
    small(path)


STAND_INS: dict[str, Callable[[Path], None]] = {
    "cat.jpg": picture,
    "dog.png": picture,
    "model.h5": model,
    "model.onnx": operators,
    "phone.json": phone,
    "tfjs": layers_model,
}


def make(folder: Path, page: str) -> None:
    """The files in a folder that a page's text names."""
    for name, write in STAND_INS.items():
        if name in page:
            write(folder / name)
