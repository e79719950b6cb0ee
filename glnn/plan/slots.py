"""The textures that tensors share one after another: which lie in which, so that all are small.

Textures of one depth and format are given, in some order, the slot where each adds least; first the largest (greedy by
size: Pisarchyk and Lee, Efficient memory management for deep neural net inference, 2020). A tensor may get another
number of columns, where it then fits a slot that others have. Then a search moves one that made a slot, or made it
larger, in that order, mostly forward, and goes on from there unless more is taken. It tries the same each time, longer
where there is more to save, and stops where no slots that hold one tensor at a time could take less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..layout.codec import texel_bytes
from ..layout.tiles import Layout
from ..records import dataclass

GOAL = 1.02  # of the least that slots could take: less is not looked for
WORTH = 1 << 9  # bytes that are worth a placement of the search (2 us)
MOST = 16000  # placements of the search
BACK = 4  # every which move may go back too


@dataclass(frozen=True)
class Slot:
    """A texture that tensors share one after another: size in texels, layers (0: a plain 2D texture), format."""

    width: int
    height: int
    layers: int
    format: str


@dataclass(eq=False)
class Texture:
    """A tensor's texture: what it needs, how the tensor lies, the first and the last moment at which it is needed.

    loose:  the tensor's number, where its layout may get other columns
    alike:  whether others must have its very size
    shared: whether it may lie where others lie before it and after it
    """

    need: Slot
    layout: Layout
    first: int
    loose: int | None
    alike: bool
    shared: bool
    last: float = math.inf


def texels(slot: Slot) -> int:
    """How many texels a slot has."""
    return slot.width * slot.height * max(1, slot.layers)


def share(textures: Sequence[Texture]) -> tuple[list[Slot], list[int], dict[int, Layout]]:
    """Slots for textures, the slot of each, and the new layouts of tensors that get one, by their numbers."""
    kinds: dict[tuple[int, str] | int, list[int]] = {}
    for k, texture in enumerate(textures):
        kinds.setdefault((texture.need.layers, texture.need.format) if texture.shared else k, []).append(k)
    filled: list[tuple[list[int], Slot]] = []
    layouts: dict[int, Layout] = {}
    for numbers in kinds.values():
        kind = _Kind([textures[k] for k in numbers])
        filled += [([numbers[k] for k in held], slot) for held, slot in kind.slots(layouts)]
    filled.sort(key=lambda slot: min(slot[0]))
    slot_of = {k: number for number, (held, _) in enumerate(filled) for k in held}
    return [slot for _, slot in filled], [slot_of[k] for k in range(len(textures))], layouts


class _Placed:
    """Slots after a texture got its place: who lies in each (a bit each), the sizes, the texels of a layer of all.

    layout: of the texture's tensor there
    """

    __slots__ = ("heights", "layout", "members", "texels", "widths")

    def __init__(
        self, members: list[int], widths: list[int], heights: list[int], texels: int, layout: Layout | None = None
    ):
        self.members, self.widths, self.heights, self.texels, self.layout = members, widths, heights, texels, layout


class _Kind:
    """Textures that may share slots: those of one depth and format."""

    def __init__(self, textures: Sequence[Texture]):
        self.textures = textures
        self.areas = [texture.need.width * texture.need.height for texture in textures]
        self.clashes = [0] * len(textures)  # for each those that it can't lie with, a bit each
        self.least = self._find_clashes()
        self.placements = 0
        self._alike: dict[Layout, int] = {}
        self._layouts = [self._alike.setdefault(t.layout, len(self._alike)) for t in textures]
        self._cut: dict[tuple[int, int], Layout | None] = {}  # by layout and columns

    def slots(self, layouts: dict[int, Layout]) -> Iterator[tuple[list[int], Slot]]:
        """Who lies in each slot; the slot. layouts: where new layouts of tensors go, by number."""
        order = sorted(range(len(self.textures)), key=lambda k: -self.areas[k])
        steps = [_Placed([], [], [], 0)]
        self._place(order, steps)
        order, steps = self._search(order, steps)
        last, laid = steps[-1], {k: step.layout for k, step in zip(order, steps[1:], strict=True)}
        for members, width, height in zip(last.members, last.widths, last.heights, strict=True):
            held = [k for k in range(len(self.textures)) if members >> k & 1]
            for k in held:
                texture, layout = self.textures[k], laid[k]
                fits = texture.need.width <= width and texture.need.height <= height
                if layout is not None and texture.loose is not None and not fits:  # the slot may have grown since
                    layouts[texture.loose] = layout
            yield held, replace(self.textures[held[0]].need, width=width, height=height)

    def _find_clashes(self) -> int:
        """Finds who lives at once -> texels of a layer that no slots can do without, each holding one at a time.

        Of those that live at once the second largest needs a slot beside the largest one's, and so on.
        """
        live, largest = list[int](), list[int]()
        for k in sorted(range(len(self.textures)), key=lambda k: self.textures[k].first):
            one = self.textures[k]
            live = [other for other in live if self.textures[other].last >= one.first]
            for other in live:
                self._clash(k, other)
            live.append(k)
            sizes = sorted((self._area(other) for other in live), reverse=True)
            largest += [0] * (len(sizes) - len(largest))
            largest = [max(pair) for pair in zip(largest, sizes + [0] * len(largest), strict=False)]
        for k in (k for k, one in enumerate(self.textures) if one.alike):
            for other, texture in enumerate(self.textures):
                if texture.need != self.textures[k].need:
                    self._clash(k, other)
        return sum(largest)

    def _clash(self, one: int, other: int) -> None:
        self.clashes[one] |= 1 << other
        self.clashes[other] |= 1 << one

    def _area(self, k: int) -> int:
        """Texels of a layer that a texture can't do without, whatever its columns."""
        texture = self.textures[k]
        layout, area = texture.layout, self.areas[k]
        return area if texture.loose is None else min(area, layout.tiles * layout.tile[0] * layout.tile[1])

    def _search(self, order: list[int], steps: list[_Placed]) -> tuple[list[int], list[_Placed]]:
        """An order in which less is taken, and its placements."""
        need = self.textures[0].need
        made = steps[-1].texels * max(1, need.layers) * texel_bytes(need.format)
        turns, grown = _turns(), _grown(steps)
        while self.placements < min(MOST, made // WORTH) and steps[-1].texels > GOAL * self.least:
            self.placements += 1
            one = grown[next(turns) % len(grown)]
            to = next(turns) % (len(order) if next(turns) % BACK == 0 else one + 1)
            if one == to:
                continue
            other, begun = order[:], steps[: min(one, to) + 1]
            other.insert(to, other.pop(one))
            if self._place(other, begun, steps[-1].texels):
                order, steps, grown = other, begun, _grown(begun)
        return order, steps

    def _place(self, order: Sequence[int], steps: list[_Placed], most: float = math.inf) -> bool:
        """Places the rest of an order after the first steps; False where more than `most` texels are taken."""
        now = steps[-1]
        members, widths, heights = now.members[:], now.widths[:], now.heights[:]
        total = now.texels
        for k in order[len(steps) - 1 :]:
            self.placements += 1
            best, more, size, layout = self._best(k, members, widths, heights)
            total += more
            if total > most:
                return False
            if best == len(members):
                members.append(0)
                widths.append(0)
                heights.append(0)
            members[best] |= 1 << k
            widths[best], heights[best] = size
            steps.append(_Placed(members[:], widths[:], heights[:], total, layout))
        return True

    def _best(
        self, k: int, members: list[int], widths: list[int], heights: list[int]
    ) -> tuple[int, int, tuple[int, int], Layout | None]:
        """The slot where a texture adds least, how much, the slot's size then, and the layout if it is a new one."""
        need, clash = self.textures[k].need, self.clashes[k]
        width, height = need.width, need.height
        best, added, size, layout = len(members), self.areas[k], (width, height), None
        for number, held in enumerate(members):
            if held & clash:
                continue
            wide, high = widths[number], heights[number]
            w, h = max(width, wide), max(height, high)
            more = w * h - wide * high
            if more < added:
                best, added, size, layout = number, more, (w, h), None
            if more and (other := self._within(k, wide)):
                h = max(other.size[1], high)
                more = wide * (h - high)
                if more < added:
                    best, added, size, layout = number, more, (wide, h), other
            if not added:
                break
        return best, added, size, layout

    def _within(self, k: int, width: int) -> Layout | None:
        """The layout of a texture's tensor with as many columns as fill a width, where it is as good to draw."""
        texture = self.textures[k]
        across = texture.layout.tile[1]
        if texture.loose is None or across > width:
            return None
        columns = min(texture.layout.tiles, width // across)
        key = self._layouts[k], columns
        if key not in self._cut:
            self._cut[key] = texture.layout.in_columns(columns)
        other = self._cut[key]
        return other if other and other.size[0] <= width else None


def _grown(steps: Sequence[_Placed]) -> list[int]:
    """The steps that slots were made or grew in."""
    return [k for k, (before, after) in enumerate(zip(steps, steps[1:], strict=False)) if after.texels > before.texels]


def _turns() -> Iterator[int]:
    """The same numbers each time, as if by chance (Numerical Recipes; to import `random` takes 5 ms)."""
    number = 0
    while True:
        number = (1664525 * number + 1013904223) % (1 << 32)
        yield number >> 8
