"""A graph as JSON: its inputs, layers, nodes and codecs, in a .glnn file or in the body of a repeat there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...errors import ModelFileError, UnsupportedError
from ...graph.graph import ACTIVATION_CODECS, ActivationCodec, Graph, Node, TensorSpec
from ...graph.protocols import Op
from ...layers.base import Layer
from . import version1
from .configs import make_layer
from .container import AGAIN, dimensions
from .fields import VERSION, Fields

DTYPES = ("float32", "float16", "float64", "bool", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)))
DEEPEST = 8  # repeats in bodies of repeats


class Kind(NamedTuple):
    """What nodes share: a layer or primitive (None for the reasons in `unsupported`), the names of weights."""

    layer: Op | None
    weights: tuple[str, ...]
    unsupported: tuple[str, ...]
    ends: tuple[Layer, ...] = ()  # what follows it


class GraphReader:
    """Makes a graph of its fields; collects what glnn does not have, to report it together.

    where: the place in the file that messages begin with
    """

    def __init__(self, where: str, version: int = VERSION, depth: int = 0):
        self.where, self.version, self.depth = where, version, depth
        self.unsupported: list[str] = []
        self._classes: set[str] = set()

    def parsed(self, data: Fields) -> Graph:
        """The graph as the fields tell it, not validated. Raises ModelFileError."""
        name = data.take("name", str)
        inputs = tuple(self._input(item, number) for number, item in enumerate(data.take("inputs", list)))
        usual = data.take("options", dict, {})
        kinds = [self._kind(item, number, usual) for number, item in enumerate(data.take("layers", list))]
        if lost := sorted(usual.keys() - self._classes):
            raise ModelFileError(f"{self.where}: options are told of class {lost[0]!r}, which no layer has. {AGAIN}")
        nodes: list[Node] = []
        before = tuple(spec.name for spec in inputs)
        for number, item in enumerate(data.take("nodes", list)):
            nodes += self._node(item, number, before, kinds)
            before = nodes[-1].outputs
        outputs, output_names = data.names("outputs"), data.names("output_names", ())
        states = data.names("states", ())
        activations = self._activations(data.take("activations", dict, {}))
        kinds = data.take("kinds", dict, {})
        data.done()
        if wrong := [kind for kind in kinds.values() if kind not in (*DTYPES, "bfloat16")]:
            raise ModelFileError(f"{self.where}: an output of type {wrong[0]!r:.40}. {AGAIN}")
        return Graph(name, inputs, tuple(nodes), outputs, output_names, activations, states, kinds)

    def _input(self, item: Any, number: int) -> TensorSpec:
        data = Fields(f"{self.where}: input {number}", item)
        name, shape, dtype = data.take("name", str), data.take("shape", list), data.take("dtype", str, "float32")
        data.done()
        if dimensions([0 if size is None else size for size in shape]) is None or dtype not in DTYPES:
            raise ModelFileError(f"{data.where} ({name!r}) has shape {shape} and dtype {dtype!r}. {AGAIN}")
        return TensorSpec(name, tuple(shape), dtype)

    def _kind(self, item: Any, number: int, usual: Mapping[str, Any]) -> Kind:
        data = Fields(f"{self.where}: entry {number} of 'layers'", item)
        name, config, weights = data.take("class", str), data.take("config", dict, {}), data.names("weights", ())
        data.done()
        self._classes.add(name)
        most = usual.get(name, {})
        if not isinstance(most, dict):
            raise ModelFileError(f"{self.where}: the options of class {name!r} are {most!r}, no object. {AGAIN}")
        if len(set(weights)) != len(weights):
            raise ModelFileError(f"{data.where}: two weights bear one name: {weights}. {AGAIN}")
        try:
            options = {key: self._option(value, data.where) for key, value in {**most, **config}.items()}
            ends: tuple[Layer, ...] = ()
            if self.version == 1:
                options, ends = version1.parted(name, options)
            return Kind(make_layer(name, options), weights, (), ends)
        except UnsupportedError as error:
            return Kind(None, weights, error.items)

    def _node(self, item: Any, number: int, before: tuple[str, ...], kinds: list[Kind]) -> list[Node]:
        data = Fields(f"{self.where}: node {number}", item)
        name = data.take("name", str)
        data.where = f"{self.where}: layer {name!r}"
        inputs, outputs = data.names("inputs", before), data.names("outputs", (name,))
        place, stored, source = data.take("layer", int), data.take("weights", list, []), data.take("source", str, name)
        called = data.take("kind", str, "")
        data.done()
        if not 0 <= place < len(kinds):
            raise ModelFileError(f"{data.where}: its layer is number {place} of {len(kinds)}, from 0. {AGAIN}")
        kind = kinds[place]
        if len(stored) != len(kind.weights):
            raise ModelFileError(
                f"{data.where} names {len(stored)} weights, entry {place} of 'layers' {len(kind.weights)}. {AGAIN}"
            )
        self.unsupported += [f"layer {source or name!r}: {item}" for item in kind.unsupported]
        weights, origins = {}, {}
        for key, value in zip(kind.weights, stored, strict=True):
            weights[key], origins[key] = self._weight(value, f"{data.where}: weight {key!r}")
        origins = {key: origin for key, origin in origins.items() if origin}
        return version1.chained(
            Node(name, kind.layer or Layer(), inputs, outputs, weights, source, origins, called), kind.ends, data.where
        )

    def _weight(self, value: Any, where: str) -> tuple[Any, str]:
        """What a node says of a weight -> the weight, and its name where that is told."""
        raise NotImplementedError

    def _option(self, value: Any, where: str) -> Any:
        """An option as JSON, or the body of a repeat as a Graph. Raises UnsupportedError, ModelFileError."""
        if not isinstance(value, dict) or value.keys() != {"graph"}:
            return value
        return BodyReader(f"{where}: its body", self.version, self.depth + 1).body(value["graph"])

    def _activations(self, items: dict[str, Any]) -> dict[str, ActivationCodec]:
        made: dict[str, ActivationCodec] = {}
        for name, item in items.items():
            data = Fields(f"{self.where}: the codec of tensor {name!r}", item)
            codec, low, high = data.take("codec", str), data.take("low", float, 0.0), data.take("high", float, 0.0)
            data.done()
            made[name] = ActivationCodec(codec, low, high)
            if codec not in ACTIVATION_CODECS:
                self.unsupported.append(f"tensor {name!r}: {made[name].fault}")
            elif made[name].fault:
                raise ModelFileError(f"{data.where}: {made[name].fault}. {AGAIN}")
        return made


class BodyReader(GraphReader):
    """Makes the body of a repeat, whose weights are those of the node that repeats it: it knows their shapes alone."""

    def body(self, value: Any) -> Graph:
        """The body as it is told, which Repeat then checks. Raises ModelFileError, UnsupportedError."""
        if self.depth > DEEPEST:
            raise ModelFileError(f"{self.where}: repeats are nested more than {DEEPEST} deep. {AGAIN}")
        self._shapes: dict[str, np.ndarray] = {}
        made = self.parsed(Fields(self.where, value))
        if self.unsupported:
            raise UnsupportedError(made.name, self.unsupported)
        return made

    def _weight(self, value: Any, where: str) -> tuple[Any, str]:
        data = Fields(where, value)
        name, shape = data.take("weight", str), dimensions(data.take("shape", list))
        data.done()
        held = self._shapes.get(name)
        if shape is None or not name or (held is not None and held.shape != shape):
            raise ModelFileError(f"{where}: {value!r:.80} is no weight, or has another shape elsewhere. {AGAIN}")
        if held is None:
            try:
                held = self._shapes[name] = np.broadcast_to(np.float32(0), shape)
            except ValueError as error:  # larger than any array
                raise ModelFileError(f"{where}: shape {shape}: {error}. {AGAIN}") from error
        return held, name
