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
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
MEASURES = ROOT / "docs" / "layers.json"
KINDS = {
    "normal",
    "wide",
    "rows",
    "truth",
    "kept",
    "rare",
}  # of values: what is infinite or denormal is judged by tests
KERAS, FORMULA, TENSORFLOW = "Keras", "formula", "TensorFlow"  # what an error is against


def oracles() -> Iterator[Any]:
    """The tests that hold references to Keras: modules with cases, MINE, and keras_answer(case)."""
    for path in sorted((ROOT / "tests" / "pure" / "layers").glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "keras_answer") and hasattr(module, "MINE"):
            yield module


def error(made: Any, wanted: Any) -> float:
    """The largest error of what came out, relative to the largest value that was to."""
    made, wanted = (list(y) if isinstance(y, list | tuple) else [y] for y in (made, wanted))
    errors = []
    for ours, theirs in zip(made, map(np.asarray, wanted), strict=True):
        with np.errstate(invalid="ignore"):
            wrong = np.where(ours == theirs, 0, np.abs(np.subtract(ours, theirs, dtype=np.float64)))  # inf - inf is NaN
        largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=0)
        errors.append(float(wrong.max(initial=0) / (largest or 1)))
    return max(errors)


def told(errors: list[float], against: list[str]) -> dict[str, Any]:
    """What is kept of a layer's cases, each with what it was held against."""
    if not np.isfinite(errors).all():
        raise SystemExit(f"NaN among errors of {len(errors)} cases against {against[0]}")
    found = {name: against.count(name) for name in sorted(set(against))}
    return {"cases": len(errors), "error": float(f"{max(errors):.1e}"), "against": found}


def inner(layer: Any) -> Iterator[str]:
    """The classes that a layer is made of: its own, and those of the layers and cells in its options."""
    from glnn.layers.base import Layer

    yield type(layer).__name__
    for value in vars(layer).values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Layer):
                yield from inner(item)


