"""What printed kernels do with values and masks, and how they read textures.

A value is an array whose last axis goes over the invocations of a draw: a float (n,), a vec4 (4, n), a mat4 (4, 4, n),
its columns first. What is the same for all of them may be a number, or have an axis of length 1 there.

A mask says for which invocations a statement counts: True for all, False for none, else a bool array (n,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "Texels", "both", "choose", "columns", "diagonal", "fetch", "integers", "item", "less", "lanes", "pick", "placed",
    "relaned", "split", "spread", "texel", "times", "truth", "unset", "unsigned", "vector",
]  # fmt: skip

Mask = Any  # bool or an array of bool


# ---- masks


def _simple(mask: Any) -> Mask:
    """A mask as True or False where it is the same for all."""
    if np.ndim(mask) == 0:
        return bool(mask)
    if mask.all():
        return True
    return mask if mask.any() else False


def both(live: Mask, condition: Any) -> Mask:
    """The invocations of a mask for which a condition holds."""
    if live is False:
        return False
    return _simple(condition if live is True else live & condition)


def split(live: Mask, condition: Any) -> tuple[Mask, Mask]:
    """The invocations of a mask for which a condition holds, and the others."""
    return both(live, condition), both(live, np.logical_not(condition))


def less(live: Mask, gone: Mask) -> Mask:
    """A mask without those that returned or left a loop."""
    if gone is False or live is False:
        return live
    return False if gone is True else both(live, np.logical_not(gone))


def pick(live: Mask, new: Any, old: Any) -> Any:
    """The new value for the invocations of a mask, the old one for the others; an old one of None does not matter."""
    if live is True or old is None:
        return new
    if live is False:
        return old
    if isinstance(new, list):
        return [np.where(live, a, b) for a, b in zip(new, old, strict=True)]
    return np.where(live, new, old)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """condition ? yes : no, for each invocation."""
    if np.ndim(condition) == 0:
        return yes if condition else no
    return np.where(condition, yes, no)


# ---- values


def truth(value: Any) -> Any:
    """bool(value)."""
    return value != 0


def integers(value: Any) -> Any:
    """int(value): towards zero."""
    return int(value) if isinstance(value, int | bool) else np.asarray(value).astype(np.int32)[()]


def unsigned(value: Any) -> Any:
    """uint(value)."""
    if np.asarray(value).dtype.kind == "f":
        value = np.asarray(value).astype(np.int64)
    return np.asarray(value).astype(np.uint32)[()]


def unset(type: Any, *shape: int) -> Any:
    """A variable that has no value yet: NaN, or a number that stands out."""
    if not shape:
        return type(np.nan) if np.issubdtype(type, np.floating) else type(False) if type is np.bool_ else -(2**30)
    return np.full((*shape, 1), unset(type), type if np.issubdtype(type, np.floating) or type is np.bool_ else np.int32)


def vector(type: Any, *parts: Any) -> Any:
    """A vector of scalars and vectors, one below the other."""
    rows = [row for part in parts for row in (part if np.ndim(part) == 2 else (part,))]
    count = max([np.shape(row)[0] for row in rows if np.ndim(row)], default=1)
    made = np.empty((len(rows), count), type)
    for number, row in enumerate(rows):
        made[number] = row
    return made


def spread(type: Any, count: int, value: Any) -> Any:
    """A vector whose components are all the same."""
    value = np.asarray(value, type)
    return np.broadcast_to(value, (count, value.shape[0] if value.ndim else 1))


def columns(*parts: Any) -> Any:
    """A matrix of its columns."""
    count = max(part.shape[-1] for part in parts)
    made: Any = np.empty((len(parts), parts[0].shape[0], count), parts[0].dtype)
    for number, part in enumerate(parts):
        made[number] = part
    return made


def diagonal(type: Any, count: int, value: Any) -> Any:
    """A matrix with a value along its diagonal and zeros elsewhere."""
    made = np.zeros((count, count, np.size(value)), type)
    for number in range(count):
        made[number, number] = value
    return made


def lanes(value: Any, *numbers: int) -> Any:
    """A swizzle: v.xz is lanes(v, 0, 2)."""
    return value[list(numbers)]


def relaned(value: Any, numbers: Sequence[int], new: Any) -> Any:
    """A vector with other values in some of its components: v.xz = new."""
    count = max(value.shape[-1], np.shape(new)[-1] if np.ndim(new) else 1)
    made = np.empty((value.shape[0], count), value.dtype)
    made[...] = value
    if len(numbers) == 1:
        made[numbers[0]] = new
    else:
        made[list(numbers)] = new
    return made


def item(value: Any, index: Any) -> Any:
    """a[index] of an array, vector or matrix; the nearest element where there is none of that number."""
    last = len(value) - 1
    if np.ndim(index) == 0:
        return value[min(max(int(index), 0), last)]
    made: Any = value[0]
    for number in range(1, last + 1):
        made = np.where(index >= number, value[number], made)
    return made


def placed(live: Mask, value: Any, index: Any, new: Any) -> Any:
    """An array, vector or matrix with another element at an index: a[index] = new."""
    parts: list[Any] = list(value)
    for number in [int(index)] if np.ndim(index) == 0 else range(len(parts)):
        if 0 <= number < len(parts):
            parts[number] = pick(both(live, np.equal(index, number)), new, parts[number])
    if isinstance(value, list):
        return parts
    return columns(*parts) if value.ndim == 3 else vector(value.dtype, *parts)


def times(a: Any, b: Any) -> Any:
    """A product where one is a matrix: with a vector, or with a matrix."""
    if np.ndim(a) == 3 and np.ndim(b) == 3:
        return columns(*(times(a, column) for column in b))
    if np.ndim(a) == 2:  # a row times a matrix
        return vector(b.dtype, *((a * column).sum(0) for column in b))
    made = a[0] * b[0]
    for column, factor in zip(a[1:], b[1:], strict=True):
        made = made + column * factor
    return made


# ---- textures


class Texels:
    """A texture as kernels read it: `values` (components, layers * height * width), and what its bytes stand for."""

    def __init__(self, values: np.ndarray, layers: int, height: int, width: int, real: Any):
        self.values, self.real = values, real
        self.layers, self.height, self.width = layers, height, width

    def at(self, column: Any, row: Any, layer: Any) -> Any:
        """The texels (4, n) at integer places, of those at the edge where there are none."""
        place = _within(row, self.height) * self.width + _within(column, self.width)
        if self.layers > 1:
            place = place + _within(layer, self.layers) * (self.height * self.width)
        found = self.values.take(np.atleast_1d(place), axis=1)
        if found.dtype == np.uint8:  # a number from 0 to 1
            return np.asarray(found, self.real) / self.real(255)
        if found.dtype.kind != "u":
            return found.astype(self.real, copy=False)
        made = np.zeros((4, found.shape[1]), np.uint32)
        made[: len(found)] = found
        made[3] = found[3] if len(found) == 4 else 1
        return made


def _within(number: Any, count: int) -> Any:
    """The nearest number from 0 up to a count (np.clip takes four times as long)."""
    return np.minimum(np.maximum(number, 0), count - 1)


def _whole(value: Any) -> Any:
    return np.asarray(value).astype(np.int64)


def fetch(texels: Texels, at: Any, layer: Any = None) -> Any:
    """texture(s, at): the texel (4, n) nearest to a place from 0 to 1; of an array texture, with its layer."""
    if layer is None and len(at) == 3:
        at, layer = at[:2], at[2]
    real = texels.real
    number = 0 if layer is None else _whole(np.floor(layer + real(0.5)))  # NaN where no invocation is to be here
    return texels.at(_whole(at[0] * real(texels.width)), _whole(at[1] * real(texels.height)), number)


def texel(texels: Texels, at: Any, level: Any) -> Any:
    """texelFetch(s, at, level)."""
    return texels.at(at[0], at[1], at[2] if len(at) == 3 else 0)
