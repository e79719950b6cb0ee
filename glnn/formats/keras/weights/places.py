"""The places that a model's layers have for weights: which stored weight may be in which, and in which order they come.

A layer's own weights are put into place by their names, and as the file lists them where these say nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ....errors import WeightsMismatchError
from .entries import Entry, Stored, listing, needs, same_shape
from .spelling import ALIASES, KNOWN, split, without_counter

# Weights that training does not change: Keras puts these after all others of a nested model.
NOT_TRAINED = ("moving_mean", "moving_variance", "mean", "variance", "count")
OWN_FIRST = ("SpectralNormalization",)  # in a tree, the kernel that it changes in training and more, then the layer's

Slot = tuple[Entry, int]  # a layer, and which of its stored weights


def slots(entry: Entry) -> Iterator[Slot]:
    """The places for weights in an entry, layer after layer; behind those a layer needs the ones it does not use."""
    for leaf in entry.leaves():
        yield from ((leaf, k) for k in range(leaf.count + len(leaf.unused)))


def called(slot: Slot) -> str | None:
    """The name of the weight in this place; None where Keras 1 keeps several for one."""
    leaf, k = slot
    if k >= leaf.count:
        return leaf.unused[k - leaf.count]
    return None if in_parts(leaf) else leaf.specs[k].name


def in_parts(leaf: Entry) -> bool:
    """Whether several stored weights make one of the layer's, as in Keras 1's recurrent layers."""
    return leaf.adapter is not None and (leaf.adapter.count > 1 or leaf.adapter.extra > 0)


def meaning(leaf: Entry, weight: Stored) -> str | None:
    """Which weight of this layer a stored weight's name says it is; None if it says none of them."""
    folder, part = split(weight.name)
    for word in (part, without_counter(part)):
        for name in (*(spec.name for spec in leaf.specs), *leaf.unused):
            inner, _, last = name.rpartition("/")
            if inner and not any(layer.startswith(inner) for layer in folder):
                continue  # of a part of the layer, whose own name begins so: forward_lstm, backward_lstm
            if word == last or word in ALIASES.get(last, ()):
                return name
    return None


def contrary(leaf: Entry, weight: Stored) -> bool:
    """Whether a name says a weight that a layer of Keras' common names does not have: gamma for a Dense, say."""
    common = all(spec.name in KNOWN for spec in leaf.specs)
    return common and meaning(leaf, weight) is None and split(weight.name)[1] in KNOWN


def fits(slot: Slot, weight: Stored) -> bool:
    """Whether a stored weight can be the one of this place, by its shape and by what its name says it is."""
    leaf, k = slot
    name = called(slot)
    if name is None:
        return True
    if meaning(leaf, weight) not in (None, name) or contrary(leaf, weight):
        return False
    return k >= leaf.count or leaf.adapter is not None or same_shape(leaf.specs[k].shape, weight.shape)


def in_order(leaf: Entry, stored: Sequence[Stored], where: str) -> list[Stored]:
    """A layer's own weights in the order of its specs, without those that inference does not use.

    A wrong number of them comes back as it is.
    Raises WeightsMismatchError where names say two weights the same, or one that the layer does not have.
    """
    if leaf.class_name in OWN_FIRST and all(weight.name.isdigit() for weight in stored):
        return list(stored[max(0, len(stored) - leaf.count) :])
    if len(stored) not in (leaf.count, leaf.count + len(leaf.unused)):
        return list(stored)
    said = [meaning(leaf, weight) for weight in stored]
    others = [weight for weight, name in zip(stored, said, strict=True) if name is None]
    lacking = [spec.name for spec in leaf.specs if spec.name not in said]
    check_names(leaf, stored, said, where)
    if in_parts(leaf) or len(others) == len(stored) or len(others) != len(lacking):
        return list(stored[: leaf.count])  # names that say nothing, or are those of parts of the layer
    named = {name: weight for name, weight in zip(said, stored, strict=True) if name}
    named |= dict(zip(lacking, others, strict=True))
    return [named[spec.name] for spec in leaf.specs]


def check_names(leaf: Entry, stored: Sequence[Stored], said: Sequence[str | None], where: str) -> None:
    """Raise WeightsMismatchError where names say two weights the same, or one that the layer does not have."""
    places = Counter((split(weight.name)[0], name) for weight, name in zip(stored, said, strict=True) if name)
    twice = max(places.values(), default=0) > 1
    if not in_parts(leaf) and (twice or any(contrary(leaf, weight) for weight in stored)):
        raise WeightsMismatchError(
            f"{where}: layer {leaf.path!r} ({leaf.class_name}) needs {needs(leaf)}; the file has {listing(stored)}, "
            "whose names are not those of its weights. These weights belong to another model, or to a layer with "
            "other options"
        )


def halves(entry: Entry) -> tuple[list[Slot], list[Slot]]:
    """The places of weights that train, and of those that do not, as Keras 2 gathers them through nested models."""
    if entry.children is None:
        own = list(slots(entry))
        trained = [s for s in own if entry.trainable and s[1] < entry.count and called(s) not in NOT_TRAINED]
        return trained, [s for s in own if s not in trained]
    parts = [halves(child) for child in entry.children]
    first, rest = ([slot for part in parts for slot in part[k]] for k in (0, 1))
    return (first, rest) if entry.trainable else ([], first + rest)


def orders(unit: Entry) -> list[list[Slot]]:
    """The orders in which versions of Keras keep the weights of a model, trainable ones before the rest.

    By layer and model (Keras 2), by layer (Keras 3), and as the layers stand. What a file says to be trainable may
    differ from what was when it was saved: an order alone proves little.
    """
    trained, rest = halves(unit)
    leaves = [halves(leaf) for leaf in unit.leaves()]
    flat = [[slot for leaf in leaves for slot in leaf[k]] for k in (0, 1)]
    return [trained + rest, flat[0] + flat[1], list(slots(unit))]
