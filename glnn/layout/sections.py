"""Sections of a tensor, read where they lie; and layouts in which a section along the first axis is a run of rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Shape, canonical
from ..records import dataclass
from .blocks import Blocks
from .limits import MAX_TILES, Limits
from .tiles import Layout, choose_layout

AXES = "nhw"


@dataclass(frozen=True)
class Section:
    """A tensor of `shape` that is part of a larger one, the whole: what the whole's coordinates n, h, w are.

    axes:   the section's coordinate that each is, "" where it is fixed
    starts: what is added to each; None: nothing, now or at another turn
    group:  the first of its groups of four channels; None: it has all channels
    """

    shape: Shape
    axes: tuple[str, str, str]
    starts: tuple[int | None, int | None, int | None]
    group: int | None = None

    def at(self, names: tuple[str, str, str]) -> tuple[str, ...]:
        """The whole's n, h, w as text, what is added under these names."""
        pairs = zip(self.axes, self.starts, names, strict=True)
        return tuple(
            " + ".join(filter(None, (axis, "" if start is None else name))) or "0" for axis, start, name in pairs
        )

    def starting(self, place: int, start: int, shape: Shape) -> Section:
        """The same with another start along one coordinate, as a tensor of this shape: () may stand for (1,)."""
        starts = [start if k == place else old for k, old in enumerate(self.starts)]
        return replace(self, shape=shape, starts=(starts[0], starts[1], starts[2]))

    def cut(self, whole: np.ndarray) -> np.ndarray:
        """The section's values, in its shape, out of an array of the whole."""
        n, h, w, c = canonical(self.shape)
        grid = dict(zip(("n", "h", "w", ""), (*np.ogrid[:n, :h, :w], np.zeros((1, 1, 1), int)), strict=True))
        places = tuple(grid[axis] + (start or 0) for axis, start in zip(self.axes, self.starts, strict=True))
        first = 4 * (self.group or 0)
        seen = whole.reshape(canonical(whole.shape))[tuple(np.broadcast_to(place, (n, h, w)) for place in places)]
        return seen[..., first : first + c].reshape(self.shape)

    def row(self, whole: Layout) -> tuple[Section | None, int] | None:
        """Where it is a row of pixels: the image of the whole that has it (None: the only one), and which row of it.

        None for what is none, or has several images.
        """
        start, group = self.starts[1], self.group
        if canonical(self.shape)[:2] != (1, 1) or self.axes[1] or self.axes[2] != "w" or start is None:
            return None
        if self.starts[2] is not None or group is not None:
            return None
        first = self.starts[0]
        image = (1, *whole.dims[1:])
        return None if first is None else Section(image, ("n", "h", "w"), (first, None, None)), start

    def of(self, outer: Section) -> tuple[Section, tuple[int, ...]]:
        """This section of a section, as one of the whole; and which coordinate of the whole each of ours became."""
        axes, starts, became = [""] * 3, list(outer.starts), [0, 0, 0]
        for k, name in enumerate(outer.axes):
            if name:
                own = AXES.index(name)
                axes[k], became[own] = self.axes[own], k
                if self.starts[own] is not None:
                    starts[k] = (starts[k] or 0) + (self.starts[own] or 0)
        groups = [one.group for one in (self, outer) if one.group is not None]
        whole = Section(self.shape, (axes[0], axes[1], axes[2]), (starts[0], starts[1], starts[2]))
        return replace(whole, group=sum(groups) if groups else None), tuple(became)


def section(shape: Shape, axis: int) -> tuple[Section, int, int] | None:
    """The section at 0 along an axis (from the front) of a tensor; which coordinate moves to the next one, how far.

    None where sections along this axis cannot be read in place: the last one, and all but the first of more than four.
    """
    rank = len(shape)
    place = axis + 4 - rank if rank <= 4 else 0
    if place > 2 or (rank > 4 and axis):
        return None
    rest = shape[:axis] + shape[axis + 1 :]
    axes = (("n", "h", "w"), ("h", "", "w"), ("h", "w", ""))[place]
    starts = [0 if k == place else None for k in range(3)]
    return Section(rest, axes, (starts[0], starts[1], starts[2])), place, math.prod(shape[1:-3])


