"""Graph -> a .glnn file: a safetensors container whose metadata hold the graph as JSON (docs/format.md)."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...errors import GraphError, InputError, UnsupportedError
from ...graph.graph import Graph, Node, TensorSpec, validate
from ...graph.quantized import Quantized, pack4
from ...passes import narrow
from ...primitives.loop import Repeat
from .configs import config_json, layer_name, misfit
from .container import write_tensors
from .entries import DEEPEST
from .fields import VERSION

SUFFIX = ".glnn"
PLAIN = (np.dtype(np.float32), np.dtype(np.float16))


def save(graph: Graph, path: str | os.PathLike[str]) -> Path:
    """Writes a graph, whole or not at all, into a file of the suffix .glnn -> its path. The same graph, the same bytes.

    Raises InputError (path, or a weight or an option that cannot be saved), UnsupportedError (layers of classes that
    are not registered, all together), GraphError.
    """
    place = checked_path(path)
    tensors = Tensors()
    head = {"version": VERSION if graph.kinds or graph.staging else 2, "producer": f"glnn {__version__}"}
    if graph.staging is not None:
        from .operators import operators_json

        model: Any = graph.staging.model
        told = {"name": graph.name, "operators": operators_json(model, tensors.whole)}
    else:
        if not any(hasattr(node.layer, "build") for node in graph.nodes):  # what was computed for primitives
            graph = narrow(graph)
        told = graph_json(graph, tensors, validate(graph).specs())
    text = compact(head | told)
    write_tensors(place, tensors.arrays, {"glnn": text})
    return place


def checked_path(path: str | os.PathLike[str]) -> Path:
    """The path of a .glnn file in a folder that is there. Raises InputError."""
    try:
        place = Path(path).expanduser()
    except TypeError:
        raise InputError(f"path must be a path (str or os.PathLike), not {type(path).__name__}") from None
    if place.suffix != SUFFIX:
        raise InputError(f"{place}: a model is saved in glnn's own format, under a name that ends in {SUFFIX}")
    if place.is_dir():
        raise InputError(f"{place}: this is a folder; give the path of a file")
    if not place.parent.is_dir():
        raise InputError(f"{place}: there is no folder {place.parent}; make it first")
    return place


class Tensors:
    """The tensors of a file, under short names; a weight that several nodes share, by its name, is there once."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._places: dict[str, Any] = {}  # name of a weight -> what nodes say of it

    def add(self, origin: str, weight: Any, where: str) -> Any:
        """What a node says of a weight: the name of its tensor, or its codec with it. Raises InputError."""
        if origin not in self._places:
            self._places[origin] = self._stored(weight, where)
        return self._places[origin]

    def whole(self, origin: str, array: Any, where: str) -> Any:
        """What a body says of an array of any type that files have."""
        if isinstance(array, Quantized) or np.asarray(array).dtype in PLAIN:
            return self.add(origin, array, where)
        name = self._places[origin] = str(len(self._places))
        self.arrays[name] = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return name

    def _stored(self, weight: Any, where: str) -> Any:
        name = str(len(self._places))
        if isinstance(weight, Quantized):
            packed = weight.codec == "uint4"
            self.arrays[name] = pack4(weight.codes) if packed else weight.codes
            self.arrays[f"{name}.affine"] = np.stack(np.broadcast_arrays(weight.scale, weight.low))
            return {weight.codec: name} | ({"shape": list(weight.shape)} if packed else {})
        if not isinstance(weight, np.ndarray) or weight.dtype not in PLAIN:
            kind = getattr(weight, "dtype", type(weight).__name__)
            raise InputError(f"{where} is of type {kind}; float32, float16 and Quantized can be saved")
        self.arrays[name] = weight
        return name


class BodyWeights:
    """The weights of a body by the names that it calls them by, and their shapes: the node that repeats it has them."""

    def add(self, origin: str, weight: Any, where: str) -> Any:
        """What a node says of a weight."""
        return {"weight": origin, "shape": list(weight.shape)}


