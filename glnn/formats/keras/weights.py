"""Stored weights and the layers they belong to: matching by name and order, checking, conversion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ...errors import ModelFileError, WeightsMismatchError
from ...graph.quantized import Quantized
from ...graph.shapes import Dims
from ...layers.base import Layer, WeightSpec
from .keras1 import Adapter

# Weights that training does not change, by their end: Keras puts these after all others of a nested model.
NOT_TRAINED = ("moving_mean", "moving_variance", "running_mean", "running_std", "mean", "variance", "count")
KERAS1_NAMES = {"moving_mean": "running_mean", "moving_variance": "running_std"}


@dataclass(frozen=True)
class Stored:
    """A weight in a file: its name and shape there; `read` brings its values, an array or Quantized."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Any]

    @property
    def basename(self) -> str:
        """The name without the path before it and TensorFlow's ':0' after it."""
        return self.name.rsplit("/", 1)[-1].split(":")[0]


@dataclass(eq=False)
class Entry:
    """A layer of a model's config, or a model in it (with children). One Entry for all calls of a shared layer."""

    name: str
    path: str
    class_name: str
    children: list[Entry] | None = None
    layer: Layer | None = None
    trainable: bool = True
    adapter: Adapter | None = None
    specs: Sequence[WeightSpec] = ()
    weights: Mapping[str, Any] = field(default_factory=dict)
    declared: Sequence[int | None] | None = None  # the output shape that Keras 1 tells of its transposed convolution

    def leaves(self) -> Iterator[Entry]:
        """The layers in this entry, itself if it is one, in the order of the config."""
        if self.children is None:
            yield self
        for child in self.children or ():
            yield from child.leaves()

    @property
    def count(self) -> int:
        """How many stored weights this entry takes."""
        return sum(len(leaf.specs) * (leaf.adapter.count if leaf.adapter else 1) for leaf in self.leaves())


class Weights(Protocol):
    """A file of weights."""

    @property
    def where(self) -> str:
        """The file's path, for messages."""

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""

    def first(self) -> Stored | None:
        """The first weight of the file, if it has one."""


@dataclass(frozen=True)
class GroupedWeights:
    """Weights grouped by the name of the outermost layer that holds them: Keras 1 and 2 HDF5, and Keras.js."""

    where: str
    groups: Mapping[str, Sequence[Stored]]

    def first(self) -> Stored | None:
        """The first weight of the file, if it has one."""
        return next((stored for group in self.groups.values() for stored in group), None)

    def assign(self, root: Entry) -> None:
        """Give every layer of the model its weights. Raises WeightsMismatchError for the first that differs."""
        units = [unit for unit in self.units(root) if unit.count or self.groups.get(unit.name)]
        groups = self.renamed(units)
        for unit in units:
            if unit.name not in groups:
                raise WeightsMismatchError(
                    f"{self.where}: no weights for layer {unit.path!r} ({unit.class_name}), which needs {needs(unit)}. "
                    f"The file holds weights for: {', '.join(filter(groups.get, groups)) or 'nothing'}"
                )
            for leaf, stored in deal(unit, groups[unit.name], self.where):
                fill(leaf, stored, self.where)
        known = {unit.name for unit in units}
        extra = [name for name, group in groups.items() if group and name not in known]
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
        """The groups by the model's names: Keras' counters (dense_1, dense_7) may differ by session."""
        filled = [name for name, group in self.groups.items() if group]
        wanted = [unit.name for unit in units if unit.count]
        if set(wanted) == set(filled) or [stem(name) for name in wanted] != [stem(name) for name in filled]:
            return self.groups
        return {new: self.groups[old] for new, old in zip(wanted, filled, strict=True)}


def stem(name: str) -> str:
    """A layer's name without the counter that Keras puts after it."""
    return re.sub(r"_\d+$", "", name)


def deal(unit: Entry, stored: Sequence[Stored], where: str) -> Iterator[tuple[Entry, list[Stored]]]:
    """Each layer of an outermost entry with the stored weights that are its own. Raises WeightsMismatchError."""
    if unit.count != len(stored):
        raise WeightsMismatchError(
            f"{where}: layer {unit.path!r} ({unit.class_name}) needs {unit.count} weights ({needs(unit)}), "
            f"the file has {len(stored)} ({listing(stored)})"
        )
    orders = (trained_first(unit), list(slots(unit)))
    best = max(orders, key=lambda order: sum(fits(slot, weight) for slot, weight in zip(order, stored, strict=True)))
    place = {slot: weight for slot, weight in zip(best, stored, strict=True)}
    for leaf in unit.leaves():
        yield leaf, [place[slot] for slot in slots(leaf)]


