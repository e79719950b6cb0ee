"""Sequences, which are lists while a model is walked through, and optional values, which are there or not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...primitives import Sym
from ...primitives.einsum import with_ones
from ..program import Call
from ..say import Misfit, Say
from ..shared.sizing import reshaped, shape_of
from ..shared.slices import joined, parts
from ..shared.turns import walked
from ..types import type_named
from ..walk import Scope, Walk
from . import onnx


@onnx("SequenceConstruct", since=11)
def sequence_construct(t: Say, *xs: Sym) -> Any:
    """Tensors as a sequence."""
    return list(xs)


@onnx("SequenceEmpty", since=11)
def sequence_empty(t: Say, *, dtype: int = 1) -> Any:
    """A sequence of no tensors of a type."""
    type_named(dtype)
    return []


@onnx("SequenceLength", since=11, gives="int64")
def sequence_length(t: Say, xs: Any) -> Any:
    """How many tensors there are."""
    return np.asarray(len(xs), np.int64)


def _place(t: Say, xs: Any, position: Any, default: int, most: int) -> int:
    """The number of an item, counted from the front."""
    place = default if position is None else int(t.number(position))
    if not -len(xs) <= place < most:
        raise Misfit(f"item {place} of a sequence of {len(xs)}")
    return place + len(xs) if place < 0 else place


@onnx("SequenceAt", since=11)
def sequence_at(t: Say, xs: Any, position: Sym) -> Any:
    """The tensor at a place; negative ones count from the end."""
    return xs[_place(t, xs, position, 0, len(xs))]


@onnx("SequenceInsert", since=11)
def sequence_insert(t: Say, xs: Any, x: Sym, position: Sym | None = None) -> Any:
    """The sequence with a tensor more, before a place or at the end."""
    place = _place(t, xs, position, len(xs), len(xs) + 1)
    return [*xs[:place], x, *xs[place:]]


@onnx("SequenceErase", since=11)
def sequence_erase(t: Say, xs: Any, position: Sym | None = None) -> Any:
    """The sequence without the tensor at a place, or the last."""
    place = _place(t, xs, position, len(xs) - 1, len(xs))
    return [*xs[:place], *xs[place + 1 :]]


@onnx("SplitToSequence", since=11)
def split_to_sequence(t: Say, x: Sym, split: Sym | None = None, *, axis: int = 0, keepdims: int = 1) -> Any:
    """Parts along an axis: of one size, the last may be smaller, of sizes, or of one each."""
    axis = checked_axis(axis, x.rank)
    size = t.static(x)[axis]
    if split is None:
        sizes = [1] * size
    elif split.rank:
        sizes = list(t.sizes(split))
    else:
        each = int(t.number(split))
        sizes = [min(each, size - first) for first in range(0, size, each)]
    if sum(sizes) != size:
        raise Misfit(f"parts of {sizes} are not {size} elements")
    made = parts(t, x, axis, sizes)
    if split is None and not keepdims:
        made = [reshaped(t, part, [s for k, s in enumerate(shape_of(part)) if k != axis]) for part in made]
    return made


@onnx("ConcatFromSequence", since=11)
def concat_from_sequence(t: Say, xs: Any, *, axis: int, new_axis: int = 0) -> Sym:
    """The tensors one after the other along an axis, or along a new one."""
    if not xs:
        raise Misfit("a sequence of no tensors is put together")
    axis = checked_axis(axis, xs[0].rank + bool(new_axis))
    return joined(t, [with_ones(t, x, [axis]) for x in xs] if new_axis else xs, axis)


@onnx("SequenceMap", since=17, control=True)
def sequence_map(walk: Walk, call: Call, scope: Scope, xs: Any, *others: Any) -> Any:
    """Sequences of what a body gives for each item of a sequence, with those of others, or tensors as they are."""
    say, body = walk.say, call.attributes["body"]
    path, made = say.name, []
    for k, x in enumerate(xs):
        given = [x, *(other[k] if isinstance(other, list) else other for other in others)]
        made.append(walked(walk, body, scope, given, f"{path}/{k}"))
        say.name = path
    return tuple(list(items) for items in zip(*made, strict=True)) if made else tuple([] for _ in body.outputs)


@onnx("Optional", since=15)
def optional(t: Say, x: Any = None, *, type: Any = None) -> Any:
    """A value that may be there."""
    return x


@onnx("OptionalHasElement", since=15, gives="bool")
def optional_has_element(t: Say, x: Any = None) -> Any:
    """Whether it is there."""
    return np.asarray(x is not None)


@onnx("OptionalGetElement", since=15)
def optional_get_element(t: Say, x: Any) -> Any:
    """The value, which must be there."""
    if x is None:
        raise Misfit("an optional value that is not there is read")
    return x
