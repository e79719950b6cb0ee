"""An ONNX file -> Operators -> Graph: nodes, initializers, bodies, functions of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import GraphError, ModelFileError, UnsupportedError
from ...graph.graph import TensorSpec
from ...graph.sequences import OPTIONAL, SEQUENCE
from ...graph.shapes import ANY, Dims
from ...operators import Body, Call, Operators
from ...operators import onnx as words
from ...operators.order import ordered
from ..file import Source, map_file
from ..protobuf import Message, read_message
from . import schema
from .functions import Functions, Reference
from .tensors import BFLOAT16, NIBBLES, Tensors, type_name


def operators(source: Source) -> Operators:
    """The operators of an ONNX file."""
    where = str(source.path)
    message = read_message(map_file(source.path), schema.SCHEMA, "Model", where)
    return File(source, message).model()


class File:
    """An ONNX file's message while it is read."""

    def __init__(self, source: Source, message: Message):
        self.where, self.message = str(source.path), message
        self.tensors = Tensors(source.path, {})
        self.functions = Functions(
            self.where,
            message.get("functions", []),
            lambda nodes, opsets: [self.call(node, opsets) for node in nodes],
            lambda item: self.attribute(item, "an attribute's default", {}),
            opset_versions,
            ordered,
        )

    def model(self) -> Operators:
        """The whole."""
        graph = self.message.get("graph")
        if graph is None:
            raise ModelFileError(f"{self.where}: this ONNX file holds no graph")
        opsets = opset_versions(self.message.get("opset_import", []))
        body = self.body(graph, opsets)
        inputs = tuple(
            self.spec(info, "input") for info in graph.get("input", []) if info.get("name") not in body.arrays
        )
        outputs = tuple(self.spec(info, "output") for info in graph.get("output", []))
        if not outputs:
            raise GraphError(f"{self.where}: the graph has no outputs")
        name = graph.get("name") or "model"
        return Operators(name, words.NAME, inputs, outputs, self.functions.inlined(body), self.where)

    def spec(self, info: Message, what: str) -> TensorSpec:
        """The type and the shape of an input or output."""
        name = info.get("name", "")
        kind, prefix = info.get("type", {}), ""
        for field, words_ in (("optional_type", OPTIONAL), ("sequence_type", SEQUENCE)):
            if field in kind:
                kind, prefix = kind[field].get("elem_type", {}), prefix + words_
        if "tensor_type" not in kind:
            if what == "output":
                return TensorSpec(name, ANY)
            told = "a map, a sparse tensor, or a sequence of sequences (tensors, sequences and optional ones are known)"
            raise UnsupportedError(self.where, [f"{what} {name!r}: {told}"])
        tensor = kind["tensor_type"]
        dtype = type_name(tensor.get("elem_type", 0), f"{self.where}: {what} {name!r}")
        return TensorSpec(name, dims(tensor.get("shape")), prefix + dtype)

    def body(self, graph: Message, opsets: Mapping[str, int]) -> Body:
        """The calls of a graph, in an order in which they can be made."""
        arrays: dict[str, Any] = {}
        kinds: dict[str, str] = {}
        for tensor in graph.get("initializer", []):
            name = tensor.get("name", "")
            number, read = tensor.get("data_type"), self.tensors.array
            if number in NIBBLES:
                kinds[name], read = NIBBLES[number], self.tensors.nibbles
            elif number == BFLOAT16:
                kinds[name] = "bfloat16"
            arrays[name] = read(tensor, f"initializer {name!r}")
        for sparse in graph.get("sparse_initializer", []):
            name = sparse.get("values", {}).get("name", "")
            arrays[name] = self.tensors.dense(sparse, f"initializer {name!r}")
        calls = [self.call(node, opsets) for node in graph.get("node", [])]
        inputs = tuple(info.get("name", "") for info in graph.get("input", []))
        outputs = tuple(info.get("name", "") for info in graph.get("output", []))
        return Body(inputs, ordered(calls, self.where), outputs, arrays, kinds)

    def call(self, node: Message, opsets: Mapping[str, int]) -> Call:
        """One node."""
        domain, op = standard(node.get("domain", "")), node.get("op_type", "")
        name = node.get("name", "")
        found = {}
        for attribute in node.get("attribute", []):
            found[attribute.get("name", "")] = self.attribute(attribute, f"node {name or op!r}", opsets)
        version = opsets.get(domain, 1)
        return Call(op, tuple(node.get("input", ())), tuple(node.get("output", ())), found, name, domain, version)

    def attribute(self, attribute: Message, what: str, opsets: Mapping[str, int]) -> Any:
        """The value of an attribute: by its declared type; files of old leave that out."""
        name, kind = attribute.get("name", ""), attribute.get("type", 0)
        what = f"{what}, attribute {name!r}"
        if "ref_attr_name" in attribute:
            return Reference(attribute["ref_attr_name"])
        if kind == schema.FLOAT or (not kind and "f" in attribute):
            return float(attribute.get("f", 0.0))
        if kind == schema.INT or (not kind and "i" in attribute):
            return int(attribute.get("i", 0))
        if kind == schema.STRING or (not kind and "s" in attribute):
            return bytes(attribute.get("s", b"")).decode("utf-8", "replace")
        if kind == schema.TENSOR or (not kind and "t" in attribute):
            return self.tensors.array(attribute.get("t", {}), what)
        if kind == schema.GRAPH or (not kind and "g" in attribute):
            return self.body(attribute.get("g", {}), opsets)
        if kind == schema.FLOATS or (not kind and "floats" in attribute):
            return tuple(float(v) for v in attribute.get("floats", ()))
        if kind == schema.STRINGS or (not kind and "strings" in attribute):
            return tuple(bytes(v).decode("utf-8", "replace") for v in attribute.get("strings", ()))
        if kind == schema.SPARSE:
            return self.tensors.dense(attribute.get("sparse_tensor", {}), what)
        if kind in (schema.INTS, 0):
            return tuple(int(v) for v in attribute.get("ints", ()))
        if kind == 13 or "tp" in attribute:
            return None  # the type of an optional
        raise UnsupportedError(self.where, [f"{what} of attribute type {kind}"])


def standard(domain: str) -> str:
    """A domain's name; ONNX' own is spelled in two ways."""
    return "" if domain == "ai.onnx" else domain


def opset_versions(opsets: Sequence[Message]) -> dict[str, int]:
    """The versions of opsets by domain."""
    return {standard(opset.get("domain", "")): int(opset.get("version", 1)) for opset in opsets}


def dims(shape: Message | None) -> Dims:
    """A shape; None where a size is free."""
    if shape is None:
        return ANY
    return tuple(
        int(dim["dim_value"]) if "dim_value" in dim and dim["dim_value"] >= 0 else None for dim in shape.get("dim", [])
    )
