"""Products of matrices, with known factors where that is faster."""

from __future__ import annotations

import math

from ...primitives import Sym
from ...primitives.move import Size
from ..say import Say


def dense(t: Say, a: Sym, b: Sym, bias: Sym | None = None, factor: float = 1.0) -> Sym:
    """factor * (a b) + bias of matrices; the bias broadcasts to that."""
    units = b.shape[-1]
    if bias is None or factor != 1.0 or a.constant or not b.constant or not bias.constant or None in bias.shape:
        made = product(t, a, b)
        made = made if factor == 1.0 else made * float(factor)
        return made if bias is None else made + bias
    if math.prod(size or 0 for size in bias.shape) not in (1, units) or bias.shape[-1:] not in ((), (1,), (units,)):
        return product(t, a, b) + bias
    row = t.weight(t.value(bias).reshape((-1,)).broadcast_to((units or 0,)))
    return t.dense(a, b, row)


def product(t: Say, a: Sym, b: Sym) -> Sym:
    """np.matmul of factors of any rank: a known matrix is the weight of a dense layer."""
    a, b = _flat(t, a, b.rank), _flat(t, b, a.rank)
    if a.constant and b.constant:
        return t.weight(t.value(a) @ t.value(b))
    a, b = (t.as_tensor(x) if x.constant and x.rank > 2 else x for x in (a, b))
    return t.matmul(a, b)


def _flat(t: Say, x: Sym, rank: int) -> Sym:
    """A weight that is one matrix, without the axes of size 1 in front of it that the other factor has as well."""
    if not x.constant or x.rank < 3 or x.rank > rank or any(size != 1 for size in x.shape[:-2]):
        return x
    return t.reshape(x, x.shape[-2:])


def folded(t: Say, x: Sym, axes: int) -> Sym:
    """The first axes as one."""
    return t.reshape(x, (-1, *(Size(axis) for axis in range(axes, x.rank))))
