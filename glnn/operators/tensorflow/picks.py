"""Operators that pick and put elements: slices, gathers, scatters."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.shapes import checked_axis
from ...layers.operators import Free
from ...primitives import Sym
from ...primitives.einsum import with_ones
from ..say import Say
from ..shared.empty import void
from ..shared.gathers import elements, put, rows
from ..shared.sizing import spread
from ..shared.slices import masked_key, picked
from . import tensorflow
from .values import filled


def _cut(x: Any, begin: Any, size: Any) -> Any:
    pairs = zip(np.reshape(begin, -1).tolist(), np.reshape(size, -1).tolist(), strict=True)
    return x[tuple(slice(b, None if s == -1 else b + s) for b, s in pairs)]


@tensorflow("Slice", exact=_cut)
def slice_(t: Say, x: Sym, begin: Any, size: Any) -> Any:
    """`size` elements from these on; -1: to the end."""
    pairs = zip(t.sizes(begin), t.sizes(size), strict=True)
    return picked(t, x, [slice(b, None if isinstance(s, Free) or s == -1 else b + s) for b, s in pairs])


def _strided(x: Any, begin: Any, end: Any, strides: Any, **masks: int) -> Any:
    first, last, step = (np.reshape(a, -1).tolist() for a in (begin, end, strides))
    return x[masked_key(first, last, step, **masks)]


@tensorflow("StridedSlice", exact=_strided)
def strided_slice(
    t: Say, x: Any, begin: Any, end: Any, strides: Any, *, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0,
) -> Any:  # fmt: skip
    """Slices, whose masks tell by bits what each item is."""
    masks = begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
    return picked(t, x, masked_key(t.sizes(begin), t.sizes(end), t.sizes(strides), *masks))


@tensorflow("GatherV2", exact=lambda x, i, axis=0, *, batch_dims=0: _taken(x, i, axis, batch_dims))
def gather(t: Say, x: Any, indices: Any, axis: Any = 0, *, batch_dims: int = 0) -> Any:
    """Slices along an axis by their numbers; of `batch_dims` axes that both have each by itself."""
    along = checked_axis(t.number(axis), x.rank)
    batch = batch_dims % indices.rank if batch_dims < 0 else batch_dims
    if 0 in indices.shape and batch:
        return void(t, x, (*t.static(x)[:along], *t.static(indices)[batch:], *t.static(x)[along + 1 :]))
    if not batch:
        return t.give(rows(t, x, indices, along, "clip"), x.dtype)
    order = [*range(batch), along, *(k for k in range(batch, x.rank) if k != along)]
    turned = t.transpose(x, order)
    made = elements(t, turned, with_ones(t, indices, [indices.rank]), batch)
    inner, between = indices.rank - batch, along - batch
    back = [
        *range(batch), *(batch + inner + k for k in range(between)), *(batch + k for k in range(inner)),
        *range(batch + inner + between, made.rank),
    ]  # fmt: skip
    return t.give(t.transpose(made, back), x.dtype)


def _taken(x: Any, indices: Any, axis: Any, batch: int) -> Any:
    along = int(np.reshape(axis, ()))
    if not batch:
        return np.take(x, indices, along)
    return np.stack(
        [_taken(a, b, along - 1 if along > 0 else along, batch - 1) for a, b in zip(x, indices, strict=True)]
    )


@tensorflow("Gather", exact=lambda x, i: np.take(x, i, 0))
def gather_v1(t: Say, x: Any, indices: Any) -> Any:
    """Rows by their numbers."""
    return gather(t, x, indices)


@tensorflow("GatherNd")
def gather_nd(t: Say, x: Any, indices: Any, *, batch_dims: int = 0) -> Any:
    """Elements by several numbers each, the last axis of `indices`."""
    return t.give(elements(t, x, indices, batch_dims), x.dtype)


def _put(t: Say, x: Any, indices: Any, updates: Any, kind: str) -> Any:
    if 0 in indices.shape:
        return x
    wanted = (*t.static(indices)[:-1], *t.static(x)[t.static(indices)[-1] :])
    updates = updates if updates.shape == wanted else spread(t, updates, wanted)
    return t.give(put(t, x, indices, updates, kind, 0, "nd"), x.dtype)


@tensorflow("ScatterNd")
def scatter_nd(t: Say, indices: Any, updates: Any, shape: Any) -> Any:
    """Updates added up where numbers say, in a tensor of zeros."""
    zeros = t.give(filled(t, shape, np.zeros((), updates.dtype)), updates.dtype)
    return _put(t, zeros, indices, updates, "add")


@tensorflow("TensorScatterUpdate")
def tensor_scatter_update(t: Say, x: Any, indices: Any, updates: Any) -> Any:
    """x with updates put where numbers say."""
    return _put(t, x, indices, updates, "set")


@tensorflow("SparseToDense")
def sparse_to_dense(t: Say, indices: Any, shape: Any, values: Any, default: Any) -> Any:
    """Values put where numbers say, in a tensor of one number."""
    base = t.give(filled(t, shape, default), values.dtype)
    places = indices
    if indices.rank < 2:
        places = with_ones(t, indices, [1] if indices.rank else [0, 1])
    return _put(t, base, places, values, "set")
