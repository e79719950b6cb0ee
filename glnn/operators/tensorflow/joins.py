"""Operators that join tensors and part them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import OPERATORS
from ...primitives import Sym
from ..say import Say
from ..shared import slices
from ..shared.slices import joined
from . import tensorflow


def _joined(*xs: Any) -> Any:
    return np.concatenate(xs[:-1], int(np.reshape(xs[-1], ())))


@tensorflow("ConcatV2", exact=_joined)
def concat(t: Say, *xs: Any) -> Any:
    """Tensors one after the other along an axis, the last input."""
    return joined(t, xs[:-1], t.number(xs[-1]))


@tensorflow("Concat", exact=lambda axis, *xs: _joined(*xs, axis))
def concat_v1(t: Say, axis: Any, *xs: Any) -> Any:
    """Tensors one after the other along an axis, the first input."""
    return t.give(concat(t, *xs, axis), xs[0].dtype)


@tensorflow("Pack", exact=lambda *xs, axis=0: np.stack(xs, axis))
def pack(t: Say, *xs: Sym, axis: int = 0) -> Sym:
    """Tensors of one shape along a new axis."""
    return OPERATORS["stack"].function(t, list(xs), axis)


def _unpacked(x: Any, *, axis: int = 0) -> Any:
    return tuple(np.moveaxis(x, axis, 0))


@tensorflow("Unpack", exact=_unpacked)
def unpack(t: Say, x: Any, *, axis: int = 0) -> Any:
    """The slices along an axis, which they lack."""
    made = OPERATORS["unstack"].function(t, x, None, axis)
    return tuple(t.give(one, x.dtype) for one in made)


def _split(axis: Any, x: Any, *, num_split: int) -> Any:
    return tuple(np.split(x, num_split, int(np.reshape(axis, ()))))


@tensorflow("Split", exact=_split)
def split(t: Say, axis: Any, x: Any, *, num_split: int) -> Any:
    """So many equal parts along an axis."""
    along = checked_axis(t.number(axis), x.rank)
    return parts(t, x, [t.static(x)[along] // num_split] * num_split, along)


def _split_sizes(x: Any, sizes: Any, axis: Any) -> Any:
    along, lengths = int(np.reshape(axis, ())), np.reshape(sizes, -1).copy()
    lengths[lengths < 0] = x.shape[along] - lengths[lengths >= 0].sum()
    return tuple(np.split(x, np.cumsum(lengths)[:-1], along))


@tensorflow("SplitV", exact=_split_sizes, ignores=("num_split",))
def split_v(t: Say, x: Any, sizes: Any, axis: Any) -> Any:
    """Parts of these sizes along an axis; -1 once, for the rest."""
    lengths, along = list(t.sizes(sizes)), checked_axis(t.number(axis), x.rank)
    if -1 in lengths:
        lengths[lengths.index(-1)] = t.static(x)[along] - sum(lengths) - 1
    return parts(t, x, lengths, along)


def parts(t: Say, x: Any, lengths: Sequence[int], axis: int) -> tuple[Any, ...]:
    """Parts of these sizes along an axis, of x's type."""
    return tuple(t.give(one, x.dtype) for one in slices.parts(t, x, axis, lengths))
