"""The tensors that a plan's draws make and read: their layouts and codecs, and which are parts of others."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import LimitError
from ..graph.graph import ActivationCodec
from ..graph.shapes import Shape, canonical
from ..layout.blocks import Blocks
from ..layout.codec import activation_storage
from ..layout.limits import Limits
from ..layout.sections import Section, Stack, choose_stack, run, section
from ..layout.tiles import Layout, choose_layout
from ..primitives.base import Value
from .drafts import InPlace


class Tensors:
    """The tensors of a plan by number, how each lies and is coded: in textures of its own or in another's."""

    def __init__(self, limits: Limits, blocks: Blocks | None = None):
        self.limits, self.blocks = limits, blocks or Blocks()
        self.layouts: list[Layout] = []
        self.codecs: list[ActivationCodec] = []  # of the tensors, as the layouts
        self.in_place: dict[int, InPlace] = {}  # values that have no texture of their own, by number
        self.above: dict[int, int] = {}  # of values that draws make in others' textures: rows of tiles before them
        self.stacks: dict[int, Stack] = {}  # by the number of the whole
        self.twins: dict[int, Value] = {}  # stacks that lie alike, as turns read and write them by turns
        self._turns: dict[int, tuple[Value, ...]] = {}  # what lies in a stack's sections, by the number of the whole
        self._alike: dict[int, tuple[Value, ...]] = {}  # values that must lie alike, by the number of each
        self._drawn: dict[
            int, tuple[bool, int]
        ] = {}  # whether in blocks, and of how many rows, of each value that is drawn
        self.renamed: dict[int, Value] = {}  # vectors that lie as an image does that is flattened, by number
        self._fixed: set[int] = set()
        self._whole: set[int] = set()  # what is drawn as several pixels of several results: in whole texels alone

    def value(self, shape: Shape, blocked: bool = True, rows: int = 0) -> Value:
        """A new tensor of this shape."""
        codec = ActivationCodec(self.limits.float_target)
        return self._new(shape, self._layout(shape, codec, blocked, rows), codec)

    def lies(self, shape: Shape, layout: Layout, codec: ActivationCodec) -> Value:
        """A tensor that is there already, as it lies."""
        value = self._new(shape, layout, codec)
        self._fixed.add(value.id)
        return value

    def _new(self, shape: Shape, layout: Layout, codec: ActivationCodec) -> Value:
        self.layouts.append(layout)
        self.codecs.append(codec)
        return Value(len(self.layouts) - 1, tuple(shape))

    def _layout(self, shape: Shape, codec: ActivationCodec, blocked: bool, rows: int) -> Layout:
        texels = 4 // activation_storage(codec.codec).lanes
        return choose_layout(tuple(map(int, shape)), self.limits, blocked, texels, self.blocks, rows)

    def block_of(self, h: int, w: int) -> tuple[int, int]:
        """The block of images of this size that blocked kernels draw."""
        return self.blocks.of(h, w, self.limits.draw_buffers)

    @property
    def loose(self) -> set[int]:
        """The numbers of tensors that draws make and that may lie otherwise than they do: nothing must lie alike.

        One whose parts are read where they lie may: they are found by number. Where turns move on in it, or draws make
        its parts, it stays.
        """
        fixed = (made for number, made in self.in_place.items() if made.moves or number in self.above)
        wholes = {self.home(made.whole).id for made in fixed}
        held = {turn.id for turns in self._turns.values() for turn in turns} | wholes
        return self._drawn.keys() - self.in_place.keys() - self.stacks.keys() - self._alike.keys() - held

    def rows_of(self, value: Value) -> int:
        """How many rows of pixels the blocks of a value that is drawn must have; 0: any number."""
        return self._drawn[value.id][1]

    def units(self, value: Value) -> int:
        """How many texture units a tensor takes."""
        return self.layouts[self.home(value).id].textures

    def seen(self, value: Value) -> InPlace | None:
        """What a value is a section of, which is no section itself; None if it has textures of its own."""
        made = self.in_place.get(value.id)
        outer = made and self.seen(made.whole)
        if made is None or outer is None:
            return made
        section, became = made.section.of(outer.section)
        moves = tuple((became[k], step, spec) for k, step, spec in made.moves)
        return InPlace(outer.whole, section, outer.moves + moves)

    def home(self, value: Value) -> Value:
        """The value whose textures hold a value: itself, or what it is a section of."""
        made = self.seen(value)
        return value if made is None else made.whole

    def store_as(self, value: Value, codec: ActivationCodec) -> None:
        """Another codec for a tensor than the device's best target, if it was not set before.

        What a repeat carries is never stored as uint8: between the turns it may leave the range that was seen.
        """
        value = self.home(value)
        alike = self._alike.get(value.id, (value,))
        if value.id in self._fixed or (len(alike) > 1 and codec.codec == "uint8"):
            return
        if self._in_whole_texels((*alike, *self._turns.get(value.id, ())), codec):
            return
        if value.id in self.stacks:
            turns = self._turns[value.id]
            if len(turns) == 1 or codec.codec != "uint8":
                for whole in {value, self.twins.get(value.id, value)}:
                    self._fixed |= {whole.id, *(turn.id for turn in turns)}
                    self._lay_stack(whole, turns, codec)
            return
        self._fixed |= {v.id for v in alike}
        self.lay_alike(alike, codec)

    def exact(self, value: Value) -> Value:
        """See primitives.base.Builder."""
        if self.limits.float_target == "float16":
            self.store_as(value, ActivationCodec("rgba8"))
        self._fixed.add(self.home(value).id)  # no codec that a graph names rounds it
        return value

    def _in_whole_texels(self, values: Sequence[Value], codec: ActivationCodec) -> bool:
        """Whether a codec spreads values over texels, and some of these tensors cannot be drawn so."""
        return activation_storage(codec.codec).lanes < 4 and any(value.id in self._whole for value in values)

    def store_like(self, value: Value, other: Value) -> None:
        """Stores a tensor in the codec that was set for another, if one was."""
        home = self.home(other).id
        if home in self._fixed:
            self.store_as(value, self.codecs[home])

    def lay_alike(self, values: Sequence[Value], codec: ActivationCodec | None = None) -> None:
        """Makes values of one shape lie alike, coded as the first whose codec was set, or as `codec` says."""
        fixed = [self.codecs[v.id] for v in values if v.id in self._fixed]
        if codec is None:
            codec = fixed[0] if fixed else self.codecs[values[0].id]
        if self._in_whole_texels(values, codec):
            codec = ActivationCodec(self.limits.float_target)
        drawn = [self._drawn[v.id] for v in values if v.id in self._drawn]
        blocked, rows = bool(drawn) and all(blocked for blocked, _ in drawn), max((n for _, n in drawn), default=0)
        layout = self._layout(values[0].shape, codec, blocked, rows)
        for value in values:
            self.layouts[value.id], self.codecs[value.id] = layout, codec
            self._alike[value.id] = tuple(values)
            if fixed:
                self._fixed.add(value.id)

    def stack(self, count: int, turn: Value, *others: Value) -> Value:
        """A new tensor (count, *shape), for a number (count, 1), that is written section by section as `turn`.

        others: values that lie in its sections as well, as `turn` does. Then its sections are whole images, which are
        read as fast as tensors of their own: its shape has four axes or more.
        """
        codec, turns = self.codecs[turn.id], (turn, *others)
        whole = self._new(_stack_shape(count, turns), self.layouts[turn.id], codec)
        self._turns[whole.id] = turns
        if any(value.id in self._fixed for value in turns):
            self._fixed.add(whole.id)
        self._lay_stack(whole, turns, codec)
        return whole

    def can_stack(self, count: int, *turns: Value) -> bool:
        """Whether a stack of so many such tensors fits the device."""
        try:
            self._stack_of(_stack_shape(count, turns), turns, self.codecs[turns[0].id])
        except LimitError:
            return False
        return True

    def _stack_of(self, whole: Shape, turns: Sequence[Value], codec: ActivationCodec) -> Stack:
        texels = 4 // activation_storage(codec.codec).lanes
        drawn = [self._drawn[turn.id] for turn in turns]
        blocked, rows = all(blocked for blocked, _ in drawn), max(n for _, n in drawn)
        shape = tuple(map(int, whole[1:]))
        return choose_stack(whole[0], shape, self.limits, blocked, texels, self.blocks, rows)

    def _lay_stack(self, whole: Value, turns: Sequence[Value], codec: ActivationCodec) -> None:
        self.stacks[whole.id] = made = self._stack_of(whole.shape, turns, codec)
        self.layouts[whole.id], self.codecs[whole.id] = made.whole, codec
        for turn in turns:
            self.layouts[turn.id], self.codecs[turn.id] = made.turn, codec

    def part(self, value: Value, axis: int, start: int, size: int) -> Value | None:
        """See primitives.base.Builder."""
        section = run(tuple(map(int, value.shape)), axis, start, size)
        return self.look(InPlace(value, section, ())) if section else None

    def element(self, value: Value, axis: int, number: int) -> Value | None:
        """See primitives.base.Builder."""
        cut = section(tuple(map(int, value.shape)), axis)
        if cut is None:
            return None
        part, place, far = cut
        return self.look(InPlace(value, part.starting(place, number * far, part.shape), ()))

    def images(self, whole: Value, shape: Shape) -> list[Value]:
        """See primitives.base.Builder."""
        n = canonical(shape)[0]
        sections = (Section(shape, ("n", "h", "w"), (k, None, None)) for k in range(0, whole.shape[0], n))
        return [self.look(InPlace(whole, section, ())) for section in sections]

    def is_part(self, value: Value) -> bool:
        """Whether a value is a part of another one, the same in all turns."""
        made = self.in_place.get(value.id)
        return made is not None and not made.moves

    def look(self, made: InPlace) -> Value:
        """A new value that is a section of another."""
        home = self.home(made.whole).id
        value = self._new(made.section.shape, self.layouts[home], self.codecs[home])
        self.in_place[value.id] = made
        return value


def _stack_shape(count: int, turns: Sequence[Value]) -> Shape:
    rank, shape = 3 if len(turns) > 1 else 1, turns[0].shape
    return (count, *(1,) * (rank - len(shape)), *shape)
