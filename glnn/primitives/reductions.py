"""The draws of a reduction: in parts where loops would be too long, one axis after the other, the channels last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from ..graph.shapes import Shape, ceil_div, row_major
from ..records import dataclass
from .base import Builder, Epilogue, Source, Value, after
from .conv import LOOP_TURNS
from .expr import Number

KINDS = {"sum": 0, "mean": 1, "max": 2, "min": 3, "prod": 4}  # the numbers by which the kernels know them
PARTS = 1  # the mode of kernels that reduce channels in which they do so in parts
PARTED_TURNS = 1024  # a loop of more turns may be drawn in parts
DRAW_TURNS = 2500  # turns of a loop that take as long as a draw: 50 us on llvmpipe
BUSY_TEXELS = 1024  # texels that keep a device busy: with fewer, a loop of each leaves most of it idle
STAGED = 4096  # a reduction of more elements is made along one axis after the other


@dataclass(frozen=True)
class Span:
    """Pixels that become one: first the sizes and strides of the axes that stay, then runs of those that go."""

    kept: tuple[tuple[int, int], ...]
    runs: tuple[tuple[int, int], ...]

    def param(self, part: int | None = None) -> dict[str, int]:
        """What the kernels that reduce pixels are told; `part`: that many pixels of the one run are a part."""
        kept, ((rows, step), (count, stride)) = self.kept, ((1, 0), (1, 0), *self.runs)[-2:]
        size = rows * count
        if part is not None:
            kept, count = (*kept, (ceil_div(count, part), part * stride)), part
        kept = ((1, 0),) * (5 - len(kept)) + kept
        made = {f"A{k}": kept[k][0] for k in range(1, 5)} | {f"S{k}": kept[k][1] for k in range(5)}
        return made | {"ROWS": rows, "STEP": step, "COUNT": count, "STRIDE": stride, "SIZE": size}


def span(shape: Shape, axes: Sequence[int]) -> Span:
    """How the pixels of a tensor of this shape lie along axes that go, which are not the last."""
    strides = row_major(shape[:-1])
    kept = [(size, strides[axis]) for axis, size in enumerate(shape[:-1]) if axis not in axes]
    return Span(tuple(kept), tuple(_runs(shape, axes)))


def draw_reduced(
    b: Builder, x: Source, kind: str, axes: Sequence[int], shape: Shape, finish: Epilogue | None, most: int = LOOP_TURNS
) -> Value:
    """x reduced along axes, which are at least one, by a kind of KINDS, as a tensor of `shape`.

    most: turns of a loop; longer ones are drawn in parts
    """
    last = len(x.shape) - 1
    before = [axis for axis in axes if axis < last]
    runs = _runs(x.shape, before)
    while len(runs) > 2 or (len(runs) == 2 and math.prod(size for size, _ in runs) > STAGED):
        group = _last_run(before)
        x, before = draw_space(b, x, kind, group, without(x.shape, group), None, most), before[: -len(group)]
        runs = _runs(x.shape, before)
    if before:
        done = last not in axes
        x = draw_space(b, x, kind, before, shape if done else without(x.shape, before), finish if done else None, most)
        if done:
            return x
    return draw_channels(b, x, kind, shape, finish)


def loop_turns(shape: Shape, axes: Sequence[int]) -> int:
    """The turns of the longest loop over pixels that reduces a tensor of this shape; 1 where none could be in parts."""
    runs = _runs(shape, [axis for axis in axes if axis < len(shape) - 1])
    return runs[0][0] if len(runs) == 1 else 1


def loop_cost(turns: int, texels: int) -> float:
    """The time of a draw of so many texels, each a loop, in turns of a loop that has the device for itself."""
    return DRAW_TURNS + turns * max(1.0, texels / BUSY_TEXELS)


def draw_space(
    b: Builder, x: Source, kind: str, axes: Sequence[int], shape: Shape, finish: Epilogue | None, most: int = LOOP_TURNS
) -> Value:
    """x reduced along axes before the last, of one run or of two."""
    along, const = span(x.shape, axes), {"KIND": KINDS[kind]}
    part = part_of(along.runs[0][0], most=most) if len(along.runs) == 1 else None
    if part is None:
        return b.draw("reduce_space", shape, {"x": x}, const=const | {"PARTS": 0}, param=along.param(), finish=finish)
    whole, param = parted(x.shape, axes, along, part), along.param(part)
    parts = b.draw("reduce_space", whole, {"x": x}, const=const | {"PARTS": 1}, param=param)
    return draw_space(b, parts, _again(kind), [len(whole) - 2], shape, finish, most)


def draw_channels(b: Builder, x: Source, kind: str, shape: Shape, finish: Epilogue | None) -> Value:
    """x reduced along its last axis."""
    groups, mode, const = ceil_div(x.shape[-1], 4), lanes(shape), {"KIND": KINDS[kind]}
    part = part_of(groups, 4 if mode else 1)
    if part is None:
        param = {"GROUPS": groups}
        return b.draw("reduce_channels", shape, {"x": x}, const=const | {"MODE": mode}, param=param, finish=finish)
    whole, param = (*x.shape[:-1], ceil_div(groups, part)), {"GROUPS": part}
    parts = b.draw("reduce_channels", whole, {"x": x}, const=const | {"MODE": PARTS}, param=param)
    return draw_channels(b, parts, _again(kind), shape, finish)


def draw_number(b: Builder, x: Source, kind: str, axis: int, shape: Shape, finish: Epilogue | None) -> Value:
    """The number of the "max" or "min" along an axis."""
    if x.shape[axis] == 1:  # a kernel that reads nothing would have no texture
        return b.draw("map", shape, {}, finish=after(finish, Number(0.0), {}))
    if axis == len(x.shape) - 1:
        return _channel_number(b, x, KINDS[kind], shape, finish)
    along, const, part = span(x.shape, [axis]), {"KIND": KINDS[kind]}, part_of(x.shape[axis])
    draw = partial(b.draw, const=const | {"PARTS": 0}, finish=finish)
    if part is None:
        return draw("arg_space", shape, {"x": x}, param=_of_run(along.param()) | {"PART": 0})
    whole, param, const = parted(x.shape, [axis], along, part), along.param(part), const | {"PARTS": 1}
    values = b.draw("reduce_space", whole, {"x": x}, const=const, param=param)
    found = b.draw("arg_space", whole, {"x": x}, const=const, param=_of_run(param) | {"PART": 0})
    again = _of_run(span(whole, [len(whole) - 2]).param()) | {"PART": part}
    return draw("arg_space", shape, {"x": values, "at": found}, param=again)


def _channel_number(b: Builder, x: Source, kind: int, shape: Shape, finish: Epilogue | None) -> Value:
    groups, mode, const = ceil_div(x.shape[-1], 4), lanes(shape), {"KIND": kind}
    draw = partial(b.draw, const=const | {"MODE": mode}, finish=finish)
    part = part_of(groups, 4 if mode else 1)
    if part is None:
        return draw("arg_channels", shape, {"x": x}, param={"GROUPS": groups, "PART": 0})
    whole, const, param = (*x.shape[:-1], ceil_div(groups, part)), const | {"MODE": PARTS}, {"GROUPS": part}
    values = b.draw("reduce_channels", whole, {"x": x}, const=const, param=param)
    found = b.draw("arg_channels", whole, {"x": x}, const=const, param=param | {"PART": 0})
    again = {"GROUPS": ceil_div(whole[-1], 4), "PART": 4 * part}
    return draw("arg_channels", shape, {"x": values, "at": found}, param=again)


def _of_run(param: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in param.items() if name not in ("ROWS", "STEP")}


def lanes(shape: Shape) -> int:
    """How the kernels that reduce channels make a texel of this shape: of one pixel, or of four."""
    return 2 if shape and shape[-1] > 1 else 0


def part_of(size: int, each: int = 1, most: int = LOOP_TURNS) -> int | None:
    """How many elements a part has where `size` are more than a loop may take, `most` turns; None where they are not.

    each: how often an invocation loops over all
    """
    return None if each * size <= most else ceil_div(math.isqrt(size), 2)


def parted(shape: Shape, axes: Sequence[int], along: Span, part: int) -> Shape:
    """The shape with the axes that go as one of parts, before the channels."""
    count = ceil_div(along.runs[0][0], part) if along.runs else 1
    return (*(size for axis, size in enumerate(shape[:-1]) if axis not in axes), count, shape[-1])


def without(shape: Shape, axes: Sequence[int]) -> Shape:
    """The shape with sizes of 1 along axes."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def _again(kind: str) -> str:
    """How parts that were reduced are: those of a mean have their share already."""
    return "sum" if kind == "mean" else kind


def _last_run(axes: Sequence[int]) -> list[int]:
    """The last of the axes with those right before it, without a gap."""
    run = [axes[-1]]
    for axis in reversed(axes[:-1]):
        if axis != run[0] - 1:
            break
        run.insert(0, axis)
    return run if len(run) < len(axes) else run[1:] or run


def _runs(shape: Shape, axes: Sequence[int]) -> list[tuple[int, int]]:
    """The axes as (size, stride in pixels), those without a gap between them as one."""
    strides = row_major(shape[:-1])
    runs: list[tuple[int, int]] = []
    for axis in axes:
        size = shape[axis]
        if runs and runs[-1][1] == size * strides[axis]:
            runs[-1] = runs[-1][0] * size, strides[axis]
        elif size > 1:
            runs.append((size, strides[axis]))
    return runs