def run(shape: Shape, axis: int, start: int, size: int) -> Section | None:
    """The section of `size` elements along an axis, from `start` on, that has all of the others.

    None where that cannot be read in place as fast as a tensor of its own. It can along the first of four axes or more,
    whose elements are whole images, and along the last, whole groups of four channels or up to the end.
    """
    if axis == len(shape) - 1:
        whole = not start % 4 and (not size % 4 or start + size == shape[-1])
        return Section((*shape[:-1], size), ("n", "h", "w"), (None, None, None), start // 4) if whole else None
    if axis or len(shape) < 4:
        return None
    return Section((size, *shape[1:]), ("n", "h", "w"), (start * math.prod(shape[1:-3]), None, None))


@dataclass(frozen=True)
class Stack:
    """How `count` tensors lie as sections along the first axis of one: section s is a run of texel rows, or of parts.

    turn:  the layout of a section alone
    whole: that of the stack
    per:   sections in a part; 1 where a section takes several parts
    rows:  rows of tiles that a section takes in a part
    """

    turn: Layout
    whole: Layout
    per: int
    rows: int

    @property
    def texel_rows(self) -> int:
        """Rows of texels that a section takes in a part."""
        return self.rows * self.turn.tile[0]


def choose_stack(
    count: int,
    shape: Shape,
    limits: Limits,
    blocked: bool = True,
    texels: int = 1,
    blocks: Blocks | None = None,
    rows: int = 0,
) -> Stack:
    """The layouts of `count` tensors of `shape` that draws write one by one into a stack (count, *shape).

    For blocked, texels, blocks and rows see `choose_layout`.

    Raises LimitError where that does not fit, even split.
    """
    turn, whole_shape = choose_layout(shape, limits, blocked, texels, blocks, rows), (count, *shape)
    limit, stacked = limits.max_texture_size, turn.stacked
    _, _, w, c = canonical(shape)
    block, flat = turn.block, turn.flat or len(shape) < 2
    groups = -(-c // 4) * texels
    across = -(-w // block[1]) * groups  # texels of all tiles beside each other
    if len(shape) == 2 and across <= limit and count <= limit:  # an image whose rows are the sections
        turn = Layout(shape, block, False, groups, 1, texels, limit, stacked)
        whole = Layout(whole_shape, block, False, groups, max(1, limit // count), texels, limit, stacked)
        return _checked(Stack(turn, whole, count, 1), limits, count, blocked, blocks)
    if len(shape) < 3:
        flat = True
    if flat:
        block = (1, 1)
    probe = Layout(shape, block, flat, texels=texels)
    (ph, pw), best = probe.tile, None
    for columns in _divisors(probe.tiles):
        if columns * pw > limit:
            continue
        rows, most = probe.tiles // columns, max(1, limit // ph)
        held = rows if rows <= most else max(d for d in _divisors(rows) if d <= most)
        per = most // rows if rows <= most else 1
        parts = -(-count // per) * (rows // held)
        key = parts, max(columns * pw, held * ph)
        if best is None or key < best[0]:
            best = key, columns, held, per
    assert best is not None  # one column always fits
    _, columns, held, per = best
    turn = Layout(shape, block, flat, columns, held, texels, limit, stacked)
    whole = Layout(whole_shape, block, flat, columns, held * per, texels, limit, stacked)
    return _checked(Stack(turn, whole, per, held), limits, count, blocked, blocks)


def _checked(stack: Stack, limits: Limits, count: int, blocked: bool, blocks: Blocks | None) -> Stack:
    """The stack, if the device has the layers and texture units for it; else one in fewer layers. Raises LimitError."""
    whole, turn = stack.whole, stack.turn
    if whole.tiles >= MAX_TILES:
        raise LimitError(
            f"{count} turns of shape {turn.shape} need {whole.tiles} tiles of texels; at most {MAX_TILES - 1}"
        )
    fits = whole.depth <= limits.array_layers and whole.textures <= limits.texture_units - 1
    if fits:
        return stack
    if turn.layers > 1 and blocked:
        return choose_stack(count, turn.shape, limits, False, turn.texels, blocks)
    kind = f"{whole.depth} layers" if whole.stacked else f"{whole.parts} textures"
    most = limits.array_layers if whole.stacked else limits.texture_units - 1
    raise LimitError(
        f"{count} turns of shape {turn.shape}, stacked, need {kind} of at most {limits.max_texture_size} x "
        f"{limits.max_texture_size} texels; this device has {most}. Take fewer turns at once, or a smaller batch"
    )


def _divisors(number: int) -> list[int]:
    """The divisors of a number, from 1 up."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d < number]
