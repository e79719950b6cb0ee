"""Weights grouped by the name of the outermost layer that holds them: HDF5 of Keras 1 to 3, and Keras.js."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ....errors import WeightsMismatchError
from ....records import dataclass
from .dealing import Lot
from .entries import Entry, Stored, fill, listing, needs
from .places import in_order, orders
from .spelling import keeps_order, pair_by_counters


@dataclass(frozen=True)
class GroupedWeights:
    """The groups of a file in its order."""

    where: str
    groups: Mapping[str, Sequence[Stored]]

    def first(self) -> Stored | None:
        """The first weight of the file, if it has one."""
        return next(self.every(), None)

    def every(self) -> Iterator[Stored]:
        """All weights of the file, group by group."""
        return (stored for group in self.groups.values() for stored in group)

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        units = [unit for unit in self.units(root) if unit.count or self.groups.get(unit.name)]
        groups = self.renamed(units)
        taken: set[str] = set()
        for unit in units:
            if unit.name not in groups or unit.name in taken:
                raise WeightsMismatchError(
                    f"{self.where}: no weights for layer {unit.path!r} ({unit.class_name}), which needs {needs(unit)}. "
                    f"The file holds weights for: {', '.join(filter(groups.get, groups)) or 'nothing'}"
                )
            taken.add(unit.name)
            stored = groups[unit.name]
            dealt: Iterable[tuple[Entry, Sequence[Stored]]] = [(unit, stored)]
            if unit.children is not None:
                dealt = Lot(unit, stored, orders(unit), self.where, True).deal()
            for leaf, mine in dealt:
                fill(leaf, in_order(leaf, mine, self.where), self.where)
        extra = [name for name, group in groups.items() if group and name not in taken]
        if extra:
            raise WeightsMismatchError(
                f"{self.where}: weights for layer {extra[0]!r} ({listing(groups[extra[0]])}), "
                "but the model has no such layer. These weights belong to another model, "
                "or the model was changed after they were saved"
            )

    def units(self, root: Entry) -> Iterator[Entry]:
        """The entries that have a group of their own: the outermost; but Keras 1 looked into nested Sequentials."""
        for child in root.children or ():
            if child.children is not None and child.name not in self.groups:
                inner = list(self.units(child))
                if any(unit.name in self.groups for unit in inner):
                    yield from inner
                    continue
            yield child

    def renamed(self, units: Sequence[Entry]) -> Mapping[str, Sequence[Stored]]:
        """The groups by the model's names: Keras' counters (dense_1, dense_7) may differ by session.

        Raises WeightsMismatchError where the counters tell one order of the layers and the file another.
        """
        filled = [name for name, group in self.groups.items() if group]
        wanted = [unit.name for unit in units if unit.count]
        pairs, counters = pair_by_counters(wanted, filled)
        if set(wanted) == set(filled) or not len(pairs) == len(wanted) == len(filled):
            return self.groups
        if counters and not keeps_order(wanted, pairs):
            raise WeightsMismatchError(
                f"{self.where}: which weights belong to which layer is not known: the file has {', '.join(filled[:9])} "
                f"and the model {', '.join(wanted[:9])}, whose counters tell another order than the layers have. "
                "Give the model's JSON and its weights from one session, or save the whole model in one file"
            )
        return {name: self.groups[filled[pairs[k]]] for k, name in enumerate(wanted)}
