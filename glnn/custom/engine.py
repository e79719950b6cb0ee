"""Tensors that stay on a device, and plans whose inputs and outputs are such tensors.

What a plan makes lies in textures that nothing else holds: of tensors that nobody has any more, or new ones. So a
result is a value, whatever is drawn afterwards.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from .. import tensor as texels
from ..arguments import plain_array
from ..device.device import Device
from ..device.objects import Texture
from ..errors import ClosedError, DeviceLostError
from ..graph.graph import ActivationCodec, Graph
from ..graph.shapes import Shape
from ..layout.codec import activation_storage
from ..layout.tiles import Layout, choose_layout
from ..plan.plan import Plan, make_plan
from ..plan.slots import Slot
from ..plan.weights import WeightStore
from ..run.executor import Executor
from ..run.inputs import as_float32
from ..run.resident import Resident
from ..run.turns import Loop, TurningDraw

KEPT_PLANS = 128  # of a device: each for one way in which inputs lie
KEPT_BINDINGS = 8  # of a plan: steps that are ready for textures which inputs and outputs had
KEPT_BYTES = 256 << 20  # of textures that nobody has, for the next results

T = TypeVar("T")
Lying = tuple[Shape, Layout, ActivationCodec]


class Held:
    """The textures of a tensor, which go back to the pool when nobody holds this any more."""

    __slots__ = ("__weakref__", "textures")

    def __init__(self, textures: Sequence[Texture], give: Callable[[list[Texture]], Any]):
        self.textures = list(textures)
        weakref.finalize(self, give, self.textures).atexit = False


class Stored:
    """A tensor on a device: its shape, how it lies, its textures."""

    __slots__ = ("codec", "engine", "generation", "held", "layout", "shape")

    def __init__(self, engine: Engine, shape: Shape, layout: Layout, codec: ActivationCodec, held: Held):
        self.engine, self.shape, self.layout, self.codec, self.held = engine, shape, layout, codec, held
        self.generation = engine.device.generation

    @property
    def lying(self) -> Lying:
        """What a plan that reads it depends on."""
        return self.shape, self.layout, self.codec

    def read(self) -> np.ndarray:
        """Its values. Waits for the draws before it. Raises DeviceLostError, ClosedError."""
        self.check()
        with self.engine.device.use():
            return texels.read(self.held.textures, self.layout, activation_storage(self.codec.codec))

    def check(self) -> None:
        """Raises what keeps it from being read."""
        if self.engine.device.closed:
            raise ClosedError("the device of this tensor is closed: read what you need before, by np.asarray(y)")
        if self.generation != self.engine.device.generation:
            raise DeviceLostError("this tensor went with its device's context: compute it again")


class Engine:
    """What runs kernels and programs on a device: plans by what they say and how inputs lie, textures for results."""

    def __init__(self, device: Device):
        self._device = weakref.ref(device)
        self._plans: OrderedDict[Any, Ready] = OrderedDict()
        self._free: dict[Slot, deque[Texture]] = {}
        self._generation = device.generation

    @staticmethod
    def of(device: Device) -> Engine:
        """The one of a device."""
        return device.keep("custom", lambda: Engine(device))

    @property
    def device(self) -> Device:
        """The device. Raises ClosedError where it is gone."""
        device = self._device()
        if device is None:
            raise ClosedError("the device of this tensor is gone: hold it as long as its tensors")
        return device

    def turn(self, work: Callable[[], T]) -> T:
        """What `work` does in one turn of the device; once more, in a new context, where the old one was gone."""
        device, generation = self.device, self.device.generation
        try:
            with device.use():
                return work()
        except DeviceLostError:
            device.revive(generation)
            with device.use():
                return work()

    # ---- tensors

    def upload(self, value: Any, what: str) -> Stored:
        """An array on the device. Raises InputError that begins with `what`, LimitError."""
        array = plain_array(value, what)
        if self.device.real != np.float64 or array.dtype.kind != "f":
            array = as_float32(array, what)
        limits = self.device.limits
        whole = np.asarray(value).dtype.kind in "iu" and limits.float_target == "float16"
        codec = ActivationCodec("rgba8" if whole else limits.float_target)
        stored = activation_storage(codec.codec)
        layout = choose_layout(array.shape, limits, False, 4 // stored.lanes)
        with self.device.use():
            self.checked()
            slot = Slot(*layout.size, layout.depth if limits.dialect != "es100" else 0, stored.format)
            held = self.textures([slot] * layout.textures)
            texels.write(held.textures, array, layout, stored)
        return Stored(self, array.shape, layout, codec, held)

    def textures(self, slots: Sequence[Slot]) -> Held:
        """Textures that nobody else holds; call it in the device's turn."""
        made = []
        for slot in slots:
            free = self._free.setdefault(slot, deque())
            texture = None
            while free and texture is None:
                texture = free.pop()
                texture = texture if texture.mgl is not None and texture.glo else None
            made.append(texture or self.device.texture(slot.width, slot.height, slot.layers, slot.format))
        free_of = self._free

        def give(textures: list[Texture]) -> None:  # at any time, in any thread: it draws nothing
            for slot, texture in zip(slots, textures, strict=True):
                free_of[slot].append(texture)

        return Held(made, give)

    def checked(self) -> None:
        """Forgets what went with a context, and frees textures where many are unused; in the device's turn."""
        if self._generation != self.device.generation:
            self._plans.clear()
            for free in self._free.values():
                free.clear()
            self._generation = self.device.generation
        kept = 0
        for free in self._free.values():
            kept += sum(texture.nbytes for texture in list(free))
            while free and kept > KEPT_BYTES:
                texture = free.popleft()
                kept -= texture.nbytes
                texture.release()

    # ---- plans

    def ready(self, key: Any, inputs: Sequence[Stored], make: Callable[[], Graph]) -> Ready:
        """The plan for a key and inputs that lie so, made of a graph if it is not there yet."""
        whole = key, tuple(x.lying for x in inputs)
        found = self._plans.get(whole)
        if found is not None and self._generation == self.device.generation:
            self._plans.move_to_end(whole)
            return found
        with self.device.use():
            self.checked()
            graph = make()
            made = Ready(self, graph, inputs)
            while len(self._plans) >= KEPT_PLANS:
                self._plans.popitem(last=False)[1].release()
            self._plans[whole] = made
        return made


