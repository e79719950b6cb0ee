"""Runs a Plan on a Device: slots and weights become textures, draws become draws. Knows no operator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import tensor
from .cell_layout import CellLayout
from .codec import activation_storage
from .device import Device, Program, Target, Texture
from .kernel import ShaderText
from .plan import Plan, WeightPlan
from .quantized import Quantized


class Resident:
    """What a model keeps on one device: each weight uploaded once, each program compiled once, for all of its plans."""

    def __init__(self, device: Device, values: Mapping[str, np.ndarray | Quantized]):
        self.device, self.values = device, values
        self._textures: dict[str, list[Texture]] = {}
        self._programs: dict[str, Program] = {}

    def program(self, text: ShaderText) -> Program:
        """The program of a text. Raises KernelError at the line of the kernel's own file."""
        if text.key not in self._programs:
            self._programs[text.key] = self.device.program(text.vertex, text.fragment, text.locate, text.samplers)
        return self._programs[text.key]

    def textures(self, plan: WeightPlan) -> list[Texture]:
        """The textures of a weight, uploaded now if they are not yet."""
        key, layout, kept = f"{plan.key}:{plan.storage.format}", plan.layout, plan.storage
        if key not in self._textures:
            # Kernels read a constant tensor through an array texture, as they read inputs; cells where they must.
            array = layout.depth if isinstance(layout, CellLayout) or self.device.limits.dialect != "es100" else 0
            textures: list[Texture] = []
            try:
                for part in tensor.texels(self.values[plan.key].reshape(plan.shape), layout, kept):
                    textures.append(self.device.texture(*layout.size, array, kept.format, part))
            except BaseException:  # parts that did find memory must not stay
                for texture in textures:
                    texture.release()
                raise
            self._textures[key] = textures
        return self._textures[key]

    @property
    def nbytes(self) -> int:
        """Bytes of all textures uploaded so far."""
        return sum(t.nbytes for textures in self._textures.values() for t in textures)

    def release(self) -> None:
        """Frees the textures and the programs that no other model uses."""
        for textures in self._textures.values():
            for texture in textures:
                texture.release()
        self._textures.clear()
        for program in self._programs.values():
            self.device.drop(program)
        self._programs.clear()


class Executor:
    """A plan made ready on a device: its slots' textures, its programs, its draws."""

    def __init__(self, plan: Plan, device: Device, resident: Resident):
        self.plan, self.device = plan, device
        self.slots: list[Texture] = []
        self._draws: list[tuple[Program, Target, tuple[int, int, int, int], tuple[Texture, ...], bytes, bytes]] = []
        try:
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
            ints, floats = np.array(draw.ints, np.int32).tobytes(), np.array(draw.floats, np.float32).tobytes()
            target = device.target(self.slots[draw.target], *draw.layers)
            self._draws.append((programs[draw.program], target, (0, 0, *draw.viewport), read, ints, floats))

    def run(self, inputs: Mapping[str, np.ndarray], poison: bool = False) -> dict[str, np.ndarray]:
        """The outputs, by name, for inputs of the shapes that the plan was made for.

        `poison` fills every texture with NaN first, so that a read of what was never written shows.
        """
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
        for texture in self.slots:
            texture.release()
        self._draws.clear()
