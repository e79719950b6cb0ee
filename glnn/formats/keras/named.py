"""Weights that know their layer by their name alone ('layer/kernel', 'layer/cell/kernel'), as in TensorFlow.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import WeightsMismatchError
from .weights import Entry, GroupedWeights, Stored, deal, fill, listing, needs


@dataclass(frozen=True)
class NamedWeights:
    """The weights of a file in its order."""

    where: str
    stored: Sequence[Stored]

    def first(self) -> Stored | None:
        """The first weight of the file, if it has one."""
        return self.stored[0] if self.stored else None

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        names = [weight.name for weight in self.stored]
        if len(set(names)) < len(names) or not any("/" in name for name in names):
            self.in_order(root)
            return
        leaves = list(root.leaves())
        owned: dict[int, list[Stored]] = {}
        lost: dict[str, list[Stored]] = {}
        for weight in self.stored:
            leaf = owner(weight.name, leaves)
            if leaf is None:
                lost.setdefault(weight.name.rpartition("/")[0], []).append(weight)
            else:
                owned.setdefault(id(leaf), []).append(weight)
        if lost and self.by_other_counters(root):
            return
        for leaf in leaves:
            mine = owned.get(id(leaf), [])
            if leaf.count and not mine:
                others = [other.path for other in leaves if id(other) in owned]
                raise WeightsMismatchError(
                    f"{self.where}: no weights for layer {leaf.path!r} ({leaf.class_name}), which needs {needs(leaf)}. "
                    f"The file holds weights for: {', '.join([*others, *lost][:12]) or 'nothing'}"
                )
            fill(leaf, by_name(leaf, mine), self.where)
        for name, weights in lost.items():
            raise WeightsMismatchError(
                f"{self.where}: weights for layer {name!r} ({listing(weights)}), but the model has no such layer. "
                "These weights belong to another model, or the model was changed after they were saved"
            )

    def by_other_counters(self, root: Entry) -> bool:
        """Fill the layers by order if their names differ from the file's in Keras' counters alone; whether they did."""
        groups: dict[str, list[Stored]] = {}
        for weight in self.stored:
            groups.setdefault(weight.name.split("/")[0], []).append(weight)
        grouped = GroupedWeights(self.where, groups)
        if grouped.renamed(list(grouped.units(root))) is groups:
            return False
        grouped.assign(root)
        return True

    def in_order(self, root: Entry) -> None:
        """Names that tell no layer, or tell several the same: weights come in the order in which Keras keeps them."""
        if root.count != len(self.stored):
            raise WeightsMismatchError(
                f"{self.where}: the model needs {root.count} weights ({needs(root)}), "
                f"the file has {len(self.stored)} ({listing(self.stored)})"
            )
        place = 0
        for unit in root.children or ():
            for leaf, stored in deal(unit, self.stored[place : place + unit.count], self.where):
                fill(leaf, stored, self.where)
            place += unit.count


def owner(name: str, leaves: Sequence[Entry]) -> Entry | None:
    """The layer that a weight's name tells: by its path in nested models, or by the end of that path.

    Keras names a nested layer's weights with the models around it or without them, and may put a model's own name
    before all; a wrapped layer's name follows. So what stands first counts, then a whole path, then the longer one.
    """
    folder = f"/{name.rpartition('/')[0]}/"
    best: tuple[tuple[int, bool, int], Entry] | None = None
    for leaf in leaves:
        path, whole = leaf.path, True
        while path:
            at = folder.find(f"/{path}/")
            rank = (at, not whole, -len(path))
            if at >= 0 and (best is None or rank < best[0]):
                best = rank, leaf
            path, whole = path.partition("/")[2], False
    return best[1] if best else None


def by_name(leaf: Entry, stored: Sequence[Stored]) -> list[Stored]:
    """A layer's weights in the order of its specs if their names tell it, else in the file's."""
    named = {weight.basename: weight for weight in stored}
    wanted = [spec.name for spec in leaf.specs]
    same = leaf.adapter is None and len(stored) == len(wanted) and set(named) == set(wanted)
    return [named[name] for name in wanted] if same else list(stored)