class _Lent(Executor):
    """An executor whose inputs and outputs lie in textures that come and go."""

    def __init__(self, plan: Plan, device: Device, resident: Resident):
        self.lent = sorted({slot for t in (*plan.inputs, *plan.outputs) for slot in t.slots})
        self._bound: OrderedDict[tuple[int, ...], tuple[Any, list[Texture]]] = OrderedDict()
        super().__init__(plan, device, resident)

    def _texture(self, number: int, slot: Slot) -> Any:
        return None if number in self.lent else super()._texture(number, slot)

    def _bind(self) -> None:
        if None not in self.slots:
            super()._bind()

    def steps(self, lent: Mapping[int, Texture]) -> list[Any]:
        """The steps on these textures, by slot."""
        textures = [lent[slot] for slot in self.lent]
        key = tuple(map(id, textures))
        if key not in self._bound:
            while len(self._bound) >= KEPT_BINDINGS:
                self._bound.popitem(last=False)
            for slot, texture in lent.items():
                self.slots[slot] = texture
            self._bind()
            self._bound[key] = list(self._steps), textures
        self._bound.move_to_end(key)
        return self._bound[key][0]

    def release(self) -> None:
        for slot in self.lent[: len(self.slots)]:
            if slot < len(self.slots):
                self.slots[slot] = None  # type: ignore[call-overload]  # they are somebody else's
        self.slots = [texture for texture in self.slots if texture is not None]
        self._bound.clear()
        super().release()


class Ready:
    """A graph's plan for inputs that lie in a certain way, made ready on a device."""

    def __init__(self, engine: Engine, graph: Graph, inputs: Sequence[Stored]):
        self.engine, self.store = engine, WeightStore(graph)
        names = [spec.name for spec in graph.inputs]
        lying = {name: (x.layout, x.codec) for name, x in zip(names, inputs, strict=True)}
        shapes = {name: x.shape for name, x in zip(names, inputs, strict=True)}
        self.plan = make_plan(graph, shapes, engine.device.limits, self.store, lying)
        self._resident = Resident(engine.device, self.store.values)
        self._executor = _Lent(self.plan, engine.device, self._resident)
        texts = [self.plan.programs[draw.program] for draw in self.plan.draws]
        self._floats = [{name: k for k, name in enumerate(text.float_names)} for text in texts]

    def run(self, inputs: Sequence[Stored], floats: Mapping[str, float] | None = None) -> list[Stored]:
        """The outputs for inputs that lie as those that it was made for. floats: other values of uniforms by name."""
        engine, plan = self.engine, self.plan
        for x in inputs:
            x.check()
        lent: dict[int, Texture] = {}
        for spec, x in zip(plan.inputs, inputs, strict=True):
            lent |= zip(spec.slots, x.held.textures, strict=True)
        held: dict[tuple[int, ...], Held] = {spec.slots: x.held for spec, x in zip(plan.inputs, inputs, strict=True)}
        with engine.device.use():
            for spec in plan.outputs:
                if spec.slots not in held:
                    held[spec.slots] = engine.textures([plan.slots[s] for s in spec.slots])
                    lent |= zip(spec.slots, held[spec.slots].textures, strict=True)
            steps = self._executor.steps(lent)
            if floats:
                steps = self._with_floats(steps, floats)
            draw = engine.device.draw
            for step in steps:
                if isinstance(step, tuple):
                    draw(*step)
                elif isinstance(step, Loop):
                    step.run(draw)
        return [
            Stored(engine, spec.shape, spec.layout, ActivationCodec(spec.codec), held[spec.slots])
            for spec in plan.outputs
        ]

    def _with_floats(self, steps: Sequence[Any], floats: Mapping[str, float]) -> list[Any]:
        made: list[Any] = []
        for step, names in zip(steps, self._floats, strict=True):
            assert isinstance(step, tuple) and not isinstance(step, TurningDraw)
            found = {places: floats[name] for name, places in names.items() if name in floats}
            if found:
                values = np.frombuffer(step[5], self.engine.device.real).copy()
                for place, number in found.items():
                    values[place] = number
                step = (*step[:5], values.tobytes())
            made.append(step)
        return made

    def release(self) -> None:
        """Frees its textures, weights and programs."""
        self._executor.release()
        self._resident.release()
