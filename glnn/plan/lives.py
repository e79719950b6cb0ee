"""When tensors live, and so which of them may share a texture one after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..layout.codec import activation_storage
from ..primitives.base import Value
from .builder import PlanBuilder
from .drafts import DrawSpec, RepeatSpec
from .flatten import textures_of_renamed
from .slots import Slot, Texture, share


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
        slots, numbers, layouts = share(self.textures)
        for number, layout in layouts.items():
            self.drafts.layouts[number] = layout
        slot_of = {value: [numbers[k] for k in textures] for value, textures in self.slot_of.items()}
        textures_of_renamed(self.drafts, slot_of)
        return slots, slot_of

    def _homes(self, draft: DrawSpec) -> list[Value]:
        """What has textures of a draw's output, the first, and of its inputs."""
        homes = [self.drafts.home(value) for value in (draft.out, *draft.inputs.values())]
        return [self.drafts.renamed.get(value.id, value) for value in homes]

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
        loose = value.id if value.id in self.loose and not alike else None
        first = len(self.textures)
        self.textures += [Texture(need, layout, at, loose, alike, shared) for _ in range(layout.textures)]
        self.slot_of[value.id] = list(range(first, len(self.textures)))
