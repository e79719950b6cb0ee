"""Runs a Plan on a Device: slots and weights become textures, draws become draws. Knows no operator."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..device.ahead import Ahead, link, wanted
from ..device.device import Device
from ..device.objects import Target, Texture
from ..device.program import Program
from ..plan.plan import Made, Plan, TensorPlan
from ..plan.slots import Slot
from ..plan.steps import Draw, Repeat, turns_of
from .jobs import jobs
from .resident import Resident
from .transfer import Download, Upload
from .turns import Arguments, Loop, Numbers, TurningDraw


class Executor:
    """A plan made ready on a device: its slots' textures, its programs, its draws.

    `draws` has what Device.draw takes for each draw of the plan, those of repeats as they are in their first turn.
    """

    def __init__(self, plan: Plan, device: Device, resident: Resident):
        self.plan, self.device = plan, device
        self.slots: list[Texture] = []
        self.draws: list[Arguments] = []
        self._uploads: dict[str, Upload] = {}  # of inputs, by name, made when they are needed
        self._downloads: dict[str, Download] = {}  # of outputs
        self._steps: list[Arguments | TurningDraw | Loop] = []
        self._ahead: Ahead | None = None
        try:
            with device.use():
                self._make(resident)
        except BaseException:  # of a kernel that does not compile, or textures that find no memory: nothing may stay
            self.release()
            raise

    def _make(self, resident: Resident) -> None:
        plan, self._resident = self.plan, resident
        self._programs = self._link(resident)
        for number, slot in enumerate(plan.slots):
            self.slots.append(self._texture(number, slot))
        self._weights = [resident.textures(w) for w in plan.weights]
        self._bind()

    def _link(self, resident: Resident) -> dict[str, Program]:
        """The programs by key. Where no cache knows them a thread compiles those that are drawn last meanwhile."""
        device, made = self.device, dict[str, Program]()
        for key, text in self.plan.programs.items():
            start = time.thread_time()
            made[key] = resident.program(text)
            seconds = (time.thread_time() - start) / len(text.fragment)
            if len(made) == 1 and wanted(device.renderer, device.limits, seconds):
                self._ahead = Ahead(list(jobs(self.plan)), device.renderer, device.draw)
                link(device, [(text.vertex, text.fragment) for text in self.plan.programs.values()][1:])
        return made

    def _texture(self, number: int, slot: Slot) -> Texture:
        return self.device.texture(slot.width, slot.height, slot.layers, slot.format)

    def _bind(self) -> None:
        """Makes the steps ready for the textures that the slots are."""
        plan = self.plan
        order = range(len(self.slots))
        self._steps = [self._step(step, order, {}) for step in plan.steps]
        self.draws = [self._draw(draw, order) for draw in plan.draws]
        self._again = self.device.again(self._made_by, sum(turns_of(plan.steps)))

    def _step(
        self, step: Draw | Repeat, order: Sequence[int], numbers: Mapping[int, Numbers]
    ) -> Arguments | TurningDraw | Loop:
        """A step made ready. order: the slot that stands for each; numbers: of the draws that differ by turn, by id."""
        if isinstance(step, Repeat):
            return self._loop(step, order)
        if id(step) not in numbers:
            return self._draw(step, order)
        places = step.move.places if step.move else ((step.target, step.layers[0]),)
        targets = tuple(self._target(order[slot], first, step.layers[1]) for slot, first in places)
        program, _, viewport, textures, _, floats = self._draw(step, order)
        return TurningDraw(program, targets, viewport, textures, numbers[id(step)], floats, step.move)

    def _loop(self, repeat: Repeat, order: Sequence[int]) -> Loop:
        turning = [step for step in repeat.steps if isinstance(step, Draw) and (step.counts or step.move)]
        numbers = {id(step): Numbers(step) for step in turning}
        swapped = list(order)
        for a, b in repeat.swaps:
            swapped[a], swapped[b] = order[b], order[a]
        even, odd = ([self._step(step, slots, numbers) for step in repeat.steps] for slots in (order, swapped))
        return Loop(repeat.count, even, odd, list(numbers.values()))

    def _draw(self, draw: Draw, order: Sequence[int]) -> Arguments:
        """What Device.draw takes for a draw in the first turn of the repeats around it."""
        read = tuple(
            self.slots[order[n]] if kind == "slot" else self._weights[n][part] for kind, n, part in draw.textures
        )
        ints, floats = np.array(draw.ints, np.int32).tobytes(), np.array(draw.floats, self.device.real).tobytes()
        target = self._target(order[draw.target], *draw.layers)
        return self._programs[draw.program], target, (0, draw.row, *draw.viewport), read, ints, floats

    def _target(self, slot: int, first: int, count: int) -> Target:
        return self.device.target(self.slots[slot], first, count)

    def run(self, inputs: Mapping[str, np.ndarray], poison: bool = False) -> dict[str, np.ndarray]:
        """The outputs, by name, for inputs of the shapes that the plan was made for.

        `poison` fills every texture with NaN first, so that a read of what was never written shows.
        """
        with self.device.use():
            self.load(inputs, poison)
            self.replay()
            return self.read()

    def read(self) -> dict[str, np.ndarray]:
        """The outputs, by name, as the last draws left them; call it in the device's turn."""
        return {spec.name: self._download(spec).read() for spec in self.plan.outputs}

    def start(self, inputs: Mapping[str, np.ndarray]) -> Callable[[], dict[str, np.ndarray]]:
        """Has the outputs for inputs made -> what gives them, called once, in a later turn; others may start meanwhile.

        It raises ClosedError where the executor was released before.
        """
        self.load(inputs)
        self.replay()
        started = {spec.name: self._download(spec).start() for spec in self.plan.outputs}
        return lambda: {name: take() for name, take in started.items()}

    def load(self, inputs: Mapping[str, np.ndarray], poison: bool = False) -> None:
        """Uploads the inputs, by name; call it in the device's turn. poison: see `run`."""
        if poison:
            for texture in self.slots:
                texture.poison()
        self.device.error()  # what went wrong before is not this run's
        for spec in self.plan.inputs:
            if spec.name not in self._uploads:
                self._uploads[spec.name] = Upload(spec, self.textures(spec), self._on)
            self._uploads[spec.name].write(inputs[spec.name])

    def _download(self, spec: TensorPlan) -> Download:
        if spec.name not in self._downloads:
            self._downloads[spec.name] = Download(spec, self.textures(spec), self._on)
        return self._downloads[spec.name]

    def _on(self, plan: Plan, textures: Mapping[int, Texture]) -> Executor:
        """Another plan made ready on the device, some of whose slots are these textures."""
        return _On(plan, self.device, self._resident, textures)

    def textures(self, lying: TensorPlan | Made) -> list[Texture]:
        """The textures of a tensor's slots."""
        return [self.slots[slot] for slot in lying.slots]

    def replay(self, first: int = 0, last: int | None = None, draw: Callable[..., None] | None = None) -> None:
        """Makes all draws, turn by turn, on what the textures hold; call it in the device's turn.

        first, last: which steps of the plan alone, without the one of number `last`
        draw: what makes them, called as Device.draw is; None: that
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            with ahead as counted:
                self._made_by(draw or counted, first, last)
        elif draw is None and not first and last is None:
            self._again()
        else:
            self._made_by(draw or self.device.draw, first, last)

    def _made_by(self, draw: Callable[..., None], first: int = 0, last: int | None = None) -> None:
        for step in self._steps[first:last]:
            if isinstance(step, tuple):
                draw(*step)
            elif isinstance(step, Loop):
                step.run(draw)

    def release(self) -> None:
        """Frees the slots' textures; programs stay with the device, weights with the model."""
        if self._ahead is not None:
            self._ahead.stop()
        self.draws.clear()
        self._steps.clear()
        for upload in self._uploads.values():
            upload.release()
        for download in self._downloads.values():
            download.release()
        self._uploads.clear()
        self._downloads.clear()
        for texture in self.slots:
            texture.release()


class _On(Executor):
    """An executor some of whose slots are textures of another one."""

    def __init__(self, plan: Plan, device: Device, resident: Resident, given: Mapping[int, Texture]):
        self._given = dict(given)
        super().__init__(plan, device, resident)

    def _texture(self, number: int, slot: Slot) -> Texture:
        given = self._given.get(number)
        return super()._texture(number, slot) if given is None else given

    def release(self) -> None:
        self.slots = [texture for texture in self.slots if texture not in self._given.values()]
        super().release()
