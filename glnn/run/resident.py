"""What a model keeps on a device for all of its plans: weights and programs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import tensor
from ..device.device import Device
from ..device.objects import Program, Texture
from ..graph.quantized import Quantized
from ..kernels.assemble import ShaderText
from ..layout.cells import CellLayout
from ..plan.weights import WeightPlan


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
                values = self.values[plan.key].reshape(plan.shape)
                for part in tensor.texels(values, layout, kept, self.device.real):
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
