"""What a plan says of repeats: flat in the number of turns, slots that suit each other, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from support.bodies import apart
from support.loops import CASES as LOOPS
from support.repeats import CASES

from glnn.errors import GraphError, InputError, KernelError, LimitError
from glnn.graph import Graph
from glnn.kernels import add_folder
from glnn.layout.limits import Limits
from glnn.passes import optimize
from glnn.plan import Count, Draw, Plan, Repeat, WeightStore, make_plan
from glnn.plan.builder import PlanBuilder
from glnn.plan.lives import assign_slots
from glnn.plan.place import Placer
from glnn.plan.steps import each_draw, turns_of
from glnn.primitives.base import Epilogue, Joined, Value
from glnn.primitives.expr import In
from glnn.primitives.turns import Counted, Sliced, Turn
from glnn.testing import layer_graph

LIMITS = {
    "es300": Limits(),
    "es100": Limits(dialect="es100"),
    "split": Limits(16),
    "split es100": Limits(64, texture_units=1000, dialect="es100"),
    "bytes": Limits(float_target="rgba8"),
}


def plan_of(case: str, count: int, limits: Limits, split: bool = False) -> Plan:
    shapes = {name: x.shape for name, x in CASES[case].inputs(count).items()}
    graph = CASES[case].graph(count)
    return make_plan(apart(graph) if split else graph, shapes, limits)


def repeats(steps: Sequence[Draw | Repeat]) -> list[Repeat]:
    """All repeats, also those in repeats."""
    found = [step for step in steps if isinstance(step, Repeat)]
    return found + [inner for step in found for inner in repeats(step.steps)]


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_slots_of_a_repeat_suit_each_other(case: str, split: bool, limits: Limits) -> None:
    for count in (1, 2, 3, 7)[: 3 if case == "large" else 4]:
        plan = plan_of(case, count, limits, split)
        for repeat in repeats(plan.steps):
            swapped = [slot for pair in repeat.swaps for slot in pair]
            assert len(set(swapped)) == len(swapped)
            for a, b in repeat.swaps:
                assert plan.slots[a] == plan.slots[b], "what is read as one must be like the other"
            for draw in (step for step in repeat.steps if isinstance(step, Draw) and step.move):
                for slot, first in draw.move.places:
                    sections = min(draw.move.per, repeat.count)
                    assert first + draw.layers[1] <= max(1, plan.slots[slot].layers)
                    assert draw.viewport[0] <= plan.slots[slot].width
                    assert draw.viewport[1] + (sections - 1) * draw.move.rows <= plan.slots[slot].height
        for draw in plan.draws:
            assert ("slot", draw.target) not in [t[:2] for t in draw.textures]
            assert all(0 < c.place < len(draw.ints) and c.step and c.depth >= 0 for c in draw.counts)
        assert len(plan.draws) == len(list(turns_of(plan.steps))) > 1


@pytest.mark.parametrize("case", [name for name, case in CASES.items() if name != "large"])
def test_turns_cost_nothing_but_what_they_stack(case: str) -> None:
    """Twice as many turns: the same programs, draws and steps; only inputs and stacks grow."""
    growing = (
        "among others",
        "batch first",
        "channels",
        "finished",
        "followed",
        "followed back",
        "numbers",
        "reversed",
    )
    for limits in (Limits(), Limits(dialect="es100")):
        few, many = (plan_of(case, count, limits) for count in (40, 80))
        assert few.programs.keys() == many.programs.keys() and len(few.slots) == len(many.slots)
        assert len(few.draws) == len(many.draws)
        text = few.to_json(), many.to_json()
        assert abs(len(text[0]) - len(text[1])) < 40 + 12 * len(few.draws)
        given = {slot for t in (*many.inputs, *many.outputs) for slot in t.slots}
        stacks = {slot for d in many.draws if d.move for slot, _ in d.move.places}
        stacks |= {slot for r in repeats(many.steps) for pair in r.swaps if stacks & {*pair} for slot in pair}
        for slot, (a, b) in enumerate(zip(few.slots, many.slots, strict=True)):
            # Where a draw before or after the turns makes tensors of all turns, these grow as well.
            assert a == b or slot in given | stacks or case in growing, slot


def test_a_plan_tells_its_turns() -> None:
    plan = plan_of("counted", 7, Limits())
    assert "draws (" in repr(plan) and f"({sum(turns_of(plan.steps))} with all turns)" in repr(plan)
    assert "turns" not in repr(plan_of("recurrent", 1, Limits()))
    data = json.loads(plan.to_json())
    (copy, repeat) = data["steps"]
    assert copy == 0 and repeat["count"] == 7 and [s for s in repeat["steps"] if isinstance(s, dict)][0]["count"] == 3
    assert all("counts" not in d and "move" not in d for d in data["draws"][:1])
    assert [k for k, d in enumerate(data["draws"]) if "move" in d] == [
        k for k, d in enumerate(plan.draws) if d.move
    ] != []  # fmt: skip


# ---- by the builder alone


@pytest.fixture(scope="module", autouse=True)
def kernels(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "repeat_shift.glsl").write_text(
        "// x plus the param T.\n#pragma glnn input x\n#pragma glnn param T\n"
        "vec4 kernel(int n, int h, int w, int c) { return x(n, h, w, c) + float(T); }\n"
    )
    (folder / "repeat_copy.glsl").write_text(
        "// x.\n#pragma glnn input x\nvec4 kernel(int n, int h, int w, int c) { return x(n, h, w, c); }\n"
    )
    (folder / "repeat_loop.glsl").write_text(
        "// x times T.\n#pragma glnn input x\n#pragma glnn param T\n"
        "vec4 kernel(int n, int h, int w, int c) {\n    vec4 y = vec4(0.0);\n"
        "    for (int i = 0; i < T; i++) y += x(n, h, w, c);\n    return y;\n}\n"
    )
    add_folder(folder)


def builder(limits: Limits | None = None) -> PlanBuilder:
    return PlanBuilder(limits or Limits(), WeightStore(Graph("g", (), (), ())))


def placed(b: PlanBuilder, inputs: Sequence[Value], outputs: list[Value]) -> tuple[Draw | Repeat, ...]:
    slots, slot_of = assign_slots(b, {str(v.id): v for v in inputs}, outputs)
    return Placer(b, slots, slot_of).steps(b.steps)


def test_params_count_turns_of_turns() -> None:
    b = builder()
    x = b.value((2, 3, 4), blocked=False)

    def inner(outer: Turn) -> Callable[[Turn], Any]:
        def body(turn: Turn) -> Any:
            number = 5 - outer.number * 10 - turn.number + 3 * turn.number
            return [b.draw("repeat_shift", x.shape, {"x": turn.carried[0]}, param={"T": number})], []

        return body

    def outer(turn: Turn) -> Any:
        return b.repeat(4, inner(turn), turn.carried), []

    (final,) = b.repeat(3, outer, [x])
    steps = placed(b, [x], [final])
    (draw,) = (d for d in each_draw(steps) if d.kernel == "repeat_shift")
    assert [(c.step, c.depth) for c in draw.counts] == [(-10, 1), (-1, 0), (3, 0)]
    assert len({c.place for c in draw.counts}) == 1 and draw.ints[draw.counts[0].place] == 5
    assert list(turns_of(steps)) == [1, 3, 12, 3]  # copies in, the draw, the copy of what the inner turns made


def test_pairs_take_free_slots_of_one_size_alone() -> None:
    b = builder(Limits(dialect="es100"))
    x = b.value((1, 1, 9, 4), blocked=False)

    def wide(width: int) -> Value:
        return b.draw("repeat_copy", (1, 1, width, 4), {"x": x})

    pieces = [wide(9), wide(5)]
    small = b.draw("repeat_shift", (1, 1, 3, 4), {"x": pieces[0]}, param={"T": 0})
    joined = b.draw("concat", (1, 1, 8, 4), {"x": Joined((pieces[1], small), 2)})
    small = b.draw("repeat_copy", (1, 1, 3, 4), {"x": joined})
    (final,) = b.repeat(3, lambda t: ([b.draw("repeat_copy", small.shape, {"x": t.carried[0]})], []), [small])
    last = b.draw("repeat_copy", final.shape, {"x": final})
    slots, slot_of = assign_slots(b, {"x": x}, [last])
    (repeat,) = repeats(Placer(b, slots, slot_of).steps(b.steps))
    ((one, other),) = repeat.swaps
    assert slots[one] == slots[other]


def test_a_count_that_is_none_is_refused() -> None:
    b = builder()
    x = b.value((2, 3), blocked=False)
    for count in (-1, 2.0, True, "3", None):
        with pytest.raises(InputError, match="count=.*whole number"):
            b.repeat(count, lambda t: (t.carried, []), [x])  # type: ignore[arg-type]
    assert b.repeat(0, lambda t: 1 / 0, [x]) == [x] and not b.steps  # type: ignore[arg-type, return-value]
    with pytest.raises(InputError, match="count=0.*stack"):
        b.repeat(0, lambda t: (t.carried, [x]), [x], reverse=[False])


def test_what_a_turn_must_not_give_is_refused() -> None:
    b = builder()
    x = b.value((2, 3), blocked=False)
    other = b.draw("repeat_copy", (4, 3), {"x": b.value((4, 3), blocked=False)})
    with pytest.raises(GraphError, match=r"carried tensor 0 has shape \(2, 3\) before a turn and \(4, 3\) after"):
        b.repeat(2, lambda t: ([other], []), [x])
    with pytest.raises(GraphError, match="gave 2 carried tensors and 0 to stack; 1 and 0"):
        b.repeat(2, lambda t: ([x, x], []), [x])
    with pytest.raises(GraphError, match="gave 1 carried tensors and 0 to stack; 1 and 1"):
        b.repeat(2, lambda t: ([x], []), [x], reverse=[False])
    with pytest.raises(GraphError, match="gave ndarray"):
        b.repeat(2, lambda t: ([np.zeros((2, 3))], []), [x])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"2 turns: sliced input 0 of shape \(3, 2, 3\) has 3 slices along axis 0"):
        b.repeat(2, lambda t: (t.carried, []), [x], [Sliced(b.value((3, 2, 3), blocked=False))])
    assert not b.steps[1:] or all(not hasattr(step, "count") for step in b.steps), "a repeat that failed leaves none"


def test_what_is_made_in_a_turn_is_read_there_alone() -> None:
    b = builder()
    x = b.value((2, 3), blocked=False)
    kept: list[Value] = []

    def body(turn: Turn) -> Any:
        kept[:] = [b.draw("repeat_copy", (2, 3), {"x": turn.carried[0]}), turn.carried[0]]
        return kept[:1], []

    b.repeat(2, body, [x])
    for value in kept:
        with pytest.raises(KernelError, match="input x was made in a turn of a repeat, and is read outside"):
            b.draw("repeat_copy", (2, 3), {"x": value})
        with pytest.raises(KernelError, match="input finish_1 was made in a turn of a repeat, and is read outside"):
            b.draw("repeat_copy", (2, 3), {"x": x}, finish=Epilogue(In(1), {1: value}))
        with pytest.raises(KernelError, match="input x_of2 was made in a turn of a repeat, and is read outside"):
            b.draw("repeat_copy", (2, 6), {"x": Joined((x, value), 1)})


def test_numbers_of_turns_that_are_over_are_refused() -> None:
    b = builder()
    x = b.value((2, 3), blocked=False)
    kept: list[Counted] = []

    def body(turn: Turn) -> Any:
        kept.append(turn.number)
        return [b.draw("repeat_copy", (2, 3), {"x": turn.carried[0]})], []

    (final,) = b.repeat(2, body, [x])
    last = b.draw("repeat_shift", (2, 3), {"x": final}, param={"T": kept[0]})
    with pytest.raises(KernelError, match="repeat_shift counts turns of a repeat that is over"):
        placed(b, [x], [last])


def test_a_turns_number_bounds_loops_where_uniforms_may() -> None:
    def steps(dialect: str) -> tuple[Draw | Repeat, ...]:
        b = builder(Limits(dialect=dialect))
        x = b.value((2, 3), blocked=False)

        def body(turn: Turn) -> Any:
            return [b.draw("repeat_loop", (2, 3), {"x": turn.carried[0]}, param={"T": turn.number})], []

        return placed(b, [x], b.repeat(2, body, [x]))

    (repeat,) = repeats(steps("es300"))
    (draw,) = repeat.steps
    assert isinstance(draw, Draw) and [type(c) for c in draw.counts] == [Count]
    with pytest.raises(KernelError, match="param T of kernel repeat_loop bounds a loop.*cannot change by turn"):
        steps("es100")


def test_stacks_that_do_not_fit_say_so() -> None:
    with pytest.raises(LimitError, match=r"layer 'r': 4000 turns of shape \(2, 5\), stacked, need \d+ textures"):
        plan_of("counted", 4000, Limits(16, 1, 16, "float32", "es100"))
    with pytest.raises(LimitError, match=r"layer 'r': 4000 turns of shape \(2, 5\), stacked, need \d+ layers"):
        plan_of("counted", 4000, Limits(16, array_layers=8))


@pytest.mark.parametrize("case", ["followed", "followed back"])
def test_what_is_stacked_and_carried_is_drawn_once(case: str) -> None:
    """A turn reads its state from the stack that it writes the next one into, and no draw reads what it writes."""
    for limits in LIMITS.values():
        plan = plan_of(case, 7, limits)
        (repeat,) = repeats(plan.steps)
        draws = [step for step in repeat.steps if isinstance(step, Draw)]
        assert [draw.kernel for draw in draws].count("map") == 2 and sum(draw.move is not None for draw in draws) == 1
        (made,) = (draw for draw in draws if draw.move)
        places = {slot for slot, _ in made.move.places} if made.move else set()
        assert places.isdisjoint(number for kind, number, _ in made.textures if kind == "slot")
        assert any(places & {n for kind, n, _ in draw.textures if kind == "slot"} for draw in draws)
        assert repeat.swaps, "what is carried alone still takes turns"
        used = {slot for draw in plan.draws for slot, _ in (draw.move.places if draw.move else [(draw.target, 0)])}
        used |= {slot for tensor in (*plan.inputs, *plan.outputs) for slot in tensor.slots}
        assert used | {slot for pair in repeat.swaps for slot in pair} == set(range(len(plan.slots)))


def test_a_state_that_its_own_draw_reads_lies_in_two_stacks_by_turns() -> None:
    plan = plan_of("recurrent", 7, Limits())
    (repeat,) = repeats(plan.steps)
    (draw,) = (step for step in repeat.steps if isinstance(step, Draw))
    assert draw.move and {slot for slot, _ in draw.move.places} <= {*repeat.swaps[0]} and len(repeat.swaps) == 1


def test_a_turn_of_an_lstm_is_one_draw() -> None:
    loop = LOOPS["lstm of 8"]
    graph = optimize(layer_graph(loop.layer, loop.shapes, loop.values()))
    plan = make_plan(graph, {f"x{k}": shape for k, shape in enumerate(loop.shapes)}, Limits())
    (repeat,) = repeats(plan.steps)
    assert [step.kernel for step in repeat.steps if isinstance(step, Draw)] == ["gates"]
