"""A graph on a device: arrays by name in, arrays by name out, whatever their shapes and however many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..device import state
from ..errors import ClosedError, DeviceLostError, ForkError, InputError
from ..graph.graph import Graph
from ..graph.shapes import ceil_div
from ..passes import optimize
from ..plan import tables
from ..plan.choice import BY_COST, Choice
from ..plan.plan import Plan, make_plan
from ..plan.weights import WeightStore
from ..show.progress import Progress
from . import staged
from .executor import Executor
from .inputs import as_float32, first_states, named_inputs, typed, whole_inputs
from .pieces import Arrays, Shapes, in_pieces, samples_at_once
from .resident import Bank, Resident
from .transfer import overlaps

if TYPE_CHECKING:
    from ..device.device import Device

KEPT_PLANS = 8  # input shapes whose textures stay on the device


class Session:
    """A graph made ready on a device: an executor for each of the last input shapes, weights and programs for all.

    Any thread may use it; threads take turns. device: None for the process's default device, made when it is needed.
    tune: True measures, before the first prediction for shapes, how the graph is drawn fastest (see glnn.run.tune);
    False draws by estimated costs alone; None does what GLNN_TUNE says, else goes by what was measured before.
    `given` is the device as it was given. What a session holds there is freed by close(), or some time after nobody
    holds the session any more.
    """

    def __init__(self, graph: Graph, device: Device | None = None, tune: bool | None = None):
        self.graph, self.tune = graph, tables.wished() if tune is None else tune
        self.store = WeightStore(graph)
        self.given = self._device = device
        self._executors: OrderedDict[tuple, Executor] = OrderedDict()
        self._resident: Resident | None = None
        self.bank = Bank()  # weights on the device, which stages share
        self._generation = 0  # of the device's context that these were made in
        self._pieces: dict[tuple, int] = {}  # samples that are run at once, by input shapes
        self._states: Arrays = {}  # of stateful layers, as the last piece of a batch left them
        self._parts: OrderedDict[Graph, Session] = OrderedDict()  # of stages, by their graphs
        self._table: tables.Table | None = None  # what was measured for this device
        self._turn = threading.Lock()  # a piece reads the states that another left
        self.closed = False

    @property
    def device(self) -> Device:
        """The device that the graph runs on. Raises NoDeviceError where there is no OpenGL, ClosedError."""
        if self.closed:
            raise ClosedError(f"model {self.graph.name!r} is closed: load it again")
        if self._device is None:
            from ..device.default import default_device

            self._device = default_device()
        return self._device

    def on(self, graph: Graph) -> Session:
        """Another graph on the same device."""
        return Session(graph, self.given)

    def run(self, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Arrays:
        """The outputs (float32) by name for inputs x of shape (batch, ...): a dict by name, a list or an array.

        Any batch goes, also zero; it is cut into pieces of `batch_size` (by default into as few of one size as fit
        256 MB, at most 1024 samples each). verbose: 1 shows a progress bar, 0 none, "auto" one on a terminal when it
        takes long.

        Each piece goes on with the states of stateful layers that the piece before left, in this call or an earlier
        one; by default a call is one piece. What is given for them by name is used instead, and nothing is kept.

        Raises InputError (number, name, rank, shape, dtype), LimitError (a tensor that does not fit the device),
        ClosedError, NoDeviceError, ForkError (see `Turn`).
        """
        if self.graph.staging is not None:
            return staged.run(self.graph.staging, whole_inputs(x, self.graph.given), self._part)
        given = isinstance(x, Mapping) and any(name in x for name in self.graph.states)
        arrays = named_inputs(x, self.graph.inputs if given else self.graph.given)
        if batch_size is not None and (
            isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1
        ):
            raise InputError(f"batch_size={batch_size!r}: a whole number of at least 1, or None")
        total = len(next(iter(arrays.values())))
        shapes = {name: a.shape[1:] for name, a in arrays.items()}
        _ = self.device  # a closed session says so for any batch
        if not total:
            return self._empty(shapes)
        run = self._started if given or not self.graph.states else self._going_on
        default = total if self.graph.states else self.piece(shapes)
        size = batch_size or ceil_div(total, ceil_div(total, default))  # of one size: each other one is planned anew
        fixed = batch_size is not None or bool(self.graph.states)
        made = in_pieces(run, arrays, size, fixed, Progress(total, verbose))
        kinds = self.graph.kinds
        return {n: typed(a, kinds[n], f"output {n!r}") if n in kinds else a for n, a in made.items()}

    def _part(self, graph: Graph, arrays: Arrays) -> Arrays:
        """The outputs of a graph that is a stage of this one, for whole inputs; the last few are kept ready."""
        if graph not in self._parts:
            _ = self.device
            while len(self._parts) >= KEPT_PLANS:
                self._parts.popitem(last=False)[1].close()
            self._parts[graph] = part = Session(optimize(graph), self.given, self.tune)
            part.bank = self.bank
        self._parts.move_to_end(graph)
        return self._parts[graph].whole(arrays)

    def whole(self, arrays: Arrays) -> Arrays:
        """The outputs by name for inputs that are not cut into pieces, whatever their first sizes."""
        return self._piece({name: as_float32(array, f"input {name!r}") for name, array in arrays.items()})

    @property
    def place(self) -> tables.Place:
        """What figures that are measured now hold for."""
        device = self.device
        return tables.Place.of(device.renderer, device.version, device.limits)

    @property
    def table(self) -> tables.Table:
        """What is known of this device: what the package has, what was measured on this machine."""
        if self._table is None:
            device, unused = self.device, self.tune is False
            known = tables.Table() if unused else tables.known(device.renderer, device.version, device.limits)
            self._table = known
        return self._table

    def learn(self, table: tables.Table) -> None:
        """Draws from now on by what a table tells besides."""
        self._table = self.table.updated(table)
        self._pieces.clear()
        with self.device.use():
            while self._executors:
                self._executors.popitem()[1].release()

    def trial(self, plan: Plan) -> Executor:
        """An executor of a plan of this graph, with textures of its own; whoever asks for it releases it."""
        if self._resident is None:
            self._generation = self.device.generation
            self._resident = Resident(self.device, self.store.values, self.bank)
        return Executor(plan, self.device, self._resident)

    def plan(self, input_shapes: Mapping[str, Sequence[int]], limits: Any = None, choice: Choice | None = None) -> Plan:
        """The Plan for input shapes by name. Raises LimitError.

        limits: None for those of the device; choice: None for what is known of it, of other limits for none
        """
        if self.graph.states:
            input_shapes = {n: a.shape for n, a in first_states(self.graph, input_shapes).items()} | dict(input_shapes)
        if choice is None:
            choice = self.table.choice(self.graph) if limits in (None, self._limits) else BY_COST
        return make_plan(self.graph, input_shapes, limits or self.device.limits, self.store, choice=choice)

    @property
    def _limits(self) -> Any:
        """The limits of the device, if there is one already."""
        return self._device and self._device.limits

    def _going_on(self, inputs: Arrays, more: bool) -> Callable[[], Arrays]:
        """What gives the outputs for one piece with the states that the last one left; what it leaves is kept."""
        with self._turn:
            states = self._states or first_states(self.graph, {name: a.shape for name, a in inputs.items()})
            kept, count = len(next(iter(states.values()))), len(next(iter(inputs.values())))
            if kept != count:
                raise InputError(
                    f"a batch of {count} was given, and the states of stateful layers are those of {kept} samples. "
                    "Give as many (batch_size cuts a larger batch), or call reset_states() to begin anew"
                )
            made = self._piece({**inputs, **states})
            self._states = {name: made.pop(name) for name in self.graph.states}
            return lambda: made

    def reset_states(self) -> None:
        """Sets the states of stateful layers to 0, for a batch of any size."""
        with self._turn:
            self._states = {}

    def _piece(self, inputs: Arrays) -> Arrays:
        """The outputs for one piece of the batch, in one turn on the device."""
        device, shapes = self.device, {name: a.shape for name, a in inputs.items()}
        generation = device.generation
        try:
            with device.use():
                return self.executor(shapes).run(inputs)
        except DeviceLostError:
            device.revive(generation)
            with device.use():
                return self.executor(shapes).run(inputs)

    def _started(self, inputs: Arrays, more: bool) -> Callable[[], Arrays]:
        """What gives the outputs for one piece; if there are more, a device that draws on meanwhile works on it."""
        device = self.device
        if not more or not overlaps(device):
            made = self._piece(inputs)
            return lambda: made
        try:
            with device.use():
                take = self.executor({name: a.shape for name, a in inputs.items()}).start(inputs)
        except DeviceLostError:
            return partial(self._piece, inputs)

        def give() -> Arrays:
            try:
                with device.use():
                    return take()
            except (DeviceLostError, ClosedError):  # what it was computed with is gone
                return self._piece(inputs)

        return give

    def executor(self, shapes: Shapes) -> Executor:
        """What runs on inputs of these shapes by name, made ready if it is not. Call it in the device's turn."""
        device = self.device
        if self._generation != device.generation:  # what was made before went with the context
            self._executors.clear()
            self._resident, self._generation = None, device.generation
        key = tuple(sorted(shapes.items()))
        if key in self._executors:
            self._executors.move_to_end(key)
            return self._executors[key]
        if self.tune and not self.graph.states:
            self._tune(shapes)
        plan = self.plan(shapes)
        while len(self._executors) >= KEPT_PLANS:
            self._executors.popitem(last=False)[1].release()
        executor = self._executors[key] = self.trial(plan)
        return executor

    def _tune(self, shapes: Shapes) -> None:
        """Measures what was not measured before, once."""
        from .tune import is_tuned, tune

        if not is_tuned(self, shapes):
            self.tune, wish = None, self.tune
            try:
                tune(self, shapes)
            finally:
                self.tune = wish

    def twin(self, shapes: Shapes) -> Executor:
        """Another executor for inputs of these shapes, with textures of its own; whoever asks for it releases it."""
        return self.trial(self.executor(shapes).plan)

    def piece(self, shapes: Shapes) -> int:
        """How many samples are run at once by default at most, for inputs of these shapes without the batch."""
        key = tuple(shapes.items())
        if key not in self._pieces:
            while len(self._pieces) >= KEPT_PLANS:
                self._pieces.pop(next(iter(self._pieces)), None)
            self._pieces[key] = samples_at_once(self.graph, shapes, self.table.piece(self.graph, shapes))
        return self._pieces[key]

    def _empty(self, shapes: Shapes) -> Arrays:
        outputs = self.graph.output_specs({name: (1, *shape) for name, shape in shapes.items()})
        return {spec.name: np.zeros((0, *(d or 0 for d in spec.shape[1:])), np.float32) for spec in outputs}

    def close(self) -> None:
        """Frees textures and programs, from any thread; the device stays. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        while self._parts:
            self._parts.popitem()[1].close()
        device = self._device
        if device is None or device.closed or self._generation != device.generation:
            return
        try:
            with device.use():
                for executor in self._executors.values():
                    executor.release()
                if self._resident is not None:
                    self._resident.release()
        except (DeviceLostError, ForkError):  # nothing of it is left to free, or it is the parent's
            pass
        self._executors.clear()
        self._resident = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "closed", True) and self._executors:
            state.drop(self)
