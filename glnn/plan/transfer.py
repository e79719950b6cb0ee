"""Plans that bring values into a tensor's layout and out of it: what Layout.pack and unpack do, by draws.

Values lie *raw* in a texture one after another, as an array in memory, four to a texel: so they are uploaded and read
without any work of NumPy's. A page packs in its own way and needs none of these.
"""

from __future__ import annotations

import math

from ..graph.graph import ActivationCodec, Graph
from ..graph.shapes import Shape, ceil_div
from ..layout.limits import Limits
from ..layout.tiles import Layout, uneven
from ..primitives.base import Value
from .builder import PlanBuilder
from .lives import assign_slots
from .place import Placer
from .plan import Plan, TensorPlan
from .weights import WeightStore

MOST = 1 << 23  # values: shaders divide their numbers exactly, with room for those of the last row
RAW = "raw"  # the name of the input or output that is raw


def raw_shape(count: int, limits: Limits) -> Shape | None:
    """The shape (1, rows, texels of a row, 4) of so many values as they lie raw; None where a texture has no room."""
    texels, limit = ceil_div(count, 4), limits.max_texture_size
    width = uneven(min(limit, max(1, math.isqrt(texels))), limit)
    rows = uneven(ceil_div(texels, width), limit)
    return None if rows > limit or count > MOST else (1, rows, width, 4)


def packing(spec: TensorPlan, limits: Limits) -> Plan | None:
    """The plan that makes an input, in the layout that it has, of its raw values; None where none does.

    It draws what `Layout.pack` packs, bit for bit: tensors of floats, four to a texel.
    """
    shape = raw_shape(math.prod(spec.shape), limits)
    if shape is None or not _whole(spec, limits):
        return None
    drafts = _drafts(limits)
    plan = _plan(drafts, RAW, drafts.value(shape, blocked=False), spec.name, spec.shape, spec.layout)
    return plan if plan.outputs[0].layout == spec.layout else None


def unpacking(spec: TensorPlan, limits: Limits) -> Plan | None:
    """The plan that makes raw values of an output; None where none does."""
    shape = raw_shape(math.prod(spec.shape), limits)
    if shape is None or not _whole(spec, limits):
        return None
    drafts = _drafts(limits)
    value = drafts.lies(spec.shape, spec.layout, ActivationCodec(spec.codec))
    return _plan(drafts, spec.name, value, RAW, shape)


def _whole(spec: TensorPlan, limits: Limits) -> bool:
    return spec.codec == limits.float_target != "rgba8"


def _drafts(limits: Limits) -> PlanBuilder:
    return PlanBuilder(limits, WeightStore(Graph("transfer", (), (), ())))


def _plan(drafts: PlanBuilder, given: str, value: Value, made: str, shape: Shape, layout: Layout | None = None) -> Plan:
    """The plan of one draw, or one for each part: the same values one after another in another shape.

    layout: how they lie then, of pixels for themselves; None: as any tensor
    """
    aligned = int(value.shape[-1] % 4 == shape[-1] % 4 == 0)
    out = drafts.draw("reshape", shape, {"x": value}, const={"ALIGNED": aligned})
    if layout is not None and layout.layers == 1:
        drafts.layouts[out.id] = layout
    slots, slot_of = assign_slots(drafts, {given: value}, [out])
    placer = Placer(drafts, slots, slot_of)
    steps = placer.steps(drafts.steps)

    def tensor(name: str, value: Value) -> TensorPlan:
        layout, codec = drafts.layouts[value.id], drafts.codecs[value.id].codec
        return TensorPlan(name, value.shape, layout, codec, tuple(slot_of[value.id]))

    ends = (tensor(given, value),), (tensor(made, out),)
    return Plan(drafts.limits, placer.programs, tuple(slots), tuple(placer.weights), *ends, steps)
