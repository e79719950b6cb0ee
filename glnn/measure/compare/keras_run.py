"""What a Keras model's layers make, recorded while it runs: each call by the path of its layer. Imports Keras late."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...graph.graph import Graph
from ...run.session import Arrays


def loaded(path: Path) -> Any:
    """The Keras model in a file, without its training. Raises InputError where Keras is missing or cannot read it."""
    try:
        keras: Any = importlib.import_module("keras")
    except ImportError as error:
        raise InputError("reference='keras' needs Keras: pip install keras and a backend (jax, torch)") from error
    if not path.exists():
        raise InputError(f"reference {path}: there is no such file; give the Keras model or its .keras or .h5")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises what it likes
        raise InputError(f"reference {path}: Keras cannot load it ({error})") from error


def recorder(model: Any, graph: Graph) -> Callable[[Arrays], Mapping[str, np.ndarray]]:
    """A function of inputs by name that gives what layers made, by the names that saved runs have them under."""
    names = [spec.name for spec in graph.given]

    def record(arrays: Arrays) -> Mapping[str, np.ndarray]:
        inputs = [arrays[name] for name in names]
        made: dict[str, np.ndarray] = {}
        with _recording(model, made):
            model(inputs[0] if len(inputs) == 1 else inputs, training=False)
        return made

    return record


@contextmanager
def _recording(model: Any, made: dict[str, np.ndarray]) -> Iterator[None]:
    """While it lasts, what each call of a layer of the model returns is kept."""
    counts: Counter[str] = Counter()
    around: list[str] = []
    hooked = [layer for layer in model._flatten_layers(include_self=False) if "call" not in vars(layer)]

    def hook(layer: Any) -> Callable[..., Any]:
        inner = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            around.append(layer.name)
            path = "/".join(around)
            try:
                result = inner(*args, **kwargs)
            finally:
                around.pop()
            for array in result if isinstance(result, list | tuple) else [result]:
                try:
                    values = np.asarray(array)
                except Exception:  # a tracer within a loop of the backend has no values
                    return result
                counts[path] += 1
                made[path if counts[path] == 1 else f"{path}#{counts[path]}"] = values
            return result

        return call

    for layer in hooked:
        object.__setattr__(layer, "call", hook(layer))
    try:
        yield
    finally:
        for layer in hooked:
            object.__delattr__(layer, "call")
