"""Holds glnn to Keras on the models of keras.applications, weights seeded: `make applications`, or with names of some.

Each model is built at the smallest size it allows, saved by Keras as .keras and .h5, loaded by glnn from both, and its
predictions are compared with Keras' own. Nothing is downloaded. Each runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

# The model -> the smallest image that it takes, one side; Keras refuses a smaller one, or has no pixel left.
SIZES = {
    "VGG16": 32, "VGG19": 32,
    "ResNet50": 32, "ResNet101": 32, "ResNet152": 32, "ResNet50V2": 32, "ResNet101V2": 32, "ResNet152V2": 32,
    "InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71,
    "MobileNet": 32, "MobileNetV2": 32, "MobileNetV3Small": 32, "MobileNetV3Large": 32,
    "DenseNet121": 32, "DenseNet169": 32, "DenseNet201": 32, "NASNetMobile": 32,
    "EfficientNetB0": 32, "EfficientNetB1": 32, "EfficientNetB2": 32, "EfficientNetB3": 32,
    "EfficientNetV2B0": 32, "EfficientNetV2B1": 32, "EfficientNetV2B2": 32, "EfficientNetV2B3": 32,
    "ConvNeXtTiny": 32, "RegNetX002": 32, "RegNetY002": 32, "ResNetRS50": 32,
}  # fmt: skip
LARGEST_ERROR = 1e-3  # of the largest output
HEADER = ("Model", "Side", "Layers", "Parameters", "From", "Load s", "Predict s", "Error")


def build(name: str) -> Any:
    """A model with seeded weights, statistics of batches among them, logits at its end."""
    import keras
    from support.networks import randomise

    side = SIZES[name]
    options = {"weights": None, "input_shape": (side, side, 3), "classifier_activation": None}
    return randomise(getattr(keras.applications, name)(**options))


def compared(name: str, formats: list[str]) -> list[dict[str, Any]]:
    """What came of a model, from each of the formats: seconds, and the error relative to the largest output."""
    import numpy as np

    import glnn

    model = build(name)
    x = np.random.default_rng(1).uniform(0, 255, (1, *model.input_shape[1:])).astype(np.float32)
    x = x if any(layer.__class__.__name__ == "Rescaling" for layer in model.layers) else x / 127.5 - 1
    expected = np.asarray(model.predict(x, verbose=0))
    rows = []
    for kind in formats:
        row = {"model": name, "side": SIZES[name], "parameters": model.count_params(), "from": kind}
        rows.append(row)
        with tempfile.TemporaryDirectory() as folder:
            path: Any = Path(folder) / f"model.{kind}" if kind != "memory" else model
            if kind != "memory":
                model.save(path)
            start = time.perf_counter()
            try:
                with glnn.Model.load(path) as ours:
                    loaded = time.perf_counter()
                    y = ours.predict(x, verbose=0)
                    row |= {"layers": len(ours.layers), "load": loaded - start, "predict": time.perf_counter() - loaded}
            except glnn.errors.GlnnError as error:
                row["failed"] = str(error)
                continue
        row["error"] = float(np.abs(y - expected).max() / np.abs(expected).max())
        row["finite"] = bool(np.isfinite(expected).all())
    return rows


def well(row: dict[str, Any]) -> bool:
    """Whether a model agrees."""
    return "error" in row and row["finite"] and row["error"] <= LARGEST_ERROR


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    if "failed" in row:
        return f"{row['model']:18} {row['side']:4} {'':6} {'':11} {row['from']:6}  FAILED {row['failed']}"
    sizes = f"{row['layers']:6} {row['parameters']:11,} {row['from']:6}"
    times = f"{row['load']:8.2f} {row['predict']:9.2f}"
    return f"{row['model']:18} {row['side']:4} {sizes} {times} {row['error']:8.1e}{'' if well(row) else '  TOO LARGE'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"models (default: all of {', '.join(SIZES)})")
    parser.add_argument("--from", dest="formats", default="keras,h5", help="of keras, h5, memory, with commas between")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(compared(args.names[0], args.formats.split(","))))
        return 0
    import keras

    unknown = [name for name in args.names if name not in SIZES]
    if unknown:
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(SIZES)}")
    left_out = [name for name in args.names or SIZES if not hasattr(keras.applications, name)]
    print(f"Keras {keras.__version__} ({keras.backend.backend()}), images of the smallest side, batch 1")
    print("{:18} {:>4} {:>6} {:>11} {:6} {:>8} {:>9} {:>8}".format(*HEADER), flush=True)
    good = True
    for name in args.names or SIZES:
        if name in left_out:
            continue
        command = [sys.executable, __file__, name, "--one", "--from", args.formats]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name:18} FAILED: {done.stderr.strip().splitlines()[-1]}", flush=True)
            good = False
            continue
        rows = json.loads(done.stdout.splitlines()[-1])
        print("\n".join(map(line, rows)), flush=True)
        good = good and all(map(well, rows))
    if left_out:
        print(f"not in this Keras: {', '.join(left_out)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
