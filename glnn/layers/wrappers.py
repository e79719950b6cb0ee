"""The steps of a sequence as a batch and back: what a layer that is called at each step is said with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..primitives import Sym, Trace
from ..primitives.move import Size, Unfolded
from ..records import dataclass
from .base import Layer, register


@register("glnn>Fold")
@dataclass(frozen=True)
class Fold(Layer):
    """(N, T, ...) -> (N T, ...): every step a sample of its own."""

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank < 3:
            raise ValueError(f"a layer at each step takes sequences (N, T, ...), not {x.shape}")
        return t.reshape(x, (-1, *(Size(axis) for axis in range(2, x.rank))))


@register("glnn>Unfold")
@dataclass(frozen=True)
class Unfold(Layer):
    """(N T, ...) -> (N, T, ...), N and T those of the second input."""

    arity: ClassVar[int | None] = 2
    passes_mask: ClassVar[bool] = True

    def build(self, t: Trace, x: Sym, like: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.drawn(Unfolded(), [t.plain(x), t.plain(like)])


@register("glnn>StepMasks")
@dataclass(frozen=True)
class StepMasks(Fold):
    """A mask (N, T, S) -> (N T, S): that of each step's own steps."""

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        if x.rank < 3:
            raise ValueError(f"a layer at each step would take its mask of {x.shape}, which has none for each step")
        return super().build(t, x, w)


@register("glnn>AnyLeft")
@dataclass(frozen=True)
class AnyLeft(Layer):
    """A mask (N, T, ...) -> (N, T): 1 for steps of which it leaves anything."""

    def build(self, t: Trace, x: Sym, w: Mapping[str, Sym]) -> Sym:
        return t.reduce("any", x, range(2, x.rank)) if x.rank > 2 else x
