"""Where a prediction's time goes: by draw and by layer, upload, reading back, and what the first one takes besides."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import tensor
from ...device.timers import Clock, Queries
from ...device.timers import timer as choose_timer
from ...errors import InputError
from ...layout.codec import activation_storage, texel_bytes
from ...plan.plan import Plan
from ...plan.steps import taken
from ...plan.weights import WeightPlan
from ...run.executor import Executor
from ...run.inputs import named_inputs, with_states
from ...run.resident import Resident
from ...run.session import Arrays, Session
from ...show.reports.profiles import DrawTime, Profile
from .operations import by_label

if TYPE_CHECKING:
    from ...device.device import Device
    from ...device.objects import Texture
    from ...device.program import Program
    from ...kernels.assemble import ShaderText


def profile(session: Session, x: Any, repeat: int = 10, timer: str = "auto", first: bool = True) -> Profile:
    """What predicting x in one piece takes, as the mean of the middle half of `repeat` predictions.

    timer: how draws are timed, see device.timers.timer
    first: whether to make a second device of the same kind and see what the first prediction there takes besides; the
           driver's cache on disk, where it has one, is as it is

    Of a batch that predict cuts, the first piece. Stateful layers begin with 0 and the session's states stay.
    Raises InputError.
    """
    if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
        raise InputError(f"repeat={repeat!r}: a whole number of at least 1")
    device, graph = session.device, session.graph
    arrays = with_states(x, graph)
    size = len(next(iter(arrays.values())))
    if not size:
        raise InputError("profile: no sample was given; give one at least")
    if not graph.states:
        size = min(size, session.piece({name: a.shape[1:] for name, a in arrays.items()}))
    arrays = {name: a[:size] for name, a in arrays.items()}
    shapes = {name: a.shape for name, a in arrays.items()}
    session.run(arrays, size, 0)
    with device.use():
        executor = session.executor(shapes)
        clock = choose_timer(device, timer, _longest(executor))
    plan, order = executor.plan, np.fromiter(taken(executor.plan.steps), np.int64)
    try:
        rows = [_predicted(session, arrays, shapes, clock, order) for _ in range(repeat + 1)][1:]
    finally:
        with device.use():
            clock.close()
    times, parts = typical([row[0] for row in rows]), typical([row[1] for row in rows])
    handling, upload, replay, read_back = map(float, parts)
    whole = float(typical([np.array([row[2]]) for row in rows])[0])
    told = float(times.sum())
    wait = max(0.0, replay - told) if clock.name == "queries" else 0.0
    if clock.name == "clock":  # a finish keeps the processor from making the next draw ready meanwhile
        times = times * (replay / told)
    costs: dict[str, float] = {}
    late, compiled = np.zeros(len(times)), dict[str, float]()
    if first:
        costs, late, compiled = _first(session, arrays, shapes, order)
        late = np.maximum(0, late - times)
        costs["first draws"] = float(late.sum())
    read, written = traffic(plan)
    once = set[str]()
    draws = []
    for number, draw in enumerate(plan.draws):
        made = 0.0 if draw.program in once else compiled.get(draw.program, 0.0)
        once.add(draw.program)
        turns, texels = int(np.sum(order == number)), (draw.layers[1], draw.viewport[1], draw.viewport[0])
        draws.append(
            DrawTime(
                number, draw.label, draw.kernel, texels, turns, float(times[number]),
                turns * read[number], turns * written[number], made, float(late[number]),
            )
        )  # fmt: skip
    sizes = {
        "uploaded": sum(t.nbytes for spec in plan.inputs for t in executor.textures(spec)),
        "read back": sum(t.nbytes for spec in plan.outputs for t in executor.textures(spec)),
        "weights": plan.weight_bytes, "activations": plan.activation_bytes,
    }  # fmt: skip
    return Profile(
        graph.name, device.renderer, clock.name, size, repeat, tuple(draws),
        upload, read_back, wait, handling, whole, told / replay, by_label(graph, shapes), costs, sizes,
    )  # fmt: skip


def _predicted(
    session: Session, arrays: Arrays, shapes: Mapping[str, Any], clock: Clock | Queries, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """A prediction part by part, and another as a whole -> seconds of each draw, of each part, of the whole."""
    device, now, ends = session.device, time.perf_counter, [time.perf_counter()]
    named_inputs(arrays, session.graph.inputs)
    session.piece({name: shape[1:] for name, shape in shapes.items()})
    with device.use():  # a turn of its own, so that it is left as well
        executor = session.executor(shapes)
    ends.append(now())
    with device.use():
        entered = now() - ends[-1]
        executor.load(arrays)
        device.finish()
        ends.append(now())
        executor.replay()
        device.finish()
        ends.append(now())
        executor.replay(draw=clock.draw)
        seconds = clock.take()
        watched = now() - ends[-1]
        for spec in executor.plan.outputs:
            tensor.read(executor.textures(spec), spec.layout, activation_storage(spec.codec))
    ends.append(now())
    parts = np.diff(ends)
    parts[1] -= entered
    parts[-1] -= watched
    start = now()
    session.run(arrays, None, 0)
    return np.bincount(order, seconds, len(executor.draws)), parts, now() - start


def typical(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the middle half of rows of seconds, ordered by their sums.

    Unlike medians of each column it adds up: where something else disturbs a few draws of each run, never the same
    ones, the medians of all together are less than any run took.
    """
    middle = sorted(rows, key=lambda row: float(row.sum()))[len(rows) // 4 : -(len(rows) // 4) or None]
    return np.mean(middle, 0)


class _Watched(Resident):
    """Notes how long programs and weights take."""

    def __init__(self, device: Device, values: Mapping[str, Any]):
        super().__init__(device, values)
        self.programs: dict[str, float] = {}
        self.weights = 0.0

    def program(self, text: ShaderText) -> Program:
        start = time.perf_counter()
        made = super().program(text)
        self.programs[text.key] = time.perf_counter() - start
        return made

    def textures(self, plan: WeightPlan) -> list[Texture]:
        start = time.perf_counter()
        made = super().textures(plan)
        self.device.finish()
        self.weights += time.perf_counter() - start
        return made


def _first(
    session: Session, arrays: Arrays, shapes: Mapping[str, Any], order: np.ndarray
) -> tuple[dict[str, float], np.ndarray, dict[str, float]]:
    """The first prediction on a new device: what it costs, seconds of each draw, seconds of each program's making."""
    with copy(session.device) as device, Session(session.graph, device) as fresh:
        start = time.perf_counter()
        plan = fresh.plan(shapes)
        planned = time.perf_counter() - start
        watched = _Watched(device, fresh.store.values)
        with device.use():
            start = time.perf_counter()
            executor = Executor(plan, device, watched)
            device.finish()
            ready = time.perf_counter() - start
            executor.load(arrays)
            clock = Clock(device)
            executor.replay(draw=clock.draw)
            seconds = np.bincount(order, clock.take(), len(executor.draws))
            executor.release()
            watched.release()
    compiled = sum(watched.programs.values())
    costs = {
        "plan": planned, "compile": compiled, "weights": watched.weights,
        "textures": max(0.0, ready - compiled - watched.weights),
    }  # fmt: skip
    return costs, seconds, watched.programs


def _longest(executor: Executor) -> Any:
    """What Device.draw takes for the draw of the most texels."""
    sizes = [draw.viewport[0] * draw.viewport[1] * draw.layers[1] for draw in executor.plan.draws]
    return executor.draws[int(np.argmax(sizes))]


def traffic(plan: Plan) -> tuple[list[int], list[int]]:
    """Bytes that each draw reads and writes in a turn: of the tensors and weights that it reads, each once, what their
    texels take; of its output, what it draws.
    """
    held = [slot.width * slot.height * max(1, slot.layers) * texel_bytes(slot.format) for slot in plan.slots]
    filled: dict[int, dict[int, int]] = {}  # by slot: bytes of what lies there now, by its first layer
    for spec in plan.inputs:
        for slot in spec.slots:
            size = spec.layout.width * spec.layout.height * spec.layout.depth
            filled[slot] = {0: min(held[slot], size * texel_bytes(plan.slots[slot].format))}
    read, written = [], []
    for draw in plan.draws:
        reads = {(kind, number, part) for kind, number, part in draw.textures}
        total = 0
        for kind, number, _ in reads:
            if kind == "slot":
                total += min(held[number], sum(filled.get(number, {0: held[number]}).values()))
            else:
                total += plan.weights[number].nbytes // plan.weights[number].layout.textures
        made = draw.viewport[0] * draw.viewport[1] * draw.layers[1] * texel_bytes(plan.slots[draw.target].format)
        if draw.layers[0] == 0:
            filled[draw.target] = {}
        filled.setdefault(draw.target, {})[draw.layers[0]] = held[draw.target] if draw.move else made
        read.append(total)
        written.append(made)
    return read, written
