"""Images that are only flattened: they are drawn in the order of the vector, which then needs no draw of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..primitives.base import Value
from .builder import PlanBuilder
from .drafts import DrawSpec, reads

MOST = 1 << 16  # texels of an image: in a larger one a block of pixels at once saves more than a program and a draw


def flatten_where_drawn(drafts: PlanBuilder, outputs: Sequence[Value]) -> None:
    """Drops draws that reshape an image into vectors of whole texels; what draws the image lays pixel after pixel."""
    read = reads(drafts.steps, drafts.home)
    kept = {drafts.home(value).id for value in outputs}
    makers = {spec.out.id: spec for spec in drafts.steps if isinstance(spec, DrawSpec)}
    for spec in [spec for spec in makers.values() if _plain_reshape(spec)]:
        image = spec.inputs["x"]
        maker, vector = makers.get(image.id), drafts.layouts[spec.out.id]
        alone = read[image.id] == 1 and kept.isdisjoint({image.id, spec.out.id})
        loose = {image.id, spec.out.id} <= drafts.loose
        alike = drafts.codecs[image.id] == drafts.codecs[spec.out.id]
        small = vector.tile == (1, 1) and vector.parts == 1 and vector.tiles <= MOST
        if maker and _any_order(maker) and alone and loose and alike and small and not drafts.rows_of(image):
            drafts.layouts[image.id] = replace(vector, shape=tuple(map(int, image.shape)), flat=True)
            drafts.renamed[spec.out.id] = image
            drafts.steps.remove(spec)


def _plain_reshape(spec: DrawSpec) -> bool:
    """Whether a draw does nothing but to reshape, texel by texel."""
    return spec.kernel == "reshape" and spec.const["ALIGNED"] == 1 and not spec.finish and not spec.virtual


def _any_order(spec: DrawSpec) -> bool:
    """Whether a draw loses little where it makes pixels one by one: it has no weights that those of a block share."""
    source, finish = spec.source, spec.finish
    bound = spec.grid or spec.parts or source.blocks or source.declared["matrix"] or (finish and finish.tensors)
    return not bound and all(window.div == (1, 1) for window in spec.windows.values())


def textures_of_renamed(drafts: PlanBuilder, slot_of: dict[int, list[int]]) -> None:
    """Says where vectors lie that are flattened images, now that the images have textures."""
    for number, image in drafts.renamed.items():
        layout = drafts.layouts[image.id]
        drafts.layouts[number] = replace(layout, shape=drafts.layouts[number].shape, flat=False)
        slot_of[number] = slot_of[image.id]
