"""TensorFlow.js graph-models: a TensorFlow graph as JSON, with its weights in binary shards."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import ModelFileError
from ...graph.graph import Graph
from ..file import Source
from ..registry import loader


def is_graph_model(source: Source) -> bool:
    """Whether the file is the JSON of a TensorFlow graph."""
    if not source.looks_like_json:
        return False
    content = source.json
    if not isinstance(content, dict) or not ({"modelTopology", "weightsManifest"} & content.keys()):
        return False
    topology = content.get("modelTopology")
    return content.get("format") == "graph-model" or (isinstance(topology, Mapping) and "node" in topology)


@loader("TensorFlow.js graph-model", is_graph_model)
def load_graph_model(source: Source) -> Graph:
    """The Graph of a TensorFlow.js graph-model; float16 and quantized weights stay as the shards hold them.

    `weights` of the source: another folder to find the shards in, or the file of the only one. Raises ModelFileError,
    UnsupportedError with all that is not supported, GraphError.
    """
    from ...operators import as_graph
    from ..surveys import operators_seen
    from .graph import operators

    if source.metadata is not None:
        raise ModelFileError(
            f"{source.path}: a TensorFlow.js model has its metadata in itself; load it without "
            f"metadata={source.metadata}"
        )
    model = operators(source)
    operators_seen(model)
    return as_graph(model, source.host)
