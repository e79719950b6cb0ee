"""Operators of shapes: which are known, and change how elements lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ...layers.operators.table import Free
from ...primitives import Sym
from ...primitives.einsum import with_ones
from ..say import Misfit, Say, plain_type
from ..shared.sizing import merged, reshaped, shape_of, spread
from ..types import type_named
from . import onnx


@onnx("Shape")
def shape(t: Say, x: Sym, *, start: int = 0, end: int | None = None) -> Any:
    """The sizes of x's axes, of those from `start` to `end`."""
    return np.asarray(shape_of(x)[start:end], object if None in x.shape else np.int64)


@onnx("Size")
def size(t: Say, x: Sym) -> Any:
    """The number of x's elements."""
    return np.asarray(math.prod(shape_of(x)), object if None in x.shape else np.int64)


@onnx("Constant")
def constant(
    t: Say, *, value: Any = None, value_float: Any = None, value_int: Any = None, value_floats: Any = None,
    value_ints: Any = None, sparse_value: Any = None,
) -> Any:  # fmt: skip
    """The array of the one attribute that is given."""
    for given, kind in (
        (value_float, np.float32),
        (value_floats, np.float32),
        (value_int, np.int64),
        (value_ints, np.int64),
    ):
        if given is not None:
            return np.asarray(given, kind)
    return value if value is not None else sparse_value


def target(shape: Sequence[Any], sizes: Sequence[Any], allowzero: int) -> list[Any]:
    """The shape to reshape to: 0 stands for the size that is there, unless zeros are allowed."""
    whole = [s if isinstance(s, Free) else int(s) for s in sizes]
    if allowzero:
        if 0 in [s for s in whole if not isinstance(s, Free)] and -1 in whole:
            raise Misfit(f"allowzero with both 0 and -1 in the shape {whole}")
        return whole
    return [shape[k] if not isinstance(s, Free) and s == 0 else s for k, s in enumerate(whole)]


def _reshape(x: np.ndarray, shape: np.ndarray, *, allowzero: int = 0) -> np.ndarray:
    return x.reshape(target(x.shape, shape.tolist(), allowzero))


@onnx("Reshape", since=5, exact=_reshape)
def reshape(t: Say, x: Sym, shape: Sym, *, allowzero: int = 0) -> Sym:
    """The elements in row-major order in another shape: 0 as it is (or none, by allowzero), -1 what is left."""
    return reshaped(t, x, target(shape_of(x), t.sizes(shape), allowzero))


def _flatten(x: np.ndarray, *, axis: int = 1) -> np.ndarray:
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@onnx("Flatten", exact=_flatten)
def flatten(t: Say, x: Sym, *, axis: int = 1) -> Sym:
    """(A, B): the axes before `axis` as one, and the others."""
    if not -x.rank <= axis <= x.rank:
        raise Misfit(f"axis {axis} of a tensor of rank {x.rank}")
    return merged(t, x, axis + x.rank if axis < 0 else axis)


@onnx("Transpose", exact=lambda x, *, perm=None: x.transpose(perm))
def transpose(t: Say, x: Sym, *, perm: Any = None) -> Sym:
    """The axes in another order; backwards where none is given."""
    order = list(range(x.rank))[::-1] if perm is None else list(perm)
    if sorted(order) != list(range(x.rank)):
        raise Misfit(f"perm {perm} is no order of {x.rank} axes")
    return t.transpose(x, order)


def _axes(axes: Any) -> Any:
    return None if axes is None else tuple(int(k) for k in np.asarray(axes).reshape(-1))


@onnx("Squeeze", exact=lambda x, *, axes=None: np.squeeze(x, _axes(axes)))
def squeeze_old(t: Say, x: Sym, *, axes: Any = None) -> Sym:
    """Without axes of size 1: these, or all such."""
    return OPERATORS["squeeze"].function(t, x, None if axes is None else tuple(axes) or None)


@onnx("Squeeze", since=13, exact=lambda x, axes=None: np.squeeze(x, _axes(axes)))
def squeeze(t: Say, x: Sym, axes: Sym | None = None) -> Sym:
    return squeeze_old(t, x, axes=None if axes is None else t.sizes(axes))


@onnx("Unsqueeze", exact=lambda x, *, axes: np.expand_dims(x, _axes(axes)))
def unsqueeze_old(t: Say, x: Sym, *, axes: Any) -> Sym:
    """With new axes of size 1 at these places."""
    rank = x.rank + len(axes)
    places = {axis + rank if axis < 0 else axis for axis in axes}
    if len(places) < len(axes) or any(not 0 <= axis < rank for axis in places):
        raise Misfit(f"axes {tuple(axes)} are no {len(axes)} different ones of {rank}")
    return with_ones(t, x, sorted(places))


@onnx("Unsqueeze", since=13, exact=lambda x, axes: np.expand_dims(x, _axes(axes)))
def unsqueeze(t: Say, x: Sym, axes: Sym) -> Sym:
    return unsqueeze_old(t, x, axes=t.sizes(axes))


def _expand(x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(k) for k in shape.tolist())))


@onnx("Expand", since=8, exact=_expand)
def expand(t: Say, x: Sym, shape: Sym) -> Sym:
    """x broadcast to a shape; sizes of 1 there leave those of x."""
    return spread(t, x, t.sizes(shape))


@onnx("ConstantOfShape", since=9)
def constant_of_shape(t: Say, shape: Sym, *, value: Any = None) -> Any:
    """A tensor of one number: that of `value`, else 0."""
    number = np.zeros((), np.float32) if value is None else np.asarray(value).reshape(())
    sizes = t.sizes(shape)
    if any(isinstance(size, Free) for size in sizes):
        return t.give(OPERATORS["full"].function(t, sizes, float(number)), number.dtype.name)
    return np.broadcast_to(number, sizes)


def counted(start: Any, limit: Any, delta: Any) -> np.ndarray:
    """start, start + delta, .. before the limit, in their own type; what is between is computed in float64."""
    first, last, step = (np.asarray(x).reshape(()) for x in (start, limit, delta))
    wide: list[Any] = [x.astype(np.float64) if x.dtype.kind == "f" else int(x) for x in (first, last, step)]
    count = max(math.ceil((wide[1] - wide[0]) / wide[2]), 0)
    made = np.arange(count, dtype=np.float64 if first.dtype.kind == "f" else np.int64) * wide[2] + wide[0]
    return made.astype(first.dtype)


def _range(start: Any, limit: Any, delta: Any, *, stash_type: int = 1) -> np.ndarray:
    return counted(start, limit, delta)


@onnx("Range", since=11, exact=_range)
def range_(t: Say, start: Sym, limit: Sym, delta: Sym, *, stash_type: int = 1) -> Any:
    """The numbers from `start` on in steps, before the limit."""
    if t.array(limit).dtype == object:
        return OPERATORS["arange"].function(t, t.number(start), t.number(limit), t.number(delta))
    return counted(t.array(start), t.array(limit), t.array(delta))


@onnx("EyeLike", since=9)
def eye_like(t: Say, x: Sym, *, dtype: int | None = None, k: int = 0) -> Any:
    """Ones on a diagonal, zeros elsewhere, in the shape of a matrix."""
    if x.rank != 2:
        raise Misfit(f"a matrix is needed, not a tensor of shape {x.shape}")
    kind = getattr(x, "dtype", "float32") if dtype is None else type_named(dtype)
    rows, columns = t.static(x)
    return t.give(np.eye(rows, columns, k, plain_type(kind)), kind)
