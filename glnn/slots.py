"""The textures that tensors share one after another, by lifetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .drafts import Drafts
from .layers.base import Value
from .layout import Layout


@dataclass(frozen=True)
class Slot:
    """A texture that tensors share one after another: size in texels, layers (0: a plain 2D texture), format."""

    width: int
    height: int
    layers: int
    format: str


def assign_slots(
    drafts: Drafts, inputs: Mapping[str, Value], outputs: list[Value], format: str
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

    fixed: set[int] = set()  # slots of tensors in several parts: all parts share one size, so these never grow

    def take(layout: Layout, reuse: bool) -> int:
        need = Slot(*layout.size, layout.layers if array else 0, format)
        best, grown = None, 0
        for number in free if reuse else ():
            slot = slots[number]
            if number in fixed or layout.parts > 1:
                if number in fixed and slot == need:
                    best, grown = number, 0
            elif slot.layers == need.layers:
                size = max(slot.width, need.width) * max(slot.height, need.height)
                growth = size - slot.width * slot.height
                if best is None or growth < grown:
                    best, grown = number, growth
        if best is None or grown > need.width * need.height:
            slots.append(need)
            if layout.parts > 1:
                fixed.add(len(slots) - 1)
            return len(slots) - 1
        free.remove(best)
        slot = slots[best]
        slots[best] = Slot(max(slot.width, need.width), max(slot.height, need.height), slot.layers, format)
        return best

    for value in inputs.values():
        slot_of[value.id] = [take(drafts.layouts[value.id], False) for _ in range(drafts.layouts[value.id].parts)]
    for i, draft in enumerate(drafts.drafts):
        layout = drafts.layouts[draft.out.id]
        slot_of[draft.out.id] = [take(layout, draft.out.id not in kept) for _ in range(layout.parts)]
        for number in {v.id for v in (*draft.inputs.values(), draft.out)}:
            if last[number] == i and number not in kept:
                free += slot_of[number]
    return slots, slot_of
