"""Counting of sequences of whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...primitives import Sym
from ..say import Misfit, Say
from . import onnx


@onnx("TfIdfVectorizer", since=9, gives="float32")
def tf_idf_vectorizer(
    t: Say, x: Sym, *, max_gram_length: int, max_skip_count: int, min_gram_length: int, mode: str,
    ngram_counts: tuple[int, ...], ngram_indexes: tuple[int, ...], pool_int64s: tuple[int, ...] = (),
    pool_strings: tuple[str, ...] = (), weights: tuple[float, ...] = (),
) -> Sym:  # fmt: skip
    """How often each n-gram of a pool is in x (C,) or (N, C), its numbers next to each other or with some between.

    mode "TF" counts, "IDF" gives a gram's weight where it is, "TFIDF" the count times the weight.
    """
    if pool_strings:
        raise Misfit("n-grams of texts; only those of whole numbers")
    rows = x if x.rank == 2 else t.reshape(x, (1, -1))
    size, found = t.static(rows)[1], []
    ends = (*ngram_counts, len(pool_int64s))
    places: list[int] = []
    for length in range(1, len(ngram_counts) + 1):
        grams = np.asarray(pool_int64s[ends[length - 1] : ends[length]], np.float64).reshape(-1, length)
        before = sum((ends[k] - ends[k - 1]) // k for k in range(1, length))
        if not len(grams) or not min_gram_length <= length <= max_gram_length:
            continue
        counts: Any = 0.0
        for step in range(1, (max_skip_count if length > 1 else 0) + 2):
            starts = size - (length - 1) * step
            if starts > 0:
                counts = counts + matches(t, rows, grams, starts, step)
        found.append(counts if isinstance(counts, Sym) else rows * 0.0)
        places += ngram_indexes[before : before + len(grams)]
    counted = found[0] if len(found) == 1 else t.concat(found, 1)
    if mode == "IDF":
        counted = t.apply("less", 0.0, counted)
    table = np.zeros((len(places), max(ngram_indexes) + 1))
    first = list(ngram_indexes)
    for row, place in enumerate(places):
        table[row, place] = weights[first.index(place)] if weights and mode != "TF" else 1.0
    made = t.dense(counted, t.weight(table))
    return made if x.rank == 2 else t.reshape(made, (-1,))


def matches(t: Say, rows: Sym, grams: np.ndarray, starts: int, step: int) -> Sym:
    """(N, C) -> (N, grams): from how many of the first places each gram's numbers follow, so many apart."""
    whole: Any = None
    for k in range(grams.shape[1]):
        here = t.reshape(t.slice(rows, 1, k * step, starts), (-1, starts, 1))
        same = t.apply("equal", here, t.weight(grams[:, k].copy()))
        whole = same if whole is None else whole * same
    return t.reduce("sum", whole, 1)
