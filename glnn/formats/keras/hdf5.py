"""Keras models in HDF5: whole models of Keras 1, 2 and 3, and the weights files of all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...errors import ModelFileError, WeightsMismatchError
from ...graph.graph import Graph
from ..file import Source, open_hdf5
from ..registry import loader
from .config import build_graph, document
from .weights import Entry, GroupedWeights, Stored, Weights, fill, needs

KERAS3_ROOTS = ("layers", "_layer_checkpoint_dependencies")  # Keras 3, and TensorFlow's Keras 2.12 to 2.15
PARTS = ("layer", "forward_layer", "backward_layer", "cell")  # where layers keep those that they wrap, in Keras' order


@loader("Keras HDF5", lambda source: source.is_hdf5)
def load_hdf5(source: Source) -> Graph:
    """The Graph of a whole model in HDF5. Raises ModelFileError for a file of weights only."""
    with open_hdf5(source.path) as file:
        config = text(file.attrs.get("model_config"))
        if config is None:
            raise ModelFileError(f"{source.path}: {without_config(file)}")
        try:
            item = json.loads(config)
        except json.JSONDecodeError as error:
            raise ModelFileError(
                f"{source.path}: its model_config is not JSON ({error}); save the model again"
            ) from error
        doc = document(str(source.path), item, text(file.attrs.get("keras_version")), text(file.attrs.get("backend")))
        if source.weights is not None and source.weights != source.path:
            with open_hdf5(source.weights) as other:
                return build_graph(doc, read_weights(other, source.weights))
        if "model_weights" not in file:
            return build_graph(doc, None, "The file has no group 'model_weights'; give the weights file as weights=")
        return build_graph(doc, read_weights(file, source.path))


def without_config(file: h5py.File) -> str:
    """What an HDF5 file without a model is, and what to do."""
    if "layer_names" in file.attrs or "layer_names0" in file.attrs or any(root in file for root in KERAS3_ROOTS):
        return (
            "this HDF5 file holds weights only, not the model. Load the model's JSON (from model.to_json()) and give "
            "this file as weights=, or save the whole model with model.save('model.h5')"
        )
    if "nb_layers" in file.attrs:
        return "weights in the form of Keras 0.x, which is not read; load and save them with Keras 1.2 first"
    names = ", ".join(list(file)[:6]) or "nothing"
    return f"this HDF5 file holds no Keras model (no attribute 'model_config'; it holds {names})"


def read_weights(file: h5py.File, path: Path) -> Weights:
    """The weights in an open HDF5 file, in either layout. Raises ModelFileError where there are none."""
    root = file["model_weights"] if "model_weights" in file else file
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        return GroupedWeights(str(path), {name: group(root, name, path) for name in names(root, "layer_names")})
    for key in KERAS3_ROOTS:
        if key in root:
            return TreeWeights(str(path), root, key)
    raise ModelFileError(
        f"{path}: this HDF5 file holds no weights of Keras (it holds {', '.join(list(file)[:6]) or 'nothing'})"
    )


def text(value: Any) -> str | None:
    """An attribute as text: bytes and str both occur; None stays None."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


def names(node: h5py.Group, key: str) -> list[str]:
    """A list of names in an attribute, or in pieces key0, key1, ... where it was too long for one."""
    pieces = [node.attrs[key]] if key in node.attrs else list(chunks(node, key))
    return [text(name) or "" for piece in pieces for name in np.atleast_1d(piece)]


def chunks(node: h5py.Group, key: str) -> Iterator[Any]:
    """The pieces key0, key1, ... of an attribute."""
    number = 0
    while f"{key}{number}" in node.attrs:
        yield node.attrs[f"{key}{number}"]
        number += 1


def group(root: h5py.Group, name: str, path: Path) -> list[Stored]:
    """The weights of one layer, in the order in which Keras lists them. Raises ModelFileError where one is lacking."""
    member = root.get(name)
    if not isinstance(member, h5py.Group):
        raise ModelFileError(
            f"{path}: the file lists layer {name!r} but holds no weights group of that name; it is damaged"
        )
    return [dataset(member, weight, path) for weight in names(member, "weight_names")]


def dataset(member: h5py.Group, name: str, path: Path) -> Stored:
    """One weight in the file, not read yet. Raises ModelFileError where it is lacking or lies in another file."""
    try:
        data = member[name]
    except (KeyError, OSError) as error:
        raise ModelFileError(
            f"{path}: weight {name!r} of {member.name} is listed but not in the file; it is damaged"
        ) from error
    if not isinstance(data, h5py.Dataset):
        raise ModelFileError(f"{path}: {data.name} should be a weight and is a group; the file is damaged")
    if data.file.filename != member.file.filename or data.external or data.is_virtual:
        raise ModelFileError(f"{path}: weight {name!r} of {member.name} lies in another file, which is not followed")

    def read() -> np.ndarray:
        try:
            return np.asarray(data[()])
        except OSError as error:
            raise ModelFileError(f"{path}: weight {data.name} cannot be read; the file is damaged ({error})") from error

    return Stored(name, data.shape, read)


@dataclass(frozen=True)
class TreeWeights:
    """Weights as Keras 3 saves them: in a tree like the model's, each layer named by its class and a counter."""

    where: str
    root: h5py.Group
    key: str

    def first(self) -> Stored | None:
        """Not told: the tree is sorted by name, not in the order of the layers."""
        return None

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        self.assign_children(root, self.root)

    def assign_children(self, entry: Entry, node: h5py.Group) -> None:
        """The layers of one model, from its group's 'layers'."""
        counts: dict[str, int] = {}
        layers = node.get(self.key, {})
        known = set()
        for child in entry.children or []:
            name = snake_case(child.class_name)
            count = counts.get(name, 0)
            counts[name] = count + 1
            name = f"{name}_{count}" if count else name
            known.add(name)
            member = layers.get(name)
            if member is None:
                if child.count:
                    raise WeightsMismatchError(
                        f"{self.where}: no weights for layer {child.path!r} ({child.class_name}), "
                        f"which needs {needs(child)}; {node.name} has no {self.key}/{name}"
                    )
            elif child.children is not None:
                self.assign_children(child, member)
            else:
                fill(child, list(self.stored(member)), self.where)
        extra = [name for name in layers if name not in known and any(self.stored(layers[name]))]
        if extra:
            raise WeightsMismatchError(
                f"{self.where}: weights for {node.name}/{self.key}/{extra[0]}, which the model does not have"
            )

    def stored(self, member: h5py.Group) -> Iterator[Stored]:
        """The weights in a layer's group and in the groups of layers it wraps."""
        values = member.get("vars", {})
        for name in sorted(values, key=lambda key: (len(key), key)):
            yield dataset(values, name, Path(self.where))
        for part in PARTS:
            if part in member:
                yield from self.stored(member[part])


def snake_case(name: str) -> str:
    """A class name as Keras 3 writes it in weight files: SeparableConv2D -> separable_conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
