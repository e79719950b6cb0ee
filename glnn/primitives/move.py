"""Moving elements without computing: reshape, remap (permute, repeat, pad, crop, enlarge, turn around)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import LimitError
from ..graph.shapes import Dims, Shape, numbers, product, row_major
from ..records import dataclass
from .base import Builder, Computed, Epilogue, Primitive, Recipe, Value, Window, at_least, one_of
from .expr import RESULT, Expr
from .gather import check_size, gather

MAX_RANK = 6
EDGES = {"inside": 0, "zero": 1, "clamp": 2, "reflect": 3, "wrap": 4, "only": 5}  # the numbers that the kernel knows
COUNTED = (*EDGES, "end")


@dataclass(frozen=True)
class Size:
    """In a target shape: as long as this axis of the input is."""

    axis: int


@dataclass(frozen=True)
class Reshape(Primitive):
    """The same elements in row-major order in another shape: numbers, sizes of the input, -1 once for the rest."""

    target: tuple[int | Size, ...]
    finish: Expr = RESULT

    def __post_init__(self) -> None:
        if self.target.count(-1) > 1 or any(isinstance(size, int) and size < -1 for size in self.target):
            raise ValueError(f"the shape {self.target} holds numbers, sizes of the input, and -1 once at most")

    def shape(self, *inputs: Dims) -> Dims:
        x = inputs[0]
        sizes = [x[size.axis] if isinstance(size, Size) else size for size in self.target]
        kept = [size.axis for size in self.target if isinstance(size, Size)]
        total = product(tuple(size for axis, size in enumerate(x) if axis not in kept))
        if -1 not in sizes:
            wanted = math.prod(size for size in self.target if not isinstance(size, Size))
            if total not in (None, wanted):
                raise ValueError(f"{total} elements of {x} do not fit the shape {tuple(sizes)}")
            return tuple(sizes)
        rest = math.prod(size for size in self.target if not isinstance(size, Size) and size != -1)
        if total is not None and (not rest or total % rest):
            raise ValueError(f"{total} elements of {x} do not fit the shape {tuple(sizes)}")
        return tuple((None if total is None else total // rest) if size == -1 else size for size in sizes)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0].reshape(numbers(self.shape(inputs[0].shape)))

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        shape = numbers(self.shape(x.shape))
        return [Recipe("rows", lambda b, finish: reshape(b, x, shape, finish))]


@dataclass(frozen=True)
class Unfolded(Primitive):
    """(N T, ...) -> (N, T, ...), where N and T are the first sizes of a second input, of which nothing is read."""

    arity = 2
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        (folded, *rest), like = inputs[0], inputs[1][:2]
        total = product(like)
        if len(like) < 2 or (None not in (folded, total) and folded != total):
            raise ValueError(f"{folded} samples are not those of {inputs[1]}, step by step")
        return (*like, *rest)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return inputs[0].reshape(numbers(self.shape(*(x.shape for x in inputs))))

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        shape = numbers(self.shape(*(value.shape for value in inputs)))
        return [Recipe("rows", lambda b, finish: reshape(b, inputs[0], shape, finish))]


@dataclass(frozen=True)
class Along:
    """Where the elements along one axis of the output lie: at floor((i * mul + add) / div) of axis `source`.

    source: None: the axis is new, and all along it is the same
    size:   of the axis; None: (size of the source * div + extra) // mul
    edge:   what is read beyond the source: "zero", its end ("clamp"), it mirrored at its end ("reflect"), it from its
            other end ("wrap"); "inside": nothing is; "only": zero, and also where the division leaves a rest;
            "end": nothing is, and `add` counts from its end
    """

    source: int | None
    size: int | None = None
    mul: int = 1
    add: int = 0
    div: int = 1
    extra: int = 0
    edge: str = "inside"

    def __post_init__(self) -> None:
        one_of(COUNTED, edge=self.edge)
        at_least(1, div=self.div, size=1 if self.size is None else self.size)
        if self.mul < 1 and self.size is None and not (self.mul and self.edge == "end"):
            raise ValueError(f"mul is {self.mul}; allowed is 1 or more, less where the size is given, or from the end")

    def length(self, size: int | None) -> int | None:
        """The length of the axis for a source of this size. Raises ValueError where nothing is left, or ever was."""
        made = self.size
        if size is not None and made is None:
            made = (size * self.div + self.extra) // abs(self.mul)
        if made is not None and made < 1:
            raise ValueError(f"of {size} elements along axis {self.source} none is left")
        if size is not None and made and self.edge == "end" and self.add + size < 0:
            raise ValueError(f"element {self.add} of {size} along axis {self.source} is before the first")
        return made

    def counted(self, size: int) -> Along:
        """The same for a source of this size, counted from its beginning."""
        if self.edge != "end":
            return self
        return replace(self, size=self.length(size), add=self.add + size * self.div, edge="inside")

    def places(self, size: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """For each element the place in a source of this size, and whether there is one."""
        at = np.arange(length) * self.mul + self.counted(size).add
        place = at // self.div
        if self.edge == "clamp":
            return np.clip(place, 0, size - 1), np.ones(length, bool)
        if self.edge == "wrap":
            return place % size, np.ones(length, bool)
        if self.edge == "reflect":
            place = np.abs(place) % max(1, 2 * (size - 1))
            return np.minimum(place, 2 * (size - 1) - place), np.ones(length, bool)
        inside = (place >= 0) & (place < size) & ((self.edge != "only") | (at % self.div == 0))
        return np.clip(place, 0, size - 1), inside


@dataclass(frozen=True)
class Remap(Primitive):
    """Each axis of the output along one of the input (see Along), all of which are used, or are of size 1."""

    axes: tuple[Along, ...]
    finish: Expr = RESULT

    def shape(self, *inputs: Dims) -> Dims:
        x = inputs[0]
        for along in self.axes:
            if along.source is not None and not 0 <= along.source < len(x):
                raise ValueError(f"axis {along.source} is none of a tensor of rank {len(x)}")
        return tuple(along.length(1 if along.source is None else x[along.source]) for along in self.axes)

    def compute(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]) -> np.ndarray:
        x, shape = inputs[0], numbers(self.shape(inputs[0].shape))
        index: list[Any] = [0] * x.ndim
        live = np.ones((1,) * len(shape), bool)
        for axis, (along, length) in enumerate(zip(self.axes, shape, strict=True)):
            if along.source is None:
                continue
            place, inside = along.places(x.shape[along.source], length)
            spread = [-1 if k == axis else 1 for k in range(len(shape))]
            index[along.source] = place.reshape(spread)
            live = live & inside.reshape(spread)
        return np.broadcast_to(np.where(live, x[tuple(index)], 0).astype(x.dtype, copy=False), shape)

    def recipes(self, inputs: Sequence[Value], weights: Mapping[str, Any]) -> list[Recipe]:
        x = inputs[0]
        return [Recipe("remap", lambda b, finish: remap(b, x, self.axes, finish))]

    @property
    def order(self) -> tuple[int, ...] | None:
        """The order of axes, where it does nothing but to put them into another."""
        plain = all(along == Along(along.source) and along.source is not None for along in self.axes)
        return tuple(along.source or 0 for along in self.axes) if plain else None


def moved(b: Builder, value: Value, finish: Epilogue | None) -> Value:
    """What an epilogue makes of a value that is there; itself where there is none."""
    if finish is None:
        return value
    return b.draw("map", value.shape, {}, finish=replace(finish, tensors={**finish.tensors, 0: value}))


def reshape(b: Builder, value: Value | Computed, shape: Shape, finish: Epilogue | None = None) -> Value:
    """The same elements in row-major order with another shape of the same size; nothing is drawn if it is the same."""
    if isinstance(value, Value) and tuple(shape) == tuple(value.shape):
        return moved(b, value, finish)
    aligned = int(value.shape[-1] % 4 == 0 and shape[-1] % 4 == 0) if shape and value.shape else 0
    check_size(value, aligned)
    return b.draw("reshape", tuple(shape), {"x": value}, const={"ALIGNED": aligned}, finish=finish)


def permute(b: Builder, value: Value, order: Sequence[int]) -> Value:
    """Output axis k is input axis order[k]; nothing is drawn for the order 0, 1, 2..."""
    return remap(b, value, tuple(Along(axis) for axis in order))


def expand(b: Builder, value: Value, shape: Shape) -> Value:
    """The value broadcast to `shape` (of its own rank); nothing is drawn if it has that shape."""
    pairs = zip(value.shape, shape, strict=True)
    axes = (Along(axis) if size == goal else Along(None, goal) for axis, (size, goal) in enumerate(pairs))
    return remap(b, value, tuple(axes))


def remap(b: Builder, x: Value, axes: tuple[Along, ...], finish: Epilogue | None = None) -> Value:
    """The draws of a Remap, none where all stays as it is."""
    shape = numbers(Remap(axes).shape(x.shape))
    axes = tuple(a if a.source is None else a.counted(x.shape[a.source]) for a in axes)
    rank = len(axes)
    if axes == tuple(Along(axis) for axis in range(len(x.shape))):
        return moved(b, x, finish)
    part = _part(b, x, axes, shape)
    if part is not None:
        return moved(b, part, finish)
    images = axes[-3:-1] if 2 < rank == len(x.shape) else ()
    others = all(axes[k] == Along(k) for k in (*range(rank - 3), rank - 1))
    if len(images) == 2 and others and all(a.source == rank - 3 + k for k, a in enumerate(images)):
        if all((a.mul, a.div) == (1, 1) and a.edge in ("zero", "inside") for a in images):
            by = {"TOP": -images[0].add, "LEFT": -images[1].add}
            return b.draw("pad", shape, {"x": x}, const=by, finish=finish)
        if all((a.mul, a.add) == (1, 0) and a.edge == "inside" for a in images):
            return _enlarged(b, x, shape, (images[0].div, images[1].div), finish)
    if all(along.div == 1 and (along.edge == "inside" or _whole(along, x.shape)) for along in axes):
        strides = row_major(x.shape)
        pairs = [(a, 0 if a.source is None or x.shape[a.source] == 1 else strides[a.source]) for a in axes]
        start = sum(along.add * stride for along, stride in pairs)
        return gather(b, x, shape, [along.mul * stride for along, stride in pairs], start, finish)
    return _general(b, x, axes, shape, finish)


def _enlarged(b: Builder, x: Value, shape: Shape, by: tuple[int, int], finish: Epilogue | None) -> Value:
    """Each pixel of x so many times down and to the right; block by block where blocks and pixels have common edges."""
    sizes = dict(zip(("SH", "SW"), by, strict=True))
    if any(block % size and size % block for block, size in zip(b.block_of(*shape[-3:-1]), by, strict=True)):
        return b.draw("upsample_nearest", shape, {"x": x}, param=sizes, finish=finish)
    window = {"x": Window(div=by)}
    return b.draw("upsample_blocks", shape, {"x": x}, const=sizes, window=window, finish=finish)


def _part(b: Builder, x: Value, axes: Sequence[Along], shape: Shape) -> Value | None:
    """What a remap takes that takes a run along one axis and all of the others, if that is read where it lies."""
    changed = [k for k, along in enumerate(axes) if along != Along(k)]
    if len(axes) != len(x.shape) or len(changed) != 1:
        return None
    axis, along = changed[0], axes[changed[0]]
    start, size = along.add, shape[axis]
    if (along.source, along.mul, along.div) != (axis, 1, 1) or start < 0 or not 0 < size <= x.shape[axis] - start:
        return None
    return b.part(x, axis, start, size)


def _whole(along: Along, shape: Shape) -> bool:
    """Whether an axis is all of its source, or new."""
    fits = along.source is None or along.size in (None, shape[along.source])
    return fits and (along.mul, along.add, along.extra) == (1, 0, 0)


def _general(b: Builder, x: Value, axes: Sequence[Along], shape: Shape, finish: Epilogue | None) -> Value:
    """Any remap, element by element, or pixel by pixel where the channels stay as they are."""
    if len(axes) > MAX_RANK:
        raise LimitError(f"a remap of a tensor of {len(axes)} axes: at most {MAX_RANK}; reshape it to fewer before")
    whole = int(axes[-1] == Along(len(x.shape) - 1) and len(axes) > 1)
    counted = [(*sizes[:-1], 1) if whole else sizes for sizes in (x.shape, shape)]
    for sizes in counted:
        check_size(Value(-1, sizes), 0)
    strides = row_major(counted[0])
    lead = [Along(None, 1)] * (MAX_RANK - len(axes))
    param: dict[str, int] = {}
    for k, along in enumerate((*lead, *axes)):
        source = along.source
        size, step = (1, 0) if source is None else (x.shape[source], strides[source])
        edge = EDGES["clamp" if source is None else along.edge]
        numbers_ = (along.mul, along.add, along.div, edge, size, step)
        param |= {f"{name}{k}": number for name, number in zip("MPDENS", numbers_, strict=True)}
    ends = (1,) * len(lead) + shape
    param |= {"A1": ends[1], "A2": ends[2]}
    return b.draw("remap", shape, {"x": x}, const={"WHOLE": whole}, param=param, finish=finish)
