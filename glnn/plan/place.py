"""Drafts that have slots -> steps and shader texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..errors import GlnnError, KernelError, LimitError
from ..kernels.assemble import Bound, Call, ShaderText, assemble
from ..kernels.fetches import section_starts
from ..kernels.tiles import assemble_tiles, invocations
from ..layout.codec import activation_storage
from ..layout.sections import Section
from ..primitives.base import Value, Window
from .alike import draw_alike
from .builder import PlanBuilder
from .drafts import DrawSpec, InPlace, RepeatSpec, Stacked, each_spec
from .slots import Slot
from .steps import Count, Draw, Move, Repeat
from .weights import WeightPlan

INTEGERS = 1 << 31


class Placer:
    """Makes the steps of a plan from drafts; collects the texts that they are drawn with, by key."""

    def __init__(self, drafts: PlanBuilder, slots: Sequence[Slot], slot_of: Mapping[int, list[int]]):
        self.drafts, self.slots, self.slot_of = drafts, slots, slot_of
        self.weights: list[WeightPlan] = drafts.weights
        self.programs: dict[str, ShaderText] = {}
        self._edges: dict[tuple[object, ...], tuple[bool, bool]] = {}
        self._see_edges(drafts.steps)
        draw_alike(
            each_spec(drafts.steps), lambda spec: drafts.layouts[spec.out.id], lambda spec: self._text(spec).key,
            free=not (drafts.choice.recipes or drafts.choice.forced),
        )  # fmt: skip

    def steps(
        self, specs: Sequence[DrawSpec | RepeatSpec], around: tuple[RepeatSpec, ...] = ()
    ) -> tuple[Draw | Repeat, ...]:
        """The steps of drafts in some repeats, outermost first. Raises LimitError, KernelError."""
        made: list[Draw | Repeat] = []
        for spec in specs:
            if isinstance(spec, DrawSpec):
                made += self._draws(spec, around)
                continue
            pairs = [(self.slot_of[pair.state.id], self.slot_of[pair.result.id]) for pair in spec.carried]
            pairs += [(self.slot_of[one.id], self.slot_of[other.id]) for one, other in spec.twins]
            swaps = tuple(swap for states, results in pairs for swap in zip(states, results, strict=True))
            made.append(Repeat(spec.count, self.steps(spec.steps, (*around, spec)), swaps))
        return tuple(made)

    def _see_edges(self, specs: Sequence[DrawSpec | RepeatSpec]) -> None:
        """Where one image of a kernel fills its blocks and another does not, both are drawn by the other's text."""
        for spec in specs:
            if isinstance(spec, RepeatSpec):
                self._see_edges(spec.steps)
                continue
            layout, key = self.drafts.layouts[spec.out.id], self._kind(spec)
            below, beside = self._edges.get(key, (False, False))
            (_, h, w, _), (rows, columns) = layout.dims, layout.block
            self._edges[key] = below or h % rows > 0, beside or w % columns > 0

    def _kind(self, draft: DrawSpec) -> tuple[object, ...]:
        """What texts of a kernel that may be the same have in common."""
        const = tuple((name, value) for name, value in draft.const.items() if name != "GU")
        return draft.kernel, self.drafts.layouts[draft.out.id].block, const

    def _draws(self, draft: DrawSpec, around: tuple[RepeatSpec, ...]) -> Iterator[Draw]:
        """A draw for each part of what is made."""
        drafts, limits = self.drafts, self.drafts.limits
        text = self._text(draft)
        if over := [number for number in text.ints if not -INTEGERS <= number < INTEGERS]:
            raise LimitError(f"layer {draft.label!r}: a size of {over[0]} is beyond the 32 bits of shaders")
        units: list[tuple[str, int, int]] = []
        for value in draft.inputs.values():
            units += [("slot", slot, 0) for slot in self.slot_of[drafts.home(value).id]]
        for number in (*draft.tensors.values(), *draft.cells.values()):
            units += [("weight", number, part) for part in range(self.weights[number].layout.textures)]
        if len(units) > limits.texture_units:
            raise LimitError(
                f"layer {draft.label!r}: a pass reads {len(units)} textures, the device has {limits.texture_units} "
                "texture units. Use a smaller batch or image, or a device with larger textures"
            )
        self.programs.setdefault(text.key, text)
        layout, home = drafts.layouts[draft.out.id], drafts.home(draft.out)
        counts = self._counts(draft, text, around)
        if draft.grid is not None:  # all parts at once
            size, slot = invocations(draft.const, layout, draft.grid), self.slot_of[home.id][0]
            yield Draw(
                text.key, slot, (0, layout.depth), size, tuple(units), text.ints, text.floats, draft.label,
                draft.kernel, counts,
            )  # fmt: skip
            return
        stacked = next((item for item in (around[-1].stacked if around else ()) if item.turn.id == draft.out.id), None)
        above = drafts.above.get(draft.out.id, 0)
        for part in range(layout.parts):
            slot = self.slot_of[home.id][0 if layout.stacked else part]
            first = part * layout.layers if layout.stacked else 0
            move = self._move(stacked, part) if stacked else None
            if move:
                slot, first = move.places[0]
            yield Draw(
                text.key,
                slot,
                (first, layout.layers),
                (layout.width, layout.part_height(part)),
                tuple(units),
                (part * layout.part_rows - above, *text.ints[1:]),
                text.floats,
                draft.label,
                draft.kernel,
                counts,
                move,
                above * layout.tile[0],
            )

    def _move(self, item: Stacked, part: int) -> Move:
        """Where a part of what is stacked goes, turn by turn."""
        stack, slots = self.drafts.stacks[item.whole.id], self.slot_of[item.whole.id]
        whole = stack.whole
        numbers = range(part, whole.parts, stack.turn.parts)
        places = tuple((slots[0], k * whole.layers) if whole.stacked else (slots[k], 0) for k in numbers)
        return Move(item.first, item.step, stack.per, stack.texel_rows, stack.rows, places)

    def _counts(self, draft: DrawSpec, text: ShaderText, around: tuple[RepeatSpec, ...]) -> tuple[Count, ...]:
        """The integers of a draw that change by turn: its own params, and where sections of tensors begin."""
        changes = [(name, spec, step) for name, steps in draft.counts.items() for spec, step in steps]
        for name, value in draft.inputs.items():
            seen = self.drafts.seen(value)
            if seen is not None:
                starts = section_starts(name)
                changes += [(starts[axis], spec, step) for axis, step, spec in seen.moves]
        made = []
        for name, spec, step in changes:
            if name in draft.counts and f"const int {name} =" in text.fragment:
                raise KernelError(
                    f"layer {draft.label!r}: param {name} of kernel {draft.kernel} bounds a loop, which stands in the "
                    "text in this dialect; it cannot change by turn"
                )
            if spec not in around:
                raise KernelError(f"layer {draft.label!r}: kernel {draft.kernel} counts turns of a repeat that is over")
            if step and name in text.names:
                made.append(Count(text.names.index(name), step, len(around) - 1 - around.index(spec)))
        return tuple(made)

    def _text(self, draft: DrawSpec) -> ShaderText:
        drafts = self.drafts
        bound = []
        for name, value in draft.inputs.items():
            seen, home = drafts.seen(value), drafts.home(value)
            window, slot = draft.windows.get(name, Window()), self.slots[self.slot_of[home.id][0]]
            text, values = self._codec(home)
            section, row = self._row(draft, window, seen, home) if seen else (None, 0)
            bound.append(
                (
                    name,
                    Bound(
                        drafts.layouts[home.id], text, window.mul, window.div, (slot.width, slot.height),
                        quant="range" if values else None, values=values or (1.0, 0.0),
                        section=section, row=row,
                    ),
                )
            )  # fmt: skip
        for name, number in draft.tensors.items():
            bound.append((name, replace(self.weights[number].bound, mul=draft.windows.get(name, Window()).mul)))
        text, values = self._codec(draft.out)
        try:
            call = (
                Call(
                    draft.kernel, drafts.layouts[draft.out.id], tuple(bound),
                    tuple((name, self.weights[i].bound) for name, i in draft.cells.items()),
                    tuple(draft.const.items()), tuple(draft.param.items()),
                    draft.finish, text, values, drafts.limits.dialect, drafts.limits.precision, draft.looped,
                    draft.rolled,
                    tuple(draft.virtual.items()), tuple(draft.uniform.items()),
                    draft.parts, self._edges[self._kind(draft)], drafts.choice.fetching(drafts.limits),
                    draft.lanes,
                )
            )  # fmt: skip
            if draft.grid is not None:
                return assemble_tiles(call, draft.source, draft.grid)
            return assemble(call, draft.source)
        except GlnnError as error:
            raise type(error)(f"layer {draft.label!r}: {error}") from error

    def _row(self, draft: DrawSpec, window: Window, seen: InPlace, home: Value) -> tuple[Section | None, int]:
        """What of a tensor a draw sees, and which row of it alone, where it is one that its window cannot leave."""
        row = None
        if not window.mul[0] and not draft.looped and not draft.rolled and not any(place for place, _, _ in seen.moves):
            row = seen.section.row(self.drafts.layouts[home.id])
        return row or (seen.section, 0)

    def _codec(self, value: Value) -> tuple[str, tuple[float, float] | None]:
        """The file in shaders/codecs that codes a tensor between layers, and its scale and zero if it has them."""
        codec = self.drafts.codecs[value.id]
        text = activation_storage(codec.codec).text
        return text, (codec.scale, float(codec.zero)) if codec.codec == "uint8" else None
