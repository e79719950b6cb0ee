"""What a repeat's body is drawn with: its tensors in a turn, the number of the turn, and the builder that takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..graph.graph import Graph, Node
from ..records import dataclass
from .base import Builder, Value


@dataclass(frozen=True)
class Counted:
    """An integer for `param` of a draw that changes by turn: in the first it is `first`, then by `steps` more.

    steps: (repeat, how much more each turn), of all the repeats that it counts in. It is added to and multiplied.
    """

    first: int
    steps: tuple[tuple[Any, int], ...]

    def __add__(self, other: int | Counted) -> Counted:
        if isinstance(other, Counted):
            return Counted(self.first + other.first, self.steps + other.steps)
        return Counted(self.first + int(other), self.steps)

    def __mul__(self, factor: int) -> Counted:
        return Counted(self.first * int(factor), tuple((repeat, step * int(factor)) for repeat, step in self.steps))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Counted:
        return self * -1

    def __sub__(self, other: int | Counted) -> Counted:
        return self + -other

    def __rsub__(self, other: int) -> Counted:
        return -self + other


@dataclass(frozen=True)
class Sliced:
    """A tensor, or a constant, of which each turn reads the next slice along an axis; reverse: from the last one on."""

    value: Value | np.ndarray
    axis: int = 0
    reverse: bool = False


@dataclass(frozen=True)
class Turn:
    """A turn of a repeat: the tensors that it carries, as they are before it, its slices, and its number, from 0."""

    carried: list[Value]
    sliced: list[Value]
    number: Counted


# What a turn makes: the carried tensors as they are after it, and the tensors to stack.
Body = Callable[[Turn], tuple[Sequence[Value], Sequence[Value]]]


class TurnBuilder(Builder, Protocol):
    """A Builder that takes repeats, and graphs; the planner implements it (plan/builder.py)."""

    def repeat(
        self,
        count: int,
        body: Body,
        carried: Sequence[Value | np.ndarray] = (),
        sliced: Sequence[Sliced] = (),
        reverse: Sequence[bool] = (),
    ) -> list[Value]:
        """What is drawn by `body`, `count` times in turn -> the carried tensors after all turns, then the stacks.

        carried: how they are before the first turn; a turn gives each in the same shape
        sliced:  tensors of `count` slices, read in place, one a turn
        reverse: of each tensor that a turn gives to stack, (count, *shape): whether the first turn's comes last

        `body` is called once. What was made before may be read in it; what is made in it, only there.
        """
        ...

    def graph(
        self,
        graph: Graph,
        inputs: Mapping[str, Value],
        weights: Callable[[Node], Mapping[str, Any]],
        exact: frozenset[str] = frozenset(),
    ) -> list[Value]:
        """The draws of a graph's nodes for values of its inputs by name -> the values of its outputs.

        exact: tensors, by name, that hold whole numbers, which no codec may round, besides those that nodes ask for
        """
        ...
