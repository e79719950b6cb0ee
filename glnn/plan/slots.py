"""The textures that tensors share one after another, by lifetime."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..layout.codec import activation_storage
from ..layout.tiles import Layout
from ..primitives.base import Value
from ..records import dataclass
from .builder import PlanBuilder
from .drafts import DrawSpec, RepeatSpec


@dataclass(frozen=True)
class Slot:
    """A texture that tensors share one after another: size in texels, layers (0: a plain 2D texture), format."""

    width: int
    height: int
    layers: int
    format: str


def assign_slots(
    drafts: PlanBuilder, inputs: Mapping[str, Value], outputs: list[Value], keep: bool = False
) -> tuple[list[Slot], dict[int, list[int]]]:
    """Texture slots, and the slots of each tensor: one is free again after the last draw that reads it.

    For its next tensor it may grow. What is made before a repeat and read in it is kept until that is over. Tensors may
    get another number of columns, where they then fit a slot that others have.
    keep: none is free again, but what repeats carry from turn to turn
    """
    kept = set(range(len(drafts.layouts))) if keep else {v.id for v in (*outputs, *inputs.values())}
    return _Lives(drafts, kept).assign(inputs.values())


def length(steps: Iterable[DrawSpec | RepeatSpec]) -> int:
    """The moments of steps: one for each draw, and one for the end of each repeat."""
    return sum(1 if isinstance(step, DrawSpec) else length(step.steps) + 1 for step in steps)


@dataclass(eq=False)
class Texture:
    """A tensor's texture: what it needs, how the tensor lies, the first and the last moment at which it is needed.

    value:  the tensor, where its layout may get other columns
    alike:  whether others must have its very size
    shared: whether it may lie where others lie before it and after it
    """

    need: Slot
    layout: Layout
    first: int
    value: Value | None
    alike: bool
    shared: bool
    last: float = math.inf


class _Lives:
    def __init__(self, drafts: PlanBuilder, kept: set[int]):
        self.drafts, self.kept = drafts, kept
        self.array = drafts.limits.dialect != "es100"
        self.loose = drafts.loose
        self.textures: list[Texture] = []
        self.slot_of: dict[int, list[int]] = {}  # the textures of each tensor, by number, until they have slots
        self.last: dict[int, int] = {}  # the moment after which a tensor is read no more
        self.pairs: dict[int, int] = {}  # what takes turns with another tensor -> what comes of them in the end

    def assign(self, inputs: Iterable[Value]) -> tuple[list[Slot], dict[int, list[int]]]:
        inputs = list(inputs)
        self._find_lives(self.drafts.steps, 0, {value.id: 0 for value in inputs}, ())
        for value in inputs:
            self._take(value, 0)
        self._give(self.drafts.steps, 0)
        slots, numbers = share(self.textures, self.drafts)
        return slots, {value: [numbers[k] for k in textures] for value, textures in self.slot_of.items()}

    def _homes(self, draft: DrawSpec) -> list[Value]:
        """What has textures of a draw's output, the first, and of its inputs."""
        return [self.drafts.home(value) for value in (draft.out, *draft.inputs.values())]

    def _find_lives(
        self, steps: list[DrawSpec | RepeatSpec], at: int, made: dict[int, int], ends: tuple[int, ...]
    ) -> int:
        """Finds the last moment of each tensor in steps that begin at a moment -> the moment after them.

        made: in how many repeats the tensors were made, by number; ends: when the repeats around end, outermost first
        """
        for step in steps:
            if isinstance(step, DrawSpec):
                homes = self._homes(step)
                made.setdefault(homes[0].id, len(ends))
                for value in homes:
                    inside = made[value.id] < len(ends)  # a repeat that it was made before
                    until = ends[made[value.id]] if inside else at
                    self.last[value.id] = max(self.last.get(value.id, 0), until)
                at += 1
                continue
            end = at + length(step.steps)
            whole = [item.whole for item in step.stacked]
            for value in (*whole, *(value for pair in step.carried for value in (pair.result, pair.final))):
                made[value.id] = len(ends)
            for pair in step.carried:
                self.pairs |= {pair.state.id: pair.final.id, pair.result.id: pair.final.id}
            self._find_lives(step.steps, at, made, (*ends, end))
            self.last |= dict.fromkeys((value.id for value in whole), end)
            for pair in step.carried:
                self.last |= dict.fromkeys((pair.state.id, pair.result.id, pair.final.id), end)
            at = end + 1
        return at

    def _give(self, steps: list[DrawSpec | RepeatSpec], at: int) -> int:
        """Gives slots to what steps make that begin at a moment -> the moment after them."""
        for step in steps:
            if isinstance(step, DrawSpec):
                homes = self._homes(step)
                if homes[0].id not in self.slot_of:  # else it was given them when its repeat began
                    self._take(homes[0], at)
                self._free({value.id for value in homes}, at)
                at += 1
                continue
            for value in (*(item.whole for item in step.stacked), *(pair.result for pair in step.carried)):
                if value.id not in self.slot_of:  # else the initial value lies in it already
                    self._take(value, at)
            at = self._give(step.steps, at)
            for pair in step.carried:
                ends = [self.slot_of[value.id] for value in (pair.state, pair.result)]
                self.slot_of[pair.final.id] = ends[step.count % 2]
                self._end(ends[1 - step.count % 2], at)
            self._free({number for number in self.slot_of if number not in self.pairs}, at)
            at += 1
        return at

    def _free(self, numbers: set[int], at: int) -> None:
        for number in numbers:
            if self.last.get(number) == at and number not in self.kept:
                self._end(self.slot_of[number], at)

    def _end(self, textures: Iterable[int], at: int) -> None:
        for number in textures:
            self.textures[number].last = at

    def _take(self, value: Value, at: int) -> None:
        """A tensor's textures, from a moment on. Those of graph inputs and outputs are theirs alone."""
        layout, pair = self.drafts.layouts[value.id], value.id in self.pairs or value.id in self.drafts.twins
        format = activation_storage(self.drafts.codecs[value.id].codec).format
        need = Slot(*layout.size, layout.depth if self.array else 0, format)
        shared = self.pairs.get(value.id, value.id) not in self.kept
        alike = pair or layout.textures > 1
        loose = value if value.id in self.loose and not alike else None
        first = len(self.textures)
        self.textures += [Texture(need, layout, at, loose, alike, shared) for _ in range(layout.textures)]
        self.slot_of[value.id] = list(range(first, len(self.textures)))


