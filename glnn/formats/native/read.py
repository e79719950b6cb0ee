"""glnn's own file (.glnn): a safetensors container whose metadata hold the graph as JSON (docs/format.md).

Weights are views of the mapped file. Nothing in a file is trusted: each field has its type, names of layers and
functions are looked up in glnn's own tables, and the graph is validated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import GraphError, ModelFileError, UnsupportedError, WeightsMismatchError
from ...graph.graph import ACTIVATION_CODECS, ActivationCodec, Graph, Node, Op, TensorSpec, validate
from ...graph.quantized import BITS, CODE_DTYPES, Quantized, unpack4
from ...layers.base import Layer
from ..file import Source
from ..foreign import NO_FORMAT, looks_like
from ..registry import loader
from ..surveys import written_by
from . import version1
from .configs import make_layer, misfit
from .container import AGAIN, dimensions, looks_like_tensors, open_tensors, strict_json

VERSION = 2  # the newest that is read
DTYPES = ("float32", "float16", "float64", "bool", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)))


def is_glnn(source: Source) -> bool:
    """Whether a file begins as a safetensors container does, or is called .glnn and begins as nothing else known."""
    if looks_like_tensors(source.head):
        return True
    if source.path.suffix.lower() != ".glnn" or source.is_hdf5 or source.looks_like_json:
        return False
    return looks_like(source.path, source.head).startswith(NO_FORMAT)


def has_graph(path: Path) -> bool:
    """Whether a safetensors file is a model, not weights alone. Raises ModelFileError where it is damaged."""
    return "glnn" in open_tensors(path).metadata


@loader("glnn", is_glnn)
def load_glnn(source: Source) -> Graph:
    """The Graph in a .glnn file."""
    path = source.path
    for argument in ("weights", "metadata"):
        if getattr(source, argument) is not None:
            raise ModelFileError(f"{path}: a .glnn file holds its weights itself; leave {argument}= out")
    file = open_tensors(path)
    if "glnn" not in file.metadata:
        raise ModelFileError(
            f"{path}: this safetensors file holds weights only ({len(file.entries)} tensors), no graph. Load the model "
            "that they belong to, and save that with model.save('model.glnn')"
        )
    data = Fields(f"{path}: graph", strict_json(file.metadata["glnn"], f"{path}: its graph"))
    version = data.take("version", int)
    if version > VERSION:
        raise ModelFileError(f"{path}: version {version}; this glnn reads {VERSION}: update glnn")
    if version < 1:
        raise ModelFileError(f"{path}: version {version}; versions begin with 1. {AGAIN}")
    written_by("glnn", by=f"format version {version}")
    return Reader(path, file.tensors(), version).graph(data)


class Fields:
    """A JSON object of the file, whose fields are taken one by one, each with the type that it must have."""

    def __init__(self, where: str, data: Any):
        if not isinstance(data, dict):
            raise ModelFileError(f"{where} is {data!r:.60}, not an object. {AGAIN}")
        self.where, self._data, self._left = where, data, set(data)

    def take(self, key: str, kind: type, default: Any = ...) -> Any:
        """A field of this type, or the default where there is none. Raises ModelFileError."""
        self._left.discard(key)
        value = self._data.get(key, default)
        if value is ...:
            raise ModelFileError(f"{self.where} lacks {key!r}. {AGAIN}")
        numeric = kind is float and type(value) is int and abs(value) < 2**53
        if key in self._data and type(value) is not kind and not numeric:  # type(): True is no number here
            raise ModelFileError(f"{self.where}: {key!r} is {value!r:.60}, not of type {kind.__name__}. {AGAIN}")
        return float(value) if numeric else value

    def names(self, key: str, default: Any = ...) -> tuple[str, ...]:
        """A field that is an array of strings. Raises ModelFileError."""
        value = tuple(self.take(key, list, default))
        if not all(isinstance(name, str) for name in value):
            raise ModelFileError(f"{self.where}: {key!r} holds what is no name. {AGAIN}")
        return value

    def done(self) -> None:
        """Raises ModelFileError for a field that nobody took: what a reader does not know it may not pass over."""
        if self._left:
            raise ModelFileError(
                f"{self.where}: the field {min(self._left)!r} is not known in version {VERSION}. {AGAIN}"
            )


class Kind(NamedTuple):
    """What nodes share: a layer or primitive (None for the reasons in `unsupported`), the names of weights."""

    layer: Op | None
    weights: tuple[str, ...]
    unsupported: tuple[str, ...]
    ends: tuple[Layer, ...] = ()  # what follows it


class Reader:
    """Makes the graph of one file; collects what glnn does not have, to report it together."""

    def __init__(self, path: Path, tensors: Mapping[str, np.ndarray], version: int = VERSION):
        self.path, self.tensors, self.version = path, tensors, version
        self.unsupported: list[str] = []
        self._weights: dict[tuple, Any] = {}  # shared weights stay shared
        self._used: set[str] = set()
        self._classes: set[str] = set()

    def graph(self, data: Fields) -> Graph:
        """The validated graph. Raises ModelFileError, UnsupportedError, WeightsMismatchError, GraphError."""
        data.take("producer", str, "")
        name = data.take("name", str)
        inputs = tuple(self._input(item, number) for number, item in enumerate(data.take("inputs", list)))
        usual = data.take("options", dict, {})
        kinds = [self._kind(item, number, usual) for number, item in enumerate(data.take("layers", list))]
        if lost := sorted(usual.keys() - self._classes):
            raise ModelFileError(f"{self.path}: options are told of class {lost[0]!r}, which no layer has. {AGAIN}")
        nodes: list[Node] = []
        before = tuple(spec.name for spec in inputs)
        for number, item in enumerate(data.take("nodes", list)):
            nodes += self._node(item, number, before, kinds)
            before = nodes[-1].outputs
        outputs, output_names = data.names("outputs"), data.names("output_names", ())
        activations = self._activations(data.take("activations", dict, {}))
        data.done()
        if self.unsupported:
            raise UnsupportedError(str(self.path), self.unsupported)
        lost = sorted(self.tensors.keys() - self._used)
        if lost:
            raise ModelFileError(f"{self.path}: tensor {lost[0]!r} belongs to no layer. {AGAIN}")
        graph = Graph(name, inputs, tuple(nodes), outputs, output_names, activations)
        try:
            specs = validate(graph).specs()
        except GraphError as error:
            raise GraphError(f"{self.path}: {error}") from error
        for node in graph.nodes:
            self._check_weights(node, [specs[name].shape for name in node.inputs])
        return graph

    def _input(self, item: Any, number: int) -> TensorSpec:
        data = Fields(f"{self.path}: input {number}", item)
        name, shape, dtype = data.take("name", str), data.take("shape", list), data.take("dtype", str, "float32")
        data.done()
        if dimensions([0 if size is None else size for size in shape]) is None or dtype not in DTYPES:
            raise ModelFileError(f"{data.where} ({name!r}) has shape {shape} and dtype {dtype!r}. {AGAIN}")
        return TensorSpec(name, tuple(shape), dtype)

    def _kind(self, item: Any, number: int, usual: Mapping[str, Any]) -> Kind:
        data = Fields(f"{self.path}: entry {number} of 'layers'", item)
        name, config, weights = data.take("class", str), data.take("config", dict, {}), data.names("weights", ())
        data.done()
        self._classes.add(name)
        most = usual.get(name, {})
        if not isinstance(most, dict):
            raise ModelFileError(f"{self.path}: the options of class {name!r} are {most!r}, no object. {AGAIN}")
        if len(set(weights)) != len(weights):
            raise ModelFileError(f"{data.where}: two weights bear one name: {weights}. {AGAIN}")
        try:
            options = {**most, **config}
            ends: tuple[Layer, ...] = ()
            if self.version == 1:
                options, ends = version1.parted(name, options)
            return Kind(make_layer(name, options), weights, (), ends)
        except UnsupportedError as error:
            return Kind(None, weights, error.items)

    def _node(self, item: Any, number: int, before: tuple[str, ...], kinds: list[Kind]) -> list[Node]:
        data = Fields(f"{self.path}: node {number}", item)
        name = data.take("name", str)
        data.where = f"{self.path}: layer {name!r}"
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
        weights = {
            key: self._weight(value, f"{data.where}: weight {key!r}")
            for key, value in zip(kind.weights, stored, strict=True)
        }
        return version1.chained(
            Node(name, kind.layer or Layer(), inputs, outputs, weights, source, {}, called), kind.ends
        )

    def _weight(self, value: Any, where: str) -> Any:
        """An array or a Quantized, the same object for all that name the same tensor."""
        if isinstance(value, str):
            key: tuple = ("", value)
        else:
            data = Fields(where, value)
            codecs = [codec for codec in value if codec != "shape"]
            if len(codecs) != 1:
                raise ModelFileError(f"{where}: {value!r:.80} should name a tensor, or one codec and a tensor. {AGAIN}")
            if codecs[0] not in BITS:
                self.unsupported.append(f"{where.split(': ', 1)[-1]}: codec {codecs[0]!r}; known are {', '.join(BITS)}")
                self._used |= self.tensors.keys()
                return None
            key = codecs[0], data.take(codecs[0], str)
            if codecs[0] == "uint4":
                key = *key, dimensions(data.take("shape", list))
            data.done()
        if key not in self._weights:
            self._weights[key] = self._quantized(key, where) if key[0] else self._plain(key[1], where)
        return self._weights[key]

    def _tensor(self, name: str, dtypes: tuple[Any, ...], where: str) -> np.ndarray:
        if name not in self.tensors:
            raise ModelFileError(f"{where}: the file has no tensor {name!r}. {AGAIN}")
        array = self.tensors[name]
        if array.dtype not in dtypes:
            needed = " or ".join(np.dtype(dtype).name for dtype in dtypes)
            raise ModelFileError(f"{where}: tensor {name!r} holds {array.dtype}; {needed} is needed. {AGAIN}")
        self._used.add(name)
        return array

    def _plain(self, name: str, where: str) -> np.ndarray:
        return self._tensor(name, (np.dtype(np.float32), np.dtype(np.float16)), where)

    def _quantized(self, key: tuple, where: str) -> Quantized:
        codec, name = key[:2]
        codes = self._tensor(name, (CODE_DTYPES[codec],), where)
        if codec == "uint4":
            shape = key[2]
            if shape is None or codes.ndim != 1 or codes.size != (math.prod(shape) + 1) // 2:
                raise ModelFileError(f"{where}: {codes.nbytes} bytes of uint4 do not fit its shape {shape}. {AGAIN}")
            codes = unpack4(codes, shape)
        affine = self._tensor(f"{name}.affine", (np.dtype(np.float32),), where)
        if affine.ndim != codes.ndim + 1 or not all(
            have in allowed
            for have, *allowed in zip(affine.shape, (2, *codes.shape), (2, *[1] * codes.ndim), strict=True)
        ):
            raise ModelFileError(
                f"{where}: tensor '{name}.affine' of shape {affine.shape} does not fit codes of shape {codes.shape}. "
                f"{AGAIN}"
            )
        try:
            return Quantized.make(codec, codes, affine[0], affine[1])
        except ValueError as error:
            raise ModelFileError(f"{where}: {error}. {AGAIN}") from error

    def _activations(self, items: dict[str, Any]) -> dict[str, ActivationCodec]:
        made: dict[str, ActivationCodec] = {}
        for name, item in items.items():
            data = Fields(f"{self.path}: the codec of tensor {name!r}", item)
            codec, low, high = data.take("codec", str), data.take("low", float, 0.0), data.take("high", float, 0.0)
            data.done()
            made[name] = ActivationCodec(codec, low, high)
            if codec not in ACTIVATION_CODECS:
                self.unsupported.append(f"tensor {name!r}: {made[name].fault}")
            elif made[name].fault:
                raise ModelFileError(f"{data.where}: {made[name].fault}. {AGAIN}")
        return made

    def _check_weights(self, node: Node, shapes: list[Any]) -> None:
        where = f"{self.path}: layer {node.label!r} ({type(node.layer).__name__})"
        try:
            fault = misfit(node.layer, shapes, node.weights)
        except Exception as error:  # as in Graph.specs: a layer's own rule meets what it was not made for
            raise GraphError(f"{where} cannot take {', '.join(map(str, shapes))}: {error}") from error
        if fault:
            raise WeightsMismatchError(f"{where}: {fault}")
