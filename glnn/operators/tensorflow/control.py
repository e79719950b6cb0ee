"""Control flow: functions that are called, choices, loops."""

from __future__ import annotations

from typing import Any

from ..program import Call
from ..say import Misfit, NeedsValue
from ..shared.turns import kept, walked
from ..walk import Scope, Walk
from . import tensorflow

MOST = 10_000  # turns that are written out


@tensorflow("PartitionedCall", "StatefulPartitionedCall", control=True)
def partitioned_call(walk: Walk, call: Call, scope: Scope, *xs: Any) -> Any:
    """A function of the library."""
    return tuple(walked(walk, call.attributes["f"], scope, xs, walk.say.name))


@tensorflow("If", "StatelessIf", control=True)
def if_(walk: Walk, call: Call, scope: Scope, condition: Any, *xs: Any) -> Any:
    """One of two functions, by a condition that must be known."""
    chosen = "then_branch" if walk.say.number(condition) else "else_branch"
    return tuple(walked(walk, call.attributes[chosen], scope, xs, walk.say.name))


@tensorflow("While", "StatelessWhile", control=True)
def while_(walk: Walk, call: Call, scope: Scope, *xs: Any) -> Any:
    """A function again and again, as long as another one says so: each turn is walked, as what it knows may differ."""
    say, path, state = walk.say, walk.say.name, list(xs)
    for turn in range(MOST):
        (goes,) = walked(walk, call.attributes["cond"], scope, state, f"{path}/{turn}/cond")
        say.name = path
        try:
            if not say.number(goes):
                return tuple(state)
        except NeedsValue as need:
            kept(need, state)
            raise
        state = walked(walk, call.attributes["body"], scope, state, f"{path}/{turn}")
        say.name = path
    raise Misfit(f"more than {MOST} turns are written out")
