"""Makes the files of tests/golden/attention2 with Keras 2.15: attention layers, their weights in each form, answers.

pip install "tensorflow-cpu==2.15.*"
python make_attention2.py attention2
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

folder = Path(sys.argv[1])
rng = np.random.default_rng(8)
L = keras.layers


def model() -> Any:
    """Each kind of attention, called in each way, on two sequences and their masks."""
    q, v = L.Input((5, 4), name="q"), L.Input((7, 4), name="v")
    of_q, of_v = L.Input((5,), dtype="bool", name="of_q"), L.Input((7,), dtype="bool", name="of_v")
    pairs = L.Input((5, 7), dtype="bool", name="pairs")
    many = L.MultiHeadAttention(2, 3, value_dim=5, name="many")(q, v, attention_mask=pairs)
    made, scores = L.MultiHeadAttention(2, 3, output_shape=6, use_bias=False, name="scored")(
        query=q, value=v, key=v, return_attention_scores=True, use_causal_mask=True
    )
    one = L.Attention(use_scale=True, name="one")([q, v], mask=[of_q, of_v])
    added = L.AdditiveAttention(name="added")([q, v, v], use_causal_mask=True)
    equation = L.EinsumDense(
        "...ab,bc->...ac", output_shape=(None, 3), bias_axes="c", activation="relu", name="equation"
    )(one)
    rest = L.Softmax(name="rest")(L.Attention(score_mode="concat", name="both")([q, v]))
    return keras.Model([q, v, of_q, of_v, pairs], [many, made, scores, one, added, equation, rest], name="attention")


made = model()
made.set_weights([rng.normal(size=w.shape).astype("float32").round(3) for w in made.get_weights()])
xs: list[Any] = [rng.normal(size=(3, size, 4)).astype("float32") for size in (5, 7)]
xs += [rng.random((3, size)) > 0.4 for size in (5, 7)] + [rng.random((3, 5, 7)) > 0.4]
xs[3][1] = xs[4][0, 2] = False  # masked as a whole
arrays = {f"x{k}": x.astype("float32") for k, x in enumerate(xs)}
np.savez_compressed(folder / "answers.npz", **arrays, **{f"y{k}": np.asarray(y) for k, y in enumerate(made(xs))})
made.save(folder / "whole.h5")
(folder / "model.json").write_text(made.to_json())
made.save_weights(folder / "model.weights.h5")
