"""Keras.js 1.x: a model in one .bin file of protobuf, its config as JSON and its weights as float32 or 8-bit codes.

The fields are those that python/encoder.py of Keras.js 1.0 writes, by its model.proto.
"""

from __future__ import annotations

import math

import numpy as np

from ...errors import ModelFileError
from ...graph.graph import Graph
from ...graph.quantized import Quantized
from ..file import Source, map_file
from ..json_text import parse_json
from ..protobuf import LENGTH, Field, Message, Reader, read_message
from ..registry import loader
from .config import build_graph, document
from .weights.entries import Stored
from .weights.grouped import GroupedWeights

CONFIG = 5  # the number of the field that holds the config
SCHEMA = {
    "Model": {
        1: Field("id", "string"),
        2: Field("name", "string"),
        3: Field("keras_version", "string"),
        4: Field("backend", "string"),
        CONFIG: Field("model_config", "string"),
        6: Field("model_weights", "Weights", repeated=True),
    },
    "Weights": {
        1: Field("layer_name", "string"),
        2: Field("weight_name", "string"),
        3: Field("shape", "uint", repeated=True),
        4: Field("type", "string"),
        5: Field("data", "bytes"),
        6: Field("quantize_min", "float"),
        7: Field("quantize_max", "float"),
    },
}
AXES = 64  # of a weight, as NumPy has them
DTYPES = {"float32": "<f4", "uint8": "u1"}
AGAIN = "The file is cut short or damaged: copy it again"


def is_kerasjs_bin(source: Source) -> bool:
    """Whether the file begins with the texts that Keras.js 1.x writes first: id, name, versions, then JSON."""
    head = memoryview(source.head)
    try:
        for number, wire, first, last in Reader(head, {}, "").fields(0, len(head) * 1_000_000):
            if number == CONFIG:
                return wire == LENGTH and bytes(head[first : first + 64]).lstrip()[:1] == b"{" and last > first
            if wire != LENGTH or number > CONFIG:
                return False
    except (ModelFileError, IndexError):
        pass
    return False


@loader("Keras.js .bin", is_kerasjs_bin)
def load_kerasjs_bin(source: Source) -> Graph:
    """The Graph of a Keras.js 1.x model; 8-bit weights stay as the file holds them."""
    where = str(source.path)
    for name, given in (("weights", source.weights), ("metadata", source.metadata)):
        if given is not None:
            raise ModelFileError(f"{where}: a Keras.js .bin holds its whole model; load it without {name}={given}")
    model = read_message(map_file(source.path), SCHEMA, "Model", where)
    config = parse_json(model.get("model_config", ""), f"{where}: its model_config")
    doc = document(where, config, model.get("keras_version"), model.get("backend"))
    groups: dict[str, list[Stored]] = {}
    for number, item in enumerate(model.get("model_weights", [])):
        groups.setdefault(item.get("layer_name", ""), []).append(
            weight(item, f"{where}: entry {number} of the weights")
        )
    return build_graph(doc, GroupedWeights(where, groups))


def weight(item: Message, where: str) -> Stored:
    """One weight, not read yet. Raises ModelFileError where its bytes do not fit its shape."""
    name, kind, data = item.get("weight_name", ""), item.get("type", ""), item.get("data", b"")
    shape = tuple(int(size) for size in item.get("shape", ()))
    where = f"{where} ({name!r})"
    if kind not in DTYPES:
        raise ModelFileError(f"{where} is of type {kind!r}; Keras.js 1.x writes {' and '.join(DTYPES)}. {AGAIN}")
    if len(shape) > AXES:
        raise ModelFileError(f"{where} has a shape of {len(shape)} axes (at most {AXES}). {AGAIN}")
    need = math.prod(shape) * np.dtype(DTYPES[kind]).itemsize
    if len(data) != need:
        raise ModelFileError(f"{where} of shape {shape} needs {need} bytes of {kind}, and has {len(data)}. {AGAIN}")
    low, high = item.get("quantize_min", 0.0), item.get("quantize_max", 0.0)

    def read() -> np.ndarray | Quantized:
        values = np.frombuffer(data, DTYPES[kind]).reshape(shape)
        if kind == "float32":
            return values
        try:
            return Quantized.make("uint8", values, (high - low) / 255, low)
        except ValueError as error:
            raise ModelFileError(f"{where} reaches from {low} to {high}: {error}. {AGAIN}") from error

    return Stored(name, shape, read)