def evenly(items: list[Any], most: int) -> list[Any]:
    """At most so many of them, from all along the list."""
    return items[:: -(-len(items) // most)]


def measured(device: Any, only: list[str], most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each layer by its class: its number of cases, its largest error, against what; so many cases, taken evenly."""
    from glnn.graph.graph import as_tuple
    from glnn.testing import run_layer

    found: dict[str, list[tuple[Any, Any]]] = {}
    for module in oracles():
        for case in module.MINE:
            explicit = hasattr(case.layer, "pool_size") and not isinstance(case.layer.padding, str)
            if set(case.kind.split("|")) <= KINDS and not explicit:  # Keras pools with no padding given in pixels
                for name in set(inner(case.layer)):
                    found.setdefault(name, []).append((case, module))
    for name, cases in sorted(found.items()):
        if only and name not in only:
            continue
        errors, against = [], []
        for case, module in evenly(cases, most):
            try:
                expected, _ = module.keras_answer(case)
            except BaseException as skipped:  # pytest.skip: Keras has no such option
                if type(skipped).__name__ != "Skipped":
                    raise
                continue
            made = run_layer(device, case.layer, case.inputs, case.weights).outputs
            errors.append(error(made, as_tuple(expected)))
            said_again = getattr(module, "ANSWERS", {}).get(type(case.layer).__name__)
            against.append(KERAS if said_again is None or said_again(case) is None else FORMULA)
        if errors:
            yield name, told(errors, against)


def operators(device: Any, only: list[str], most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operator by its name in glnn's table, as `measured` does layers: in models of Keras and of TensorFlow."""
    found: dict[str, list[tuple[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (source, title, text, values) in enumerate((*of_keras(Path(folder)), *of_tensorflow())):
            path = Path(folder) / f"{number}.json"
            path.write_text(text)
            for name in named(path, title):
                if not only or name in only or "Operation" in only:
                    found.setdefault(name, []).append((source, (path, values)))
        for name, cases in sorted(found.items()):
            errors, against = [], []
            for source, (path, values) in evenly(cases, most):
                import glnn

                xs, expected = values()
                with glnn.Model.load(path, device=device) as model:
                    errors.append(error(model.predict(xs if len(xs) > 1 else xs[0], verbose=0), expected))
                against.append(source)
            yield name, told(errors, against)


def named(path: Path, title: str) -> list[str]:
    """The operators that a model is of: the one that its title begins with, or else all that it has."""
    from glnn.formats import load
    from glnn.formats.keras.operator_names import class_word
    from glnn.layers.operation import Operation

    words = [node.layer.function for node in load(path).nodes if isinstance(node.layer, Operation)]
    first = class_word(title.split(",")[0].split(" ")[0].title().replace("_", ""))
    return [first] if first in words else sorted(set(words))


def of_keras(folder: Path) -> Iterator[tuple[str, str, str, Any]]:
    """(KERAS, title, the model's JSON, what gives its inputs and the answer) of each case of an operator."""
    import keras
    from cases.operators import CASES
    from support import operators as support

    for case in CASES:

        def values(case: Any = case) -> tuple[list[np.ndarray], np.ndarray]:
            xs = support.inputs(case, 3)
            return xs, support.answer(keras, case, xs)

        yield KERAS, case[0], support.saved(keras, case, folder).read_text(), values


def of_tensorflow() -> Iterator[tuple[str, str, str, Any]]:
    """The same of the models that TensorFlow wrote, with its answers."""
    golden = ROOT / "tests" / "golden" / "operators2"
    with np.load(golden / "answers.npz") as file:
        answers = dict(file)
    for name, model in json.loads((golden / "models.json").read_text()).items():
        count = sum(key.startswith(f"{name}/") for key in answers) - 1

        def values(name: str = name, count: int = count) -> tuple[list[np.ndarray], np.ndarray]:
            return [answers[f"{name}/{k}"] for k in range(count)], answers[f"{name}/y"]

        yield TENSORFLOW, name, json.dumps(model), values


def keras_functions() -> dict[str, str]:
    """The functions of keras.ops by their names, and which of glnn's operators each is."""
    import keras

    from glnn.formats.keras.operator_names import class_word
    from glnn.layers.operators import OPERATORS

    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("keras.src.ops.")]
    kinds = {name for module in modules for name, kind in inspect.getmembers(module, inspect.isclass)
             if issubclass(kind, keras.Operation)}  # fmt: skip
    spelled = {name.lower(): class_word(name) for name in kinds}
    places = [("", keras.ops), ("image.", keras.ops.image)]
    functions = {f"{place}{name}": spelled.get(name.replace("_", "")) for place, module in places
                 for name, _ in inspect.getmembers(module, inspect.isfunction)}  # fmt: skip
    return {name: word for name, word in sorted(functions.items()) if word in OPERATORS}


def keras_names() -> list[str]:
    """The layers of the installed Keras, as its files call them, those that its applications bring along too."""
    import keras

    folder = Path(keras.__file__).parent / "src" / "applications"
    modules = [
        importlib.import_module(f"keras.src.applications.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))
    ]
    found = [pair for module in (keras.layers, *modules) for pair in inspect.getmembers(module, inspect.isclass)]
    return sorted({kind.__name__ for _, kind in found if issubclass(kind, keras.Layer)})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="LAYER", help="classes and operators to measure anew (default: all)"
    )
    parser.add_argument("--most", type=int, default=24, metavar="N", help="cases of one layer (default 24)")
    args = parser.parse_args()
    import keras

    import glnn

    kept = json.loads(MEASURES.read_text(encoding="utf-8"))
    kept["names"]["Keras 3"] = keras_names()
    kept["keras"] = f"{keras.__version__} ({keras.backend.backend()})"
    kept["functions"] = keras_functions()
    with glnn.Device() as device:
        kept["device"] = device.renderer.split(" (")[0]
        for part, measure in (("layers", measured), ("operators", operators)):
            known = {} if not args.names else kept.get(part, {})
            for name, values in measure(device, args.names, args.most):
                print(f"{name:28} {values['cases']:3} cases, {values['error']:.1e}", flush=True)
                known[name] = values
                kept[part] = dict(sorted(known.items()))
                MEASURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")  # what is done, is done
    return 0


if __name__ == "__main__":
    sys.exit(main())
