"""Which stored weight belongs to which layer: by the names first, by Keras' order where these say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import takewhile

from ....errors import WeightsMismatchError
from ....records import dataclass
from .entries import Entry, Stored, listing, needs, wrong_number
from .places import Slot, fits, slots
from .spelling import pair_by_counters, pair_by_suffix, split, without_counter

Owners = Mapping[int, Entry]  # number of a bundle -> the layer it belongs to


@dataclass(frozen=True)
class Bundle:
    """Stored weights, by number, that share a path of layers (`folder`): all belong to one layer."""

    folder: tuple[str, ...]
    weights: list[int]


@dataclass(frozen=True)
class Lot:
    """The stored weights of a model, to be dealt to its layers.

    ways: the orders in which the file may keep them
    grouped: the file says that all of these are this model's, so names that it lacks are those of layers renamed since
    """

    unit: Entry
    stored: Sequence[Stored]
    ways: Sequence[Sequence[Slot]]
    where: str
    grouped: bool = False

    @cached_property
    def leaves(self) -> list[Entry]:
        """The layers that need weights."""
        return [leaf for leaf in self.unit.leaves() if leaf.count]

    @cached_property
    def bundles(self) -> list[Bundle]:
        """The weights by their paths; names that occur again begin another bundle, those without a path are alone."""
        seen: Counter[tuple[tuple[str, ...], str]] = Counter()
        found: dict[tuple[tuple[str, ...], int], Bundle] = {}
        for number, weight in enumerate(self.stored):
            folder, part = split(weight.name)
            key = (folder, seen[folder, part]) if folder else (folder, number)
            seen[folder, part] += 1
            found.setdefault(key, Bundle(folder, [])).weights.append(number)
        return list(found.values())

    def deal(self) -> Iterator[tuple[Entry, list[Stored]]]:
        """Each layer that needs weights, with the stored ones that are its own, as they stand in the file.

        Raises WeightsMismatchError where weights are missing or left over, and where neither names nor order decide.
        """
        owners = self.owners()
        for leaf in self.leaves:
            mine = [bundle.weights for number, bundle in enumerate(self.bundles) if owners[number] is leaf]
            yield leaf, [self.stored[k] for k in sorted(sum(mine, []))]

    def owners(self) -> Owners:
        """The layer of each bundle. Raises WeightsMismatchError."""
        if self.grouped and len(self.leaves) == 1:
            return dict.fromkeys(range(len(self.bundles)), self.leaves[0])
        for whole in (True, False):
            if owners := self.by_paths(whole):
                return owners
        answers, unsure = self.by_likeness()
        self.check(answers[0])
        answers = [self.with_last(answer) for answer in answers]
        if unsure or len(answers[0]) < len(self.bundles):
            return self.by_order(answers)
        return answers[0]

    def by_paths(self, whole: bool) -> Owners | None:
        """The layer of each bundle by its path; None unless each has one, and each layer at least one.

        Keras names a nested layer's weights with the models around it, or some of them, or none, and may put a model's
        own name before all; `whole` false: names of what a layer wraps may follow its own. The longer agreement counts.
        What TimeDistributed wraps may be called by the wrapper's name alone.
        """
        paths = [[path.split("/") for path in (leaf.path, leaf.wrapper) if path] for leaf in self.leaves]
        claims: dict[tuple[tuple[str, ...], int], list[int]] = {}  # (path to a layer, which of one path) -> bundles
        again: Counter[tuple[str, ...]] = Counter()
        for number, bundle in enumerate(self.bundles):
            folder = bundle.folder
            heads = (folder[:end] for end in ([len(folder)] if whole else range(1, len(folder) + 1)))
            head = next((head for head in heads if any(overlap(path, head) for path in paths)), None)
            if head is None:
                return None
            claims.setdefault((head, again[folder]), []).append(number)
            again[folder] += 1
        lengths = {head: [overlap(path, head) for path in paths] for head, _ in claims}
        free = set(range(len(paths)))
        owners: dict[int, Entry] = {}
        for (head, _), numbers in sorted(claims.items(), key=lambda item: -max(lengths[item[0][0]])):
            best = max((lengths[head][k] for k in free), default=0)
            longest = [k for k in free if lengths[head][k] == best]
            if best == 0 or len(longest) > 1:
                return None
            free.remove(longest[0])
            owners |= dict.fromkeys(numbers, self.leaves[longest[0]])
        return None if free else owners

    def by_likeness(self) -> tuple[list[Owners], bool]:
        """The layers of those bundles whose names are theirs but for counters; whether order must confirm it.

        More than one answer where the counters may be Keras' or TensorFlow's. Order must confirm what counters alone
        tell apart, and a name in the model and in the file where others like it are in one of them.
        """
        names, words = [leaf.name for leaf in self.leaves], [self.likeness(bundle) for bundle in self.bundles]
        suffix = pair_by_suffix(names, words)
        pairs, unsure = pair_by_counters(names, words)
        if suffix and pairs.items() <= suffix.items():
            return [{number: self.leaves[k] for k, number in suffix.items()}], False
        for k, name in enumerate(names):
            if k not in pairs and names.count(name) == words.count(name) == 1:
                pairs[k], unsure = words.index(name), True
        answers = [{number: self.leaves[k] for k, number in each.items()} for each in (suffix, pairs) if each]
        return [*answers] or [{}], unsure or len(answers) > 1

    def likeness(self, bundle: Bundle) -> str:
        """The name in a bundle's path that is a layer's but for counters, the last such; empty where none is."""
        known = {word for leaf in self.leaves for word in (leaf.name, without_counter(leaf.name))}
        return next((word for word in reversed(bundle.folder) if {word, without_counter(word)} & known), "")

    def with_last(self, owners: Owners) -> Owners:
        """The owners and, where one bundle and one layer are left over, that bundle's."""
        lacking = [leaf for leaf in self.leaves if leaf not in owners.values()]
        rest = [number for number in range(len(self.bundles)) if number not in owners]
        return {**owners, rest[0]: lacking[0]} if len(rest) == len(lacking) == 1 else owners

    def check(self, owners: Owners) -> None:
        """Raise WeightsMismatchError where weights are missing or left over by what their names tell."""
        named = any(bundle.folder for bundle in self.bundles)
        if len(self.stored) != len(list(slots(self.unit))) and (self.grouped or not named):
            raise wrong_number(self.unit, self.stored, self.where)
        lacking = [leaf for leaf in self.leaves if leaf not in owners.values()]
        rest = [bundle for number, bundle in enumerate(self.bundles) if number not in owners]
        strange = any(bundle.folder and not self.likeness(bundle) for bundle in rest)
        if lacking and (not rest or (strange and not self.grouped)):
            held = dict.fromkeys("/".join(bundle.folder) for bundle in self.bundles)
            raise WeightsMismatchError(
                f"{self.where}: no weights for layer {lacking[0].path!r} ({lacking[0].class_name}), which needs "
                f"{needs(lacking[0])}. The file holds weights for: {', '.join([*held][:12]) or 'nothing'}"
            )
        if rest and not lacking:
            for number, leaf in owners.items():
                mine = [self.stored[k] for k in self.bundles[number].weights]
                if len(mine) < leaf.count:
                    raise wrong_number(leaf, mine, self.where)
            extra = [self.stored[k] for k in rest[0].weights]
            raise WeightsMismatchError(
                f"{self.where}: weights for layer {'/'.join(rest[0].folder)!r} ({listing(extra)}), but the model has "
                "no such layer. These weights belong to another model, or the model was changed after they were saved"
            )

    def by_order(self, answers: Sequence[Owners]) -> Owners:
        """The layer of each bundle by the order of the weights. Raises WeightsMismatchError where it does not tell."""
        ways = [way for way in self.ways if any(self.possible(way, owners) for owners in answers)]
        found = [{number: way[bundle.weights[0]][0] for number, bundle in enumerate(self.bundles)} for way in ways]
        if found and all(owners == found[0] for owners in found):
            return found[0]
        names = ", ".join(leaf.path for leaf in self.leaves[:8]) + (", ..." if len(self.leaves) > 8 else "")
        raise WeightsMismatchError(
            f"{self.where}: which weights of {self.unit.path!r} ({self.unit.class_name}) belong to which of its layers "
            f"is not known: their names ({listing(self.stored)}) are not those of the layers ({names}), and by the "
            f"order in which Keras keeps weights they fit in {'several ways' if found else 'no way'}. Load the model "
            "with what wrote it and save it as a whole, or give its layers the names that the weights have"
        )

    def possible(self, way: Sequence[Slot], owners: Owners) -> bool:
        """Whether nothing speaks against the weights lying in these places, one after the other."""
        if len(way) != len(self.stored) or not all(map(fits, way, self.stored)):
            return False
        layers = [{way[k][0] for k in bundle.weights} for bundle in self.bundles]
        return all(len(each) == 1 for each in layers) and all(layers[k] == {leaf} for k, leaf in owners.items())


def overlap(paths: Sequence[Sequence[str]], folder: Sequence[str]) -> int:
    """How many names at the ends of a folder and of one of these paths agree."""
    found = []
    for path in paths:
        pairs = zip(reversed(path), reversed(folder), strict=False)
        found.append(len(list(takewhile(lambda pair: pair[0] == pair[1], pairs))))
    return max(found)
