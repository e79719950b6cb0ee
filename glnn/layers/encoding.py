"""Layers that make numbers of classes, or rows of zeros and ones of those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..graph.shapes import EXACT
from ..primitives import Sym, Trace
from ..primitives.move import Size
from ..records import dataclass
from .base import Layer, register
from .core import whole

MODES = ("one_hot", "multi_hot", "count")


def encoded(t: Trace, x: Sym, mode: str, depth: int, weights: Sym | None = None) -> Sym:
    """Whole numbers as Keras encodes them: "int" as they are, or as 0 and 1 (or a count) for each number below depth.

    "one_hot" does so for each number, (N, ..., 1) or (N, ...) -> (N, ..., depth); "multi_hot" and "count" for all along
    axis 1: (N, L, ...) -> (N, ..., depth). Others than those below depth are not seen.
    """
    if mode == "int":
        return x
    if mode != "one_hot" and x.rank < 2:
        raise ValueError(f"output_mode={mode!r} takes two or more axes (N, ..., numbers), not {x.shape}")
    same = t.apply("equal", each(t, x, mode == "one_hot"), t.weight(np.arange(depth)))
    if mode == "one_hot":
        return same
    if weights is not None:
        same = same * each(t, weights)
    return t.reduce("sum" if mode == "count" else "max", same, 1)


def each(t: Trace, x: Sym, squeeze: bool = False) -> Sym:
    """x with another axis of size 1; as it is where it has one and that is to be used."""
    return x if squeeze and x.rank > 1 and x.shape[-1] == 1 else t.reshape(x, (*map(Size, range(x.rank)), 1))


def mode_problems(mode: Any, *allowed: str) -> list[str]:
    """What to say of an output_mode that is none of those allowed."""
    return [] if mode in allowed else [f"option output_mode={mode!r} (only {', '.join(allowed)})"]


@register("CategoryEncoding")
@dataclass(frozen=True)
class CategoryEncoding(Layer):
    """(N, L) whole numbers -> (N, num_tokens): which there are, how often ("count"), or each for itself ("one_hot").

    In "count" a second input of the first one's shape says for how much each counts.
    """

    arity: ClassVar[int | None] = None
    exact_inputs: ClassVar[tuple[int, ...]] = (0,)
    renamed: ClassVar[Mapping[str, str]] = {"max_tokens": "num_tokens"}
    call_arguments: ClassVar[tuple[str, ...]] = ("count_weights",)
    num_tokens: int
    output_mode: str = "multi_hot"

    def __post_init__(self) -> None:
        whole(self.num_tokens, "num_tokens")
        if self.output_mode == "binary":  # as it was called before Keras 2.6
            object.__setattr__(self, "output_mode", "multi_hot")

    def unsupported(self) -> list[str]:
        return mode_problems(self.output_mode, *MODES)

    def build(self, t: Trace, *xs: Sym, w: Mapping[str, Sym]) -> Sym:
        if len(xs) > 1 + (self.output_mode == "count"):
            raise ValueError(f"CategoryEncoding with output_mode={self.output_mode!r} takes no {len(xs)} inputs")
        return encoded(t, xs[0], self.output_mode, self.num_tokens, *xs[1:])


@register("Discretization")
@dataclass(frozen=True)
class Discretization(Layer):
    """How many of bin_boundaries, which ascend, are not above each number; encoded by output_mode. NaN: all."""

    ignored: ClassVar[frozenset[str]] = frozenset(("num_bins", "epsilon"))
    renamed: ClassVar[Mapping[str, str]] = {"bins": "bin_boundaries"}
    bin_boundaries: tuple[float, ...] | None = None
    output_mode: str = "int"

    def unsupported(self) -> list[str]:
        lacking = (
            "option bin_boundaries=None (they were learned, and the config does not hold them; make the layer of "
            "the boundaries that adapt() found, and save the model again)"
        )
        return mode_problems(self.output_mode, "int", *MODES) + ([] if self.bin_boundaries else [lacking])

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        bounds = np.asarray(self.bin_boundaries, np.float32)
        above = t.reduce("sum", each(t, x) < t.weight(bounds), -1)
        return encoded(t, len(bounds) - above, self.output_mode, len(bounds) + 1)


@register("IntegerLookup")
@dataclass(frozen=True)
class IntegerLookup(Layer):
    """Each whole number's place in a vocabulary, behind that of unknown ones and, first, of the mask token; `invert`
    gives the number at a place. Unknown ones have num_oov_indices places, by their remainder."""

    exact_inputs: ClassVar[tuple[int, ...]] = (0,)
    ignored: ClassVar[frozenset[str]] = frozenset("max_tokens vocabulary_dtype vocabulary_size encoding salt".split())
    vocabulary: tuple[int, ...] | None = None
    num_oov_indices: int = 1
    mask_token: int | None = None
    oov_token: int = -1
    invert: bool = False
    output_mode: str = "int"
    oov_method: str = "floormod"
    pad_to_max_tokens: bool = False
    idf_weights: Any = None

    def unsupported(self) -> list[str]:
        problems = mode_problems(self.output_mode, "int", *MODES)
        words, special = self.vocabulary, self.mask_token is not None and self.output_mode != "int"
        if not words:
            problems.append("option vocabulary=None (the config must hold it; make the layer of get_vocabulary())")
        elif any(not isinstance(word, int) or abs(word) > EXACT for word in words):
            problems.append(f"option vocabulary (numbers beyond {EXACT} are no float32, and strings none at all)")
        if special or self.pad_to_max_tokens or (self.num_oov_indices > 1 and self.oov_method != "floormod"):
            problems.append("options mask_token with output_mode, pad_to_max_tokens, or oov_method='farmhash'")
        return problems + ([] if self.num_oov_indices else ["option num_oov_indices=0 (unknown numbers are errors)"])

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        first = self.num_oov_indices + (self.mask_token is not None)
        head = [self.mask_token] * (self.mask_token is not None) + [self.oov_token] * self.num_oov_indices
        given = list(self.vocabulary or ())
        words = given[len(head) :] if given[: len(head)] == head else given
        if self.invert:
            above = t.weight(np.asarray([*head, *words]) - self.oov_token)
            numbers = t.weight(np.arange(len(head) + len(words)))
            return t.reduce("sum", t.apply("equal", each(t, x), numbers) * above, -1) + self.oov_token
        same = t.apply("equal", each(t, x), t.weight(np.asarray(words)))
        places = t.reduce("sum", same * t.weight(np.arange(first, first + len(words))), -1)
        unknown = t.apply("mod", x, self.num_oov_indices) + (first - self.num_oov_indices)
        made = t.where(places, places, unknown)
        made = made if self.mask_token is None else t.where(t.apply("equal", x, self.mask_token), 0.0, made)
        return encoded(t, made, self.output_mode, first + len(words))
