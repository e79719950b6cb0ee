"""Concatenations that no draw makes: each part is drawn where it lies in the whole, a run of rows of tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from ..kernels.virtual import Join
from ..layout.blocks import busiest
from ..layout.sections import run
from ..layout.tiles import UNEVEN, Layout
from ..primitives.base import Value
from .builder import PlanBuilder
from .drafts import DrawSpec, InPlace, reads


def join_in_place(drafts: PlanBuilder, kept: set[int]) -> None:
    """Leaves out draws that only put tensors one after the other, where what makes these can draw into the whole.

    It can where all lie alike and so that a part fills whole rows of tiles: along the channels of one image, and along
    the images. kept: tensors with textures of their own
    """
    if drafts.limits.stage != "fragment":  # a compute shader's tiles are written where the tensor begins
        return
    alone = _Alone(drafts, kept)
    joined = [spec for spec in drafts.steps if isinstance(spec, DrawSpec) and _join(drafts, spec, alone)]
    drafts.steps[:] = [spec for spec in drafts.steps if spec not in joined]


class _Alone:
    """Which tensors are drawn outside of repeats, read once and free to lie elsewhere."""

    def __init__(self, drafts: PlanBuilder, kept: set[int]):
        read = reads(drafts.steps, drafts.home)
        drawn = {spec.out.id for spec in drafts.steps if isinstance(spec, DrawSpec)}
        self.parts = {number for number in drawn & drafts.loose if read[number] == 1} - kept
        self.wholes = drawn & drafts.loose

    def take(self, whole: Value, parts: Sequence[Value]) -> None:
        """From now on the parts lie in the whole, which no draw makes."""
        self.parts -= {whole.id, *(part.id for part in parts)}
        self.wholes -= {whole.id, *(part.id for part in parts)}


def _join(drafts: PlanBuilder, spec: DrawSpec, alone: _Alone) -> bool:
    """Lays what a draw puts together in what it makes, if that can be."""
    join, whole = spec.virtual.get("x"), spec.out
    if spec.kernel != "concat" or spec.finish or not isinstance(join, Join) or join.starts:
        return False
    if join.axis != 3 and (join.axis or len(whole.shape) != 4):
        return False
    parts = [spec.inputs[name] for name in join.names]
    if whole.id not in alone.wholes or len(set(parts)) < len(parts) or any(v.id not in alone.parts for v in parts):
        return False
    if any(drafts.codecs[part.id] != drafts.codecs[whole.id] for part in parts):
        return False
    axis = len(whole.shape) - 1 if join.axis else 0
    sizes = [int(part.shape[axis]) for part in parts]
    shape = tuple(map(int, whole.shape))
    sections = [run(shape, axis, end - size, size) for end, size in zip(accumulate(sizes), sizes, strict=True)]
    layouts = [drafts.layouts[part.id] for part in parts]
    columns = _columns(layouts, join)
    if not columns or not all(sections):
        return False
    top = 0
    for part, layout, section in zip(parts, layouts, sections, strict=True):
        assert section is not None
        drafts.layouts[part.id] = replace(layout, columns=columns)
        drafts.in_place[part.id] = InPlace(whole, section, ())
        drafts.above[part.id] = top
        top += layout.tiles // columns
    drafts.layouts[whole.id] = replace(layouts[0], shape=shape, columns=columns)
    alone.take(whole, parts)
    return True


def _columns(layouts: Sequence[Layout], join: Join) -> int:
    """In how many columns of tiles the parts lie one above the other in one texture, 0 where they can't."""
    first, images = layouts[0], join.dims[0]
    if join.axis and images > 1:
        return 0
    if any(replace(one, shape=first.shape, columns=first.columns) != first or one.parts > 1 for one in layouts):
        return 0
    (height, width), tiles = first.tile, [one.tiles for one in layouts]

    def load(columns: int) -> int:
        return sum(busiest(columns * width, count // columns * height) for count in tiles)

    common, whole = math.gcd(*tiles), sum(tiles)
    widest = min(common, first.limit // width)
    able = [n for n in range(1, widest + 1) if common % n == 0 and whole // n <= first.part_rows]
    if not able or first.flat:
        return 0
    best = min(able, key=lambda n: (load(n), abs(n * width - whole // n * height)))
    return best if load(best) <= UNEVEN * sum(busiest(*one.used) for one in layouts) else 0
