"""Products of matrices, with known factors where that is faster."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph.quantized import Quantized
from ...primitives import Sym
from ...primitives.move import Size
from ..say import Misfit, Say
from .scales import coded

MOST = 2**22  # elements of the sums of blocks that lie side by side
LEAST = 8  # rows of a block


def dense(t: Say, a: Sym, b: Sym, bias: Sym | None = None, factor: float = 1.0) -> Sym:
    """factor * (a b) + bias of matrices; the bias broadcasts to that."""
    units = b.shape[-1]
    if bias is None or factor != 1.0 or a.constant or not b.constant or not bias.constant or None in bias.shape:
        made = product(t, a, b)
        made = made if factor == 1.0 else made * float(factor)
        return made if bias is None else made + bias
    if (
        blocks_of(t.value(b).values)
        or math.prod(size or 0 for size in bias.shape) not in (1, units)
        or bias.shape[-1:] not in ((), (1,), (units,))
    ):
        return product(t, a, b) + bias
    row = t.weight(t.value(bias).reshape((-1,)).broadcast_to((units or 0,)))
    return t.dense(a, b, row)


def product(t: Say, a: Sym, b: Sym) -> Sym:
    """np.matmul of factors of any rank: a known matrix is the weight of a dense layer."""
    shared = a.shape[-1:], b.shape[-2:-1] if b.rank > 1 else b.shape
    if None not in (*shared[0], *shared[1]) and shared[0] != shared[1]:
        raise Misfit(f"a product of {a.shape} and {b.shape}, whose inner sizes differ")
    a, b = _flat(t, a, b.rank), _flat(t, b, a.rank)
    if a.constant and b.constant:
        return t.weight(t.value(a) @ t.value(b))
    if b.constant and b.rank == 2 and (blocks := blocks_of(t.value(b).values)):
        return by_blocks(t, a, *blocks)
    a, b = (t.as_tensor(x) if x.constant and x.rank > 2 else x for x in (a, b))
    return t.matmul(a, b)


def _flat(t: Say, x: Sym, rank: int) -> Sym:
    """A weight that is one matrix, without the axes of size 1 in front of it that the other factor has as well."""
    if not x.constant or x.rank < 3 or x.rank > rank or any(size != 1 for size in x.shape[:-2]):
        return x
    return t.reshape(x, x.shape[-2:])


def blocks_of(weight: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, str] | None:
    """What `by_blocks` takes of a matrix of codes (K, N) whose scales change along K; None for any other weight."""
    if not isinstance(weight, Quantized) or weight.channels():
        return None
    scale, low = (np.broadcast_to(array, weight.shape) for array in (weight.scale, weight.low))
    changes = (np.diff(scale, axis=0) != 0) | (np.diff(low, axis=0) != 0)
    size = int(np.gcd.reduce([len(scale), *(np.flatnonzero(changes.any(1)) + 1)]))
    if size < LEAST:
        return None
    codes = weight.codes.reshape(-1, size, weight.shape[1]).transpose(1, 0, 2)
    return codes, scale[::size], low[::size], weight.codec


def by_blocks(t: Say, x: Any, codes: np.ndarray, scale: np.ndarray, low: np.ndarray, codec: str) -> Sym:
    """x (..., K) times codes (block, blocks, N) with a scale and a low (blocks, N) for each block -> (..., N)."""
    size, blocks, units = codes.shape
    width = x.shape[-1] or 0
    if width < size * blocks:  # the last block is not whole
        x = t.concat([x, t.slice(x, -1, 0, size * blocks - width) * 0.0], -1)
    rows = math.prod(k or 1 for k in x.shape[:-1])
    step = max(1, MOST // max(1, rows * units))
    lead = [Size(k) for k in range(x.rank - 1)]
    made: Any = None
    for first in range(0, blocks, step):
        part = codes[:, first : first + step]
        count = part.shape[1]
        each = [array[first : first + step].reshape(1, -1) for array in (scale, low)]
        kernel = coded(t, codec, np.ascontiguousarray(part.reshape(size, count * units)), *each)
        piece = x if count == blocks else t.slice(x, -1, first * size, count * size)
        sums = t.conv(piece, kernel, groups=count)
        if count > 1:
            sums = t.reduce("sum", t.reshape(sums, [*lead, count, units]), x.rank - 1)
        made = sums if made is None else made + sums
    return made