@dataclass(eq=False)
class _Shared:
    """A slot that is being filled, and when it is taken."""

    slot: Slot
    taken: list[Texture]

    def free(self, texture: Texture) -> bool:
        """Whether a texture may lie here: no other lies here when it does."""
        if not self.taken[0].shared or not texture.shared:
            return False
        if self.slot != texture.need and (texture.alike or any(other.alike for other in self.taken)):
            return False
        if (self.slot.layers, self.slot.format) != (texture.need.layers, texture.need.format):
            return False
        return all(other.last < texture.first or texture.last < other.first for other in self.taken)


def share(textures: Sequence[Texture], drafts: PlanBuilder) -> tuple[list[Slot], list[int]]:
    """Slots for textures, and the slot of each: the largest first, each where least is to be added.

    See Pisarchyk and Lee, Efficient memory management for deep neural net inference, 2020 (greedy by size).
    """
    slots: list[_Shared] = []
    slot_of: dict[int, _Shared] = {}
    for number in sorted(range(len(textures)), key=lambda k: -texels(textures[k].need)):
        texture = textures[number]
        best: _Shared | None = None
        added, layout = texels(texture.need), texture.layout
        for slot in slots:
            if not slot.free(texture):
                continue
            for other in (texture.layout, _columns(texture, slot.slot)):
                more = texels(_around(slot.slot, other)) - texels(slot.slot) if other else added
                if other and more < added:
                    best, added, layout = slot, more, other
        if best is None:
            best = _Shared(texture.need, [])
            slots.append(best)
        elif layout is not texture.layout and texture.value is not None:
            drafts.layouts[texture.value.id] = layout
        best.slot = _around(best.slot, layout)
        best.taken.append(texture)
        slot_of[number] = best
    slots.sort(key=lambda slot: min(k for k, made in slot_of.items() if made is slot))
    return [slot.slot for slot in slots], [slots.index(slot_of[k]) for k in range(len(textures))]


def texels(slot: Slot) -> int:
    """How many texels a slot has."""
    return slot.width * slot.height * max(1, slot.layers)


def _around(slot: Slot, layout: Layout) -> Slot:
    """The slot, as large as to hold a texture of this layout as well."""
    width, height = layout.size
    return replace(slot, width=max(slot.width, width), height=max(slot.height, height))


def _columns(texture: Texture, slot: Slot) -> Layout | None:
    """The layout of a texture's tensor with as many columns as fill a slot's width, where it is as good to draw."""
    width, height = texture.layout.size
    fits = width <= slot.width and height <= slot.height
    return None if fits or texture.value is None else texture.layout.within(slot.width)
