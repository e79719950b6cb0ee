"""What is made in the turns of a repeat, read from where each turn draws it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from ...layout.codec import activation_storage
from ...plan.making import Making
from ...plan.plan import Plan
from ...plan.steps import Taken, in_turns
from ...run.executor import Executor
from .layers import Layer


def layers_of_turns(plan: Plan, label: str, taken: Set[str]) -> dict[str, Layer]:
    """What is made in the turns of a layer, as layers of a trace by name; taken: names that mean something else."""
    found = {}
    for name, item in plan.turning.items():
        if item.label == label and name not in taken:
            told = " x ".join(map(str, item.counts))
            found[name] = Layer(name, f"in {told} turns", (name,), ((*item.counts, *item.shape),), len(item.counts))
    return found


class TurnReader:
    """Reads tensors of turns while a plan is replayed: `arrays` by name, the turns in front, outermost first."""

    def __init__(self, executor: Executor, wanted: Mapping[str, Making]):
        self.executor = executor
        real = executor.device.real
        self.arrays = {name: np.zeros((*item.counts, *item.shape), real) for name, item in wanted.items()}
        self._wanted: dict[int, list[tuple[str, Making]]] = {}
        for name, item in wanted.items():
            for number in item.draws:
                self._wanted.setdefault(number, []).append((name, item))
        self._taken = in_turns(executor.plan.steps)
        self._parts: list[np.ndarray] = []

    def draw(self, *call: Any) -> None:
        """In the place of Device.draw, for every draw of the plan in order; see Executor.replay."""
        self.executor.device.draw(*call)
        taken = next(self._taken)
        if taken.number not in self._wanted:
            return
        _, item = self._wanted[taken.number][0]
        self._parts.append(part_of(self.executor, taken, item))
        if taken.number == item.draws[-1]:
            whole = decoded(item.layout.unpack(self._parts), item)
            for name, one in self._wanted[taken.number]:
                self.arrays[name][taken.turns] = one.section.cut(whole) if one.section else whole
            self._parts = []


def part_of(executor: Executor, taken: Taken, item: Making) -> np.ndarray:
    """The values (layers, height, width, lanes) that a draw just made; rows that the last part lacks are 0."""
    draw, (width, height) = taken.draw, taken.draw.viewport
    first, count = draw.layers
    texture = executor.slots[draw.target]
    texels = texture.read(range(first, first + count), range(taken.row, taken.row + height))
    values = activation_storage(item.codec.codec).decode(np.ascontiguousarray(texels[:, :, :width]))
    return np.pad(values, ((0, 0), (0, item.layout.height - height), (0, 0), (0, 0)))


def decoded(values: np.ndarray, item: Making) -> np.ndarray:
    """Values of a tensor as it is stored, codes decoded."""
    if item.codec.codec == "uint8":
        return (values.astype(np.float32) - np.float32(item.codec.zero)) * np.float32(item.codec.scale)
    return values
