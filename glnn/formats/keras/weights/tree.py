"""Weights in a tree like the model's, its layers named by their class and a number: .weights.h5 of Keras 2.12 to 3."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

import h5py

from ....errors import ModelFileError, WeightsMismatchError
from ....records import dataclass
from ..datasets import dataset, subgroup, text
from ..sharing import bare
from .entries import Entry, Stored, fill, listing, needs
from .places import in_order
from .spelling import keeps_order, pair_by_counters

ROOTS = ("layers", "_layer_checkpoint_dependencies")  # Keras 2.15 and 3; Keras 2.12 to 2.14
# The attributes in which layers keep others, in the order in which Keras lists their weights; some begin with "_".
DENSE = ("query_dense", "key_dense", "gate_dense", "value_dense", "output_dense")
PARTS = ("layer", "forward_layer", "backward_layer", "cell", "cells", *DENSE)
UNUSED = ("seed_generator",)  # the state of random numbers, which are drawn in training
CLASSES = {  # as Keras' code calls them today
    "Model": "Functional",
    "BatchNormalizationV1": "BatchNormalization",
    "GroupQueryAttention": "GroupedQueryAttention",
}


@dataclass(frozen=True)
class TreeWeights:
    """The weights below a group of an open file; `key` is the name of the groups that hold a model's layers."""

    where: str
    root: h5py.Group
    key: str
    done: list[Entry] = field(default_factory=list)  # what has its weights

    def first(self) -> Stored | None:
        """Not told: the tree is sorted by name, not in the order of the layers."""
        return None

    def every(self) -> Iterator[Stored]:
        """All weights of the file, in the order of its names."""
        found: list[Stored] = []

        def visit(name: str, member: object) -> None:
            if isinstance(member, h5py.Dataset) and not set(UNUSED) & set(name.split("/")):
                found.append(Stored(name, member.shape, lambda: member[()]))

        self.root.visititems(visit)
        return iter(found)

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        self.assign_children(root, self.root, owned(root))

    def assign_children(self, entry: Entry, node: h5py.Group, owned: Mapping[int, Sequence[Entry]]) -> None:
        """The layers of one model, from its group's `key`; `owned` tells which of each model's layers lie with it."""
        own = list(self.variables(node))
        if own:
            raise WeightsMismatchError(
                f"{self.where}: {node.name} has weights of the model itself ({listing(own)}), which no layer takes"
            )
        layers = self.groups(node, self.key)
        found = {name for name in layers if self.holds(layers[name])}
        places = self.places(entry, found, owned[id(entry)])
        children = [child for child in owned[id(entry)] if places[child.name] in found]
        shared = [child for child in owned[id(entry)] if places[child.name] not in found]
        for child in shared:
            if not any(is_twin(child, other) for model in owned.values() for other in model):
                raise self.lacking(child, f"{node.name} has no {self.key}/{places[child.name]}", found)
        extra = found - {places[child.name] for child in children}
        if extra:
            raise WeightsMismatchError(
                f"{self.where}: weights for {node.name}/{self.key}/{min(extra)}, which the model does not have"
            )
        names = [self.name(layers[places[child.name]]) for child in children]
        order = self.order(entry, [child.name for child in children], names)
        for k, child in enumerate(children):
            self.assign_entry(child, layers[places[children[order[k]].name]], owned)
            self.done.append(child)
        for child in shared:
            twin = next((other for other in self.done if is_twin(child, other)), None)
            if twin is None:
                raise self.lacking(child, f"{node.name} has no {self.key}/{places[child.name]}", found)
            for mine, theirs in zip(child.leaves(), twin.leaves(), strict=True):
                mine.weights = theirs.weights

    def assign_entry(self, entry: Entry, member: h5py.Group, owned: Mapping[int, Sequence[Entry]]) -> None:
        """A layer or model, from its own group."""
        if entry.children is None:
            stored = self.by_specs(entry, member) or self.stored(member, entry.config)
            fill(entry, in_order(entry, stored, self.where), self.where)
        elif entry.wraps:
            inner = subgroup(member, "layer", self.where)
            if inner is None:
                raise self.lacking(entry, f"{member.name} has no group 'layer'", member.keys())
            self.assign_entry(entry.children[0], inner, owned)
        else:
            self.assign_children(entry, member, owned)

    def by_specs(self, leaf: Entry, member: h5py.Group) -> list[Stored]:
        """A layer's weights by the paths in their specs ("inner/kernel": the next of what the layer keeps as `inner`).

        Empty where specs have none, or the file has other parts or other numbers of weights in them.
        """
        heads = [spec.name.rpartition("/")[0] for spec in leaf.specs]
        found: dict[str, list[Stored]] = {}
        for head in dict.fromkeys(heads) if any(heads) else ():
            group: h5py.Group | None = member
            for name in head.split("/") if head else ():
                group = None if group is None else self.part(group, name)
            found[head] = [] if group is None else list(self.variables(group))
        whole = sum(map(len, found.values())) == len(self.every_in(member))
        if not whole or any(heads.count(head) != len(weights) for head, weights in found.items()):
            return []
        return [found[head].pop(0) for head in heads]

    def part(self, member: h5py.Group, name: str) -> h5py.Group | None:
        """The group of a layer in a layer by its name in specs, or in a model there; attention has roles."""
        kept = self.parts(member)
        role = "output_dense" if name == "attention_output" else f"{name}_dense"
        ways = (name, f"_{name}", role, f"_{role}")
        return next((kept[way] for way in ways if way in kept), self.groups(member, self.key).get(name))

    def every_in(self, member: h5py.Group) -> list[Stored]:
        """All weights in a layer's group and in the parts of it, in no order."""
        inner = [*self.parts(member).values(), *self.groups(member, self.key).values()]
        return [*self.variables(member), *(each for part in inner for each in self.every_in(part))]

    def lacking(self, entry: Entry, why: str, found: Collection[str]) -> WeightsMismatchError:
        """The error for a layer or model without weights."""
        return WeightsMismatchError(
            f"{self.where}: no weights for layer {entry.path!r} ({entry.class_name}), which needs {needs(entry)}; "
            f"{why} (it has {', '.join(sorted(found)[:12]) or 'nothing'})"
        )

    def places(self, entry: Entry, found: set[str], children: Sequence[Entry]) -> Mapping[str, str]:
        """The group of each layer of a model, by the layer's name.

        Layers are numbered by class. Keras 2.12 and 2.13 count those with weights twice.
        """
        ways = [numbered(entry, 1), numbered(entry, 2)]
        told = [{way[child.name] for child in children} for way in ways]
        exact = (way for way, names in zip(ways, told, strict=True) if names == found)
        enough = (way for way, names in zip(ways, told, strict=True) if names >= found)
        return next(exact, next(enough, ways[0]))

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
        outer = subgroup(node, name, self.where)
        found = {} if outer is None else {key: subgroup(outer, key, self.where) for key in outer}
        return {key: member for key, member in found.items() if member is not None}

    def holds(self, member: h5py.Group) -> bool:
        """Whether there are weights in a layer's group, in those of layers in it, or in a model's."""
        inner = [*self.parts(member).values(), *self.groups(member, self.key).values()]
        return any(self.variables(member)) or any(map(self.holds, inner))

    def name(self, member: h5py.Group) -> str | None:
        """The name of a layer, which Keras 3 began to tell later."""
        values = subgroup(member, "vars", self.where)
        return None if values is None else text(values.attrs.get("name"))

    def variables(self, member: h5py.Group) -> Iterator[Stored]:
        """A layer's own weights, which are numbered."""
        values = subgroup(member, "vars", self.where)
        for name in sorted(values or (), key=lambda key: (len(key), key)):
            yield dataset(values, name, self.where)

    def stored(self, member: h5py.Group, config: Mapping[str, Any] | None = None) -> list[Stored]:
        """The weights in a layer's group: its own, then those of the layers in it, in the order of Keras' `weights`.

        config: the layer's, which tells the order of layers in a list. Raises ModelFileError where it is not known.
        """
        found = list(self.variables(member))
        inner = {part: self.stored(group, inner_config(config, part)) for part, group in self.parts(member).items()}
        full = [part for part, weights in inner.items() if weights]
        order = [name for name in PARTS for part in full if part.lstrip("_") == name]
        strange = [part for part in full if part.lstrip("_") not in PARTS]
        if isinstance(config, list):
            order = [name for name in in_list(config) if name in full]
            strange = [part for part in full if part not in order]
        if strange and (found or len(full) > 1):
            raise ModelFileError(
                f"{self.where}: {member.name} has weights of its part {strange[0]!r}, whose place among the others is "
                "not known"
            )
        for part in order if not strange else full:
            found += next(weights for name, weights in inner.items() if name.lstrip("_") == part.lstrip("_"))
        return found

    def parts(self, member: h5py.Group) -> dict[str, h5py.Group]:
        """The groups of the layers in a layer, by the names of its attributes."""
        names = sorted(member.keys() - {"vars", self.key, *UNUSED})
        found = {name: subgroup(member, name, self.where) for name in names}
        return {name: group for name, group in found.items() if group is not None}


