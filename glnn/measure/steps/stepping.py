"""A plan taken step by step: each tensor is read right after the draws that make it, and may be replaced there."""

from __future__ import annotations

import numpy as np

from ... import tensor
from ...graph.graph import ActivationCodec
from ...layout.codec import activation_storage
from ...plan.plan import Made
from ...run.executor import Executor
from ...run.session import Arrays
from ...testing.layers import decoded_activation


class Steps:
    """An executor's plan on given inputs. Poison: NaN in all textures first, so that nothing stale is read unseen."""

    def __init__(self, executor: Executor, inputs: Arrays, poison: bool = False):
        self.executor, self.done = executor, 0
        with executor.device.use():
            executor.load(inputs, poison)

    def advance(self, steps: int) -> None:
        """Takes the plan's steps up to so many."""
        with self.executor.device.use():
            self.executor.replay(self.done, max(self.done, steps))
        self.done = max(self.done, steps)

    def read(self, made: Made) -> tuple[np.ndarray, int]:
        """A tensor as it is stored, and how many values in its dead lanes and pixels are not zero."""
        stored = activation_storage(made.codec.codec)
        with self.executor.device.use():
            parts = tensor.parts([self.executor.slots[s] for s in made.slots], made.layout, stored)
        values, zero = made.layout.unpack(parts), 0
        if made.codec.codec == "uint8":
            zero = made.codec.zero
            values = (values.astype(np.float32) - np.float32(zero)) * np.float32(made.codec.scale)
        dead = int(np.count_nonzero(made.layout.dead(parts) != zero)) if _has_dead(made) else 0
        return values, dead

    def write(self, made: Made, values: np.ndarray) -> None:
        """Replaces a tensor, as it is stored; dead lanes become zero."""
        textures = [self.executor.slots[s] for s in made.slots]
        stored = activation_storage(made.codec.codec)
        with self.executor.device.use():
            if made.codec.codec != "uint8":
                tensor.write(textures, np.ascontiguousarray(values), made.layout, stored)
                return
            zero = made.codec.zero
            steps = np.floor(np.asarray(values, np.float64) / made.codec.scale + zero + 0.5).clip(0, 255) - zero
            room = made.layout.packed(steps.astype(np.int16), (textures[0].width, textures[0].height)) + zero
            room = room.reshape(1, -1, *room.shape[2:]) if made.layout.textures == 1 else room
            for texture, part in zip(textures, room.astype(np.uint8), strict=True):
                texture.write(stored.encode(part))


def _has_dead(made: Made) -> bool:
    layout = made.layout
    _, h, w, c = layout.dims
    return bool(c % 4 or (not layout.flat and (h % layout.block[0] or w % layout.block[1])))


def rounded(values: np.ndarray, codec: ActivationCodec) -> np.ndarray:
    """Values as a tensor of this codec holds them, float32."""
    if codec.codec in ("float32", "rgba8"):
        return np.asarray(values, np.float32)
    with np.errstate(over="ignore"):
        return decoded_activation(values, codec).astype(np.float32)
