"""Measures each layer's shaders against Keras, over the table of cases, into docs/layers.json: `make layers`.

`python scripts/make_layers.py` makes the page of it. Of which generation of Keras a name is, is kept in the file: of
Keras 3 it is looked up anew, of those before and of TensorFlow.js the names stay as they were found.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
MEASURES = ROOT / "docs" / "layers.json"
KINDS = ("normal", "wide", "rows")  # of values: what is infinite or denormal is judged by tests


def oracles() -> Iterator[Any]:
    """The tests that hold references to Keras: modules with cases, MINE, and keras_answer(case)."""
    for path in sorted((ROOT / "tests" / "pure" / "layers").glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "keras_answer") and hasattr(module, "MINE"):
            yield module


def error(device: Any, case: Any, expected: Any) -> float:
    """The largest error of a case's shaders, relative to the largest value of its output."""
    from glnn.graph.graph import as_tuple
    from glnn.testing import run_layer

    wanted = list(expected) if isinstance(expected, list | tuple) else [expected]
    made = run_layer(device, case.layer, case.inputs, case.weights).outputs
    assert len(made) >= len(as_tuple(wanted))
    errors = []
    for ours, theirs in zip(made, map(np.asarray, wanted), strict=False):
        with np.errstate(invalid="ignore"):
            wrong = np.where(ours == theirs, 0, np.abs(ours - theirs))  # infinities are equal, their difference is NaN
        largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=0)
        errors.append(float(wrong.max(initial=0) / (largest or 1)))
    return max(errors)


def measured(device: Any, only: list[str], most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each layer by its class, with its number of cases and largest error; at most so many cases, taken evenly."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    for module in oracles():
        for case in module.MINE:
            explicit = hasattr(case.layer, "pool_size") and not isinstance(case.layer.padding, str)
            if case.kind in KINDS and not explicit:  # Keras pools with no padding given in pixels
                found.setdefault(type(case.layer).__name__, []).append((case, module.keras_answer))
    for name, cases in sorted(found.items()):
        if only and name not in only:
            continue
        errors = []
        for case, answer in cases[:: -(-len(cases) // most)]:
            try:
                expected = answer(case)
            except BaseException as skipped:  # pytest.skip: Keras has no such option
                if type(skipped).__name__ not in ("Skipped", "AttributeError"):
                    raise
                continue
            expected = expected[0] if isinstance(expected, tuple) and len(expected) == 2 else expected
            errors.append(error(device, case, expected))
        if errors:
            yield name, {"cases": len(errors), "error": float(f"{max(errors):.1e}")}


def keras_names() -> list[str]:
    """The layers of the installed Keras, as its files call them, those that its applications bring along too."""
    import keras

    folder = Path(keras.__file__).parent / "src" / "applications"
    modules = [
        importlib.import_module(f"keras.src.applications.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))
    ]
    found = [pair for module in (keras.layers, *modules) for pair in inspect.getmembers(module, inspect.isclass)]
    return sorted({name for name, kind in found if issubclass(kind, keras.Layer) and name == kind.__name__})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="LAYER", help="classes to measure anew (default: all)")
    parser.add_argument("--most", type=int, default=24, metavar="N", help="cases of one layer (default 24)")
    args = parser.parse_args()
    import keras

    import glnn

    kept = json.loads(MEASURES.read_text(encoding="utf-8"))
    kept["names"]["Keras 3"] = keras_names()
    kept["keras"] = f"{keras.__version__} ({keras.backend.backend()})"
    with glnn.Device() as device:
        kept["device"] = device.renderer.split(" (")[0]
        layers = {} if not args.names else kept["layers"]
        for name, measure in measured(device, args.names, args.most):
            print(f"{name:28} {measure['cases']:3} cases, {measure['error']:.1e}", flush=True)
            layers[name] = measure
            kept["layers"] = dict(sorted(layers.items()))
            MEASURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")  # what is done, is done
    return 0


if __name__ == "__main__":
    sys.exit(main())