def inner_config(config: Any, part: str) -> Any:
    """The config of a layer in another, or the list of those in a list of layers; None where it is not told."""
    name = part.lstrip("_")
    if isinstance(config, list):
        return dict(zip(in_list(config), (item.get("config") for item in config), strict=True)).get(name)
    if not isinstance(config, Mapping):
        return None
    inner = config.get(name, config.get("layer"))
    if isinstance(inner, Mapping):
        return inner.get("config")
    return inner if isinstance(inner, list) and all(isinstance(item, Mapping) for item in inner) else None


def in_list(config: Sequence[Any]) -> list[str]:
    """The groups of layers in a list: class in snake case, and how many there were of it before."""
    counts: Counter[str] = Counter()
    found = []
    for item in config:
        name = snake_case(str(item.get("class_name")))
        found.append(f"{name}_{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return found


def is_twin(entry: Entry, other: Entry) -> bool:
    """Whether these are one layer or model, shared by two models: Keras writes its weights once, at the first.

    What it is called and all its options agree; where JSON stands apart from its weights nothing else tells.
    """
    return (
        entry is not other
        and (entry.name, entry.class_name) == (other.name, other.class_name)
        and (
            bare(entry.config) == bare(other.config)
            and [leaf.specs for leaf in entry.leaves()] == [leaf.specs for leaf in other.leaves()]
        )
    )


def owned(root: Entry) -> dict[int, list[Entry]]:
    """The layers with weights that each model's group holds, by the model's id: what several share lies first."""
    found: dict[int, list[Entry]] = {}
    seen: set[int] = set()

    def visit(entry: Entry) -> bool:
        mine = found[id(entry)] = []
        for child in entry.children or ():
            if child.count and id(child) not in seen:
                seen.add(id(child))
                if child.children is None or visit(child):
                    mine.append(child)
        return bool(mine)

    visit(root)
    return found


def numbered(entry: Entry, weighted: int) -> dict[str, str]:
    """The groups of a model's layers by their names: class in snake case, and how many there were of it before.

    weighted: how many a layer with weights counts for
    """
    counts: dict[str, int] = {}
    groups = {}
    for child in entry.children or ():
        name = snake_case(CLASSES.get(child.python_class, child.python_class))
        count = counts.get(name, 0)
        counts[name] = count + (weighted if child.count else 1)
        groups[child.name] = f"{name}_{count}" if count else name
    return groups


def snake_case(name: str) -> str:
    """A class name as Keras writes it in weight files: SeparableConv2D -> separable_conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
