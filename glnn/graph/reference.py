"""A graph run through its layers' NumPy references: slow, plain, in float64; what the shaders are judged by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError, UnsupportedError
from .graph import Graph, as_tuple


def run(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The graph's outputs by output name, float64, for arrays by input name.

    Raises InputError where one is lacking, UnsupportedError for a layer that has no reference.
    """
    lacking = [spec.name for spec in graph.inputs if spec.name not in inputs]
    if lacking:
        raise InputError(f"{graph.name}: no array for input {lacking[0]!r}; given are {sorted(inputs)}")
    values = {spec.name: np.asarray(inputs[spec.name], np.float64) for spec in graph.inputs}
    for node in graph.nodes:
        weights = {name: array.astype(np.float64) for name, array in node.weights.items()}
        try:
            made = node.layer.reference([values[name] for name in node.inputs], weights)
        except NotImplementedError as error:
            raise UnsupportedError(graph.name, [f"layer {node.label!r}: {error}"]) from None
        values.update(zip(node.outputs, as_tuple(made), strict=True))
    names = graph.output_names or graph.outputs
    return {name: values[tensor] for name, tensor in zip(names, graph.outputs, strict=True)}
