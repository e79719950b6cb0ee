"""A Keras model's JSON (model.to_json() of Keras 1, 2 or 3) with its weights in HDF5."""

from __future__ import annotations

from ...graph.graph import Graph
from ..file import HDF5_SUFFIXES, Source, hdf5_beside, read_json
from ..hdf5_file import open_hdf5
from ..registry import loader
from .archive import CONFIG, METADATA, told_version
from .config import build_graph, document, is_model_json
from .datasets import text
from .hdf5 import read_weights, weights_root
from .kerasjs import is_kerasjs


def is_model_with_hdf5(source: Source) -> bool:
    """Whether the file is a Keras model's JSON that does not go with Keras.js weights."""
    return is_model_json(source) and not is_kerasjs(source)


@loader("Keras JSON with HDF5 weights", is_model_with_hdf5)
def load_json(source: Source) -> Graph:
    """The Graph of a model's JSON with its weights, given or found beside it."""
    where = str(source.path)
    weights = source.weights or hdf5_beside(source.path)
    if weights is None:
        names = [source.path.stem + suffix for suffix in HDF5_SUFFIXES[:3]]
        return build_graph(document(where, source.json), None, source.wanting("weights", names))
    with open_hdf5(weights) as file:
        root = weights_root(file, str(weights))
        version, backend = text(root.attrs.get("keras_version")), text(root.attrs.get("backend"))
        if source.path.name == CONFIG and (metadata := source.path.with_name(METADATA)).is_file():
            version = told_version(read_json(metadata)) or version  # the folder of an archive that was unpacked
        return build_graph(document(where, source.json, version, backend), read_weights(file, str(weights)))
