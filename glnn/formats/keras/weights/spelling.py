"""What the name of a stored weight says: the layer it belongs to, which of its weights it is, and Keras' counters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

# How Keras called a weight elsewhere: in version 1 (`dense_1_W`), or in version 3 where that differs from version 2.
ALIASES = {
    "kernel": ("W",),
    "depthwise_kernel": ("kernel",),
    "recurrent_kernel": ("U",),
    "bias": ("b",),
    "embeddings": ("W",),
    "alpha": ("alphas",),
    "moving_mean": ("running_mean",),
    "moving_variance": ("running_std",),
}
KNOWN = frozenset(  # names that say what a weight is: one of these is never taken for another
    "kernel depthwise_kernel pointwise_kernel recurrent_kernel bias embeddings alpha gamma beta scale "
    "moving_mean moving_variance moving_stddev renorm_mean renorm_stddev mean variance count "
    "lora_kernel_a lora_kernel_b lora_embeddings_a lora_embeddings_b kernel_scale".split()
).union(*ALIASES.values())
GATES = "[WUb]_[a-z]"  # the weights of Keras 1's recurrent layers, a gate each
FLAT = re.compile(rf"(.+?)_({'|'.join(sorted(KNOWN, key=len, reverse=True))}|{GATES})(_\d+)?")


def split(name: str) -> tuple[tuple[str, ...], str]:
    """The path of layers in a weight's name, which may be empty, and what it calls the weight itself.

    'block/dense/kernel:0' -> ('block', 'dense'), 'kernel'; Keras 1's 'dense_1_W' -> ('dense_1',), 'W'.
    """
    *folder, last = name.split("/")
    last = last.split(":")[0]
    if not folder and last not in KNOWN and (flat := FLAT.fullmatch(last)):
        return (flat[1],), flat[2]
    return tuple(part for part in folder if part), last


@lru_cache(4096)
def without_counter(name: str) -> str:
    """A name without the counter behind it: of Keras ('dense_1') or of TensorFlow, for one seen before ('kernel_1')."""
    return re.sub(r"_\d+$", "", name)


def counter(name: str) -> int:
    """The counter behind a name; -1 where it has none, which is the first of its kind."""
    return int(name[len(without_counter(name)) + 1 :] or -1)


def pair_by_counters(wanted: Sequence[str], found: Sequence[str]) -> tuple[dict[int, int], bool]:
    """Which of the names found is each of those wanted, by index; and whether counters alone told some apart.

    Keras' counters go on from one model of a session to the next, so names may differ in them: the smallest then
    stands for the smallest. Names of which one side has more than the other are left out, and so are those that
    occur twice.
    """
    pairs: dict[int, int] = {}
    counters = False
    for base in dict.fromkeys(map(without_counter, wanted)):
        ours, theirs = (
            sorted(
                (k for k, name in enumerate(names) if without_counter(name) == base), key=lambda k: counter(names[k])
            )
            for names in (wanted, found)
        )
        distinct = len({wanted[k] for k in ours}) == len({found[k] for k in theirs}) == len(ours)
        if len(ours) == len(theirs) and distinct:
            pairs |= dict(zip(ours, theirs, strict=True))
            counters |= len(ours) > 1 and [wanted[k] for k in ours] != [found[k] for k in theirs]
    return pairs, counters


def pair_by_suffix(wanted: Sequence[str], found: Sequence[str]) -> dict[int, int]:
    """Which of the names found is each of those wanted, by index, where TensorFlow put counters behind names in use.

    The second 'dense_1' of a graph is 'dense_1_1' there, and the second 'dense' is 'dense_2' if 'dense_1' is taken.
    Empty unless all names found have their place; '' says nothing and has none.
    """
    free = {k: {n for n, name in enumerate(wanted) if word == name or without_counter(word) == name}
            for k, word in enumerate(found) if word}  # fmt: skip
    pairs: dict[int, int] = {}
    while free:
        k = min(free, key=lambda each: len(free[each]))
        if len(free[k]) != 1:
            return {}
        (n,) = free.pop(k)
        pairs[n] = k
        for others in free.values():
            others.discard(n)
    return pairs


def keeps_order(wanted: Sequence[str], pairs: Mapping[int, int]) -> bool:
    """Whether names that differ in counters alone stand in one order on both sides of `pair_by_counters`."""
    last: dict[str, int] = {}
    for k, name in enumerate(map(without_counter, wanted)):
        if pairs[k] < last.get(name, -1):
            return False
        last[name] = pairs[k]
    return True
