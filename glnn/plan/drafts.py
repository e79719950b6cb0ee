"""Steps before slots are known: what a PlanBuilder collects and the planner places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field

from ..kernels.files import KernelSource
from ..kernels.finish import Finish
from ..kernels.parts import Parted
from ..kernels.virtual import Virtual
from ..layout.sections import Section
from ..layout.tiling import Grid
from ..primitives.base import Value, Window
from ..records import dataclass


@dataclass(eq=False)
class DrawSpec:
    """A draw before slots are known. counts: params that change by turn, in which repeats and by how much."""

    source: KernelSource
    out: Value
    inputs: dict[str, Value]
    virtual: dict[str, Virtual]  # inputs of the kernel that are made of others
    tensors: dict[str, int]  # name -> weight number
    cells: dict[str, int]
    const: dict[str, int | float]
    param: dict[str, int]
    finish: Finish | None
    windows: Mapping[str, Window]
    label: str
    looped: bool = False
    counts: dict[str, tuple[tuple[RepeatSpec, int], ...]] = field(default_factory=dict)
    uniform: dict[str, float] = field(default_factory=dict)
    grid: Grid | None = None  # of a kernel of tiles, the pixels that it makes
    rolled: tuple[str, ...] = ()
    parts: Parted | None = None
    lanes: bool = False  # lanes past the last channel are cleared even where there are none

    @property
    def kernel(self) -> str:
        """The name of its kernel."""
        return self.source.name

    @property
    def results(self) -> tuple[Value, ...]:
        """What is there after it."""
        return (self.out,)


@dataclass(frozen=True)
class Carried:
    """A tensor that a repeat carries on: as a turn reads it, as the turn makes it anew, and as it is in the end."""

    state: Value
    result: Value
    final: Value


@dataclass(frozen=True)
class Stacked:
    """A tensor that each turn makes, and the stack of them.

    first: the section that the first turn makes; step: how much further the next one's is
    """

    turn: Value
    whole: Value
    first: int
    step: int


@dataclass(eq=False)
class RepeatSpec:
    """A repeat before slots are known."""

    count: int
    label: str
    steps: list[DrawSpec | RepeatSpec] = field(default_factory=list)
    carried: list[Carried] = field(default_factory=list)
    stacked: list[Stacked] = field(default_factory=list)
    twins: list[tuple[Value, Value]] = field(default_factory=list)  # stacks, each for the other in every second turn

    @property
    def makers(self) -> dict[int, DrawSpec]:
        """The draws of its own, less those of repeats in it, by the number of what they make."""
        return {step.out.id: step for step in self.steps if isinstance(step, DrawSpec)}

    @property
    def results(self) -> tuple[Value, ...]:
        """What is there after the last turn."""
        twins = (one for pair in self.twins for one in pair)
        return (*(item.final for item in self.carried), *(item.whole for item in self.stacked), *twins)


@dataclass(frozen=True)
class InPlace:
    """A value that is a section of another, read where that lies; what moves it on: (coordinate, step, repeat)."""

    whole: Value
    section: Section
    moves: tuple[tuple[int, int, RepeatSpec], ...]


def each_spec(steps: Iterable[DrawSpec | RepeatSpec]) -> Iterator[DrawSpec]:
    """Every draw once, in order."""
    for step in steps:
        if isinstance(step, DrawSpec):
            yield step
        else:
            yield from each_spec(step.steps)


def reads(steps: Iterable[DrawSpec | RepeatSpec], home: Callable[[Value], Value]) -> Counter[int]:
    """How often draws read each tensor, or a section of it, by number. home: what the textures of a value are of"""
    return Counter(home(value).id for spec in each_spec(steps) for value in spec.inputs.values())
