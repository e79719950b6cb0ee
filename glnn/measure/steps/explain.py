"""One value of a layer's output, explained: its draw is run for its pixel alone on the NumPy device and watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ...device.numpy_device import NumpyDevice
from ...errors import InputError
from ...graph.graph import Graph
from ...plan.plan import Plan
from ...plan.steps import Taken, in_turns, turns_of
from ...run.inputs import with_states
from ...run.session import Arrays, Session
from ...show.reports.explanation import Explanation
from .pixel import Aim, Pixel, Seen
from .segments import Chain, Segment, segments
from .stepping import Steps
from .writing import Writing, run_to, texel_values

Turn = int | Sequence[int] | None


def explain(graph: Graph, session: Session, x: Any, layer: str, index: Sequence[int], turn: Turn = None) -> Explanation:
    """The value at an index (batch first) of a layer's output for inputs x as for predict.

    layer: also the name of what is made in turns, as a trace calls it; turn: see Model.explain
    Raises InputError: a layer, an index or a turn that is not there, a layer that no draw makes.
    """
    try:
        arrays = with_states(x, graph)
    except InputError as error:
        raise InputError(f"explain: {error}") from None
    with _stepped(session) as numpy:
        with numpy.device.use():
            plan = numpy.executor({key: array.shape for key, array in arrays.items()}).plan
        return _Explained(graph, session, numpy, plan, arrays, layer).explanation(index, turn)


@contextmanager
def _stepped(session: Session) -> Iterator[Session]:
    """A session of the same graph on a NumPy device of the same limits: the same plan, the same texts."""
    if isinstance(session.device, NumpyDevice):
        yield session
        return
    with ExitStack() as stack:
        device = stack.enter_context(NumpyDevice())
        device.limits = session.device.limits.as_drawn  # arrays have none, and plans must be alike
        yield stack.enter_context(Session(session.graph, device))


class _Explained:
    def __init__(self, graph: Graph, session: Session, numpy: Session, plan: Plan, arrays: Arrays, layer: str):
        self.graph, self.session, self.numpy, self.arrays, self.layer = graph, session, numpy, arrays, layer
        self.plan, self.writing = plan, Writing(plan)
        self.segment: Segment | None = None
        labels = {name for node in graph.nodes for name in (node.name, node.label)}
        if layer in labels or layer not in plan.turning:
            self.segment = self._segment(graph.find(layer).outputs[0])

    def _segment(self, name: str) -> Segment:
        found = segments(self.graph, self.plan)
        segment = next((s for s in found if s.name == name), None)
        if segment is None:
            within = next((s for s in found if self.layer in s.labels), None)
            told = f"it is part of the draw of {within.nodes[-1].label!r}: explain that" if within else ""
            raise InputError(f"explain: layer {self.layer!r} has no tensor of its own; {told or 'no draw makes it'}")
        return segment

    def explanation(self, index: Sequence[int], turn: Turn) -> Explanation:
        """See `explain`."""
        if self.segment is None:
            item = self.plan.turning[self.layer]
            at = self._checked(index, item.shape)
            aim, wide = self._aim_of_turn(at), None
        else:
            specs = self.graph.specs({key: array.shape for key, array in self.arrays.items()})
            at = self._checked(index, tuple(int(size or 1) for size in specs[self.segment.name].shape))
            aim = self._aim_of_layer(at)
            wide = Chain(self.graph, np.float64, self.arrays)
        pixel = Pixel(self.numpy, self.arrays, self.writing)
        aim, seen = self._followed(pixel, aim)
        last, aim = aim, self._in_turn(aim, turn)
        if aim is not last or seen is None:
            seen = pixel.seen(aim)
        reference = float(wide.value(self.segment.name)[at]) if wide and self.segment and aim == last else None
        taken, item = self.writing.taken[aim.k], self.writing.making(aim.k)
        made = ""
        if taken.turns:
            there = self.writing.held(taken.draw.target, aim.spot, aim.k + 1)
            assert there is not None
            made = (
                f"{there.name}{[int(k) for k in np.unravel_index(there.numbers[aim.lane], there.shape or item.shape)]}"
            )
        tensor = self.segment.name if self.segment else item.name
        label = self.segment.nodes[-1].label if self.segment else item.name
        return Explanation(
            self.graph.name, label, tensor, at, seen.value, self._on_device(aim, at), reference, taken.number,
            len(self.plan.draws), seen.kernel, aim.spot, aim.lane, tuple(seen.lines), tuple(seen.texels), seen.left_out,
            taken.turns, item.counts, made,
        )  # fmt: skip

    # ---- where the value is written

    def _checked(self, index: Sequence[int], shape: tuple[int, ...]) -> tuple[int, ...]:
        given = tuple(index) if isinstance(index, list | tuple) else (index,)
        whole = all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in given)
        if not whole or len(given) != len(shape) or any(not -n <= k < n for k, n in zip(given, shape, strict=True)):
            raise InputError(
                f"explain: index {given} of layer {self.layer!r}, whose output has the shape {shape}: a whole number "
                "for each axis, the sample first"
            )
        return tuple(int(k) % n for k, n in zip(given, shape, strict=True))

    def _aim_of_layer(self, at: tuple[int, ...]) -> Aim:
        """What writes a value of the layer's tensor last."""
        assert self.segment is not None
        made = self.segment.made
        mark = np.zeros(self.segment.plain(np.empty(made.shape, bool)).shape, bool)
        mark[at] = True
        packed = made.layout.packed(self.segment.stored(mark), (made.layout.width, made.layout.height))
        part, layer, row, column, lane = (int(k) for k in np.argwhere(packed)[0])
        slot = made.slots[0 if made.layout.stacked else part]
        spot = (part * made.layout.layers + layer if made.layout.stacked else layer, row, column)
        k = self.writing.writer(slot, spot, sum(turns_of(self.plan.steps[: made.steps])))
        assert k is not None
        return Aim(k, spot, lane)

    def _aim_of_turn(self, at: tuple[int, ...]) -> Aim:
        """What writes a value of a tensor of turns last."""
        item = self.plan.turning[self.layer]
        numbers = np.arange(np.prod(item.layout.shape)).reshape(item.layout.shape)
        mark = numbers == (item.section.cut(numbers) if item.section else numbers)[at]
        packed = item.layout.packed(mark, (item.layout.width, item.layout.height))
        part, layer, row, column, lane = (int(k) for k in np.argwhere(packed)[0])
        k = max(k for k, taken in enumerate(self.writing.taken) if taken.number == item.draw + part)
        taken = self.writing.taken[k]
        return Aim(k, (layer + taken.draw.layers[0], row + taken.row, column), lane)

    def _followed(self, pixel: Pixel, aim: Aim) -> tuple[Aim, Seen | None]:
        """Where a turn wrote the value, if what is aimed at only copies that; else the same."""
        first: tuple[Aim, Seen | None] = aim, None
        labels = self.segment.labels if self.segment else ()
        if not any(item.label in labels for item in self.plan.turning.values()):
            return first
        now: Aim | None = aim
        while now is not None and not self.writing.taken[now.k].turns:
            seen = pixel.seen(now, trace=True)
            first = first if first[1] else (aim, seen)
            now = seen.copied
        return first if now is None else (now, None)

    def _in_turn(self, aim: Aim, turn: Turn) -> Aim:
        """The same place of what another turn wrote."""
        taken, counts = self.writing.taken[aim.k], self.writing.making(aim.k).counts
        if turn is None:
            return aim
        given = tuple(turn) if isinstance(turn, list | tuple) else (turn,)
        if not counts:
            raise InputError(f"explain: turn={turn!r}: layer {self.layer!r} is not made in the turns of a repeat")
        whole = all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in given)
        if not whole or len(given) != len(counts) or any(not -n <= k < n for k, n in zip(given, counts, strict=True)):
            told = " x ".join(map(str, counts))
            raise InputError(
                f"explain: turn={turn!r} of layer {self.layer!r}, which is made in {told} turns: a whole number "
                f"{'' if len(counts) == 1 else 'for each, the outer one first, '}from 0"
            )
        k = self.writing.again(aim.k, tuple(int(k) % n for k, n in zip(given, counts, strict=True)))
        other, (layer, row, column) = self.writing.taken[k], aim.spot
        spot = (layer - taken.draw.layers[0] + other.draw.layers[0], row - taken.row + other.row, column)
        return aim if k == aim.k else replace(aim, k=k, spot=spot)

    def _on_device(self, aim: Aim, at: tuple[int, ...]) -> float:
        """The value on the model's own device, which may draw by other recipes than NumPy does."""
        with self.session.device.use():
            executor = self.session.executor({name: array.shape for name, array in self.arrays.items()})
        taken = self.writing.taken[aim.k]
        if executor.plan.limits.stage == "compute" and self.segment and not taken.turns:
            made = next(s for s in segments(self.graph, executor.plan) if s.name == self.segment.name)
            steps = Steps(executor, self.arrays)
            steps.advance(made.made.steps)
            return float(made.plain(steps.read(made.made)[0])[at])
        run_to(executor, self.arrays, _alike(taken, self.writing.taken, list(in_turns(executor.plan.steps))))
        slot = self.writing.taken[aim.k].draw.target
        with executor.device.use():
            return float(texel_values(executor.slots[slot], aim.spot, self.writing.making(aim.k).codec)[aim.lane])


def _alike(taken: Taken, known: Sequence[Taken], others: Sequence[Taken]) -> int:
    """The number of a draw, one of those known, among those of another plan: drawn alike, in the same turns."""

    def alike(one: Taken) -> bool:
        same = (one.draw.label, one.draw.kernel, one.turns), (taken.draw.label, taken.draw.kernel, taken.turns)
        return same[0] == same[1]

    place = [one for one in known if alike(one)].index(taken)
    return [k for k, one in enumerate(others) if alike(one)][place]