Slot = tuple[Entry, int]  # a layer, and which of its stored weights


def slots(entry: Entry) -> Iterator[Slot]:
    """The places for weights in an entry, layer after layer."""
    for leaf in entry.leaves():
        yield from ((leaf, k) for k in range(leaf.count))


def trained_first(unit: Entry) -> list[Slot]:
    """The order in which Keras keeps the weights of a nested model: trainable ones of all layers, then the rest."""

    def fixed(slot: Slot) -> bool:
        leaf, k = slot
        return not leaf.trainable or (leaf.adapter is None and leaf.specs[k].name in NOT_TRAINED)

    return sorted(slots(unit), key=fixed) if unit.trainable else list(slots(unit))


def fits(slot: Slot, stored: Stored) -> bool:
    """Whether a stored weight can be the one of this place, by shape and by the end of its name."""
    leaf, k = slot
    if leaf.adapter is not None:
        return True
    spec = leaf.specs[k]
    return same_shape(spec.shape, stored.shape) and stored.basename.endswith(
        (spec.name, KERAS1_NAMES.get(spec.name, spec.name))
    )


def fill(leaf: Entry, stored: Sequence[Stored], where: str) -> None:
    """Check a layer's stored weights against its specs, then read them (see `kept`). Raises WeightsMismatchError."""
    if leaf.adapter is not None and len(stored) == leaf.count:
        try:
            arrays = leaf.adapter.convert([weight.read() for weight in stored])
        except (ValueError, IndexError) as error:
            raise WeightsMismatchError(
                f"{where}: layer {leaf.path!r} ({leaf.class_name}) needs {needs(leaf)}; the file has "
                f"{listing(stored)}, which is not what Keras 1 writes for it ({error})"
            ) from error
        stored = [
            Stored(spec.name, array.shape, lambda a=array: a)  # type: ignore[misc]
            for spec, array in zip(leaf.specs, arrays, strict=True)
        ]
    if len(stored) != len(leaf.specs):
        raise WeightsMismatchError(
            f"{where}: layer {leaf.path!r} ({leaf.class_name}) needs {len(leaf.specs)} weights ({needs(leaf)}), "
            f"the file has {len(stored)} ({listing(stored)})"
        )
    for spec, weight in zip(leaf.specs, stored, strict=True):
        if not same_shape(spec.shape, weight.shape):
            raise WeightsMismatchError(
                f"{where}: layer {leaf.path!r} ({leaf.class_name}), weight {spec.name!r}: the model needs shape "
                f"{tuple(spec.shape)}, the file has {tuple(weight.shape)}. These weights belong to another model, "
                "or the model was changed after they were saved"
            )
    leaf.weights = {
        spec.name: kept(weight.read(), f"{where}: layer {leaf.path!r}, weight {spec.name!r}")
        for spec, weight in zip(leaf.specs, stored, strict=True)
    }


def same_shape(wanted: Dims, found: Sequence[int]) -> bool:
    """Whether the shapes agree; None in `wanted` agrees with any size."""
    return len(wanted) == len(found) and all(w is None or w == f for w, f in zip(wanted, found, strict=True))


def kept(values: Any, where: str) -> Any:
    """Weights as a graph holds them: Quantized and float16 as they are, all else float32; contiguous.

    Raises ModelFileError for what is no number, or too large for float32.
    """
    if isinstance(values, Quantized):
        return replace(values, codes=np.ascontiguousarray(values.codes))
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ModelFileError(f"{where}: values of type {array.dtype}, which are not numbers that glnn computes with")
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        return np.asarray(array, dtype=np.float16, order="C")
    try:
        with np.errstate(over="raise"):
            return np.asarray(array, dtype=np.float32, order="C")
    except FloatingPointError:
        raise ModelFileError(
            f"{where}: {array.dtype} values beyond float32 (largest {np.abs(array).max():.3g})"
        ) from None


def needs(entry: Entry) -> str:
    """The weights an entry needs, with their shapes, in words."""
    named = len(list(entry.leaves())) > 1
    return listing(
        [
            Stored(f"{leaf.path}/{spec.name}" if named else spec.name, spec.shape, lambda: np.empty(0))
            for leaf in entry.leaves()
            for spec in leaf.specs
        ]
    )


def listing(stored: Sequence[Stored]) -> str:
    """Names and shapes in words, at most eight of them."""
    words = [f"{weight.name} {tuple(weight.shape)}" for weight in stored[:8]]
    return ", ".join(words) + (", ..." if len(stored) > 8 else "") if words else "none"
