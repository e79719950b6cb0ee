"""Keras.js 0.x: the model's JSON, its weights as one buffer of float32, and metadata that says where each one lies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ModelFileError
from ...graph.graph import Graph
from ..file import HDF5_MAGIC, Source, beside, hdf5_beside, read_head, read_json
from ..foreign import NO_FORMAT, looks_like
from ..registry import loader
from .config import build_graph, document, is_model_json
from .weights.entries import Stored
from .weights.grouped import GroupedWeights

ITEM = np.dtype("<f4")  # Keras.js writes float32 in the byte order of its encoder's machine, which is little-endian


def companions(source: Source) -> tuple[Path | None, Path | None]:
    """The weights and the metadata of a Keras.js model: as given, else beside the JSON by name."""
    stem = source.path.stem
    weights = source.weights or beside(source.path, [f"{stem}_weights.buf", f"{stem}.buf"], "*.buf")
    metadata = source.metadata
    if metadata is None and weights is not None:
        names = [f"{stem}_metadata.json", f"{weights.stem.removesuffix('_weights')}_metadata.json"]
        metadata = beside(source.path, names, "*_metadata.json")
    return weights, metadata


def is_kerasjs(source: Source) -> bool:
    """Whether the file is a Keras model's JSON that goes with Keras.js weights (not with HDF5)."""
    if not is_model_json(source):
        return False
    if source.metadata is not None:
        return True
    weights, _ = companions(source)
    if weights is None:
        return False
    if source.weights is not None:
        head = read_head(weights)  # numbers may begin as anything: what they are called counts too
        other = head.startswith(HDF5_MAGIC) or not looks_like(weights, head).startswith(NO_FORMAT)
        return weights.suffix.lower() == ".buf" or not other
    named = weights.stem.removesuffix("_weights") == source.path.stem
    return named or hdf5_beside(source.path) is None


@loader("Keras.js 0.x", is_kerasjs)
def load_kerasjs(source: Source) -> Graph:
    """The Graph of a Keras.js model with its weights."""
    weights, metadata = companions(source)
    for argument, path, suffix in (("weights", weights, "_weights.buf"), ("metadata", metadata, "_metadata.json")):
        if path is None:
            raise ModelFileError(
                f"{source.path}: a Keras.js model needs its {argument}. "
                f"{source.wanting(argument, [source.path.stem + suffix])}"
            )
    assert weights is not None and metadata is not None
    return build_graph(document(str(source.path), source.json), read_buffer(weights, metadata))


def read_buffer(weights: Path, metadata: Path) -> GroupedWeights:
    """Weights grouped by layer from a buffer and its metadata. Raises ModelFileError where they do not fit together."""
    read_head(weights)
    content = read_json(metadata)
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise ModelFileError(f"{metadata}: not the metadata of a Keras.js model: a list of weights is needed")
    buffer = np.memmap(weights, dtype=np.uint8, mode="r")
    groups: dict[str, list[Stored]] = {}
    for number, item in enumerate(content):
        groups.setdefault(str(item.get("layer_name")), []).append(weight(item, number, buffer, weights, metadata))
    return GroupedWeights(str(weights), groups)


def weight(item: dict[str, Any], number: int, buffer: np.ndarray, weights: Path, metadata: Path) -> Stored:
    """One weight: `offset` counts bytes, `length` values. Raises ModelFileError where the buffer does not hold it."""
    try:
        layer, name = str(item["layer_name"]), str(item["weight_name"])
        offset, length, shape = item["offset"], item["length"], tuple(item["shape"])
        if any(type(number) is not int for number in (offset, length, *shape)):
            raise ValueError(f"offset {offset!r}, length {length!r}, shape {shape!r:.80} should be whole numbers")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{metadata}: entry {number} lacks layer_name, weight_name, offset, length or shape: {error!r}"
        ) from error
    if item.get("type", "float32") != "float32":
        raise ModelFileError(
            f"{metadata}: weight {name!r} is of type {item['type']!r}; Keras.js 0.x holds only float32"
        )
    if offset < 0 or length < 0 or min(shape, default=0) < 0 or length != math.prod(shape):
        raise ModelFileError(
            f"{metadata}: weight {name!r} has {length} values at byte {offset}, which does not fit shape {shape}"
        )
    end = offset + length * ITEM.itemsize
    if end > buffer.size:
        raise ModelFileError(
            f"{weights}: the file ends at byte {buffer.size}, but weight {name!r} of layer {layer!r} ends at byte "
            f"{end} by {metadata.name}. The file is cut short, or belongs to another model"
        )
    return Stored(name, shape, lambda: np.array(buffer[offset:end]).view(ITEM).reshape(shape))
