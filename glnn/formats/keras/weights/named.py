"""Weights that know their layer by their name alone ('layer/kernel', 'layer/cell/kernel'), as in TensorFlow.js."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....records import dataclass
from .dealing import Lot
from .entries import Entry, Stored, fill
from .places import Slot, in_order, orders


@dataclass(frozen=True)
class NamedWeights:
    """The weights of a file in its order."""

    where: str
    stored: Sequence[Stored]

    def first(self) -> Stored | None:
        """The first weight of the file, if it has one."""
        return self.stored[0] if self.stored else None

    def every(self) -> Iterator[Stored]:
        """All weights of the file."""
        return iter(self.stored)

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        for leaf, stored in Lot(root, self.stored, ways(root), self.where).deal():
            fill(leaf, in_order(leaf, stored, self.where), self.where)


def ways(root: Entry) -> list[list[Slot]]:
    """The orders in which a file may keep its weights: as Keras does for each outer layer, or for the whole model."""
    by_unit = zip(*(orders(unit) for unit in root.children or ()), strict=True)
    return [*([slot for part in parts for slot in part] for parts in by_unit), *orders(root)]