def graph_json(
    graph: Graph, tensors: Tensors | BodyWeights, specs: Mapping[str, TensorSpec], depth: int = 0
) -> dict[str, Any]:
    """A graph as JSON values, its weights put into `tensors`. Raises InputError, UnsupportedError, GraphError.

    specs: of all its tensors, by name; depth: of how many repeats it is the body
    """
    foreign: list[str] = []
    layers: dict[str, int] = {}  # text of each layer -> its number; equal layers are told once
    nodes: list[dict[str, Any]] = []
    before: Sequence[str] = [spec.name for spec in graph.inputs]
    for node in graph.nodes:
        try:
            layer = compact(layer_json(node, [specs[name].shape for name in node.inputs], depth))
        except UnsupportedError as error:
            foreign += [f"layer {node.label!r}: {item}" for item in error.items]
            continue
        nodes.append(node_json(node, layers.setdefault(layer, len(layers)), before, tensors))
        before = node.outputs
    if foreign:
        raise UnsupportedError(f"saving {graph.name!r}", foreign)
    data: dict[str, Any] = {"name": graph.name, "inputs": [input_json(spec) for spec in graph.inputs]}
    distinct = [json.loads(layer) for layer in layers]
    if usual := usual_options(distinct):
        data["options"] = usual
    data["layers"] = distinct
    data["nodes"] = nodes
    data["outputs"] = list(graph.outputs)
    if graph.output_names:
        data["output_names"] = list(graph.output_names)
    if graph.kinds:
        data["kinds"] = dict(graph.kinds)
    if graph.states:
        data["states"] = list(graph.states)
    if graph.activations:
        data["activations"] = activations_json(graph)
    return data


def usual_options(layers: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By class the options with the value that most of its layers have, taken out of those layers' configs."""
    usual: dict[str, dict[str, Any]] = {}
    by_class: dict[str, list[dict[str, Any]]] = {}
    for layer in layers:
        by_class.setdefault(layer["class"], []).append(layer.get("config", {}))
    for name, configs in by_class.items():
        if len(configs) > 1:
            counts = {key: Counter(compact(config[key]) for config in configs) for key in configs[0]}
            usual[name] = {key: json.loads(count.most_common(1)[0][0]) for key, count in counts.items()}
    for layer in layers:
        for key, value in usual.get(layer["class"], {}).items():
            if compact(layer["config"][key]) == compact(value):  # as text: 1 is not 1.0
                del layer["config"][key]
        if not layer.get("config", True):
            del layer["config"]
    return usual


def compact(data: Any) -> str:
    """JSON text without spaces."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def input_json(spec: TensorSpec) -> dict[str, Any]:
    """An input: name, shape with null where it is free, and its dtype unless that is float32."""
    data: dict[str, Any] = {"name": spec.name, "shape": list(spec.shape)}
    return data if spec.dtype == "float32" else data | {"dtype": spec.dtype}


def layer_json(node: Node, shapes: Sequence[Any], depth: int = 0) -> dict[str, Any]:
    """A node's layer: class, config, names of weights. Raises GraphError where the node's weights do not fit it."""
    where = f"layer {node.label!r} ({type(node.layer).__name__})"
    fault = misfit(node.layer, shapes, node.weights)
    if fault:
        raise GraphError(f"{where}: {fault}")
    data: dict[str, Any] = {"class": layer_name(node.layer)}
    try:
        told = {"body": body_json(node.layer, shapes, depth + 1)} if isinstance(node.layer, Repeat) else {}
        config = config_json(node.layer, told)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return data | ({"config": config} if config else {}) | ({"weights": list(node.weights)} if node.weights else {})


def body_json(loop: Repeat, shapes: Sequence[Any], depth: int) -> dict[str, Any]:
    """The body of a repeat that takes inputs of these shapes. Raises InputError, UnsupportedError."""
    if depth > DEEPEST:
        raise InputError(f"repeats are nested more than {DEEPEST} deep, which no file tells")
    return {"graph": graph_json(loop.body, BodyWeights(), loop.body.specs(loop.seen(*shapes)), depth)}


def node_json(node: Node, layer: int, before: Sequence[str], tensors: Tensors | BodyWeights) -> dict[str, Any]:
    """A node. It is not said when it reads what the node before it makes, or makes one tensor of its own name."""
    where = f"layer {node.label!r}"
    data: dict[str, Any] = {"name": node.name, "layer": layer}
    if tuple(node.inputs) != tuple(before):
        data["inputs"] = list(node.inputs)
    if tuple(node.outputs) != (node.name,):
        data["outputs"] = list(node.outputs)
    if node.weights:
        data["weights"] = [
            tensors.add(node.origins[name], weight, f"{where}: weight {name!r}")
            for name, weight in node.weights.items()
        ]
    if node.label != node.name:
        data["source"] = node.label
    return data if node.kind == type(node.layer).__name__ else data | {"kind": node.kind}


def activations_json(graph: Graph) -> dict[str, Any]:
    """How tensors are stored, by name: a codec, and its range unless that is 0 to 0. Raises InputError."""
    made: dict[str, Any] = {}
    for name, codec in graph.activations.items():
        if codec.fault:
            raise InputError(f"tensor {name!r}: {codec.fault}")
        low, high = float(codec.low), float(codec.high)
        made[name] = {"codec": codec.codec} | ({"low": low, "high": high} if low or high else {})
    return made
