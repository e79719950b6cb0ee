"""Runs a Plan on a Device: slots and weights become textures, draws become draws. Knows no operator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import tensor
from ..device.device import Device
from ..device.objects import Program, Target, Texture
from ..layout.codec import activation_storage
from ..plan.plan import Plan
from .resident import Resident


class Executor:
    """A plan made ready on a device: its slots' textures, its programs, its draws."""

    def __init__(self, plan: Plan, device: Device, resident: Resident):
        self.plan, self.device = plan, device
        self.slots: list[Texture] = []
        self._draws: list[tuple[Program, Target, tuple[int, int, int, int], tuple[Texture, ...], bytes, bytes]] = []
        try:
            with device.use():
                self._make(resident)
        except BaseException:  # of a kernel that does not compile, or textures that find no memory: nothing may stay
            self.release()
            raise

    def _make(self, resident: Resident) -> None:
        plan, device = self.plan, self.device
        programs = {key: resident.program(text) for key, text in plan.programs.items()}
        for s in plan.slots:
            self.slots.append(device.texture(s.width, s.height, s.layers, s.format))
        textures = [resident.textures(w) for w in plan.weights]
        for draw in plan.draws:
            read = tuple(self.slots[n] if kind == "slot" else textures[n][part] for kind, n, part in draw.textures)
            ints, floats = np.array(draw.ints, np.int32).tobytes(), np.array(draw.floats, device.real).tobytes()
            target = device.target(self.slots[draw.target], *draw.layers)
            self._draws.append((programs[draw.program], target, (0, 0, *draw.viewport), read, ints, floats))

    def run(self, inputs: Mapping[str, np.ndarray], poison: bool = False) -> dict[str, np.ndarray]:
        """The outputs, by name, for inputs of the shapes that the plan was made for.

        `poison` fills every texture with NaN first, so that a read of what was never written shows.
        """
        with self.device.use():
            if poison:
                for texture in self.slots:
                    self.device.poison(texture)
            for spec in self.plan.inputs:
                stored = activation_storage(spec.codec)
                tensor.write([self.slots[s] for s in spec.slots], inputs[spec.name], spec.layout, stored)
            draw = self.device.draw
            for item in self._draws:
                draw(*item)
            return {
                t.name: tensor.read([self.slots[s] for s in t.slots], t.layout, activation_storage(t.codec))
                for t in self.plan.outputs
            }

    def release(self) -> None:
        """Frees the slots' textures; programs stay with the device, weights with the model."""
        self._draws.clear()
        for texture in self.slots:
            texture.release()
