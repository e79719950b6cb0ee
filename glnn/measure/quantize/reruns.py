"""A graph run again and again with some weights in other codecs: what a run shares with the last is not drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType

from ...device.device import Device
from ...device.objects import Texture
from ...graph.graph import Graph
from ...plan.plan import Plan, make_plan
from ...plan.slots import Slot
from ...plan.steps import Draw, Repeat, each_draw
from ...plan.weights import WeightStore
from ...quant import codec_of
from ...run.executor import Executor
from ...run.resident import Resident
from ...run.session import Arrays, Session


class Reruns:
    """Runs graphs that differ in codecs of weights alone, all on the same inputs, on a session's device.

    No two tensors share a texture. So what the last run made is still there, and the next one begins with the first
    step that differs. Weights are uploaded once in each codec.
    """

    def __init__(self, session: Session, inputs: Arrays):
        self.device, self.inputs = session.device, inputs
        self._store = WeightStore(session.graph)
        self._resident = Resident(self.device, self._store.values)
        self._owner: Executor | None = None  # whose textures those between layers are
        self._last: Executor | None = None

    def run(self, graph: Graph) -> Arrays:
        """The outputs of a graph."""
        shapes = {name: array.shape for name, array in self.inputs.items()}
        with self.device.use():
            plan = make_plan(by_codec(graph), shapes, self.device.limits, self._store, keep=True)
            last, owner, first = self._last, self._owner, 0
            if last is not None and owner is not None and last.plan.slots == plan.slots:
                first = resumed(plan.steps, same(last.plan, plan))
                self._last = Again(plan, self.device, self._resident, owner.slots)
                if last is not owner:
                    last.release()
            else:
                self.close_last()
                self._owner = self._last = Executor(plan, self.device, self._resident)
            self._last.load(self.inputs)
            self._last.replay(first)
            return self._last.read()

    def close_last(self) -> None:
        """Frees the textures between layers."""
        for executor in (self._last, self._owner):
            if executor is not None:
                executor.release()
        self._last = self._owner = None

    def __enter__(self) -> Reruns:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.device.use():
            self.close_last()
            self._resident.release()


class Again(Executor):
    """An executor in the textures of another."""

    def __init__(self, plan: Plan, device: Device, resident: Resident, lent: Sequence[Texture]):
        self._lent = lent
        super().__init__(plan, device, resident)

    def _texture(self, number: int, slot: Slot) -> Texture:
        return self._lent[number]

    def release(self) -> None:
        """Frees what is its own: nothing between layers."""
        self.slots = []
        super().release()


def by_codec(graph: Graph) -> Graph:
    """The same graph with its weights named by codec as well, so that one in two codecs is two weights."""
    nodes = (
        node.with_(origins={name: f"{root}@{codec_of(node.weights[name])}" for name, root in node.origins.items()})
        for node in graph.nodes
    )
    return graph.with_(nodes=tuple(nodes))


def same(one: Plan, other: Plan) -> int:
    """With how many steps, of the same weights, two plans begin alike."""
    count = 0
    for a, b in zip(one.steps, other.steps, strict=False):
        if a != b or keys(one, a) != keys(other, b):
            break
        count += 1
    return count


def keys(plan: Plan, step: Draw | Repeat) -> list[str]:
    """The keys of the weights that a step reads."""
    read = (unit for draw in each_draw([step]) for unit in draw.textures)
    return [plan.weights[number].key for kind, number, _ in read if kind == "weight"]


def resumed(steps: Sequence[Draw | Repeat], first: int) -> int:
    """The number of the step to begin with, where those before `first` need not be drawn again.

    What a repeat carries from turn to turn it overwrites; so that begins with the step that makes its first value.
    """
    while True:
        carried = {slot for step in steps[first:] for slot in swapped(step)}
        begin = next((n for n, step in enumerate(steps[:first]) if carried & targets(step)), first)
        if begin == first:
            return first
        first = begin


def swapped(step: Draw | Repeat) -> Iterator[int]:
    """The slots that take turns in a step."""
    if isinstance(step, Repeat):
        for pair in step.swaps:
            yield from pair
        for inner in step.steps:
            yield from swapped(inner)


def targets(step: Draw | Repeat) -> set[int]:
    """The slots that a step draws to."""
    return {draw.target for draw in each_draw([step])}
