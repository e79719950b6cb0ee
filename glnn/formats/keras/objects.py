"""Models of Keras as they are in memory: the config that Keras writes and the weights of its layers, without a file.

Keras is not imported: whoever has a model of it has imported it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...errors import ModelFileError
from ...graph.graph import Graph
from .config import build_graph, document
from .weights.entries import Stored
from .weights.grouped import GroupedWeights

PACKAGES = ("keras", "tf_keras", "tensorflow")


def keras_class(thing: Any) -> type | None:
    """The class of Keras, of any generation, that makes this a model or a layer; None for anything else."""
    for kind in type(thing).__mro__:
        if kind.__module__.split(".")[0] in PACKAGES and kind.__name__ in ("Model", "Layer", "Container", "Sequential"):
            return kind
    return None


def is_keras(thing: Any) -> bool:
    """Whether this is a model, or a layer, of Keras."""
    return keras_class(thing) is not None


def load_object(model: Any, weights: Any = None, metadata: Any = None) -> Graph:
    """The Graph of a model of Keras. Raises ModelFileError for a layer, a subclassed model, one without an input shape.

    weights, metadata: must be None, the model has them
    """
    kind = keras_class(model)
    assert kind is not None
    where = f"{type(model).__name__} {getattr(model, 'name', '')!r}"
    for argument, value in (("weights", weights), ("metadata", metadata)):
        if value is not None:
            raise ModelFileError(f"{where}: a model of Keras holds its weights itself; leave {argument}= out")
    if not hasattr(model, "layers"):
        raise ModelFileError(
            f"{where}: this is a layer of Keras; give a model: keras.Sequential([keras.Input(...), layer])"
        )
    if type(model).__module__.split(".")[0] not in PACKAGES:
        raise ModelFileError(
            f"{where}: {type(model).__module__}.{type(model).__name__} is a class of its own, and what it computes is "
            "its Python code; only Sequential and functional models say that in their config. Give the functional "
            "model that it consists of: keras.Model(inputs, outputs)"
        )
    package = sys.modules[kind.__module__.split(".")[0]]
    if package.__name__ == "tensorflow":
        package = sys.modules.get("tensorflow.python.keras", package)
    version = str(getattr(package, "__version__", ""))
    backend = getattr(getattr(package, "backend", None), "backend", None)
    try:
        item = json.loads(model.to_json())
    except Exception as error:  # whatever the layers' own get_config raise
        raise ModelFileError(f"{where}: Keras can't write its config ({type(error).__name__}: {error})") from error
    doc = document(where, item, version, str(backend()) if callable(backend) else None)
    groups = {layer.name: list(stored(layer)) for layer in model.layers}
    return build_graph(replace(doc, told="keras_model"), GroupedWeights(where, groups))


def stored(layer: Any) -> Iterator[Stored]:
    """A layer's weights as Keras' own HDF5 files list them: those that train first, by their paths."""
    for weight in (*layer.trainable_weights, *layer.non_trainable_weights):
        name = str(getattr(weight, "path", None) or weight.name)
        yield Stored(name, tuple(map(int, weight.shape)), partial(values, weight))


def values(weight: Any) -> np.ndarray:
    """A weight's values."""
    if hasattr(weight, "numpy"):
        return np.array(weight.numpy())
    return np.array(sys.modules["keras"].backend.get_value(weight))  # Keras 2 before TensorFlow 2
