"""How a repeat is drawn: what its body reads and makes, and where that lies from turn to turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import GraphError, InputError
from ..graph.shapes import Shape
from ..layout.sections import section
from ..primitives.base import Epilogue, Value
from ..primitives.expr import RESULT, Constant
from ..primitives.move import permute, reshape
from ..primitives.turns import Body, Counted, Sliced, Turn
from .drafts import Carried, InPlace, RepeatSpec, Stacked

if TYPE_CHECKING:
    from .builder import PlanBuilder


def draw_repeat(
    b: PlanBuilder,
    count: int,
    body: Body,
    carried: Sequence[Value | np.ndarray],
    sliced: Sequence[Sliced],
    reverse: Sequence[bool],
) -> list[Value]:
    """See primitives.turns.TurnBuilder.repeat. Raises InputError, GraphError, LimitError."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        raise InputError(f"a repeat of count={count!r}: a whole number of turns is needed, 0 or more")
    count = int(count)
    if not count and reverse:
        raise InputError("a repeat of count=0 that stacks: no turn makes what would be stacked; leave the stacks out")
    states = [copied(b, value) for value in carried] if count else [drawn(b, value) for value in carried]
    for k, item in enumerate(sliced):
        if item.value.shape[item.axis] != count:
            raise InputError(
                f"a repeat of {count} turns: sliced input {k} of shape {item.value.shape} has "
                f"{item.value.shape[item.axis]} slices along axis {item.axis}; as many as turns are needed"
            )
    if not count:
        return states
    spec = RepeatSpec(count, b.node.label if b.node else "repeat")
    seen = []
    for item in sliced:
        whole, shape = ready(b, item), tuple(np.delete(item.value.shape, item.axis).tolist())
        seen.append(walk(whole, item.axis if in_place(item) else 0, item.reverse, spec, shape))
    with b.within(spec):
        results, turns = body(Turn(states, [b.look(place) for place in seen], Counted(0, ((spec, 1),))))
        results, turns = list(results), list(turns)
        _check(states, results, turns, reverse)
        taken: set[int] = set()
        results = [own(b, spec, value, taken) for value in results]
        turns = [own(b, spec, value, taken) for value in turns]
    for state, result in zip(states, results, strict=True):
        b.close(state)
        final = b.value(state.shape)
        b.lay_alike((state, result, final))
        spec.carried.append(Carried(state, result, final))
    for turn, back in zip(turns, reverse, strict=True):
        whole = b.stack(count, turn)
        spec.stacked.append(Stacked(turn, whole, back))
        b.in_place[turn.id] = walk(whole, 0, back, spec, turn.shape)
    stacks = [reshape(b, item.whole, (count, *item.turn.shape)) for item in spec.stacked]
    return [item.final for item in spec.carried] + stacks


def _check(states: Sequence[Value], results: Sequence[Value], turns: Sequence[Value], reverse: Sequence[bool]) -> None:
    """Raises GraphError for what a body must not give."""
    if len(results) != len(states) or len(turns) != len(reverse):
        raise GraphError(
            f"a turn gave {len(results)} carried tensors and {len(turns)} to stack; "
            f"{len(states)} and {len(reverse)} are needed"
        )
    for value in (*results, *turns):
        if not isinstance(value, Value):
            raise GraphError(f"a turn gave {type(value).__name__}; tensors that b.draw made are needed")
    for k, (state, result) in enumerate(zip(states, results, strict=True)):
        if tuple(state.shape) != tuple(result.shape):
            raise GraphError(
                f"carried tensor {k} has shape {state.shape} before a turn and {result.shape} after it; "
                "a turn must leave shapes as they are"
            )


def drawn(b: PlanBuilder, value: Value | np.ndarray) -> Value:
    """The value; a constant is drawn into one."""
    return value if isinstance(value, Value) else copied(b, value)


def copied(b: PlanBuilder, value: Value | np.ndarray) -> Value:
    """A draw that copies a value or a constant, in the codec that was set for it."""
    if not isinstance(value, Value):
        constant = Constant("x", tuple(value.shape))
        return b.draw("map", constant.shape, {}, finish=Epilogue(constant, {}, {"x": value}))
    made = b.draw("map", value.shape, {}, finish=Epilogue(RESULT, {0: value}))
    b.store_like(made, value)
    return made


def own(b: PlanBuilder, spec: RepeatSpec, value: Value, taken: set[int]) -> Value:
    """The value, if it is a draw of this repeat that nobody took; else a copy. It is taken from now on."""
    if value.id not in spec.makers or value.id in taken:
        value = copied(b, value)
    taken.add(value.id)
    return value


def in_place(item: Sliced) -> bool:
    """Whether slices along this axis can be read where they lie."""
    return section(tuple(item.value.shape), item.axis) is not None


def ready(b: PlanBuilder, item: Sliced) -> Value:
    """A value whose slices can be read in place: the given one, one with the axis in front, or (T, 1) for (T,)."""
    value = drawn(b, item.value)
    if in_place(item):
        return value
    if len(value.shape) == 1:
        return reshape(b, value, (*value.shape, 1))
    axes = list(range(len(value.shape)))
    axes.insert(0, axes.pop(item.axis))
    return permute(b, value, axes)


def walk(whole: Value, axis: int, reverse: bool, spec: RepeatSpec, shape: Shape) -> InPlace:
    """The slices of a value along an axis, one a turn, as tensors of this shape."""
    cut = section(tuple(map(int, whole.shape)), axis)
    assert cut is not None
    part, place, step = cut
    start = (whole.shape[axis] - 1) * step if reverse else 0
    return InPlace(whole, part.starting(place, start, shape), ((place, -step if reverse else step, spec),))
