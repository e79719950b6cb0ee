"""Masks that Keras hands on from Embedding to attention, in files of Keras 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

from glnn.formats import load
from glnn.graph import reference

keras = pytest.importorskip("keras")
L = keras.layers
RNG = seeded(4)


def built(kind: str) -> Any:
    """A model of one kind of attention on embedded words of two sequences, of which 0 is masked."""
    one, two = keras.Input((5,), dtype="int32", name="one"), keras.Input((7,), dtype="int32", name="two")
    q, v = (L.Embedding(9, 6, mask_zero=True)(x) for x in (one, two))
    made = {
        "attention": lambda: L.Attention()([q, v]),
        "attention, own mask": lambda: L.Attention()([q, v], mask=[None, keras.ops.not_equal(two, 3)]),
        "additive": lambda: L.AdditiveAttention()([q, v, v], use_causal_mask=True),
        "heads": lambda: L.MultiHeadAttention(2, 3)(q, v),
        "heads, scores": lambda: L.MultiHeadAttention(2, 3)(q, v, return_attention_scores=True)[1],
        "heads of one": lambda: L.MultiHeadAttention(2, 3)(q, q, use_causal_mask=True),
        "grouped": lambda: L.GroupQueryAttention(3, 4, 2)(q, v),
        "handed on": lambda: L.LSTM(4)(L.LayerNormalization()(L.MultiHeadAttention(2, 3)(q, v))),
        "lost": lambda: L.MultiHeadAttention(2, 3)(q * 1.0, v),
    }[kind]()
    return keras.Model([one, two], made)


KINDS = [
    "attention",
    "attention, own mask",
    "additive",
    "heads",
    "heads, scores",
    "heads of one",
    "grouped",
    "handed on",
]
KINDS += ["lost"]


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("kind", KINDS)
def test_masks_go_to_attention_as_in_keras(kind: str, suffix: str, tmp_path: Path) -> None:
    model = built(kind)
    model.set_weights([w + RNG.normal(size=w.shape).astype("float32") * 0.5 for w in model.get_weights()])
    model.save(tmp_path / f"m.{suffix}")
    graph = load(tmp_path / f"m.{suffix}")
    xs = [RNG.integers(0, 4, (3, size)) for size in (5, 7)]
    xs[1][1] = 0
    names = {"one": xs[0], "two": xs[1]}
    found = reference.run(graph, {spec.name: names[spec.name].astype(np.float32) for spec in graph.inputs})
    (result,) = found.values()
    np.testing.assert_allclose(result, np.asarray(model(xs)), rtol=1e-4, atol=1e-4)
