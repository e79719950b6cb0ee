"""A plan's draws in the order in which they are made, turn by turn: which of them wrote a texel, what it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...graph.graph import ActivationCodec
from ...layout.codec import activation_storage
from ...layout.tiles import Layout
from ...plan.making import Making
from ...plan.plan import Plan
from ...plan.steps import Taken, in_turns
from ...run.executor import Executor
from ...run.session import Arrays

Spot = tuple[int, int, int]  # layer, row and column of a texel in a texture


@dataclass(frozen=True)
class Held:
    """What a texel holds: of which tensor, made in which turn, the number of its element in each lane (or -1)."""

    name: str
    turn: tuple[int, ...]
    layout: Layout
    codec: ActivationCodec
    numbers: tuple[int, ...]
    shape: tuple[int, ...] = ()  # of the tensor, where it is a section of what lies so


class Writing:
    """The draws of a plan as they are made, and what each of them writes."""

    def __init__(self, plan: Plan):
        self.plan, self.taken = plan, list(in_turns(plan.steps))
        self.makes: dict[int, list[Making]] = defaultdict(list)
        for made in plan.makes:
            for number in made.draws:
                self.makes[number].append(made)
        self._of_slot: dict[int, list[int]] = defaultdict(list)
        for k, item in enumerate(self.taken):
            self._of_slot[item.draw.target].append(k)

    def making(self, k: int) -> Making:
        """What the draw made as the k-th writes, or a part of it."""
        return self.makes[self.taken[k].number][0]

    def writer(self, slot: int, spot: Spot, before: int) -> int | None:
        """Which draw, by its place in `taken`, wrote a texel of a slot last, of those before the given one."""
        for k in reversed(self._of_slot.get(slot, ())):
            if k < before and _covers(self.taken[k], spot):
                return k
        return None

    def again(self, k: int, turns: tuple[int, ...]) -> int:
        """The place in `taken` of the same draw in other turns."""
        number = self.taken[k].number
        return next(j for j, item in enumerate(self.taken) if item.number == number and item.turns == turns)

    def held(self, slot: int, spot: Spot, before: int) -> Held | None:
        """What a texel of a slot holds before the k-th draw; None for what is no tensor's."""
        k = self.writer(slot, spot, before)
        layer, row, column = spot
        if k is not None:
            taken, item = self.taken[k], self.making(k)
            part, layer, row = taken.number - item.draw, layer - taken.draw.layers[0], row - taken.row
            name = item.name or f"{item.label} (a copy)"  # as what a repeat begins with
            made = _held(name, taken.turns, item.layout, item.codec, part, (layer, row, column))
            return _named(made, self.makes[taken.number]) if made and item.section else made
        spec = next((spec for spec in self.plan.inputs if slot in spec.slots), None)
        if spec is None:
            return None
        part = spec.slots.index(slot)
        if spec.layout.textures == 1:
            part, layer = divmod(layer, spec.layout.layers)
        return _held(spec.name, (), spec.layout, ActivationCodec(spec.codec), part, (layer, row, column))


def _covers(item: Taken, spot: Spot) -> bool:
    (layer, row, column), (first, count), (width, height) = spot, item.draw.layers, item.draw.viewport
    return first <= layer < first + count and item.row <= row < item.row + height and column < width


def _held(
    name: str, turn: tuple[int, ...], layout: Layout, codec: ActivationCodec, part: int, spot: Spot
) -> Held | None:
    room, (layer, row, column) = numbered(layout), spot
    if any(at >= size for at, size in zip((part, *spot), room.shape, strict=False)):
        return None
    return Held(name, turn, layout, codec, tuple(room[part, layer, row, column].tolist()))


def _named(made: Held, items: list[Making]) -> Held:
    """What a texel holds as what it is called: a section of what was made."""
    whole = np.arange(int(np.prod(made.layout.shape))).reshape(made.layout.shape)
    for item in items:
        assert item.section is not None
        own = {int(n): k for k, n in enumerate(item.section.cut(whole).ravel())}
        if max(made.numbers) in own:
            return replace(made, name=item.name, numbers=tuple(own.get(n, -1) for n in made.numbers), shape=item.shape)
    return made


@lru_cache(16)
def numbered(layout: Layout) -> np.ndarray:
    """(parts, layers, height, width, lanes): the number of the element that lies there, -1 where none does."""
    numbers = np.arange(1, int(np.prod(layout.shape)) + 1).reshape(layout.shape)
    return layout.packed(numbers, (layout.width, layout.height)) - 1


def texel_values(texture: Any, spot: Spot, codec: ActivationCodec) -> np.ndarray:
    """The values of a texel's lanes, codes decoded."""
    layer, row, column = spot
    texel = texture.read(range(layer, layer + 1), range(row, row + 1))[:, :, column : column + 1]
    return lanes(texel, codec)[0, 0, 0]


def lanes(texels: np.ndarray, codec: ActivationCodec) -> np.ndarray:
    """The values of texels (.., components) of a tensor in a codec, (.., lanes)."""
    values = activation_storage(codec.codec).decode(np.ascontiguousarray(texels))
    if codec.codec == "uint8":
        return (values.astype(np.float32) - np.float32(codec.zero)) * np.float32(codec.scale)
    return values


class _Reached(Exception):
    """Ends a replay."""


def run_to(executor: Executor, arrays: Arrays, k: int, before: Callable[[Sequence[Any]], None] | None = None) -> None:
    """Makes the draws of an executor's plan up to the k-th, that one too; before: called with what it is drawn with."""
    made = 0

    def draw(*call: Any) -> None:
        nonlocal made
        if made == k and before:
            before(call)
        executor.device.draw(*call)
        made += 1
        if made > k:
            raise _Reached

    with executor.device.use():
        executor.load(arrays)
        try:
            executor.replay(draw=draw)
        except _Reached:
            pass
