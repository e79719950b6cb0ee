"""Small transformers as Keras 3 saves them: an encoder and a causal decoder with attention between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.seeds import seeded

from glnn.formats import load
from glnn.graph import Graph, reference
from glnn.passes import optimize

keras = pytest.importorskip("keras")
L = keras.layers
RNG = seeded(11)
WORDS, WIDTH = 13, 12


def embedded(tokens: Any, name: str, length: int) -> Any:
    """Embedded words, with what keras.ops adds for their places."""
    x = L.Embedding(WORDS, WIDTH, name=f"{name}_words")(tokens)
    table = RNG.normal(size=(length, WIDTH)).astype("float32")
    return x * WIDTH**0.5 + keras.ops.expand_dims(table, 0)


def block(x: Any, y: Any, name: str, **call: Any) -> Any:
    made = L.MultiHeadAttention(3, 4, name=f"{name}_attention")(L.LayerNormalization(name=f"{name}_norm")(x), y, **call)
    return L.Add()([x, made])


def feed_forward(x: Any, name: str) -> Any:
    y = L.Dense(24, activation="gelu", name=f"{name}_up")(L.LayerNormalization(name=f"{name}_last")(x))
    return x + L.Dense(WIDTH, name=f"{name}_down")(L.Dropout(0.1)(y))


def transformer() -> Any:
    source, target = keras.Input((7,), dtype="int32", name="source"), keras.Input((5,), dtype="int32", name="target")
    seen = keras.Input((5, 7), dtype="bool", name="seen")
    x = embedded(source, "source", 7)
    x = feed_forward(block(x, x, "encoder"), "encoder")
    y = embedded(target, "target", 5)
    y = block(y, y, "self", use_causal_mask=True)
    y = feed_forward(block(y, x, "cross", attention_mask=seen), "decoder")
    logits = keras.ops.matmul(y, keras.ops.convert_to_tensor(RNG.normal(size=(WIDTH, WORDS)).astype("float32")))
    model = keras.Model([source, target, seen], keras.ops.log_softmax(logits))
    model.set_weights([w + RNG.normal(size=w.shape).astype("float32") * 0.2 for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    model, folder = transformer(), tmp_path_factory.mktemp("transformer")
    model.save(folder / "m.h5")
    model.save(folder / "m.keras")
    (folder / "m.json").write_text(model.to_json())
    model.save_weights(folder / "m.weights.h5")
    return model, folder


def feeds(batch: int) -> list[np.ndarray]:
    seen = RNG.random((batch, 5, 7)) > 0.3
    seen[0, 1] = False
    return [RNG.integers(0, WORDS, (batch, size)) for size in (7, 5)] + [seen]


def agree(graph: Graph, model: Any) -> None:
    for batch in (1, 3):
        xs = feeds(batch)
        given = {spec.name: x.astype(np.float32) for spec, x in zip(graph.inputs, xs, strict=True)}
        (result,) = reference.run(graph, given).values()
        np.testing.assert_allclose(result, np.asarray(model(xs)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_whole_file(saved: tuple[Any, Path], suffix: str) -> None:
    model, folder = saved
    graph = load(folder / f"m.{suffix}")
    agree(graph, model)
    agree(optimize(graph), model)


def test_json_with_a_tree_of_weights(saved: tuple[Any, Path]) -> None:
    model, folder = saved
    agree(load(folder / "m.json", folder / "m.weights.h5"), model)
