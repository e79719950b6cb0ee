"""Attention of heads, with masks of all kinds, and positions told by rotating pairs of channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...primitives import Sym
from ...primitives.move import Along, Size
from ...records import dataclass
from ..say import Misfit, Say

NEVER = -math.inf  # what is added to the score of a key that is not seen


def heads_apart(t: Say, x: Sym, heads: int) -> Sym:
    """(N, L, heads * D) -> (N, heads, L, D)."""
    return t.transpose(split_heads(t, x, heads), (0, 2, 1, 3))


def split_heads(t: Say, x: Sym, heads: int) -> Sym:
    """(N, L, heads * D) -> (N, L, heads, D)."""
    width = x.shape[-1]
    if not heads or width is None or width % heads:
        raise Misfit(f"{heads} heads do not divide {width} channels")
    return t.reshape(x, (Size(0), Size(1), heads, width // heads))


def heads_together(t: Say, x: Sym) -> Sym:
    """(N, heads, L, D) -> (N, L, heads * D)."""
    return t.reshape(t.transpose(x, (0, 2, 1, 3)), (Size(0), Size(1), (x.shape[1] or 0) * (x.shape[3] or 0)))


def longer(t: Say, past: Any, x: Sym, axis: int) -> Sym:
    """What was before, and x behind it."""
    return x if past is None or past.shape[axis] == 0 else t.concat([past, x], axis)


@dataclass(frozen=True, eq=False)
class Seen:
    """Which keys a query sees; what is None says nothing.

    mask:   added to scores, or true where a key is seen; broadcasts to (N, heads, L, S), its last axis may be shorter
    offset: the place of the first query among the keys: a number, or one for each sample, (N, 1, 1, 1)
    causal: no key behind the query
    left, right: at most so many keys before and behind the query
    length: how many keys there are, for each sample (N, 1, 1, 1)
    """

    mask: Any = None
    truth: bool = False
    offset: Any = 0
    causal: bool = False
    left: int | None = None
    right: int | None = None
    length: Any = None

    @property
    def whole(self) -> bool:
        """Whether all is seen."""
        return self.mask is None and self.length is None and not self.causal and (self.left, self.right) == (None, None)

    @property
    def some(self) -> bool:
        """Whether each query sees a key for certain."""
        return self.mask is None and self.length is None and isinstance(self.offset, int) and self.offset >= 0

    def bias(self, t: Say, scores: Sym) -> Sym:
        """What is added to scores (N, heads, L, S): 0, minus infinity, or the mask's own numbers."""
        kept = []
        if self.causal or self.left is not None or self.right is not None:
            ahead = t.index(scores, 3) - t.index(scores, 2)
            ahead = ahead if isinstance(self.offset, int) and not self.offset else ahead - self.offset
            most = [self.right] if self.right is not None else []
            most += [0] if self.causal else []
            if most:
                kept.append(t.apply("less_equal", ahead, float(min(most))))
            if self.left is not None:
                kept.append(t.apply("greater_equal", ahead, float(-self.left)))
        if self.length is not None:
            kept.append(t.apply("less", t.index(scores, 3), self.length))
        added: Any = 0.0
        if self.mask is not None:
            added, inside = self._padded(t, scores.shape[-1])
            kept += [] if inside is None else [inside]
        made = added
        for one in kept:
            made = t.where(one, made, NEVER)
        return made

    def _padded(self, t: Say, size: int | None) -> tuple[Sym, Sym | None]:
        """The mask as what is added, as long as the keys, and where it says anything."""
        mask = self.mask
        own = mask.shape[-1] if mask.rank else 1
        inside = None
        if mask.rank and own is not None and size is not None and 1 < own < size:
            mask = t.remap(mask, [*[None] * (mask.rank - 1), Along(None, size, edge="zero")])
            inside = t.apply("less", t.index(mask, mask.rank - 1), float(own))
        return (t.where(mask, 0.0, NEVER) if self.truth else mask), inside


@dataclass(frozen=True, eq=False)
class Attended:
    """What attention makes: (N, heads, L, D), and its scores at each stage, (N, heads, L, S)."""

    output: Sym
    raw: Sym
    capped: Sym
    masked: Sym
    shares: Sym


