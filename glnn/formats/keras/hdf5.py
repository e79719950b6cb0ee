"""Keras models in HDF5: whole models of Keras 1, 2 and 3, and the weights files of all of them."""

from __future__ import annotations

import h5py

from ...errors import ModelFileError, WeightsMismatchError
from ...graph.graph import Graph
from ..file import Source
from ..hdf5_file import open_hdf5
from ..json_text import parse_json
from ..registry import loader
from .config import build_graph, document
from .datasets import group, names, once, subgroup, text
from .weights.entries import Weights, listing
from .weights.grouped import GroupedWeights
from .weights.tree import ROOTS, TreeWeights

MODEL_ITSELF = "top_level_model_weights"  # where Keras keeps what a model adds to the weights of its layers


@loader("Keras HDF5", lambda source: source.is_hdf5)
def load_hdf5(source: Source) -> Graph:
    """The Graph of a whole model in HDF5. Raises ModelFileError for a file of weights only."""
    with open_hdf5(source.path) as file:
        config = text(file.attrs.get("model_config"))
        if config is None:
            raise ModelFileError(f"{source.path}: {without_config(file)}")
        item = parse_json(config, f"{source.path}: its model_config", "Save the model again")
        doc = document(str(source.path), item, text(file.attrs.get("keras_version")), text(file.attrs.get("backend")))
        if source.weights is not None and source.weights != source.path:
            with open_hdf5(source.weights) as other:
                return build_graph(doc, read_weights(other, str(source.weights)))
        if "model_weights" not in file:
            return build_graph(doc, None, "The file has no group 'model_weights'; give the weights file as weights=")
        return build_graph(doc, read_weights(file, str(source.path)))


def without_config(file: h5py.File) -> str:
    """What an HDF5 file without a model is, and what to do."""
    if "layer_names" in file.attrs or "layer_names0" in file.attrs or any(root in file for root in ROOTS):
        return (
            "this HDF5 file holds weights only, not the model. Load the model's JSON (from model.to_json()) and give "
            "this file as weights=, or save the whole model with model.save('model.h5')"
        )
    if "nb_layers" in file.attrs:
        return "weights in the form of Keras 0.x, which is not read; load and save them with Keras 1.2 first"
    names = ", ".join(list(file)[:6]) or "nothing"
    return f"this HDF5 file holds no Keras model (no attribute 'model_config'; it holds {names})"


def weights_root(file: h5py.File, where: str) -> h5py.Group:
    """Where a file keeps its weights: in a group beside the model's config, or at its root."""
    return subgroup(file, "model_weights", where) or file


def read_weights(file: h5py.File, where: str) -> Weights:
    """The weights in an open HDF5 file, in either layout. Raises ModelFileError where there are none."""
    root = weights_root(file, where)
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        if MODEL_ITSELF in root and names(root[MODEL_ITSELF], "weight_names"):
            held = listing(group(root, MODEL_ITSELF, where))
            raise WeightsMismatchError(
                f"{where}: the file holds weights of the model itself ({held}), which no layer takes"
            )
        return GroupedWeights(where, {name: group(root, name, where) for name in once(root, "layer_names", where)})
    for key in ROOTS:
        if key in root:
            return TreeWeights(where, root, key)
    if any(isinstance(member, h5py.Group) and "vars" in member for member in root.values()):
        raise ModelFileError(
            f"{where}: weights filed by the attributes of a model class of its own ({', '.join(list(root)[:6])}), "
            "which only its Python code tells to layers. Build it as a functional model, give it these and save it"
        )
    raise ModelFileError(
        f"{where}: this HDF5 file holds no weights of Keras (it holds {', '.join(list(file)[:6]) or 'nothing'})"
    )
