"""Arrays into the textures of a plan's inputs and out of those of its outputs: packed by NumPy, or by draws.

NumPy packs in the time of a few plain copies (Layout.packed). A GPU packs in less than it takes to upload what is
packed, and of three channels uploads three; a renderer in software has the same processors for it, and would find
each value's place by divisions. So draws pack and unpack on GPUs, from some size on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .. import tensor
from ..device.device import Device
from ..device.objects import Texture
from ..device.pixels import Reading, Writing, write_raw
from ..graph.shapes import ceil_div
from ..layout.codec import activation_storage
from ..layout.limits import Limits
from ..plan.plan import Plan, TensorPlan
from ..plan.transfer import packing, unpacking

if TYPE_CHECKING:
    from .executor import Executor

# Values from which on an input is packed by draws, an output unpacked; None: by NumPy, however many there are.
LEAST: dict[str, int | None] = {"software": None, "hardware": 1 << 16}

Make = Callable[[Plan, Mapping[int, Texture]], "Executor"]  # an executor some of whose slots are there


def least(device: Device) -> float:
    """Values from which on draws pack and unpack on a device."""
    if device.real != np.float32 or device.limits.precision != "highp":  # half arithmetic would round them
        return math.inf
    found = LEAST["software" if device.software else "hardware"]
    return math.inf if found is None else found


def overlaps(device: Device) -> bool:
    """Whether a device draws on while the results of the draws before are read: not if it shares our processors."""
    return not device.software


def _by_draws(
    spec: TensorPlan,
    textures: Sequence[Texture],
    planned: Callable[[TensorPlan, Limits], Plan | None],
    end: Callable[[Plan], TensorPlan],
    make: Make,
) -> Executor | None:
    """What packs or unpacks a tensor by draws; None where NumPy does. end: where it lies in textures that are there."""
    device = textures[0].device
    plan = planned(spec, device.limits) if math.prod(spec.shape) >= least(device) else None
    return None if plan is None else make(plan, dict(zip(end(plan).slots, textures, strict=True)))


class Upload:
    """How arrays get into the textures of an input. make: what makes a plan ready where some of its slots are there."""

    def __init__(self, spec: TensorPlan, textures: Sequence[Texture], make: Make):
        self._spec, self._textures, self._stored = spec, textures, activation_storage(spec.codec)
        self._room: np.ndarray | None = None  # for the texels
        self._mapped: Writing | None = None
        self._draws = _by_draws(spec, textures, packing, lambda plan: plan.outputs[0], make)
        if self._draws is not None:
            (raw,) = self._draws.textures(self._draws.plan.inputs[0])
            self._mapped = Writing(raw) if raw.layers and raw.device.maps else None
            self._write = self._mapped.write if self._mapped else partial(write_raw, raw)

    def write(self, array: np.ndarray) -> None:
        """Uploads an array of the input's shape; call it in the device's turn."""
        if self._draws is not None:
            self._write(self._stored.cast(array))
            self._draws.replay()
            return
        if self._room is None:
            self._room = tensor.room_for(self._textures, self._spec.layout, self._stored)
        tensor.write(self._textures, array, self._spec.layout, self._stored, self._room)

    def release(self) -> None:
        """Frees what it made."""
        if self._mapped is not None:
            self._mapped.release()
        if self._draws is not None:
            self._draws.release()


class Download:
    """How the array of an output comes out of its textures. make: see Upload."""

    def __init__(self, spec: TensorPlan, textures: Sequence[Texture], make: Make):
        self._spec, self._textures, self._stored = spec, textures, activation_storage(spec.codec)
        self._unused: list[list[Reading]] = []  # each for all textures
        self._under_way: list[list[Reading]] = []
        self._draws = _by_draws(spec, textures, unpacking, lambda plan: plan.inputs[0], make)

    def read(self) -> np.ndarray:
        """The array (float32, or the device's own floats); waits for the draws before it."""
        if self._draws is not None and self._draws.device.maps:
            return self.start()()
        textures, rows = self._ready()
        return self._array([texture.read(rows=rows) for texture in textures])

    def start(self) -> Callable[[], np.ndarray]:
        """Has the texels copied as the draws so far leave them -> what gives the array, called once, in a later turn.

        Draws may go on meanwhile. It raises ClosedError where this was released before.
        """
        textures, rows = self._ready()
        if not self._unused:
            self._unused.append([])
        readings = self._unused[-1]  # where making or starting one fails they stay there, to be released
        for texture in textures[len(readings) :]:
            readings.append(Reading(texture, rows))
        for reading in readings:
            reading.start()
        self._under_way.append(self._unused.pop())

        def take() -> np.ndarray:
            self._under_way.remove(readings)
            self._unused.append(readings)
            return self._array([reading.take() for reading in readings])

        return take

    def _ready(self) -> tuple[Sequence[Texture], range]:
        """The textures to read, and which of their rows."""
        if self._draws is None:
            return self._textures, range(self._spec.layout.height)
        self._draws.replay()
        textures = self._draws.textures(self._draws.plan.outputs[0])
        return textures, range(ceil_div(math.prod(self._spec.shape), 4 * textures[0].width))

    def _array(self, texels: Sequence[np.ndarray]) -> np.ndarray:
        if self._draws is None:
            return tensor.values(texels, self._spec.layout, self._stored)
        flat = texels[0].reshape(-1)[: math.prod(self._spec.shape)]
        return flat.astype(np.float32, copy=False).reshape(self._spec.shape)

    def release(self) -> None:
        """Frees what it made."""
        for readings in (*self._unused, *self._under_way):
            for reading in readings:
                reading.release()
        self._unused.clear()
        if self._draws is not None:
            self._draws.release()
