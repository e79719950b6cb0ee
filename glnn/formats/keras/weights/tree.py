"""Weights in a tree like the model's, its layers named by their class and a number: .weights.h5 of Keras 2.12 to 3."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from ....errors import ModelFileError, WeightsMismatchError
from ..datasets import dataset, subgroup, text
from .entries import Entry, Stored, fill, listing, needs
from .places import in_order
from .spelling import keeps_order, pair_by_counters

ROOTS = ("layers", "_layer_checkpoint_dependencies")  # Keras 2.15 and 3; Keras 2.12 to 2.14
DENSE = ("query_dense", "key_dense", "gate_dense", "value_dense", "output_dense")  # of attention of several heads
# Where layers keep those that they wrap, in Keras' order; Keras 2 has "_query_dense".
PARTS = ("layer", "forward_layer", "backward_layer", "cell", *DENSE, *(f"_{name}" for name in DENSE))
UNUSED = ("seed_generator",)  # the state of random numbers, which are drawn in training
CLASSES = {"Model": "Functional", "BatchNormalizationV1": "BatchNormalization"}  # as Keras' code calls them today


@dataclass(frozen=True)
class TreeWeights:
    """The weights below a group of an open file; `key` is the name of the groups that hold a model's layers."""

    where: str
    root: h5py.Group
    key: str

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.where)

    def first(self) -> Stored | None:
        """Not told: the tree is sorted by name, not in the order of the layers."""
        return None

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        try:
            self.assign_children(root, self.root)
        except RecursionError:
            raise ModelFileError(f"{self.where}: its groups hold each other; the file is damaged") from None

    def assign_children(self, entry: Entry, node: h5py.Group) -> None:
        """The layers of one model, from its group's `key`."""
        own = list(self.variables(node))
        if own:
            raise WeightsMismatchError(
                f"{self.where}: {node.name} has weights of the model itself ({listing(own)}), which no layer takes"
            )
        layers = self.groups(node, self.key)
        found = {name for name in layers if self.holds(layers[name])}
        children = [child for child in entry.children or () if child.count]
        places = self.places(entry, found)
        for child in children:
            if places[child.name] not in found:
                raise WeightsMismatchError(
                    f"{self.where}: no weights for layer {child.path!r} ({child.class_name}), "
                    f"which needs {needs(child)}; {node.name} has no {self.key}/{places[child.name]} "
                    f"(it has {', '.join(sorted(found)[:12]) or 'nothing'})"
                )
        extra = found - {places[child.name] for child in children}
        if extra:
            raise WeightsMismatchError(
                f"{self.where}: weights for {node.name}/{self.key}/{min(extra)}, which the model does not have"
            )
        names = [self.name(layers[places[child.name]]) for child in children]
        order = self.order(entry, [child.name for child in children], names)
        for k, child in enumerate(children):
            member = layers[places[children[order[k]].name]]
            self.assign_entry(child, member)

    def assign_entry(self, entry: Entry, member: h5py.Group) -> None:
        """A layer or model, from its own group."""
        if entry.children is None:
            fill(entry, in_order(entry, list(self.stored(member, entry.layer)), self.where), self.where)
        elif entry.wraps:
            inner = subgroup(member, "layer", self.path)
            if inner is None:
                raise WeightsMismatchError(
                    f"{self.where}: {member.name} has no group 'layer' for what {entry.path!r} wraps"
                )
            self.assign_entry(entry.children[0], inner)
        else:
            self.assign_children(entry, member)

    def places(self, entry: Entry, found: set[str]) -> Mapping[str, str]:
        """The group of each layer of a model, by the layer's name.

        Layers are numbered by class. Keras 2.12 and 2.13 count those with weights twice.
        """
        ways = [numbered(entry, 1), numbered(entry, 2)]
        wanted = [child.name for child in entry.children or () if child.count]
        return next((way for way in ways if {way[name] for name in wanted} == found), ways[0])

    def order(self, entry: Entry, wanted: Sequence[str], found: Sequence[str | None]) -> Sequence[int]:
        """The place, of those in Keras' order, where each layer's weights are: by name where the file tells names.

        Raises WeightsMismatchError where the names are of this model in part, and the order is another.
        """
        names = [name or "" for name in found]
        if len(set(names)) == len(names) and set(names) == set(wanted):
            return [names.index(name) for name in wanted]
        pairs, _ = pair_by_counters(wanted, names)
        counters = len(pairs) == len(wanted) and keeps_order(wanted, pairs)
        if not counters and any(name in wanted and name != ours for ours, name in zip(wanted, names, strict=True)):
            raise WeightsMismatchError(
                f"{self.where}: which weights belong to which layer of {entry.path or 'the model'!r} is not known: in "
                f"its order the file has {', '.join(names[:12])}, and the model {', '.join(wanted[:12])}. "
                "Save the model's JSON and its weights together"
            )
        return range(len(wanted))

    def groups(self, node: h5py.Group, name: str) -> dict[str, h5py.Group]:
        """The groups that a group `name` of this one holds. Raises ModelFileError where something else is there."""
        outer = subgroup(node, name, self.path)
        found = {} if outer is None else {key: subgroup(outer, key, self.path) for key in outer}
        return {key: member for key, member in found.items() if member is not None}

    def holds(self, member: h5py.Group) -> bool:
        """Whether there are weights in a layer's group, or in a model's."""
        inner = subgroup(member, "layer", self.path)
        own = list(self.groups(member, self.key).values())
        return any(map(self.holds, own if inner is None else [*own, inner])) or any(self.stored(member))

    def name(self, member: h5py.Group) -> str | None:
        """The name of a layer, which Keras 3 began to tell later."""
        values = subgroup(member, "vars", self.path)
        return None if values is None else text(values.attrs.get("name"))

    def variables(self, member: h5py.Group) -> Iterator[Stored]:
        """A layer's own weights, which are numbered."""
        values = subgroup(member, "vars", self.path)
        for name in sorted(values or (), key=lambda key: (len(key), key)):
            yield dataset(values, name, self.path)

    def stored(self, member: h5py.Group, layer: Any = None) -> Iterator[Stored]:
        """The weights in a layer's group and in the groups of layers it wraps. Raises ModelFileError for others.

        layer: whose they are; a stack of cells has them in the order of the cells, not of their names
        """
        yield from self.variables(member)
        cells = self.groups(member, "cells")
        for name in in_classes(getattr(layer, "cells", ())) if layer else cells:
            if name in cells:
                yield from self.stored(cells[name])
        for part in (*PARTS, *sorted(member.keys() - {"vars", "cells", self.key, *PARTS, *UNUSED})):
            inner = subgroup(member, part, self.path)
            weights = [] if inner is None else list(self.stored(inner, part_of(layer, part)))
            if weights and part not in PARTS:
                raise ModelFileError(
                    f"{self.where}: {member.name} has weights of its part {part!r}, which is not known"
                )
            yield from weights


def numbered(entry: Entry, weighted: int) -> dict[str, str]:
    """The groups of a model's layers by their names: class in snake case, and how many there were of it before.

    weighted: how many a layer with weights counts for
    """
    counts: dict[str, int] = {}
    groups = {}
    for child in entry.children or ():
        name = snake_case(CLASSES.get(child.class_name, child.class_name))
        count = counts.get(name, 0)
        counts[name] = count + (weighted if child.count else 1)
        groups[child.name] = f"{name}_{count}" if count else name
    return groups


def part_of(layer: Any, part: str) -> Any:
    """What a layer has as this part, if it has it."""
    return getattr(layer, "layer" if part == "forward_layer" else part, None)


def in_classes(cells: Iterable[Any]) -> list[str]:
    """The groups of a stack's cells, in their order: class in snake case, and how many before it."""
    names: list[str] = []
    for cell in cells:
        name = snake_case(type(cell).__name__)
        count = sum(other == name or other.startswith(f"{name}_") for other in names)
        names.append(f"{name}_{count}" if count else name)
    return names


def snake_case(name: str) -> str:
    """A class name as Keras writes it in weight files: SeparableConv2D -> separable_conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
