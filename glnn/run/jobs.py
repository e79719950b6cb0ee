"""What is to be compiled of a plan, for a thread that compiles ahead of its draws."""

from __future__ import annotations

from collections.abc import Iterator

from ..device.ahead import Job, Kind
from ..plan.plan import Plan
from ..plan.slots import Slot


def jobs(plan: Plan) -> Iterator[Job]:
    """Each program of a plan with what it is drawn with first."""
    seen: set[str] = set()
    for number, draw in enumerate(plan.draws):
        if draw.program in seen:
            continue
        seen.add(draw.program)
        text, kinds = plan.programs[draw.program], []
        for kind, n, _ in draw.textures:
            if kind == "slot":
                kinds.append(_kind(plan.slots[n]))
            else:
                layout = plan.weights[n].layout
                kinds.append((*layout.size, layout.depth, plan.weights[n].storage.format))
        target = _kind(plan.slots[draw.target])
        yield Job(number, text.vertex, text.fragment, tuple(text.samplers), tuple(kinds), target, draw.layers[1])


def _kind(slot: Slot) -> Kind:
    return slot.width, slot.height, slot.layers, slot.format