def attend(t: Say, q: Sym, k: Sym, v: Sym, seen: Seen, scale: float | None = None, cap: float = 0.0) -> Attended:
    """softmax(q k^T scale + bias) v of q (N, heads, L, D), k and v (N, key heads, S, D), which several heads share.

    cap: scores end softly there: cap tanh(score / cap). A query that sees no key gets 0.
    """
    raw = scores_of(t, q, k, scale)
    capped = cap * t.apply("tanh", raw / cap) if cap else raw
    if seen.whole:
        masked, shares = capped, t.softmax(capped, -1)
    else:
        bias = seen.bias(t, raw)
        masked = t.where(t.apply("equal", bias, NEVER), NEVER, capped + bias)
        shares = t.softmax(masked, -1)
        if not seen.some:
            most = t.reduce("max", t.apply("spread", bias, raw), -1, True)
            shares = t.where(t.apply("equal", most, NEVER), 0.0, shares)
    return Attended(weighed(t, shares, v), raw, capped, masked, shares)


def scores_of(t: Say, q: Sym, k: Sym, scale: float | None = None) -> Sym:
    """q k^T scale, (N, heads, L, S); the scale is 1 / sqrt(D) where nobody says another."""
    shared, factor = _sharing(q, k), 1 / math.sqrt(q.shape[-1] or 1) if scale is None else float(scale)
    made = t.matmul(_folded(t, q, shared), t.transpose(k, (0, 1, 3, 2))) * factor
    return _unfolded(t, made, q, shared)


def weighed(t: Say, shares: Sym, v: Sym) -> Sym:
    """The sums of v (N, key heads, S, D) by shares (N, heads, L, S)."""
    shared = _sharing(shares, v)
    return _unfolded(t, t.matmul(_folded(t, shares, shared), v), shares, shared)


def _sharing(q: Sym, k: Sym) -> int:
    """How many heads of queries share one of keys."""
    heads, fewer = q.shape[1], k.shape[1]
    if not heads or not fewer or heads % fewer:
        raise Misfit(f"{heads} heads of queries do not share {fewer} of keys evenly")
    return heads // fewer


def _folded(t: Say, x: Sym, shared: int) -> Sym:
    """(N, heads, L, D) -> (N, key heads, shared * L, D)."""
    return x if shared == 1 else t.reshape(x, (Size(0), (x.shape[1] or 0) // shared, -1, Size(3)))


def _unfolded(t: Say, x: Sym, q: Sym, shared: int) -> Sym:
    """(N, key heads, shared * L, D) -> (N, heads, L, D)."""
    if shared == 1:
        return x
    if q.shape[2] is not None:
        return t.reshape(x, (Size(0), q.shape[1] or 0, q.shape[2], Size(3)))
    return t.reshape(x, (Size(0), q.shape[1] or 0, -1, Size(3)))


def rotated(t: Say, x: Sym, cos: Sym, sin: Sym, interleaved: bool) -> Sym:
    """Pairs of x's first channels turned by angles, whose cosines and sines broadcast with half of them.

    A pair are the channels k and k + half or, interleaved, 2 k and 2 k + 1; channels behind stay as they are.
    """
    half, width = cos.shape[-1], x.shape[-1]
    if half is None or width is None or 2 * half > width:
        raise Misfit(f"{half} angles for {width} channels")
    last = x.rank - 1
    if interleaved:
        one, other = (_every_second(t, x, k, half) for k in (0, 1))
    else:
        one, other = t.slice(x, last, 0, half), t.slice(x, last, half, half)
    parts = [one * cos - other * sin, one * sin + other * cos]
    if interleaved:
        sizes = [Size(k) for k in range(last)]
        pairs = [t.reshape(part, [*sizes, half, 1]) for part in parts]
        parts = [t.reshape(t.concat(pairs, x.rank), [*sizes, 2 * half])]
    rest = [t.slice(x, last, 2 * half, width - 2 * half)] if width > 2 * half else []
    return t.concat([*parts, *rest], last) if len(parts) + len(rest) > 1 else parts[0]


def _every_second(t: Say, x: Sym, first: int, count: int) -> Sym:
    along = Along(None, count, mul=2, add=first)
    return t.remap(x, [along if k == x.rank - 1 else None for k in range(x.rank)])


def angles_at(t: Say, cache: Sym, places: Any, half: int, heads_first: bool) -> Sym:
    """Cosines or sines (rows, C) at places (N, L), or (N, L, C) as they are -> (N, 1, L, half), or (N, L, 1, half)."""
    made = cache if places is None else t.take(cache, places, 0)
    width = made.shape[-1]
    if made.rank != 3 or width is None or width < half:
        raise Misfit(f"angles of shape {cache.shape} (N, L, {half}) or, with position_ids, (rows, {half}) are needed")
    made = t.slice(made, 2, 0, half) if width > half else made
    sizes: Sequence[Any] = (Size(0), 1, Size(1), half) if heads_first else (Size(0), Size(1), 1, half)
    return t.reshape(made, sizes)
