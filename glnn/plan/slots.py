"""The textures that tensors share one after another, by lifetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..layout.codec import activation_storage
from ..primitives.base import Value
from .builder import PlanBuilder


@dataclass(frozen=True)
class Slot:
    """A texture that tensors share one after another: size in texels, layers (0: a plain 2D texture), format."""

    width: int
    height: int
    layers: int
    format: str


def assign_slots(
    drafts: PlanBuilder, inputs: Mapping[str, Value], outputs: list[Value]
) -> tuple[list[Slot], dict[int, list[int]]]:
    """Texture slots, and the slots of each tensor: one is free again after the last draw that reads it.

    For its next tensor it may grow.
    """
    last: dict[int, int] = {}
    for i, draft in enumerate(drafts.drafts):
        last[draft.out.id] = max(last.get(draft.out.id, i), i)
        for value in draft.inputs.values():
            last[value.id] = i
    kept = {v.id for v in outputs} | {v.id for v in inputs.values()}
    slots: list[Slot] = []
    slot_of: dict[int, list[int]] = {}
    free: list[int] = []
    array = drafts.limits.dialect != "es100"

    fixed: set[int] = set()  # slots of tensors in several textures: all share one size, so these never grow

    def take(value: Value, reuse: bool) -> list[int]:
        layout = drafts.layouts[value.id]
        format = activation_storage(drafts.codecs[value.id].codec).format
        need = Slot(*layout.size, layout.depth if array else 0, format)
        return [take_one(need, layout.textures > 1, reuse) for _ in range(layout.textures)]

    def take_one(need: Slot, several: bool, reuse: bool) -> int:
        best, grown = None, 0
        for number in free if reuse else ():
            slot = slots[number]
            if number in fixed or several:
                if number in fixed and slot == need:
                    best, grown = number, 0
            elif (slot.layers, slot.format) == (need.layers, need.format):
                size = max(slot.width, need.width) * max(slot.height, need.height)
                growth = size - slot.width * slot.height
                if best is None or growth < grown:
                    best, grown = number, growth
        if best is None or grown > need.width * need.height:
            slots.append(need)
            if several:
                fixed.add(len(slots) - 1)
            return len(slots) - 1
        free.remove(best)
        slot = slots[best]
        slots[best] = Slot(max(slot.width, need.width), max(slot.height, need.height), slot.layers, slot.format)
        return best

    for value in inputs.values():
        slot_of[value.id] = take(value, False)
    for i, draft in enumerate(drafts.drafts):
        slot_of[draft.out.id] = take(draft.out, draft.out.id not in kept)
        for number in {v.id for v in (*draft.inputs.values(), draft.out)}:
            if last[number] == i and number not in kept:
                free += slot_of[number]
    return slots, slot_of
