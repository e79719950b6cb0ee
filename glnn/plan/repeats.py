"""How a repeat is drawn: what its body reads and makes, and where that lies from turn to turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import GraphError, InputError
from ..graph.shapes import Shape
from ..layout.sections import section
from ..primitives.base import Computed, Epilogue, Value
from ..primitives.expr import RESULT, Apply, Constant, In, Index, Number
from ..primitives.move import Along, permute, remap, reshape
from ..primitives.operations import OPERATIONS
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
        first, step = (count - 1, -1) if item.reverse else (0, 1)
        seen.append(walk(whole, item.axis if in_place(item) else 0, shape, spec, first, step))
    with b.within(spec):
        results, turns = body(Turn(states, [b.look(place) for place in seen], Counted(0, ((spec, 1),))))
        results, turns = list(results), list(turns)
        _check(states, results, turns, reverse)
        trails = trails_of(b, spec, states, results, turns)
        taken = {turns[j].id for j in trails}
        results = [value if k in trails.values() else own(b, spec, value, taken) for k, value in enumerate(results)]
        turns = [value if j in trails else own(b, spec, value, taken) for j, value in enumerate(turns)]
    pairs = enumerate(zip(states, results, strict=True))
    finals = {k: carry(b, spec, *pair) for k, pair in pairs if k not in trails.values()}
    stacks = []
    for j, (turn, back) in enumerate(zip(turns, reverse, strict=True)):
        if j in trails:
            made, finals[trails[j]] = follow(b, spec, states[trails[j]], turn, back)
        else:
            made = b.stack(count, turn)
            stack(b, spec, Stacked(turn, made, *((count - 1, -1) if back else (0, 1))))
        stacks.append(reshape(b, made, (count, *turn.shape)))
    return [finals[k] for k in range(len(states))] + stacks


def carry(b: PlanBuilder, spec: RepeatSpec, state: Value, result: Value) -> Value:
    """Has what a turn makes of a state be the state of the next one -> as it is in the end."""
    b.close(state)
    final = b.value(state.shape)
    b.lay_alike((state, result, final))
    spec.carried.append(Carried(state, result, final))
    return final


def stack(b: PlanBuilder, spec: RepeatSpec, item: Stacked) -> None:
    """Has what a turn makes be written into a stack."""
    spec.stacked.append(item)
    b.in_place[item.turn.id] = walk(item.whole, 0, item.turn.shape, spec, item.first, item.step)


def follow(b: PlanBuilder, spec: RepeatSpec, state: Value, turn: Value, back: bool) -> tuple[Value, Value]:
    """Has a turn read a state where it writes the next one, into a stack -> the stack, and the state in the end.

    Where the draw that makes a state reads the one before, there are two stacks that turns read and write by turns:
    then the sections of even numbers lie in the one, those of odd numbers in the other.
    """
    b.close(state)
    count = spec.count
    whole = other = b.stack(count + 1, turn, state)
    if state in map(b.home, spec.makers[turn.id].inputs.values()):
        other = b.stack(count + 1, turn, state)
        b.twins |= {whole.id: other, other.id: whole}
        spec.twins.append((whole, other))
    stack(b, spec, Stacked(turn, other, 1, 1))
    b.in_place[state.id] = walk(whole, 0, state.shape, spec)
    rest = [Along(axis) for axis in range(1, len(whole.shape))]
    if whole is other:
        along = Along(0, count, mul=-1, add=count) if back else Along(0, count, add=1)
        made = remap(b, whole, (along, *rest))
    else:
        even, odd = (remap(b, one, (Along(0, count, add=1), *rest)) for one in (other, whole))
        made = alternating(b, even, odd, (count, *turn.shape))
        if back:
            made = remap(b, made, (Along(0, mul=-1, add=-1, edge="end"), *map(Along, range(1, len(made.shape)))))
    return made, b.look(walk(other if count % 2 else whole, 0, state.shape, spec, count, 0))


def alternating(b: PlanBuilder, even: Value, odd: Value, shape: Shape) -> Value:
    """Along the first axis the elements of even number of one tensor, those of odd number of another, in this shape."""
    is_odd = Apply(OPERATIONS["mod"], (Index(-len(even.shape)), Number(2.0)))
    which = Epilogue(Apply(OPERATIONS["where"], (is_odd, In(1), In(0))), {0: even, 1: odd})
    if shape == even.shape:
        return b.draw("map", shape, {}, finish=which)
    return reshape(b, Computed(even.shape, which), shape)


def trails_of(
    b: PlanBuilder, spec: RepeatSpec, states: Sequence[Value], results: Sequence[Value], turns: Sequence[Value]
) -> dict[int, int]:
    """What is both stacked and carried, by number of the one -> of the other, and so need not be drawn twice.

    Its stack begins with the state before the first turn, and a turn reads the section before the one that it writes.
    """
    found: dict[int, int] = {}
    for k, (state, result) in enumerate(zip(states, results, strict=True)):
        maker = spec.makers.get(result.id)
        number = next((j for j, turn in enumerate(turns) if turn.id == result.id), None)
        if maker is None or number is None or number in found or not b.can_stack(spec.count + 1, result, state):
            continue
        if b.codecs[result.id].codec == b.codecs[state.id].codec != "uint8":
            found[number] = k
    return found


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
    """A draw that copies a value or a constant, in the codec set for it; the value itself, if nobody else reads it."""
    if not isinstance(value, Value):
        constant = Constant("x", tuple(value.shape))
        return b.draw("map", constant.shape, {}, finish=Epilogue(constant, {}, {"x": value}))
    if value.id in b.fresh:
        b.fresh.discard(value.id)
        return value
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


def walk(whole: Value, axis: int, shape: Shape, spec: RepeatSpec, first: int = 0, step: int = 1) -> InPlace:
    """The slice of a value along an axis that a turn sees, as a tensor of this shape: in the first turn, the `first`.

    step: how many slices further the next turn sees; 0: all see the same
    """
    cut = section(tuple(map(int, whole.shape)), axis)
    assert cut is not None
    part, place, far = cut
    return InPlace(whole, part.starting(place, first * far, shape), ((place, step * far, spec),) if step else ())
