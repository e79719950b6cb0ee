"""Long sums over channels: what one draw adds up, and how many groups of four a turn of its loop takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..graph.shapes import ceil_div
from ..layout.limits import Limits
from .base import Builder, Epilogue, Recipe, Value, after
from .expr import RESULT, Apply, In
from .operations import OPERATIONS

# Input groups: of a sum of one draw, 10,240 products keep 1e-6 and each draw more is a program more; of a draw of a
# longer one, whose weights lie in textures of every device without gaps.
DENSE_GROUPS, PART_GROUPS = 2560, 1024
TURNS = (1, 2, 4)  # groups that a turn of the loop may take
WRITTEN_TAPS = 36  # of all groups of a turn: a text of more takes compilers longer than it can save
SUM = Apply(OPERATIONS["add"], (RESULT, In(-1)))  # what a draw adds to the draw before


def groups_per_draw(groups: int) -> int:
    """How many of a dense layer's or matrix product's input groups one draw adds up."""
    return groups if groups <= DENSE_GROUPS else ceil_div(groups, ceil_div(groups, PART_GROUPS))


def groups_per_turn(groups: int) -> int:
    """Input groups that one turn of a dense layer's loop takes, estimated; 4 save 6 % of a long sum of one row.

    Elsewhere they would only cost time to compile: of blocks of pixels each text twice as much.
    """
    return 4 if groups >= 256 and groups % 4 == 0 else 1


def in_turns(draw: Callable[..., Value], groups: int, taps: int = 1) -> list[Recipe]:
    """Recipes that take another number of groups a turn than is estimated; none where the groups fill no turns.

    draw:   the draws, for a Builder, an epilogue and the const GU
    groups: of one draw; taps: of each group, written out
    """
    numbers = [n for n in TURNS if groups % n == 0 and n * taps <= WRITTEN_TAPS and (n > 1 or taps == 1)]

    def recipe(number: int) -> Recipe:
        drawn: Callable[[Builder, Epilogue | None], Value] = partial(draw, GU=number)
        return Recipe(f"{number} group{'s' * (number > 1)} a turn", drawn, fits=written_out)

    return [recipe(number) for number in numbers] if numbers != [1] else []


def written_out(limits: Limits) -> bool:
    """Whether a device's texts have their loops over taps written out: in halves and bytes these stay loops."""
    return limits.precision == "highp" and limits.float_target != "rgba8"


def summed(before: Value | None, finish: Epilogue | None) -> Epilogue | None:
    """The epilogue of a draw whose result is added to that of a draw before."""
    return finish if before is None else after(finish, SUM, {-1: before})
