"""glnn's own file (.glnn): a safetensors container whose metadata hold the graph as JSON (docs/format.md).

Weights are views of the mapped file. Nothing in a file is trusted: each field has its type, names of layers and
functions are looked up in glnn's own tables, and the graph is validated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import GraphError, ModelFileError, UnsupportedError, WeightsMismatchError
from ...graph.graph import Graph, Node, validate
from ...graph.quantized import BITS, CODE_DTYPES, Quantized, unpack4
from ...primitives.bodies import with_weights
from ...primitives.loop import Repeat
from ..file import Source
from ..foreign import NO_FORMAT, looks_like
from ..json_text import parse_json
from ..registry import loader
from ..surveys import written_by
from .configs import misfit
from .container import AGAIN, dimensions, looks_like_tensors, open_tensors
from .entries import GraphReader
from .fields import VERSION, Fields


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
    data = Fields(f"{path}: graph", parse_json(file.metadata["glnn"], f"{path}: its graph", AGAIN, infinities=False))
    version = data.take("version", int)
    if version > VERSION:
        raise ModelFileError(f"{path}: version {version}; this glnn reads {VERSION}: update glnn")
    if version < 1:
        raise ModelFileError(f"{path}: version {version}; versions begin with 1. {AGAIN}")
    written_by("glnn", by=f"format version {version}")
    return Reader(path, file.tensors(), version).graph(data)


class Reader(GraphReader):
    """Makes the graph of one file."""

    def __init__(self, path: Path, tensors: Mapping[str, np.ndarray], version: int = VERSION):
        super().__init__(str(path), version)
        self.path, self.tensors = path, tensors
        self._weights: dict[tuple, Any] = {}  # shared weights stay shared
        self._used: set[str] = set()

    def graph(self, data: Fields) -> Graph:
        """The validated graph. Raises ModelFileError, UnsupportedError, WeightsMismatchError, GraphError."""
        data.take("producer", str, "")
        if data.holds("operators"):
            return self.operators(data)
        graph = self.parsed(data)
        if self.unsupported:
            raise UnsupportedError(str(self.path), self.unsupported)
        lost = sorted(self.tensors.keys() - self._used)
        if lost:
            raise ModelFileError(f"{self.path}: tensor {lost[0]!r} belongs to no layer. {AGAIN}")
        try:
            specs = validate(graph).specs()
        except GraphError as error:
            raise GraphError(f"{self.path}: {error}") from error
        for node in graph.nodes:
            self._check_weights(node, [specs[name].shape for name in node.inputs])
        return graph

    def operators(self, data: Fields) -> Graph:
        """The Graph of a model of operators. Raises ModelFileError, UnsupportedError, GraphError."""
        from ...operators import VOCABULARIES, as_graph
        from .operators import OperatorsReader

        def take(value: Any, where: str) -> Any:
            return self._weight(value, where)[0] if isinstance(value, dict) else self._tensor(str(value), (), where)

        name = data.take("name", str)
        told = Fields(f"{self.path}: operators", data.take("operators", dict))
        data.done()
        model = OperatorsReader(str(self.path), take).model(name, told)
        if model.words not in VOCABULARIES:
            raise UnsupportedError(str(self.path), [f"operators of {model.words!r}"])
        if self.unsupported:
            raise UnsupportedError(str(self.path), self.unsupported)
        return as_graph(model)

    def _weight(self, value: Any, where: str) -> tuple[Any, str]:
        """An array or a Quantized, the same object for all that name the same tensor; it is named by its node."""
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
                return None, ""
            key = codecs[0], data.take(codecs[0], str)
            if codecs[0] == "uint4":
                key = *key, dimensions(data.take("shape", list))
            data.done()
        if key not in self._weights:
            self._weights[key] = self._quantized(key, where) if key[0] else self._plain(key[1], where)
        return self._weights[key], ""

    def _tensor(self, name: str, dtypes: tuple[Any, ...], where: str) -> np.ndarray:
        if name not in self.tensors:
            raise ModelFileError(f"{where}: the file has no tensor {name!r}. {AGAIN}")
        array = self.tensors[name]
        if dtypes and array.dtype not in dtypes:
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

    def _check_weights(self, node: Node, shapes: list[Any], outer: str = "") -> None:
        """Raises where a node's weights do not fit it, nor those of its body the nodes there."""
        where = f"{self.path}: {outer}layer {node.label!r} ({type(node.layer).__name__})"
        try:
            fault = misfit(node.layer, shapes, node.weights)
        except Exception as error:  # as in Graph.specs: a layer's own rule meets what it was not made for
            raise GraphError(f"{where} cannot take {', '.join(map(str, shapes))}: {error}") from error
        if fault:
            raise WeightsMismatchError(f"{where}: {fault}")
        if isinstance(node.layer, Repeat):
            body = with_weights(node, shapes)
            specs = body.specs()
            for inner in body.nodes:
                self._check_weights(
                    inner, [specs[name].shape for name in inner.inputs], f"{outer}layer {node.label!r}: "
                )
