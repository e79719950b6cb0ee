"""The steps of a plan: a draw, or a repeat of steps. Plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..records import dataclass


@dataclass(frozen=True)
class Count:
    """An integer of P that changes by turn: ints[place] is `step` more in each turn of a repeat than in the one before.

    depth: which of the repeats around the draw, 0 for the one right around it
    """

    place: int
    step: int
    depth: int


@dataclass(frozen=True)
class Move:
    """Where a draw goes that writes another section of a stack in each turn of the repeat right around it.

    In turn t it is section s = first + t * step, the number s % per in part s // per. That part lies at
    places[s // per], (slot, first layer). There the viewport begins s % per * rows texels up, and ints[0], ROW0, is
    s % per * tiles less than the draw's own.
    """

    first: int
    step: int
    per: int
    rows: int
    tiles: int
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Draw:
    """One draw: program, target slot, viewport (width, height), textures by unit.

    A texture is ("slot" | "weight", number, which of its textures; a slot has one). The viewport begins at a row of the
    target's texels. In a repeat, `ints` are those of the first turn, `counts` says which change and `move` where the
    target goes (None: it stays).
    """

    program: str
    target: int
    layers: tuple[int, int]  # of the target: the first that is drawn to, and how many
    viewport: tuple[int, int]
    textures: tuple[tuple[str, int, int], ...]
    ints: tuple[int, ...]
    floats: tuple[float, ...]
    label: str  # of the layer in the user's model
    kernel: str
    counts: tuple[Count, ...] = ()
    move: Move | None = None
    row: int = 0


@dataclass(frozen=True)
class Repeat:
    """Steps that are taken `count` times, in turns t = 0, 1, ...

    swaps: pairs of slots that are like each other. In every second turn (t = 1, 3, ...) each stands for the other, in
    whatever is read or drawn to: what a turn wrote to the second slot the next one reads as the first. After the repeat
    slots stand for themselves again; so what the last turn wrote lies in the second slot if `count` is odd.
    """

    count: int
    steps: tuple[Draw | Repeat, ...]
    swaps: tuple[tuple[int, int], ...] = ()


def each_draw(steps: Iterable[Draw | Repeat]) -> Iterator[Draw]:
    """Every draw once, in order."""
    for step in steps:
        if isinstance(step, Draw):
            yield step
        else:
            yield from each_draw(step.steps)


def turns_of(steps: Iterable[Draw | Repeat], turns: int = 1) -> Iterator[int]:
    """In how many turns each draw is made, in order, where the steps are taken in so many."""
    for step in steps:
        if isinstance(step, Draw):
            yield turns
        else:
            yield from turns_of(step.steps, turns * step.count)


def taken(steps: Iterable[Draw | Repeat], first: int = 0) -> Iterator[int]:
    """The number of each draw (see `each_draw`) in the order in which draws are made, turn by turn."""
    for step in steps:
        if isinstance(step, Draw):
            yield first
            first += 1
        else:
            for _ in range(step.count):
                yield from taken(step.steps, first)
            first += sum(1 for _ in each_draw(step.steps))


@dataclass(frozen=True)
class Taken:
    """A draw as it is made in one turn: with the slots, layers and integers that it has there.

    number: of the draw (see `each_draw`); turns: of the repeats around it, outermost first
    row:    of the target at which the viewport begins
    """

    number: int
    turns: tuple[int, ...]
    draw: Draw
    row: int = 0


def in_turns(
    steps: Iterable[Draw | Repeat], first: int = 0, turns: tuple[int, ...] = (), swapped: Mapping[int, int] = {}
) -> Iterator[Taken]:
    """Every draw as often as it is made, in order.

    first: the number of the first; turns: of the repeats around; swapped: slots that stand for others there
    """
    for step in steps:
        if isinstance(step, Draw):
            yield _in_turn(step, first, turns, swapped)
            first += 1
            continue
        other = dict(swapped)
        for a, b in step.swaps:
            other[a], other[b] = swapped.get(b, b), swapped.get(a, a)
        for turn in range(step.count):
            yield from in_turns(step.steps, first, (*turns, turn), other if turn % 2 else swapped)
        first += sum(1 for _ in each_draw(step.steps))


def _in_turn(draw: Draw, number: int, turns: tuple[int, ...], swapped: Mapping[int, int]) -> Taken:
    if not turns:
        return Taken(number, turns, draw, draw.row)
    ints, target, layers, row, move = list(draw.ints), draw.target, draw.layers, 0, draw.move
    for count in draw.counts:
        ints[count.place] += count.step * turns[-1 - count.depth]
    if move:
        part, at = divmod(move.first + turns[-1] * move.step, move.per)
        target, layers = move.places[part][0], (move.places[part][1], layers[1])
        ints[0] -= at * move.tiles
        row = at * move.rows
    read = tuple((kind, swapped.get(n, n) if kind == "slot" else n, part) for kind, n, part in draw.textures)
    made = Draw(
        draw.program, swapped.get(target, target), layers, draw.viewport, read, tuple(ints), draw.floats, draw.label,
        draw.kernel,
    )  # fmt: skip
    return Taken(number, turns, made, row)
