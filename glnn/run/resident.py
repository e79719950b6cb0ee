"""What a model keeps on a device for all of its plans: weights and programs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import tensor
from ..device.device import Device
from ..device.objects import Texture
from ..device.program import Program
from ..graph.quantized import Quantized
from ..kernels.assemble import ShaderText
from ..layout.cells import CellLayout
from ..plan.weights import WeightPlan
from ..records import dataclass


@dataclass(eq=False)
class Uploaded:
    """A weight on a device: its textures, the values that they hold, and how many residents use them."""

    textures: list[Texture]
    values: np.ndarray | Quantized
    generation: int  # of the device's context
    users: int = 1


class Bank:
    """Weights on a device that several residents share: those of one key whose values are the same memory."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Uploaded]] = {}

    def take(self, key: str, values: np.ndarray | Quantized, generation: int) -> Uploaded | None:
        """The weight of a key and values for one more user; None where it is not there."""
        for kept in self._kept.get(key, ()):
            if kept.generation == generation and same(kept.values, values):
                kept.users += 1
                return kept
        return None

    def put(self, key: str, kept: Uploaded) -> Uploaded:
        """Keeps a weight for others; what was of a context that is gone went with it."""
        alive = [other for other in self._kept.get(key, ()) if other.generation == kept.generation]
        self._kept[key] = [*alive, kept]
        return kept

    def drop(self, key: str, kept: Uploaded) -> None:
        """One user less; frees the textures after the last."""
        kept.users -= 1
        if not kept.users and kept in self._kept[key]:
            self._kept[key].remove(kept)
            for texture in kept.textures:
                texture.release()


def same(a: np.ndarray | Quantized, b: np.ndarray | Quantized) -> bool:
    """Whether two arrays are the same elements in memory, both alive."""
    if isinstance(a, Quantized) or isinstance(b, Quantized):
        return a is b or (
            isinstance(a, Quantized) and isinstance(b, Quantized) and a.codec == b.codec
            and all(same(getattr(a, part), getattr(b, part)) for part in ("codes", "scale", "low"))
        )  # fmt: skip
    told = ("typestr", "shape", "strides", "data")
    return a is b or all(a.__array_interface__[name] == b.__array_interface__[name] for name in told)


class Resident:
    """What a model keeps on one device: each weight uploaded once, each program compiled once, for all of its plans.

    bank: where others find the weights, too
    """

    def __init__(self, device: Device, values: Mapping[str, np.ndarray | Quantized], bank: Bank | None = None):
        self.device, self.values, self.bank = device, values, bank or Bank()
        self._weights: dict[str, Uploaded] = {}
        self._programs: dict[str, Program] = {}

    def program(self, text: ShaderText) -> Program:
        """The program of a text. Raises KernelError at the line of the kernel's own file."""
        if text.key not in self._programs:
            self._programs[text.key] = self.device.program(text.vertex, text.fragment, text.locate, text.samplers)
        return self._programs[text.key]

    def textures(self, plan: WeightPlan) -> list[Texture]:
        """The textures of a weight, uploaded now if they are not yet."""
        key = f"{plan.key}:{plan.storage.format}"
        if key not in self._weights:
            values, generation = self.values[plan.key], self.device.generation
            found = self.bank.take(key, values, generation)
            made = found or self.bank.put(key, Uploaded(self._upload(plan), values, generation))
            self._weights[key] = made
        return self._weights[key].textures

    def _upload(self, plan: WeightPlan) -> list[Texture]:
        layout, kept = plan.layout, plan.storage
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
        return textures

    @property
    def nbytes(self) -> int:
        """Bytes of all textures uploaded so far."""
        return sum(t.nbytes for kept in self._weights.values() for t in kept.textures)

    def release(self) -> None:
        """Frees the textures and the programs that no other model uses."""
        for key, kept in self._weights.items():
            self.bank.drop(key, kept)
        self._weights.clear()
        for program in self._programs.values():
            self.device.drop(program)
        self._programs.clear()
