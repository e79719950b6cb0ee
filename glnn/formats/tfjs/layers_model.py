"""TensorFlow.js layers-models: a JSON with a Keras config and a manifest of weights that lie in binary shards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ModelFileError
from ...graph.graph import Graph
from ..file import Source, unwrapped
from ..keras.config import build_graph, document
from ..keras.steps import Document
from ..registry import loader
from ..surveys import written_by
from .manifest import read_manifest
from .shards import Shards


def is_tfjs(source: Source) -> bool:
    """Whether the file is the JSON of a TensorFlow.js model."""
    if not source.looks_like_json:
        return False
    content = source.json
    return isinstance(content, dict) and bool({"modelTopology", "weightsManifest"} & content.keys())


@loader("TensorFlow.js layers-model", is_tfjs)
def load_tfjs(source: Source) -> Graph:
    """The Graph of a TensorFlow.js model; float16 and quantized weights stay as the shards hold them.

    `weights` of the source: another folder to find the shards in, or the file of the only one; None: as the manifest
    says, from the model's folder. Raises ModelFileError, WeightsMismatchError, UnsupportedError, GraphError.
    """
    where, content = str(source.path), source.json
    if source.metadata is not None:
        raise ModelFileError(
            f"{where}: a TensorFlow.js model has its metadata in itself; load it without metadata={source.metadata}"
        )
    doc = topology(where, content)
    made_by = [content[key] for key in ("generatedBy", "convertedBy") if isinstance(content.get(key), str)]
    if made_by:
        written_by(made_by[0], by=", ".join(made_by[1:]) or None)
    manifest = content.get("weightsManifest")
    if manifest is None:
        return build_graph(doc, None, "The file has no 'weightsManifest'; save the model again, with its weights")
    return build_graph(doc, read_manifest(where, manifest, Shards(source.path, source.weights, source.origin)))


def topology(where: str, content: Mapping[str, Any]) -> Document:
    """The model's config out of `modelTopology`, bare or wrapped as the Python converter wraps it."""
    item = unwrapped(content.get("modelTopology"), f"{where}: 'modelTopology'")
    if item is None:
        raise ModelFileError(
            f"{where}: this TensorFlow.js file has a 'weightsManifest' and no 'modelTopology': weights without their "
            "model. Save the model again, with its topology"
        )
    if not isinstance(item, Mapping):
        raise ModelFileError(f"{where}: 'modelTopology' should be an object, it is a {type(item).__name__}")
    version, backend = (item.get(key) for key in ("keras_version", "backend"))
    config = item.get("model_config", item)
    version, backend = (value if isinstance(value, str) else None for value in (version, backend))
    try:
        return document(where, config, version, backend)
    except RecursionError:
        raise ModelFileError(f"{where}: 'modelTopology' is nested too deeply to be a model") from None
