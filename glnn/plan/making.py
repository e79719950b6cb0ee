"""What each draw of a plan makes, in repeats as well, for those who look at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..graph.graph import ActivationCodec
from ..graph.shapes import Shape
from ..layout.sections import Section
from ..layout.tiles import Layout
from ..records import dataclass
from .drafts import DrawSpec, RepeatSpec

if TYPE_CHECKING:
    from .builder import PlanBuilder


@dataclass(frozen=True)
class Making:
    """The tensor that a draw makes, or several one after another, one for each part of its layout.

    draw:   the number of the first of them (see `each_draw`)
    name:   of the tensor in the graph; in a repeat the layer's and, behind a slash, what the tensor is there: the name
            of a state, a layer or a primitive. "" for what no node names, as copies
    label:  of the layer in the user's model around all repeats
    counts: turns of the repeats around the draw, outermost first
    parts:  how many draws make it, one for each part of it, or one of tiles for all
    section: what it is of the tensor that they make, which has this layout and codec; None: all of it
    """

    draw: int
    name: str
    label: str
    shape: Shape
    layout: Layout
    codec: ActivationCodec
    counts: tuple[int, ...] = ()
    parts: int = 1
    section: Section | None = None

    @property
    def draws(self) -> range:
        """The numbers of its draws."""
        return range(self.draw, self.draw + self.parts)


def makings(drafts: PlanBuilder) -> Iterator[Making]:
    """What the draws of a plan make, in order; of several in turns that are called alike, later ones get numbers."""
    met: Counter[str] = Counter()
    for item in _made(drafts, drafts.steps, 0, ()):
        met[item.name] += bool(item.counts and item.name)
        number = met[item.name]
        yield item if number < 2 or not item.counts else replace(item, name=f"{item.name}.{number}")


def _made(
    drafts: PlanBuilder, steps: Iterable[DrawSpec | RepeatSpec], first: int, counts: tuple[int, ...]
) -> Iterator[Making]:
    """What the draws of steps make; first: the number of the first draw; counts: turns of repeats around."""
    picked: dict[int, list[tuple[int, Shape, Section | None]]] = {}  # what is called something of a tensor, by number
    for number, made in drafts.in_place.items():
        if number in drafts.words:
            picked.setdefault(made.whole.id, []).append((number, made.section.shape, made.section))
    for spec in steps:
        if isinstance(spec, RepeatSpec):
            yield from (inner := list(_made(drafts, spec.steps, first, (*counts, spec.count))))
            first = inner[-1].draws.stop if inner else first
            continue
        out = spec.out
        count = drafts.draws_of(spec)
        told = (picked.get(out.id) if counts else None) or [(out.id, out.shape, None)]
        for number, shape, section in told:
            name, label = drafts.words.get(number, ("", spec.label))
            layout, codec = drafts.layouts[out.id], drafts.codecs[out.id]
            yield Making(first, name, label, shape, layout, codec, counts, count, section)
        first += count
