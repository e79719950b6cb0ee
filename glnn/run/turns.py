"""Draws of a repeat, turn by turn: made ready once, so that a turn costs little more than its draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..device.objects import Target, Texture
from ..device.program import Program
from ..plan.steps import Draw, Move
from ..records import dataclass

CHUNK = 1024  # turns whose integers are made ready at once

Viewport = tuple[int, int, int, int]
Arguments = tuple[Program, Target, Viewport, tuple[Texture, ...], bytes, bytes]  # what Device.draw takes


class Numbers:
    """The bytes of a draw's ints in each turn of the repeat around it: `rows`, from the turn that `fill` names."""

    def __init__(self, draw: Draw):
        self._draw = draw
        self._outer = sorted({count.depth - 1 for count in draw.counts} - {-1})  # of the repeats around that one
        self._filled: tuple[object, ...] = ()
        self.rows: list[bytes] = []

    def fill(self, outer: Sequence[int], first: int, count: int) -> None:
        """Makes the rows of turns from `first` on; outer: the turns of the repeats around, innermost first."""
        now = *(outer[depth] for depth in self._outer), first, count
        if now == self._filled:
            return
        table = np.tile(np.array(self._draw.ints, np.int32), (count, 1))
        t = np.arange(first, first + count, dtype=np.int32)
        for item in self._draw.counts:
            table[:, item.place] += item.step * (outer[item.depth - 1] if item.depth else t)
        move = self._draw.move
        if move:
            table[:, 0] -= (move.first + t * move.step) % move.per * move.tiles
        self.rows, self._filled = [row.tobytes() for row in table], now


@dataclass(frozen=True)
class TurningDraw:
    """A draw that differs by turn; targets: where it goes, one for each of the places that its `move` names."""

    program: Program
    targets: tuple[Target, ...]
    viewport: Viewport
    textures: tuple[Texture, ...]
    numbers: Numbers
    floats: bytes
    move: Move | None

    def arguments(self, turn: int, row: int) -> Arguments:
        """What Device.draw takes in a turn, whose integers are in this row."""
        target, viewport, move = self.targets[0], self.viewport, self.move
        if move:
            part, at = divmod(move.first + turn * move.step, move.per)
            target, viewport = self.targets[part], (0, at * move.rows, viewport[2], viewport[3])
        return self.program, target, viewport, self.textures, self.numbers.rows[row], self.floats


class Loop:
    """A repeat: the steps of even turns, those of odd ones, and the numbers of the draws among them."""

    def __init__(
        self,
        count: int,
        even: Sequence[Arguments | TurningDraw | Loop],
        odd: Sequence[Arguments | TurningDraw | Loop],
        numbers: Sequence[Numbers],
    ):
        self._count, self._turns, self._numbers = count, (even, odd), numbers

    def run(self, draw: Callable[..., None], outer: tuple[int, ...] = ()) -> None:
        """Makes all draws of all turns; outer: the turns of the repeats around, innermost first."""
        for turn in range(self._count):
            row = turn % CHUNK
            if not row:
                for numbers in self._numbers:
                    numbers.fill(outer, turn, min(CHUNK, self._count - turn))
            for step in self._turns[turn % 2]:
                if isinstance(step, tuple):
                    draw(*step)
                elif isinstance(step, TurningDraw):
                    draw(*step.arguments(turn, row))
                else:
                    step.run(draw, (turn, *outer))
