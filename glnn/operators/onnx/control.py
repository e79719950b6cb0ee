"""Operators with bodies: choices, loops, scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym
from ..program import Body, Call
from ..say import Misfit, NeedsValue, Tensor
from ..shared.empty import void
from ..shared.gathers import rows
from ..shared.sizing import reshaped, shape_of
from ..shared.slices import joined
from ..shared.turns import kept, repeated, walked, worthwhile
from ..walk import Scope, Walk
from . import onnx

MOST = 10_000  # turns that are written out


@onnx("If", control=True)
def if_(walk: Walk, call: Call, scope: Scope, condition: Any) -> Any:
    """What one of two bodies gives, by a condition that must be known."""
    chosen = "then_branch" if walk.say.number(condition) else "else_branch"
    return tuple(walked(walk, call.attributes[chosen], scope, [], walk.say.name))


@onnx("Loop", control=True)
def loop(walk: Walk, call: Call, scope: Scope, most: Any = None, condition: Any = None, *first: Any) -> Any:
    """Turns of a body while a condition holds, `most` at most: the carried values, and stacks of what each gives."""
    say, body = walk.say, call.attributes["body"]
    path, goes = say.name, True if condition is None else bool(say.number(condition))
    limit = None if most is None else int(say.number(most))
    if goes and limit is not None and worthwhile(body, limit):
        true = say.give(np.ones((), bool))
        found = repeated(walk, body, scope, limit, [true], first, counted=True, skip=1)
        if found is not None:
            return (*found[0], *found[1])
    state, turn = list(first), 0
    stacks: list[list[Any]] = [[] for _ in body.outputs[1 + len(first) :]]
    while goes and (limit is None or turn < limit):
        if turn >= MOST:
            raise Misfit(f"more than {MOST} turns are written out")
        given = [say.give(np.asarray(turn, np.int64)), say.give(np.ones((), bool)), *state]
        turns = [walked(walk, body, scope, given, f"{path}/{turn}")]
        say.name = path
        if not turn:
            turns += _taken(walk, turns[0], path)
        for made in turns:
            state, turn = made[1 : 1 + len(first)], turn + 1
            for stack, value in zip(stacks, made[1 + len(first) :], strict=True):
                stack.append(value)
        try:
            goes = bool(say.number(made[0]))
        except NeedsValue as need:
            kept(need, [state, stacks])
            raise
    if turn:
        return (*state, *(_stacked(walk, stack) for stack in stacks))
    given = [say.give(np.zeros((), np.int64)), say.give(np.ones((), bool)), *first]
    made = walked(walk, body, scope, given, f"{path}/none") if stacks else []  # what shapes a turn would give
    return (*state, *(void(say, x, (0, *say.static(x))) for x in made[1 + len(first) :]))


def _taken(walk: Walk, first: Sequence[Any], path: str) -> list[list[Any]]:
    """What the turns after the first gave, as far as they were taken before: their conditions were read back."""
    own = f"{path}/0/"
    if not all(isinstance(x, Tensor) and x.name.startswith(own) for x in first):
        return []
    turns: list[list[Any]] = []
    while True:
        names = [f"{path}/{len(turns) + 1}/{x.name.removeprefix(own)}" for x in first]
        if names[0] not in walk.known or not all(name in walk.known or name in walk.feeds for name in names):
            return turns
        turns.append([walk.named(None, x.dtype, name) for x, name in zip(first, names, strict=True)])


def _stacked(walk: Walk, xs: Sequence[Any]) -> Any:
    """Values one after the other along a new first axis."""
    return walk.say.give(joined(walk.say, [_lifted(walk, x) for x in xs], 0), xs[0].dtype)


def _lifted(walk: Walk, x: Any) -> Sym:
    """A value with a new first axis."""
    if not isinstance(x, Sym):
        raise Misfit("sequences are stacked")
    array = getattr(x, "array", None)
    if array is not None:
        return walk.say.give(array[None], getattr(x, "dtype", None))
    return walk.say.give(reshaped(walk.say, x, [1, *shape_of(x)]), getattr(x, "dtype", None))


@onnx("Scan", since=9, control=True)
def scan(walk: Walk, call: Call, scope: Scope, *xs: Any) -> Any:
    """A body for each slice of some tensors: the carried values, and stacks of what each turn gives."""
    body, count = call.attributes["body"], int(call.attributes["num_scan_inputs"])
    states = len(xs) - count
    ins = _ways(call, "input", count)
    outs = _ways(call, "output", len(body.outputs) - states)
    sliced = [_front(walk, x, axis) for x, (axis, _) in zip(xs[states:], ins, strict=True)]
    made, stacks = _scanned(walk, body, scope, xs[:states], sliced, [back for _, back in ins], [b for _, b in outs])
    moved = [_back(walk, x, axis) for x, (axis, _) in zip(stacks, outs, strict=True)]
    return (*made, *moved)


def _ways(call: Call, what: str, count: int) -> list[tuple[int, bool]]:
    """The axis and the direction of each tensor that is scanned, or stacked."""
    axes = call.attributes.get(f"scan_{what}_axes") or (0,) * count
    directions = call.attributes.get(f"scan_{what}_directions") or (0,) * count
    return [(int(axis), bool(back)) for axis, back in zip(axes, directions, strict=True)]


def _front(walk: Walk, x: Any, axis: int) -> Any:
    """x with an axis as its first."""
    axis = checked_axis(axis, x.rank)
    order = [axis, *(k for k in range(x.rank) if k != axis)]
    return x if not axis else walk.say.give(walk.say.transpose(x, order), x.dtype)


def _back(walk: Walk, x: Any, axis: int) -> Any:
    """x with its first axis at another place."""
    axis = checked_axis(axis, x.rank)
    order = list(range(1, x.rank))
    order.insert(axis, 0)
    return x if not axis else walk.say.give(walk.say.transpose(x, order), x.dtype)


def _turned(walk: Walk, x: Any) -> Any:
    """x from its last row to its first."""
    numbers = walk.say.give(np.arange(walk.say.static(x)[0])[::-1].copy())
    return walk.say.give(rows(walk.say, x, numbers, 0), x.dtype)


def _scanned(
    walk: Walk, body: Body, scope: Scope, first: Sequence[Any], sliced: Sequence[Any], ins: list[bool], outs: list[bool]
) -> tuple[list[Any], list[Any]]:
    """The turns of a scan along the first axis of tensors, each forwards or backwards."""
    say = walk.say
    path, turns = say.name, say.static(sliced[0])[0]
    reads = [_turned(walk, x) if back else x for x, back in zip(sliced, ins, strict=True)]
    found = None
    if worthwhile(body, turns):
        found = repeated(walk, body, scope, turns, [], first, reads)
    if found is None:
        state = list(first)
        lists: list[list[Any]] = [[] for _ in outs]
        for turn in range(turns):
            parts = [say.give(_row(walk, x, turn), x.dtype) for x in reads]
            made = walked(walk, body, scope, [*state, *parts], f"{path}/{turn}")
            say.name = path
            state = made[: len(first)]
            for stack, value in zip(lists, made[len(first) :], strict=True):
                stack.append(value)
        found = state, [_stacked(walk, stack) for stack in lists]
    return found[0], [_turned(walk, x) if back else x for x, back in zip(found[1], outs, strict=True)]


def _row(walk: Walk, x: Any, number: int) -> Any:
    array = getattr(x, "array", None)
    if array is not None:
        return array[number]
    return rows(walk.say, x, walk.say.give(np.asarray(number, np.int64)), 0)


@onnx("Scan", since=8, control=True)
def scan_of_batches(walk: Walk, call: Call, scope: Scope, lengths: Any, *xs: Any) -> Any:
    """The same for each sample of a batch, of which each may have a length of its own; zeros behind that."""
    body, count = call.attributes["body"], int(call.attributes["num_scan_inputs"])
    say, states = walk.say, len(xs) - count
    path, (batch, steps) = say.name, say.static(xs[states])[:2]
    ends = [steps] * batch if lengths is None else list(say.sizes(lengths))
    back = [bool(way) for way in call.attributes.get("directions") or (0,) * count]
    made: list[list[Any]] = []
    for sample in range(batch):
        say.name = f"{path}/{sample}"
        own = [say.give(_row(walk, x, sample), x.dtype) for x in xs]
        numbers = say.give(np.arange(ends[sample]))
        parts = [say.give(rows(say, x, numbers, 0), x.dtype) for x in own[states:]]
        after, stacks = _scanned(walk, body, scope, own[:states], parts, back, [False] * (len(body.outputs) - states))
        made.append([*after, *(_filled(walk, x, steps) for x in stacks)])
    say.name = path
    return tuple(_stacked(walk, several) for several in zip(*made, strict=True))


def _filled(walk: Walk, x: Any, steps: int) -> Any:
    """x with rows of zeros up to a number."""
    lack = steps - x.shape[0]
    if not lack:
        return x
    zeros = walk.say.give(np.zeros((lack, *x.shape[1:]), np.float32), x.dtype)
    return walk.say.give(joined(walk.say, [x, zeros], 0), x.dtype)
